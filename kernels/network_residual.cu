// What is left of the equation of a network: residual = source − A p.
#include "network_row.cuh"

extern "C" __global__ void network_residual(
    real* __restrict__ residual, const real* __restrict__ pressure, const real* __restrict__ source,
    const real* __restrict__ diagonal, const real* __restrict__ couplings, const int* __restrict__ nodes,
    const int* __restrict__ starts, int nz, int ny, int nx)
{
    ROW(z, y);
    const Network a = {diagonal, couplings, nodes, starts};
    const long long row = row_start(z, y, ny, nx);
    FOR_EACH_X(x, 0, nx) residual[row + x] = source[row + x] - a(pressure, row + x);
}
