// Chebyshev smoothing of a small network by one block of threads: launches would take longer than the steps themselves.
//   weights   per step: weight_newer, weight_older, step of network_step;   steps   even, so that `pressure` is the result
//   from_zero 1: the pressure is not read
#include "network_row.cuh"

extern "C" __global__ void network_smooth(
    real* pressure, real* spare, const real* __restrict__ source, const real* __restrict__ diagonal,
    const real* __restrict__ couplings, const int* __restrict__ nodes, const int* __restrict__ starts,
    const real* __restrict__ weights, int from_zero, int steps, int ny, int nx)
{
    const Network a = {diagonal, couplings, nodes, starts};
    for (int k = 0; k < steps; ++k) {
        const real* w = weights + 3 * k;
        const real* newer = k % 2 ? spare : pressure;
        step_nodes(a, k % 2 ? pressure : spare, from_zero && k == 0 ? nullptr : newer, source, 0, ny * nx, w[0], w[1], w[2]);
        __syncthreads();
    }
}
