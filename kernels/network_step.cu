// One step of Chebyshev smoothing on a network, the new iterate written over the one before last:
//   older ← weight_newer newer + weight_older older + step D⁻¹ (source − A newer),    D the diagonal of A
//   newer          null: zero, the start from nothing
//   weight_older   0: older is written, not read
#include "network_row.cuh"

extern "C" __global__ void network_step(
    real* __restrict__ older, const real* __restrict__ newer, const real* __restrict__ source,
    const real* __restrict__ diagonal, const real* __restrict__ couplings, const int* __restrict__ nodes,
    const int* __restrict__ starts, real weight_newer, real weight_older, real step, int nz, int ny, int nx)
{
    ROW(z, y);
    const Network a = {diagonal, couplings, nodes, starts};
    step_nodes(a, older, newer, source, row_start(z, y, ny, nx), nx, weight_newer, weight_older, step);
}
