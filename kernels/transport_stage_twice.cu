// Two stages of transport_stage in one pass over memory; what belongs to the second is named with _2. A block takes a tile
// of LANES × ROWS voxels, one a thread, and marches up a part of z: first stage in slab k, second in slab k − 1, which finds
// δ of the first in shared memory (along x and y) and in registers (along z). The tile's rim, a voxel wide, is computed
// for the tile alone. Other blocks may be at any other place: nothing is written that is read elsewhere. What rises through
// a face between slabs is computed once, and kept for the voxel above.
//   result     δ of the first stage (null: not kept)        before_last   null: the first stage is that of the step
//   *_scale    what coefficients that are halves are over; exchange: a, b and φ_L
//   booked     is added to, each block in a row of its own  gridDim       tiles at a time, parts of z
#include "coefficients.cuh"

static constexpr bool CONVECT = GIVEN(rate_x), WALL = GIVEN(reabsorption), LYMPH = GIVEN(lymph_drainage);
static constexpr bool CELLS = GIVEN(capture), SOURCE = GIVEN(source), KEPT = GIVEN(start_rate), LAST = GIVEN(start_2);
static constexpr bool BEGUN = GIVEN(before_last), PASSED_ON = GIVEN(result);

#include "linear_stage.cuh"
#include "row_sum.cuh"

#define LANES 32
#define ROWS (THREADS / LANES)

struct Tissue
{
    const coefficient *conductance_x, *conductance_y, *conductance_z, *rate_x, *rate_y, *rate_z;
    const coefficient *extravasation, *reabsorption, *lymph_drainage;
    const real* capture;
    float conductance_scale, rate_scale, exchange_scale;
    int nz, ny, nx;
};

struct Place                                             // of a voxel, in the arrays of voxels and of faces
{
    int z, y, x;
    int voxel, x_face, y_face;                           // the host sees to it that 31 bits are enough
};

struct Around                                            // values beyond the faces, but for the lower one along z
{
    real x_low, x_high, y_low, y_high, z_high;
};

struct Sums
{
    double returned, drained, entered, negative;
};

struct Net
{
    real gain, taken;                                    // of the voxel, and by its cells
};

// Inward flux through a face; `counts` times that through the faces of the box go to `entered`.
template <bool UPPER>
static __device__ __forceinline__ real through(
    const Tissue& t, const coefficient* g, const coefficient* r, int face, real here, real beyond, bool at_box, double counts,
    double& entered)
{
    const real rate = CONVECT ? value_of(r[face], t.rate_scale) : (real)0;
    const real flux = inward(value_of(g[face], t.conductance_scale), UPPER ? -rate : rate, here, beyond, at_box);
    if (at_box)
        entered += counts * (double)flux;
    return flux;
}

// Net inward flux through two opposite faces, which may be faces of the box.
static __device__ __forceinline__ real inflow(
    const Tissue& t, const coefficient* g, const coefficient* r, int low, int high, real here, real below, real above,
    bool at_low, bool at_high, double counts, double& entered)
{
    return through<false>(t, g, r, low, here, below, at_low, counts, entered) +
           through<true>(t, g, r, high, here, above, at_high, counts, entered);
}

// What a voxel gains in a stage; `counts` times what leaves is added to the sums. `rising` is the flux through its lower face
// along z, then through the upper one. `EDGE`: the voxel may lie beside a face of the box.
template <bool EDGE>
static __device__ __forceinline__ Net net_gain(
    const Tissue& t, const Place& at, real here, const Around& c, real& rising, real plasma, double counts, Sums& sums)
{
    const int i = at.voxel;
    const real from_above = through<true>(t, t.conductance_z, t.rate_z, i + t.ny * t.nx, here, c.z_high,
                                          EDGE && at.z == t.nz - 1, counts, sums.entered);
    real net = inflow(t, t.conductance_x, t.rate_x, at.x_face, at.x_face + 1, here, c.x_low, c.x_high,
                      EDGE && at.x == 0, EDGE && at.x == t.nx - 1, counts, sums.entered);
    net += inflow(t, t.conductance_y, t.rate_y, at.y_face, at.y_face + t.nx, here, c.y_low, c.y_high,
                  EDGE && at.y == 0, EDGE && at.y == t.ny - 1, counts, sums.entered) + (rising + from_above);
    rising = -from_above;
    if (WALL) {
        const real back = product(value_of(t.reabsorption[i], t.exchange_scale), here);
        net += product(value_of(t.extravasation[i], t.exchange_scale), plasma) - back;
        sums.returned += counts * (double)back;
    }
    if (LYMPH) {
        const real away = product(value_of(t.lymph_drainage[i], t.exchange_scale), here);
        net -= away;
        sums.drained += counts * (double)away;
    }
    const real taken = CELLS ? product(t.capture[i], here) : (real)0;
    return {net - taken, taken};
}

extern "C" __global__ void __launch_bounds__(THREADS, 8 / sizeof(real)) transport_stage_twice(
    real* __restrict__ result, real* __restrict__ result_2, real* start_rate, real* __restrict__ captured,
    double* __restrict__ booked,
    const real* __restrict__ last, const real* __restrict__ before_last, const real* __restrict__ start_2,
    const coefficient* __restrict__ conductance_x, const coefficient* __restrict__ conductance_y,
    const coefficient* __restrict__ conductance_z, const coefficient* __restrict__ rate_x,
    const coefficient* __restrict__ rate_y, const coefficient* __restrict__ rate_z,
    const coefficient* __restrict__ extravasation, const coefficient* __restrict__ reabsorption,
    const coefficient* __restrict__ lymph_drainage,
    const real* __restrict__ capture, const real* __restrict__ source,
    const real* __restrict__ available_fraction,
    real outside_z_low, real outside_z_high, real outside_y_low, real outside_y_high,
    real outside_x_low, real outside_x_high,
    real again, real rate, real start_weight, real plasma, double weight,
    real again_2, real rate_2, real start_weight_2, real part_2, real plasma_2, double weight_2, int seed_2,
    float conductance_scale, float rate_scale, float exchange_scale, int nz, int ny, int nx)
{
    __shared__ real slabs[2][ROWS][LANES];
    const Tissue tissue = {conductance_x, conductance_y, conductance_z, rate_x, rate_y, rate_z,
                           extravasation, reabsorption, lymph_drainage, capture,
                           conductance_scale, rate_scale, exchange_scale, nz, ny, nx};
    const int lane = threadIdx.x % LANES, row = threadIdx.x / LANES;
    const int across = (nx + LANES - 3) / (LANES - 2), tiles = across * ((ny + ROWS - 3) / (ROWS - 2));
    const int begin = (int)((long long)nz * blockIdx.y / gridDim.y), end = (int)((long long)nz * (blockIdx.y + 1) / gridDim.y);
    const int lowest = begin > 0 ? begin - 1 : 0;        // slab of the first stage
    const int slab = ny * nx, x_faces = ny * (nx + 1), y_faces = (ny + 1) * nx;
    Sums sums = {};
    for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        const int x = tile % across * (LANES - 2) + lane - 1, y = tile / across * (ROWS - 2) + row - 1;
        const bool inside = x >= 0 && x < nx && y >= 0 && y < ny;
        const bool ours = inside && lane > 0 && lane < LANES - 1 && row > 0 && row < ROWS - 1;
        const bool rim = x < lane || x - lane + LANES >= nx || y < row || y - row + ROWS >= ny;
        Place at = {lowest, y, x, lowest * slab + y * nx + x, lowest * x_faces + y * (nx + 1) + x,
                    lowest * y_faces + y * nx + x};
        // of the first stage in the last two slabs; C, or δ_{j−1}, in the next
        real below = 0, here = 0, taken_here = 0, start_here = 0, c_above = 0, rising = 0, rising_2 = 0;
        if (inside) {
            c_above = last[at.voxel];
            const bool at_box = lowest == 0;
            rising = through<false>(tissue, conductance_z, rate_z, at.voxel, c_above, at_box ? outside_z_low : last[at.voxel - slab],
                                    at_box, ours && begin == 0 ? weight : 0.0, sums.entered);
        }
        for (int k = lowest; k <= end; ++k) {
            const int i = at.voxel;
            const bool edge = rim || k <= 1 || k >= nz - 1;
            real above = 0, taken = 0, started = 0;
            if (inside && k < nz) {
                const bool kept = ours && k >= begin && k < end;
                const double counts = kept ? weight : 0.0;
                const real c = c_above;
                Net net;
                if (edge) {
                    c_above = k < nz - 1 ? last[i + slab] : outside_z_high;
                    const Around beside = {x > 0 ? last[i - 1] : outside_x_low, x < nx - 1 ? last[i + 1] : outside_x_high,
                                           y > 0 ? last[i - nx] : outside_y_low, y < ny - 1 ? last[i + nx] : outside_y_high,
                                           c_above};
                    net = net_gain<true>(tissue, at, c, beside, rising, plasma, counts, sums);
                } else {
                    c_above = last[i + slab];
                    const Around beside = {last[i - 1], last[i + 1], last[i - nx], last[i + nx], c_above};
                    net = net_gain<false>(tissue, at, c, beside, rising, plasma, counts, sums);
                }
                const real gain = quotient(!BEGUN && SOURCE ? net.gain + source[i] : net.gain, available_fraction[i]);
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
                const Place there = {k - 1, y, x, i - slab, at.x_face - x_faces, at.y_face - y_faces};
                const int j = there.voxel;
                const auto& level = slabs[(k - 1) & 1];
                const Around beside = {level[row][lane - 1], level[row][lane + 1], level[row - 1][lane], level[row + 1][lane], above};
                if (k == begin + 1)
                    rising_2 = through<false>(tissue, conductance_z, rate_z, j, here, below, begin == 0, weight_2, sums.entered);
                const Net net = edge ? net_gain<true>(tissue, there, here, beside, rising_2, plasma_2, weight_2, sums)
                                     : net_gain<false>(tissue, there, here, beside, rising_2, plasma_2, weight_2, sums);
                const real change = changed({again_2, rate_2, start_weight_2}, here, BEGUN ? last[j] : (real)0,
                                            quotient(net.gain, available_fraction[j]), start_here);
                if (CELLS)
                    captured[j] = (BEGUN ? captured[j] : (real)0) + (real)weight * taken_here + (real)weight_2 * net.taken;
                if (LAST) {
                    const unsigned int dither = dither_at(row_dither(seed_2, (long long)(k - 1) * ny + y), x);
                    const Ended ended = end_of_step(start_2[j], part_2 * change, dither);
                    result_2[j] = ended.value;
                    sums.negative += ended.negative;
                } else {
                    result_2[j] = change;
                }
            }
            __syncthreads();
            below = here, here = above, taken_here = taken, start_here = started;
            ++at.z, at.voxel += slab, at.x_face += x_faces, at.y_face += y_faces;
        }
    }
    double out[] = {sums.returned, sums.drained, -sums.entered, sums.negative};
    row_sums(out);
    if (threadIdx.x == 0)
        for (int term = 0; term < 4; ++term)
            booked[(long long)term * nz * ny + blockIdx.y * gridDim.x + blockIdx.x] += out[term];
}
