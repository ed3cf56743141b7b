// One Runge–Kutta stage of TVD advection of C in a fluid with sources:
//   result ← keep·result + (1 − keep)·( C − dt/ε · Σ_faces outward flux )
// The flux is limited upwind inside and upwind on the faces of the box; what passes those is added to `booked`.
//   rate_*   f u / h on faces, 1/s          outside_*   C outside each face of the box
#include "grid.cuh"
#include "limiter.cuh"
#include "row_sum.cuh"

struct Rows                               // the row of this block, and what surrounds it
{
    const real *c;                        // C in this row
    long long slab, line;                 // offsets of the next voxel along z and y
    int z, y, nz, ny, nx;
    const real *rx, *ry, *rz;             // low faces of this row; ry[line] and rz[slab] are the high ones
    real y_low, y_high, z_low, z_high, x_low, x_high;
};

// Net outward flux along an axis whose neighbours lie `step` apart, for a voxel at `k` of `n`.
template <int LIMITER>
static __device__ __forceinline__ real outflow(
    const real* c, long long step, int k, int n, real low_rate, real high_rate, real outside_low, real outside_high)
{
    const real here = c[0];
    const real below = k > 0 ? c[-step] : here, far_below = k > 1 ? c[-2 * step] : below;
    const real above = k < n - 1 ? c[step] : here, far_above = k < n - 2 ? c[2 * step] : above;
    const real low = k > 0 ? limited_flux<LIMITER>(low_rate, far_below, below, here, above)
                           : -boundary_flux(-low_rate, here, outside_low);
    const real high = k < n - 1 ? limited_flux<LIMITER>(high_rate, below, here, above, far_above)
                                : boundary_flux(high_rate, here, outside_high);
    return high - low;
}

template <int LIMITER>
static __device__ __forceinline__ real outflow_yz(const Rows& r, int x)
{
    return outflow<LIMITER>(r.c + x, r.line, r.y, r.ny, r.ry[x], r.ry[x + r.line], r.y_low, r.y_high) +
           outflow<LIMITER>(r.c + x, r.slab, r.z, r.nz, r.rz[x], r.rz[x + r.slab], r.z_low, r.z_high);
}

template <int LIMITER>
static __device__ __forceinline__ void advance_row(const Rows& r, real* result, const real* epsilon, real keep, real dt)
{
    const real use = 1 - keep;
    FOR_X(x, 2, r.nx - 2) {
        const real* c = r.c + x;
        const real low = limited_flux<LIMITER>(r.rx[x], c[-2], c[-1], c[0], c[1]);
        const real high = limited_flux<LIMITER>(r.rx[x + 1], c[-1], c[0], c[1], c[2]);
        const real net = high - low + outflow_yz<LIMITER>(r, x);
        result[x] = (keep > 0 ? keep * result[x] : (real)0) + use * (c[0] - dt / epsilon[x] * net);
    }
    const int edges = r.nx < 4 ? r.nx : 4;       // the two voxels at each end of the row
    for (int e = threadIdx.x; e < edges; e += blockDim.x) {
        const int x = e < 2 ? e : r.nx - edges + e;
        const real net = outflow<LIMITER>(r.c + x, 1, x, r.nx, r.rx[x], r.rx[x + 1], r.x_low, r.x_high) +
                         outflow_yz<LIMITER>(r, x);
        result[x] = (keep > 0 ? keep * result[x] : (real)0) + use * (r.c[x] - dt / epsilon[x] * net);
    }
}

// What leaves the box through the faces beside this row, per unit of time.
static __device__ __forceinline__ double leaving(const Rows& r)
{
    double sum = 0;
    if (threadIdx.x == 0)
        sum += (double)boundary_flux(-r.rx[0], r.c[0], r.x_low) +
               (double)boundary_flux(r.rx[r.nx], r.c[r.nx - 1], r.x_high);
    const bool y_low = r.y == 0, y_high = r.y == r.ny - 1, z_low = r.z == 0, z_high = r.z == r.nz - 1;
    if (y_low || y_high || z_low || z_high)
        for (int x = threadIdx.x; x < r.nx; x += blockDim.x) {
            const real c = r.c[x];
            if (y_low) sum += boundary_flux(-r.ry[x], c, r.y_low);
            if (y_high) sum += boundary_flux(r.ry[x + r.line], c, r.y_high);
            if (z_low) sum += boundary_flux(-r.rz[x], c, r.z_low);
            if (z_high) sum += boundary_flux(r.rz[x + r.slab], c, r.z_high);
        }
    return row_sum(sum);
}

extern "C" __global__ void advect(
    real* __restrict__ result, double* __restrict__ booked, const real* __restrict__ concentration,
    const real* __restrict__ rate_x, const real* __restrict__ rate_y, const real* __restrict__ rate_z,
    const real* __restrict__ available_fraction,
    real outside_z_low, real outside_z_high, real outside_y_low, real outside_y_high,
    real outside_x_low, real outside_x_high,
    int limiter, real keep, double weight, double dt, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx);
    const Rows r = {
        concentration + row, (long long)ny * nx, nx, z, y, nz, ny, nx,
        rate_x + row_start(z, y, ny, nx + 1), rate_y + row_start(z, y, ny + 1, nx), rate_z + row,
        outside_y_low, outside_y_high, outside_z_low, outside_z_high, outside_x_low, outside_x_high};
    if (limiter == VAN_LEER)
        advance_row<VAN_LEER>(r, result + row, available_fraction + row, keep, (real)dt);
    else if (limiter == KOREN)
        advance_row<KOREN>(r, result + row, available_fraction + row, keep, (real)dt);
    else
        advance_row<UPWIND>(r, result + row, available_fraction + row, keep, (real)dt);
    const double sum = leaving(r);
    if (threadIdx.x == 0)
        booked[(long long)z * ny + y] += weight * dt * sum;
}
