// Two stages of transport_stage in one pass over memory; what belongs to the second is named with _2. A block takes a tile
// of LANES × ROWS voxels, one a thread, and marches up a part of z: first stage in slab k, second in slab k − 1, which finds
// δ of the first in shared memory (along x and y) and in registers (along z). The tile's rim, a voxel wide, is computed
// for the tile alone. Other blocks may be at any other place: nothing is written that is read elsewhere.
//   result     δ of the first stage (null: not kept)        before_last   null: the first stage is that of the step
//   booked     is added to, each block in a row of its own  gridDim       tiles at a time, parts of z
#include "grid.cuh"

static constexpr bool CONVECT = GIVEN(rate_x), WALL = GIVEN(reabsorption), LYMPH = GIVEN(lymph_drainage);
static constexpr bool CELLS = GIVEN(capture), SOURCE = GIVEN(source), KEPT = GIVEN(start_rate), LAST = GIVEN(start_2);
static constexpr bool BEGUN = GIVEN(before_last), PASSED_ON = GIVEN(result);

#include "linear_stage.cuh"
#include "row_sum.cuh"

#define LANES 32
#define ROWS (THREADS / LANES)
#define AT_ONCE (8 / (int)sizeof(real))                  // blocks of a multiprocessor, which bounds their registers

struct Tissue
{
    const real *conductance_x, *conductance_y, *conductance_z, *rate_x, *rate_y, *rate_z;
    const real *extravasation, *reabsorption, *lymph_drainage, *capture;
    int nz, ny, nx;
};

struct Place                                             // of a voxel, in the arrays of voxels and of faces
{
    int z, y, x;
    long long voxel, x_face, y_face;
};

struct Around                                            // values beyond the six faces
{
    real x_low, x_high, y_low, y_high, z_low, z_high;
};

struct Sums
{
    double returned, drained, entered, negative;
};

struct Net
{
    real gain, taken;                                    // of the voxel, and by its cells
};

// Net inward flux along one axis; `counts` times what enters through the faces of the box is added to `entered`.
static __device__ __forceinline__ real inflow(
    const real* g, const real* r, long long low, long long high, real here, real below, real above, bool at_low,
    bool at_high, double counts, double& entered)
{
    const real from_below = inward(g[low], CONVECT ? r[low] : (real)0, here, below, at_low);
    const real from_above = inward(g[high], CONVECT ? -r[high] : (real)0, here, above, at_high);
    if (at_low)
        entered += counts * (double)from_below;
    if (at_high)
        entered += counts * (double)from_above;
    return from_below + from_above;
}

// What a voxel gains in a stage; `counts` times what leaves is added to the sums. `EDGE`: it may lie beside a face of the box.
template <bool EDGE>
static __device__ __forceinline__ Net net_gain(
    const Tissue& t, const Place& at, real here, const Around& c, real plasma, double counts, Sums& sums)
{
    const long long i = at.voxel;
    real net = inflow(t.conductance_x, t.rate_x, at.x_face, at.x_face + 1, here, c.x_low, c.x_high,
                      EDGE && at.x == 0, EDGE && at.x == t.nx - 1, counts, sums.entered);
    net += inflow(t.conductance_y, t.rate_y, at.y_face, at.y_face + t.nx, here, c.y_low, c.y_high,
                  EDGE && at.y == 0, EDGE && at.y == t.ny - 1, counts, sums.entered) +
           inflow(t.conductance_z, t.rate_z, i, i + (long long)t.ny * t.nx, here, c.z_low, c.z_high,
                  EDGE && at.z == 0, EDGE && at.z == t.nz - 1, counts, sums.entered);
    if (WALL) {
        const real back = product(t.reabsorption[i], here);
        net += product(t.extravasation[i], plasma) - back;
        sums.returned += counts * (double)back;
    }
    if (LYMPH) {
        const real away = product(t.lymph_drainage[i], here);
        net -= away;
        sums.drained += counts * (double)away;
    }
    const real taken = CELLS ? product(t.capture[i], here) : (real)0;
    return {net - taken, taken};
}

// Values of an array beside a voxel, and beyond the box those given for there.
template <bool EDGE>
static __device__ __forceinline__ Around around(const real* c, const Place& at, const Tissue& t, const Around& outside)
{
    const long long i = at.voxel, slab = (long long)t.ny * t.nx;
    return {EDGE && at.x == 0 ? outside.x_low : c[i - 1], EDGE && at.x == t.nx - 1 ? outside.x_high : c[i + 1],
            EDGE && at.y == 0 ? outside.y_low : c[i - t.nx], EDGE && at.y == t.ny - 1 ? outside.y_high : c[i + t.nx],
            EDGE && at.z == 0 ? outside.z_low : c[i - slab], EDGE && at.z == t.nz - 1 ? outside.z_high : c[i + slab]};
}

extern "C" __global__ void __launch_bounds__(THREADS, AT_ONCE) transport_stage_twice(
    real* __restrict__ result, real* __restrict__ result_2, real* start_rate, real* __restrict__ captured,
    double* __restrict__ booked,
    const real* __restrict__ last, const real* __restrict__ before_last, const real* __restrict__ start_2,
    const real* __restrict__ conductance_x, const real* __restrict__ conductance_y, const real* __restrict__ conductance_z,
    const real* __restrict__ rate_x, const real* __restrict__ rate_y, const real* __restrict__ rate_z,
    const real* __restrict__ extravasation, const real* __restrict__ reabsorption, const real* __restrict__ lymph_drainage,
    const real* __restrict__ capture, const real* __restrict__ source,
    const real* __restrict__ available_fraction,
    real outside_z_low, real outside_z_high, real outside_y_low, real outside_y_high,
    real outside_x_low, real outside_x_high,
    real again, real rate, real start_weight, real plasma, double weight,
    real again_2, real rate_2, real start_weight_2, real part_2, real plasma_2, double weight_2, int seed_2,
    int nz, int ny, int nx)
{
    __shared__ real slabs[2][ROWS][LANES];
    const Tissue tissue = {conductance_x, conductance_y, conductance_z, rate_x, rate_y, rate_z,
                           extravasation, reabsorption, lymph_drainage, capture, nz, ny, nx};
    const Around outside = {outside_x_low, outside_x_high, outside_y_low, outside_y_high, outside_z_low, outside_z_high};
    const int lane = threadIdx.x % LANES, row = threadIdx.x / LANES;
    const int across = (nx + LANES - 3) / (LANES - 2), tiles = across * ((ny + ROWS - 3) / (ROWS - 2));
    const int begin = (int)((long long)nz * blockIdx.y / gridDim.y), end = (int)((long long)nz * (blockIdx.y + 1) / gridDim.y);
    const long long slab = (long long)ny * nx;
    Sums sums = {};
    for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        const int x = tile % across * (LANES - 2) + lane - 1, y = tile / across * (ROWS - 2) + row - 1;
        const bool inside = x >= 0 && x < nx && y >= 0 && y < ny;
        const bool ours = inside && lane > 0 && lane < LANES - 1 && row > 0 && row < ROWS - 1;
        const bool rim = x < lane || x - lane + LANES >= nx || y < row || y - row + ROWS >= ny;
        real below = 0, here = 0, taken_here = 0, rate_here = 0;                // of slabs k − 2 and k − 1
        Place at = {begin - 1, y, x, row_start(begin - 1, y, ny, nx) + x, row_start(begin - 1, y, ny, nx + 1) + x,
                    row_start(begin - 1, y, ny + 1, nx) + x};
        for (int k = begin - 1; k <= end; ++k) {
            const long long i = at.voxel;
            const bool edge = rim || k <= 1 || k >= nz - 1;
            real above = 0, taken = 0, started = 0;
            if (inside && k >= 0 && k < nz) {
                const bool kept = ours && k >= begin && k < end;
                const double counts = kept ? weight : 0.0;
                const real c = last[i];
                const Net net = edge ? net_gain<true>(tissue, at, c, around<true>(last, at, tissue, outside), plasma, counts, sums)
                                     : net_gain<false>(tissue, at, c, around<false>(last, at, tissue, outside), plasma, counts, sums);
                const real gain = (!BEGUN && SOURCE ? net.gain + source[i] : net.gain) / available_fraction[i];
                started = BEGUN && KEPT ? start_rate[i] : gain;
                above = BEGUN ? changed({again, rate, start_weight}, c, before_last[i], gain, started) : rate * gain;
                taken = net.taken;
                if (kept && PASSED_ON)
                    result[i] = above;
                if (kept && KEPT && !BEGUN)
                    start_rate[i] = gain;
            }
            slabs[k & 1][row][lane] = above;
            if (ours && k > begin) {
                const long long j = i - slab;
                const auto& beside = slabs[(k - 1) & 1];
                const Around c = {beside[row][lane - 1], beside[row][lane + 1], beside[row - 1][lane], beside[row + 1][lane],
                                  below, above};
                const Place there = {k - 1, y, x, j, at.x_face - (long long)ny * (nx + 1), at.y_face - (long long)(ny + 1) * nx};
                const Net net = edge ? net_gain<true>(tissue, there, here, c, plasma_2, weight_2, sums)
                                     : net_gain<false>(tissue, there, here, c, plasma_2, weight_2, sums);
                const real before = BEGUN ? last[j] : (real)0;
                const real change = changed({again_2, rate_2, start_weight_2}, here, before, net.gain / available_fraction[j], rate_here);
                if (CELLS)
                    captured[j] = (BEGUN ? captured[j] : (real)0) + (real)weight * taken_here + (real)weight_2 * net.taken;
                if (LAST) {
                    const Ended ended = end_of_step(start_2[j], part_2 * change,
                                                    dither_at(row_dither(seed_2, (long long)(k - 1) * ny + y), x));
                    result_2[j] = ended.value;
                    sums.negative += ended.negative;
                } else {
                    result_2[j] = change;
                }
            }
            __syncthreads();
            below = here, here = above, taken_here = taken, rate_here = started;
            at.z += 1, at.voxel += slab, at.x_face += (long long)ny * (nx + 1), at.y_face += (long long)(ny + 1) * nx;
        }
    }
    double out[] = {sums.returned, sums.drained, -sums.entered, sums.negative};
    row_sums(out);
    if (threadIdx.x == 0)
        for (int term = 0; term < 4; ++term)
            booked[(long long)term * nz * ny + blockIdx.y * gridDim.x + blockIdx.x] += out[term];
}
