// Divergence of a velocity on faces: what leaves a voxel through its six faces, over its volume, 1/s.
#include "grid.cuh"

extern "C" __global__ void divergence(
    real* __restrict__ outflow, const real* __restrict__ velocity_x, const real* __restrict__ velocity_y,
    const real* __restrict__ velocity_z, real spacing_z, real spacing_y, real spacing_x, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx);
    const real* ux = velocity_x + row_start(z, y, ny, nx + 1);
    const real* uy = velocity_y + row_start(z, y, ny + 1, nx);
    const real* uz = velocity_z + row;
    const long long slab = (long long)ny * nx;
    real* result = outflow + row;
    FOR_X(x, 0, nx)
        result[x] = (ux[x + 1] - ux[x]) / spacing_x + (uy[x + nx] - uy[x]) / spacing_y + (uz[x + slab] - uz[x]) / spacing_z;
}
