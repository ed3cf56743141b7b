// One Runge–Kutta stage of TVD advection of C in a fluid with sources:
//   result ← keep·result + (1 − keep)·( C − dt/ε · Σ_faces outward flux )
// The flux is limited upwind inside and upwind on the faces of the box; what passes those is added to `booked`.
//   rate_*   f u / h on faces, 1/s          outside_*   C outside each face of the box
#include "grid.cuh"
#include "limiter.cuh"
#include "row_sum.cuh"

struct Axis                               // a walk across this row: two rows, or voxels, on either side
{
    const real *far_below, *below, *above, *far_above;
    const real *low_rate, *high_rate;     // of the faces below and above
    bool at_low, at_high;                 // whether those are faces of the box
    real outside_low, outside_high;
};

// Where the box ends the neighbours are the last row itself, so that slopes vanish and nothing is read outside.
static __device__ __forceinline__ Axis axis_through(
    const real* c, const real* low_rate, long long step, int k, int n, real outside_low, real outside_high)
{
    const real *below = k > 0 ? c - step : c, *above = k < n - 1 ? c + step : c;
    return {k > 1 ? below - step : below, below, above, k < n - 2 ? above + step : above,
            low_rate, low_rate + step, k == 0, k == n - 1, outside_low, outside_high};
}

// Net outward flux along one axis at offset x. `EDGE`: the row may lie beside the box's faces.
template <int LIMITER, bool EDGE>
static __device__ __forceinline__ real outflow(const Axis& a, real here, int x)
{
    const real rate_low = a.low_rate[x], rate_high = a.high_rate[x];
    real low = limited_flux<LIMITER>(rate_low, a.far_below[x], a.below[x], here, a.above[x]);
    real high = limited_flux<LIMITER>(rate_high, a.below[x], here, a.above[x], a.far_above[x]);
    if (EDGE) {
        low = a.at_low ? -boundary_flux(-rate_low, here, a.outside_low) : low;
        high = a.at_high ? boundary_flux(rate_high, here, a.outside_high) : high;
    }
    return high - low;
}

// What leaves the row through the faces of the box along one axis, per unit of time, at offset x.
static __device__ __forceinline__ double leaving(const Axis& a, real here, int x)
{
    return (a.at_low ? (double)boundary_flux(-a.low_rate[x], here, a.outside_low) : 0.0) +
           (a.at_high ? (double)boundary_flux(a.high_rate[x], here, a.outside_high) : 0.0);
}

struct Row
{
    Axis z, y;
    const real *c, *rate, *epsilon;       // C, rates of the low x faces, ε
    real *result;
    int nx;
    real x_low, x_high, use, dt;
    unsigned int dither;
};

static __device__ __forceinline__ void store(const Row& r, const real* base, int x, real net)
{
    const real change = r.use * ((r.c[x] - base[x]) - r.dt / r.epsilon[x] * net);
    r.result[x] = rounded<real>((double)base[x] + (double)change, dither_at(r.dither, x));
}

template <int LIMITER, bool EDGE>
static __device__ __forceinline__ void advance_row(const Row& r, const real* base)
{
    FOR_X(x, 2, r.nx - 2) {
        const real* c = r.c + x;
        const real low = limited_flux<LIMITER>(r.rate[x], c[-2], c[-1], c[0], c[1]);
        const real high = limited_flux<LIMITER>(r.rate[x + 1], c[-1], c[0], c[1], c[2]);
        store(r, base, x, high - low + (outflow<LIMITER, EDGE>(r.y, c[0], x) + outflow<LIMITER, EDGE>(r.z, c[0], x)));
    }
    const int edges = r.nx < 4 ? r.nx : 4;       // the two voxels at each end of the row
    for (int e = threadIdx.x; e < edges; e += blockDim.x) {
        const int x = e < 2 ? e : r.nx - edges + e;
        const Axis along = axis_through(r.c + x, r.rate + x, 1, x, r.nx, r.x_low, r.x_high);
        const real here = r.c[x];
        store(r, base, x, outflow<LIMITER, true>(along, here, 0) +
                          (outflow<LIMITER, EDGE>(r.y, here, x) + outflow<LIMITER, EDGE>(r.z, here, x)));
    }
}

template <int LIMITER>
static __device__ __forceinline__ void advance_row(const Row& r, const real* base, bool edge)
{
    if (edge)
        advance_row<LIMITER, true>(r, base);
    else
        advance_row<LIMITER, false>(r, base);
}

// What leaves the box through the faces beside this row, per unit of time.
static __device__ __forceinline__ double leaving(const Row& r, bool edge)
{
    double sum = 0;
    for (int e = threadIdx.x; e < (r.nx > 1 ? 2 : 1); e += blockDim.x) {
        const int x = e == 0 ? 0 : r.nx - 1;
        sum += leaving(axis_through(r.c + x, r.rate + x, 1, x, r.nx, r.x_low, r.x_high), r.c[x], 0);
    }
    if (edge) {
        SUM_X(sum)
        FOR_EACH_X(x, 0, r.nx) sum += leaving(r.y, r.c[x], x) + leaving(r.z, r.c[x], x);
    }
    return row_sum(sum);
}

extern "C" __global__ void advect(
    real* __restrict__ result, double* __restrict__ booked, const real* __restrict__ concentration,
    const real* __restrict__ rate_x, const real* __restrict__ rate_y, const real* __restrict__ rate_z,
    const real* __restrict__ available_fraction,
    real outside_z_low, real outside_z_high, real outside_y_low, real outside_y_high,
    real outside_x_low, real outside_x_high,
    int limiter, real keep, double weight, double dt, int seed, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx);
    const real* c = concentration + row;
    const Row r = {
        axis_through(c, rate_z + row, (long long)ny * nx, z, nz, outside_z_low, outside_z_high),
        axis_through(c, rate_y + row_start(z, y, ny + 1, nx), nx, y, ny, outside_y_low, outside_y_high),
        c, rate_x + row_start(z, y, ny, nx + 1), available_fraction + row, result + row, nx,
        outside_x_low, outside_x_high, 1 - keep, (real)dt, row_dither(seed, (long long)z * ny + y)};
    const real* base = keep > 0 ? r.result : c;      // what is kept; the first stage starts from C itself
    const bool edge = y == 0 || y == ny - 1 || z == 0 || z == nz - 1;
    const double sum = leaving(r, edge);
    if (limiter == VAN_LEER)
        advance_row<VAN_LEER>(r, base, edge);
    else if (limiter == KOREN)
        advance_row<KOREN>(r, base, edge);
    else
        advance_row<UPWIND>(r, base, edge);
    if (threadIdx.x == 0)
        booked[(long long)z * ny + y] += weight * dt * sum;
}
