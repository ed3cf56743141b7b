// Add the correction of a coarse level of parts, constant over each of them: p_i += e of the part that holds i.
#include "grid.cuh"

extern "C" __global__ void add_parts(
    real* __restrict__ pressure, const real* __restrict__ correction, const int* __restrict__ part,
    int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx);
    FOR_EACH_X(x, 0, nx) pressure[row + x] += correction[part[row + x]];
}
