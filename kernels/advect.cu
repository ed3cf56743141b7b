// One Runge–Kutta stage of TVD advection of C in a fluid with sources:
//   result ← keep·result + (1 − keep)·( C − dt/ε · Σ_faces outward flux )
// The flux is limited upwind inside and upwind on the faces of the box; what passes those is added to `booked`.
//   rate_*   f u / h on faces, 1/s          outside_*   C outside each face of the box
#include "grid.cuh"
#include "limiter.cuh"
#include "padded_row.cuh"
#include "row_sum.cuh"

struct Axis                               // the rows on either side of this one, along y or z
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

struct Row
{
    Axis z, y;
    const real *c, *rate, *epsilon, *base;       // C, rates of the low x faces, ε, what is kept
    real *result;
    int nx;
    real x_low, x_high, use, dt;
    unsigned int dither;
};

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

template <int LIMITER, bool EDGE>
static __device__ __forceinline__ void advance_row(const Row& r)
{
    PADDED_ROW(c, r.c, r.nx);
    const int last = r.nx - 1;
    FOR_X(x, 0, r.nx) {
        const real here = c.at(x), rate_low = r.rate[x], rate_high = r.rate[x + 1];
        const real inner_low = limited_flux<LIMITER>(rate_low, c.at(x - 2), c.at(x - 1), here, c.at(x + 1));
        const real inner_high = limited_flux<LIMITER>(rate_high, c.at(x - 1), here, c.at(x + 1), c.at(x + 2));
        const real low = x == 0 ? -boundary_flux(-rate_low, here, r.x_low) : inner_low;
        const real high = x == last ? boundary_flux(rate_high, here, r.x_high) : inner_high;
        const real net = high - low + (outflow<LIMITER, EDGE>(r.y, here, x) + outflow<LIMITER, EDGE>(r.z, here, x));
        const real base = r.base[x], change = r.use * ((here - base) - r.dt / r.epsilon[x] * net);
        r.result[x] = rounded<real>((double)base + (double)change, dither_at(r.dither, x));
    }
}

template <int LIMITER>
static __device__ __forceinline__ void advance_row(const Row& r, bool edge)
{
    if (edge)
        advance_row<LIMITER, true>(r);
    else
        advance_row<LIMITER, false>(r);
}

// What leaves the row through the faces of the box along one axis, per unit of time, at offset x.
static __device__ __forceinline__ double leaving(const Axis& a, real here, int x)
{
    return (a.at_low ? (double)boundary_flux(-a.low_rate[x], here, a.outside_low) : 0.0) +
           (a.at_high ? (double)boundary_flux(a.high_rate[x], here, a.outside_high) : 0.0);
}

// What leaves the box through the faces beside this row, per unit of time.
static __device__ __forceinline__ double leaving(const Row& r, bool edge)
{
    double sum = 0;
    if (threadIdx.x == 0)
        sum += (double)boundary_flux(-r.rate[0], r.c[0], r.x_low) +
               (double)boundary_flux(r.rate[r.nx], r.c[r.nx - 1], r.x_high);
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
    const long long row = row_start(z, y, ny, nx), here = (long long)z * ny + y;
    const real* c = concentration + row;
    const Row r = {
        axis_through(c, rate_z + row, (long long)ny * nx, z, nz, outside_z_low, outside_z_high),
        axis_through(c, rate_y + row_start(z, y, ny + 1, nx), nx, y, ny, outside_y_low, outside_y_high),
        c, rate_x + row_start(z, y, ny, nx + 1), available_fraction + row,
        keep > 0 ? result + row : c,      // the first stage starts from C itself
        result + row, nx, outside_x_low, outside_x_high, 1 - keep, (real)dt, row_dither(seed, here)};
    const bool edge = y == 0 || y == ny - 1 || z == 0 || z == nz - 1;
    const double sum = leaving(r, edge);
    if (limiter == VAN_LEER)
        advance_row<VAN_LEER>(r, edge);
    else if (limiter == KOREN)
        advance_row<KOREN>(r, edge);
    else
        advance_row<UPWIND>(r, edge);
    if (threadIdx.x == 0)
        booked[here] += weight * dt * sum;
}
