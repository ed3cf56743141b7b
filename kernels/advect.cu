// One Runge–Kutta stage of TVD advection of C in a fluid with sources:
//   result ← keep·result + (1 − keep)·( C − dt/ε · Σ_faces outward flux )
// The flux is limited upwind inside and upwind on the faces of the box; what passes those is added to `booked`.
//   rate_*   f u / h on faces, 1/s, over rate_scale where these are halves      outside_*   C outside each face of the box
#include "coefficients.cuh"
#include "limiter.cuh"
#include "row_sum.cuh"
#include "shared_faces.cuh"

struct Axis                               // the rows on either side of this one, along y or z
{
    const real *far_below, *below, *above, *far_above;
    CoefficientRow low_rate, high_rate;   // of the faces below and above
    bool at_low, at_high;                 // whether those are faces of the box
    real outside_low, outside_high;
};

// Where the box ends the neighbours are the last row itself, so that slopes vanish and nothing is read outside.
static __device__ __forceinline__ Axis axis_through(
    const real* c, CoefficientRow low_rate, CoefficientRow high_rate, long long step, int k, int n, real outside_low,
    real outside_high)
{
    const real *below = k > 0 ? c - step : c, *above = k < n - 1 ? c + step : c;
    return {k > 1 ? below - step : below, below, above, k < n - 2 ? above + step : above,
            low_rate, high_rate, k == 0, k == n - 1, outside_low, outside_high};
}

struct Row
{
    Axis z, y;
    const real *c, *epsilon, *base;              // C, ε, what is kept
    CoefficientRow rate;                         // of the low x faces
    real *result;
    int row, nx;
    real x_low, x_high, use, dt;
    unsigned int dither;
};

// Upward flux through the faces below and above voxel x, along one axis. `EDGE`: the row may lie beside the box's faces.
template <int LIMITER, bool EDGE>
static __device__ __forceinline__ real flux_below(const Axis& a, real here, int x)
{
    const real rate = a.low_rate[x];
    const real inner = limited_flux<LIMITER>(rate, a.far_below[x], a.below[x], here, a.above[x]);
    return EDGE && a.at_low ? -boundary_flux(-rate, here, a.outside_low) : inner;
}

template <int LIMITER, bool EDGE>
static __device__ __forceinline__ real flux_above(const Axis& a, real here, int x)
{
    const real rate = a.high_rate[x];
    const real inner = limited_flux<LIMITER>(rate, a.below[x], here, a.above[x], a.far_above[x]);
    return EDGE && a.at_high ? boundary_flux(rate, here, a.outside_high) : inner;
}

template <int LIMITER, bool EDGE>
static __device__ __forceinline__ void advance_row(const Row& r)
{
    FETCH_AHEAD(r.nx, r.z.far_above, r.z.high_rate, r.y.high_rate, r.rate, r.epsilon, r.base, r.result);
    const real* c = r.c;
    const auto along = [&](int x, int far_low, int far_high) {
        return limited_flux<LIMITER>(r.rate[x], c[far_low], c[x - 1], c[x], c[far_high]);
    };
    const auto below_z = [&](int x) { return flux_below<LIMITER, EDGE>(r.z, r.c[x], x); };
    const auto below_y = [&](int x) { return flux_below<LIMITER, EDGE>(r.y, r.c[x], x); };
    FACES_ALONG(x_flux, r.nx, along, -boundary_flux(-r.rate[0], r.c[0], r.x_low),
                boundary_flux(r.rate[r.nx], r.c[r.nx - 1], r.x_high));
    FACES_BELOW(z_flux, ALONG_Z, r.row, r.nx, below_z);
    FACES_BELOW(y_flux, ALONG_Y, r.row, r.nx, below_y);
    FOR_X(x, 0, r.nx) {
        const real here = c[x];
        const real high_z = flux_above<LIMITER, EDGE>(r.z, here, x), high_y = flux_above<LIMITER, EDGE>(r.y, here, x);
        const real net = x_flux.at(x + 1) - x_flux.at(x) +
                         ((high_y - y_flux.replaced(x, high_y)) + (high_z - z_flux.replaced(x, high_z)));
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

// What leaves the box through the faces beside this row along one axis, per unit of time.
static __device__ __forceinline__ double leaving(const Axis& a, const real* c, int nx)
{
    double sum = 0;
    if (a.at_low) {
        SUM_X(sum)
        FOR_EACH_X(x, 0, nx) sum += (double)boundary_flux(-a.low_rate[x], c[x], a.outside_low);
    }
    if (a.at_high) {
        SUM_X(sum)
        FOR_EACH_X(x, 0, nx) sum += (double)boundary_flux(a.high_rate[x], c[x], a.outside_high);
    }
    return sum;
}

// What leaves the box through the faces beside this row, per unit of time.
static __device__ __forceinline__ double leaving(const Row& r)
{
    double sum = leaving(r.z, r.c, r.nx) + leaving(r.y, r.c, r.nx);
    if (threadIdx.x == 0)
        sum += (double)boundary_flux(-r.rate[0], r.c[0], r.x_low) +
               (double)boundary_flux(r.rate[r.nx], r.c[r.nx - 1], r.x_high);
    return row_sum(sum);
}

extern "C" __global__ void advect(
    real* __restrict__ result, double* __restrict__ booked, const real* __restrict__ concentration,
    const coefficient* __restrict__ rate_x, const coefficient* __restrict__ rate_y, const coefficient* __restrict__ rate_z,
    const real* __restrict__ available_fraction,
    real outside_z_low, real outside_z_high, real outside_y_low, real outside_y_high,
    real outside_x_low, real outside_x_high,
    int limiter, real keep, double weight, double dt, int seed, float rate_scale, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx), here = (long long)z * ny + y;
    const long long slab = (long long)ny * nx, row_y = row_start(z, y, ny + 1, nx);
    const real* c = concentration + row;
    COEFFICIENTS(along, rate_x, rate_scale, row_start(z, y, ny, nx + 1), nx + 1);
    COEFFICIENTS(low_y, rate_y, rate_scale, row_y, nx);
    COEFFICIENTS(high_y, rate_y, rate_scale, row_y + nx, nx);
    COEFFICIENTS(low_z, rate_z, rate_scale, row, nx);
    COEFFICIENTS(high_z, rate_z, rate_scale, row + slab, nx);
    const Row r = {
        axis_through(c, low_z, high_z, slab, z, nz, outside_z_low, outside_z_high),
        axis_through(c, low_y, high_y, nx, y, ny, outside_y_low, outside_y_high),
        c, available_fraction + row,
        keep > 0 ? result + row : c,      // the first stage starts from C itself
        along, result + row, y, nx, outside_x_low, outside_x_high, 1 - keep, (real)dt, row_dither(seed, here)};
    const bool edge = y == 0 || y == ny - 1 || z == 0 || z == nz - 1;
    const double sum = leaving(r);
    if (limiter == VAN_LEER)
        advance_row<VAN_LEER>(r, edge);
    else if (limiter == KOREN)
        advance_row<KOREN>(r, edge);
    else
        advance_row<UPWIND>(r, edge);
    if (threadIdx.x == 0)
        booked[here] += weight * dt * sum;
}
