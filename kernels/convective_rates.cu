// How fast the fluid carries agent through every face: r = f u / h, with the retardation f of the voxel upwind.
//   velocity_*   Darcy velocity on faces, upwards positive, m/s      retardation   f      spacing_*   h, m
#include "grid.cuh"

static __device__ __forceinline__ real rate(real u, double h, real below, real above)
{
    return (real)((double)u / h * (double)(u > 0 ? below : above));
}

// The faces between two rows of voxels, or of one row with itself beside a face of the box.
static __device__ __forceinline__ void between_rows(
    real* __restrict__ result, const real* __restrict__ u, double h, const real* below, const real* above, int nx)
{
    FOR_X(x, 0, nx) result[x] = rate(u[x], h, below[x], above[x]);
}

extern "C" __global__ void convective_rates(
    real* __restrict__ rate_x, real* __restrict__ rate_y, real* __restrict__ rate_z,
    const real* __restrict__ velocity_x, const real* __restrict__ velocity_y, const real* __restrict__ velocity_z,
    const real* __restrict__ retardation, double spacing_z, double spacing_y, double spacing_x, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx), slab = (long long)ny * nx;
    const long long row_x = row_start(z, y, ny, nx + 1), row_y = row_start(z, y, ny + 1, nx);
    const real* f = retardation + row;
    FOR_X(x, 1, nx) rate_x[row_x + x] = rate(velocity_x[row_x + x], spacing_x, f[x - 1], f[x]);
    if (threadIdx.x == 0) {
        rate_x[row_x] = rate(velocity_x[row_x], spacing_x, f[0], f[0]);
        rate_x[row_x + nx] = rate(velocity_x[row_x + nx], spacing_x, f[nx - 1], f[nx - 1]);
    }
    between_rows(rate_y + row_y, velocity_y + row_y, spacing_y, y > 0 ? f - nx : f, f, nx);
    if (y == ny - 1)
        between_rows(rate_y + row_y + nx, velocity_y + row_y + nx, spacing_y, f, f, nx);
    between_rows(rate_z + row, velocity_z + row, spacing_z, z > 0 ? f - slab : f, f, nx);
    if (z == nz - 1)
        between_rows(rate_z + row + slab, velocity_z + row + slab, spacing_z, f, f, nx);
}
