// Add the correction of a coarse level, constant over a block of voxels: p_i += e of the block that holds i.
//   n* the fine shape, m* the coarse one
#include "grid.cuh"

extern "C" __global__ void add_correction(
    real* __restrict__ pressure, const real* __restrict__ correction, int mz, int my, int mx, int nz, int ny, int nx)
{
    ROW(z, y);
    const int cz = mz < nz ? z / 2 : z, cy = my < ny ? y / 2 : y;
    real* p = pressure + row_start(z, y, ny, nx);
    const real* e = correction + row_start(cz, cy, my, mx);
    if (mx == nx) {
        FOR_X(x, 0, nx) p[x] += e[x];
        return;
    }
    FOR_X(x, 0, nx / 2) {
        p[2 * x] += e[x];
        p[2 * x + 1] += e[x];
    }
    if (nx % 2 && threadIdx.x == 0)
        p[nx - 1] += e[mx - 1];
}
