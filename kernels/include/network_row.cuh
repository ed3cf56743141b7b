// A network of nodes that exchange fluid: (A p)_i = diagonal_i p_i − Σ_k couplings_k p[nodes_k] over the couplings of
// node i, from starts_i to starts_(i+1) − 1.
#pragma once
#include "grid.cuh"

struct Network
{
    const real *diagonal, *couplings;
    const int *nodes, *starts;

    __device__ __forceinline__ real operator()(const real* p, long long i) const
    {
        real inflow = 0;
        for (int k = starts[i]; k < starts[i + 1]; ++k)
            inflow += couplings[k] * p[nodes[k]];
        return diagonal[i] * p[i] - inflow;
    }
};
