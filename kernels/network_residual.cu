// What is left of the equation of a network: residual = source − A p.
#include "network_row.cuh"

extern "C" __global__ void network_residual(
    real* __restrict__ residual, const real* __restrict__ pressure, const real* __restrict__ source,
    const real* __restrict__ diagonal, const real* __restrict__ couplings, const int* __restrict__ nodes,
    const int* __restrict__ starts, int nz, int ny, int nx)
{
    ROW(z, y);
    const Network a = {diagonal, couplings, nodes, starts};
    along_nodes(a, pressure, row_start(z, y, ny, nx), nx, [&](long long i, real outflow) {
        residual[i] = source[i] - outflow;
    });
}
