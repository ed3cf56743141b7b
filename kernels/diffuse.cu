// One stage of super-time-stepped diffusion, for the change δ of C since the start of the step:
//   first:   L₀ = (1/ε) Σ_faces g (C_beyond − C),  δ₁ = rate·L₀
//   others:  δ_j = δ_{j−1} + again·(δ_{j−1} − δ_{j−2}) + rate/ε·Σ g (δ_beyond − δ_{j−1}) + start_weight·L₀,  over δ_{j−2}
//   last:    C + part·δ_j takes the place of δ_{j−2}; values below 0 by more than rounding are counted
//   last            δ_{j−1}; in the first stage C          start_rate   L₀ (null: left out, and not kept)
//   conductance_*   g = harmonic(εD)/h² on faces, 1/s; on the faces of the box 2εD/h², or 0 where nothing passes
//   booked          per row: 0 the amount that leaves the box per unit of time in the state `last`   1 the count
#include "grid.cuh"
#include "padded_row.cuh"
#include "rounding.cuh"
#include "row_sum.cuh"

struct Axis                               // the rows on either side of this one, along y or z
{
    const real *below, *above, *low, *high;      // values; conductances of the faces towards them
    bool at_low, at_high;                 // whether those are faces of the box
    real outside_low, outside_high;
};

static __device__ __forceinline__ Axis axis_through(
    const real* c, const real* low, long long step, int k, int n, real outside_low, real outside_high)
{
    return {k > 0 ? c - step : c, k < n - 1 ? c + step : c, low, low + step, k == 0, k == n - 1,
            outside_low, outside_high};
}

// Net inward flux along one axis at offset x. `EDGE`: the row may lie beside the box's faces.
template <bool EDGE>
static __device__ __forceinline__ real inflow(const Axis& a, real here, int x)
{
    const real below = EDGE && a.at_low ? a.outside_low : a.below[x];
    const real above = EDGE && a.at_high ? a.outside_high : a.above[x];
    return product(a.low[x], below - here) + product(a.high[x], above - here);
}

// What leaves the row through the faces of the box along one axis, per unit of time, at offset x.
static __device__ __forceinline__ double leaving(const Axis& a, real here, int x)
{
    return (a.at_low ? (double)product(a.low[x], here - a.outside_low) : 0.0) +
           (a.at_high ? (double)product(a.high[x], here - a.outside_high) : 0.0);
}

enum Stage { FIRST, MIDDLE, LAST };

struct Row
{
    Axis z, y;
    const real *c, *g, *epsilon, *start, *before_last, *first_rate;
    real *result, *keep_rate;
    int nx;
    real x_low, x_high, again, rate, start_weight, part;
    unsigned int dither;
};

// Store the stage's result at x from the net inward flux there; 1 where it is negative.
template <int STAGE>
static __device__ __forceinline__ int store(const Row& r, int x, real net)
{
    const real gain = net / r.epsilon[x];
    if (STAGE == FIRST) {
        if (r.keep_rate)
            r.keep_rate[x] = gain;
        r.result[x] = r.rate * gain;
        return 0;
    }
    const real before = r.c[x];
    const real change =
        before + (r.again * (before - r.before_last[x]) + (r.rate * gain + r.start_weight * r.first_rate[x]));
    if (STAGE == MIDDLE) {
        r.result[x] = change;
        return 0;
    }
    const real start = r.start[x];
    const double exact = (double)start + (double)(r.part * change);
    const real stored = rounded<real>(exact, dither_at(r.dither, x));
    r.result[x] = stored > 0 ? stored : (real)0;
    return exact < (sizeof(real) == 4 ? -1e-6 : -1e-14) * (double)start;
}

template <int STAGE, bool EDGE>
static __device__ __forceinline__ int advance_row(const Row& r)
{
    PADDED_ROW(c, r.c, r.nx);
    const int last = r.nx - 1;
    int negative = 0;
    SUM_X(negative)
    FOR_EACH_X(x, 0, r.nx) {
        const real here = c.at(x);
        const real below = x == 0 ? r.x_low : c.at(x - 1), above = x == last ? r.x_high : c.at(x + 1);
        const real along = product(r.g[x], below - here) + product(r.g[x + 1], above - here);
        negative += store<STAGE>(r, x, along + (inflow<EDGE>(r.y, here, x) + inflow<EDGE>(r.z, here, x)));
    }
    return negative;
}

template <int STAGE>
static __device__ __forceinline__ int advance_row(const Row& r, bool edge)
{
    return edge ? advance_row<STAGE, true>(r) : advance_row<STAGE, false>(r);
}

// What leaves the box through the faces beside this row, per unit of time.
static __device__ __forceinline__ double leaving(const Row& r, bool edge)
{
    double sum = 0;
    if (threadIdx.x == 0)
        sum += (double)product(r.g[0], r.c[0] - r.x_low) + (double)product(r.g[r.nx], r.c[r.nx - 1] - r.x_high);
    if (edge) {
        SUM_X(sum)
        FOR_EACH_X(x, 0, r.nx) sum += leaving(r.y, r.c[x], x) + leaving(r.z, r.c[x], x);
    }
    return row_sum(sum);
}

extern "C" __global__ void diffuse(
    real* result, real* start_rate, double* __restrict__ booked,
    const real* __restrict__ last, const real* start,
    const real* __restrict__ conductance_x, const real* __restrict__ conductance_y,
    const real* __restrict__ conductance_z, const real* __restrict__ available_fraction,
    real outside_z_low, real outside_z_high, real outside_y_low, real outside_y_high,
    real outside_x_low, real outside_x_high,
    int first, double again, double rate, double start_weight, double part, int seed, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx), rows = (long long)nz * ny, here = (long long)z * ny + y;
    const real* c = last + row;
    const Row r = {
        axis_through(c, conductance_z + row, (long long)ny * nx, z, nz, outside_z_low, outside_z_high),
        axis_through(c, conductance_y + row_start(z, y, ny + 1, nx), nx, y, ny, outside_y_low, outside_y_high),
        c, conductance_x + row_start(z, y, ny, nx + 1), available_fraction + row, start ? start + row : c,
        again != 0 ? result + row : c, start_rate ? start_rate + row : c,      // where a weight is 0, any number will do
        result + row, first && start_rate ? start_rate + row : nullptr, nx,
        outside_x_low, outside_x_high, (real)again, (real)rate, start_rate ? (real)start_weight : (real)0, (real)part,
        row_dither(seed, here)};
    const bool edge = y == 0 || y == ny - 1 || z == 0 || z == nz - 1;
    const double left = leaving(r, edge);
    int negative;
    if (first)
        negative = advance_row<FIRST>(r, edge);
    else if (!start)
        negative = advance_row<MIDDLE>(r, edge);
    else
        negative = advance_row<LAST>(r, edge);
    const double count = row_sum((double)negative);
    if (threadIdx.x == 0) {
        booked[here] = left;
        booked[rows + here] = count;
    }
}
