// One stage of super-time-stepped linear transport, for the change δ of C since the start of the step. With
//   L(C) = (1/ε) {Σ_faces [g (C_beyond − C) ± ½r (C_beyond + C)] − (b + φ_L + κ) C},   the convective rate r inward +
//   first:   L₀ = L(C) + (a C_p + source)/ε,  δ₁ = rate·L₀
//   others:  δ_j = δ_{j−1} + again·(δ_{j−1} − δ_{j−2}) + rate·(L(δ_{j−1}) + a C_p/ε) + start_weight·L₀
//   last:    C + part·δ_j instead; values below 0 by more than rounding are counted
//   last            δ_{j−1}; in the first stage C          before_last  δ_{j−2} (null: again is 0); may be `result`
//   start_rate      L₀ (null: left out, and not kept)
//   conductance_*   g = harmonic(εD)/h² on faces, 1/s; on the faces of the box 2εD/h², or 0 where nothing passes
//   rate_*          r = f u/h on faces, 1/s (null: nothing flows)
//   extravasation, reabsorption   a and b of the vessel wall (null: no vessels)     lymph_drainage   φ_L (or null)
//   capture         κ, what cells take up (null: nothing), and `captured` weight times κ times the state `last`, summed
//   source          what appears in the voxel, amount/(m³ s) (or null); read in the first stage
//   plasma          C_p in the first stage; in the others by how much it has changed since
//   booked          is added to, per row: weight times what goes back to plasma, into lymph, through the box in the state
//                   `last`; and how many values came out negative
#include "grid.cuh"

static constexpr bool CONVECT = GIVEN(rate_x), WALL = GIVEN(reabsorption), LYMPH = GIVEN(lymph_drainage);
static constexpr bool CELLS = GIVEN(capture), SOURCE = GIVEN(source), KEPT = GIVEN(start_rate);
static constexpr bool BEGUN = GIVEN(before_last), LAST = GIVEN(start);

#include "linear_stage.cuh"
#include "row_sum.cuh"
#include "shared_faces.cuh"

struct Axis                               // the rows on either side of this one, along y or z
{
    const real *below, *above, *low, *high, *low_rate, *high_rate;   // values; coefficients of the faces towards them
    bool at_low, at_high;                 // whether those are faces of the box
    real outside_low, outside_high;
};

static __device__ __forceinline__ Axis axis_through(
    const real* c, const real* conductance, const real* rate, long long first, long long step, int k, int n,
    real outside_low, real outside_high)
{
    const real *low = conductance + first, *low_rate = CONVECT ? rate + first : low;
    return {k > 0 ? c - step : c, k < n - 1 ? c + step : c, low, low + step, low_rate, low_rate + step,
            k == 0, k == n - 1, outside_low, outside_high};
}

// Net inward flux along one axis at offset x. `EDGE`: the row may lie beside the box's faces.
template <bool EDGE>
static __device__ __forceinline__ real inflow(const Axis& a, real here, int x)
{
    const real below = EDGE && a.at_low ? a.outside_low : a.below[x];
    const real above = EDGE && a.at_high ? a.outside_high : a.above[x];
    return inward(a.low[x], a.low_rate[x], here, below, EDGE && a.at_low) +
           inward(a.high[x], -a.high_rate[x], here, above, EDGE && a.at_high);
}

struct Row                                // what is not given points to C, and is not read
{
    Axis z, y;
    const real *c, *g, *r, *epsilon, *start, *before_last, *extravasation, *reabsorption, *lymph, *capture, *source;
    real *result, *start_rate, *captured;
    int nx;
    real x_low, x_high, part, plasma, weight;
    Weights weights;
    unsigned int dither;

    __device__ __forceinline__ real through_low_x() const { return inward(g[0], r[0], c[0], x_low, true); }
    __device__ __forceinline__ real through_high_x() const { return inward(g[nx], -r[nx], c[nx - 1], x_high, true); }
};

struct Sums
{
    double returned, drained;
    int negative;
};

// Store the stage's result at x from the net gain of the voxel there; 1 where it is negative.
template <bool FIRST>
static __device__ __forceinline__ int store(const Row& r, int x, real net)
{
    const real gain = quotient(net, r.epsilon[x]);
    if (FIRST) {
        if (KEPT)
            r.start_rate[x] = gain;
        r.result[x] = r.weights.rate * gain;
        return 0;
    }
    const real change = changed(r.weights, r.c[x], BEGUN ? r.before_last[x] : (real)0, gain, KEPT ? r.start_rate[x] : (real)0);
    if (!LAST) {
        r.result[x] = change;
        return 0;
    }
    const Ended ended = end_of_step(r.start[x], r.part * change, dither_at(r.dither, x));
    r.result[x] = ended.value;
    return ended.negative;
}

template <bool FIRST, bool EDGE>
static __device__ __forceinline__ Sums advance_row(const Row& r)
{
    const auto along = [&](int x, int, int) { return inward(r.g[x], r.r[x], r.c[x], r.c[x - 1], false); };
    FACES_ALONG(upward, r.nx, along, r.through_low_x(), -r.through_high_x());
    int negative = 0;
    double returned = 0, drained = 0;
    SUM_X(negative, returned, drained)
    FOR_EACH_X(x, 0, r.nx) {
        const real here = r.c[x];
        real net = upward.at(x) - upward.at(x + 1);
        net += inflow<EDGE>(r.y, here, x) + inflow<EDGE>(r.z, here, x);
        if (WALL) {
            const real back = product(r.reabsorption[x], here);
            net += product(r.extravasation[x], r.plasma) - back;
            returned += (double)back;
        }
        if (LYMPH) {
            const real away = product(r.lymph[x], here);
            net -= away;
            drained += (double)away;
        }
        if (CELLS) {
            const real taken = product(r.capture[x], here);
            net -= taken;
            r.captured[x] = (FIRST ? (real)0 : r.captured[x]) + r.weight * taken;
        }
        if (FIRST && SOURCE)
            net += r.source[x];
        negative += store<FIRST>(r, x, net);
    }
    return {returned, drained, negative};
}

// What enters through the faces of the box beside this row along one axis, per unit of time.
static __device__ __forceinline__ double through_box(const Axis& a, const real* c, int nx)
{
    double sum = 0;
    if (a.at_low) {
        SUM_X(sum)
        FOR_EACH_X(x, 0, nx) sum += (double)inward(a.low[x], a.low_rate[x], c[x], a.outside_low, true);
    }
    if (a.at_high) {
        SUM_X(sum)
        FOR_EACH_X(x, 0, nx) sum += (double)inward(a.high[x], -a.high_rate[x], c[x], a.outside_high, true);
    }
    return sum;
}

extern "C" __global__ void transport_stage(
    real* result, real* start_rate, real* __restrict__ captured, double* __restrict__ booked,
    const real* __restrict__ last, const real* before_last, const real* start,
    const real* __restrict__ conductance_x, const real* __restrict__ conductance_y, const real* __restrict__ conductance_z,
    const real* __restrict__ rate_x, const real* __restrict__ rate_y, const real* __restrict__ rate_z,
    const real* __restrict__ extravasation, const real* __restrict__ reabsorption, const real* __restrict__ lymph_drainage,
    const real* __restrict__ capture, const real* __restrict__ source,
    const real* __restrict__ available_fraction,
    real outside_z_low, real outside_z_high, real outside_y_low, real outside_y_high,
    real outside_x_low, real outside_x_high,
    int first, real again, real rate, real start_weight, real part, real plasma, double weight, int seed,
    int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx), rows = (long long)nz * ny, here = (long long)z * ny + y;
    const long long row_y = row_start(z, y, ny + 1, nx), row_x = row_start(z, y, ny, nx + 1);
    const real* c = last + row;
    const Row r = {
        axis_through(c, conductance_z, rate_z, row, (long long)ny * nx, z, nz, outside_z_low, outside_z_high),
        axis_through(c, conductance_y, rate_y, row_y, nx, y, ny, outside_y_low, outside_y_high),
        c, conductance_x + row_x, CONVECT ? rate_x + row_x : conductance_x + row_x, available_fraction + row,
        LAST ? start + row : c, BEGUN ? before_last + row : c,
        WALL ? extravasation + row : c, WALL ? reabsorption + row : c, LYMPH ? lymph_drainage + row : c,
        CELLS ? capture + row : c, SOURCE ? source + row : c,
        result + row, KEPT ? start_rate + row : nullptr, CELLS ? captured + row : nullptr, nx,
        outside_x_low, outside_x_high, part, plasma, (real)weight, {again, rate, start_weight},
        row_dither(seed, here)};
    double entered = through_box(r.z, c, nx) + through_box(r.y, c, nx);
    if (threadIdx.x == 0)
        entered += (double)r.through_low_x() + (double)r.through_high_x();
    const bool edge = y == 0 || y == ny - 1 || z == 0 || z == nz - 1;
    const Sums sums = first ? (edge ? advance_row<true, true>(r) : advance_row<true, false>(r))
                            : (edge ? advance_row<false, true>(r) : advance_row<false, false>(r));
    double out[] = {weight * sums.returned, weight * sums.drained, -weight * entered, (double)sums.negative};
    row_sums(out);
    if (threadIdx.x == 0)
        for (int term = 0; term < 4; ++term)
            booked[term * rows + here] += out[term];
}
