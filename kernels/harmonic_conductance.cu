// Conductance of every face, T = 2ab/((a + b) h), from the conductivities a, b of the two voxels it joins.
// On a face of the box: 2a/h where the pressure is fixed half a voxel away, 0 where nothing passes.
//   conductivity   K, m²/(Pa s);   fixed_*   1 where the pressure is fixed;   spacing_*   m
#include "grid.cuh"

static __device__ __forceinline__ double between(double a, double b) { return a + b > 0 ? 2 * a * b / (a + b) : 0.0; }

extern "C" __global__ void harmonic_conductance(
    real* __restrict__ conductance_x, real* __restrict__ conductance_y, real* __restrict__ conductance_z,
    const double* __restrict__ conductivity,
    int fixed_z_low, int fixed_z_high, int fixed_y_low, int fixed_y_high, int fixed_x_low, int fixed_x_high,
    double spacing_z, double spacing_y, double spacing_x, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx), slab = (long long)ny * nx;
    const double* k = conductivity + row;

    real* tx = conductance_x + row_start(z, y, ny, nx + 1);
    FOR_X(x, 1, nx) tx[x] = (real)(between(k[x - 1], k[x]) / spacing_x);
    if (threadIdx.x == 0) {
        tx[0] = fixed_x_low ? (real)(2 * k[0] / spacing_x) : (real)0;
        tx[nx] = fixed_x_high ? (real)(2 * k[nx - 1] / spacing_x) : (real)0;
    }

    real* ty = conductance_y + row_start(z, y, ny + 1, nx);
    if (y > 0)
        FOR_X(x, 0, nx) ty[x] = (real)(between(k[x - nx], k[x]) / spacing_y);
    else
        FOR_X(x, 0, nx) ty[x] = fixed_y_low ? (real)(2 * k[x] / spacing_y) : (real)0;
    if (y == ny - 1)
        FOR_X(x, 0, nx) ty[nx + x] = fixed_y_high ? (real)(2 * k[x] / spacing_y) : (real)0;

    real* tz = conductance_z + row;
    if (z > 0)
        FOR_X(x, 0, nx) tz[x] = (real)(between(k[x - slab], k[x]) / spacing_z);
    else
        FOR_X(x, 0, nx) tz[x] = fixed_z_low ? (real)(2 * k[x] / spacing_z) : (real)0;
    if (z == nz - 1)
        FOR_X(x, 0, nx) tz[slab + x] = fixed_z_high ? (real)(2 * k[x] / spacing_z) : (real)0;
}
