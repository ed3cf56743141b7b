// A network of nodes that exchange fluid: (A p)_i = diagonal_i p_i − Σ couplings p[nodes] over the couplings of node i.
// Nodes stand in slices of SLICE, and the couplings of a slice in columns of as many, one for each of its nodes:
// columns starts_s to starts_(s+1) − 1 are those of slice s, shorter rows being filled up with zeros.
#pragma once
#include "grid.cuh"

#define SLICE 16

struct Network
{
    const real *diagonal, *couplings;
    const int *nodes, *starts;
};

// Call visit(i, (A p)_i) for `count` nodes from `first`, both multiples of SLICE.
template <class Visit>
static __device__ __forceinline__ void along_nodes(
    const Network& a, const real* p, long long first, int count, Visit visit)
{
#ifdef TUMORSIM_HOST                                    // a slice at a time, so that the compiler vectorises
    for (long long i = first; i < first + count; i += SLICE) {
        real inflow[SLICE] = {};
        for (long long column = a.starts[i / SLICE]; column < a.starts[i / SLICE + 1]; ++column) {
            const real* t = a.couplings + column * SLICE;
            const int* node = a.nodes + column * SLICE;
            VECTORISE
            for (int lane = 0; lane < SLICE; ++lane)
                inflow[lane] += t[lane] * p[node[lane]];
        }
        VECTORISE
        for (int lane = 0; lane < SLICE; ++lane)
            visit(i + lane, a.diagonal[i + lane] * p[i + lane] - inflow[lane]);
    }
#else
    for (int x = threadIdx.x; x < count; x += blockDim.x) {
        const long long i = first + x;
        real inflow = 0;
        for (long long column = a.starts[i / SLICE]; column < a.starts[i / SLICE + 1]; ++column)
            inflow += a.couplings[column * SLICE + i % SLICE] * p[a.nodes[column * SLICE + i % SLICE]];
        visit(i, a.diagonal[i] * p[i] - inflow);
    }
#endif
}

// One Chebyshev step on `count` nodes from `first`:
//   older ← weight_newer newer + weight_older older + step D⁻¹ (source − A newer),  newer null: zero,  weight_older 0: unread
static __device__ __forceinline__ void step_nodes(
    const Network& a, real* older, const real* newer, const real* source, long long first, int count,
    real weight_newer, real weight_older, real step)
{
    if (!newer)
        FOR_X(x, 0, count) older[first + x] = step * source[first + x] / a.diagonal[first + x];
    else
        along_nodes(a, newer, first, count, [&](long long i, real outflow) {
            const real before = weight_older != 0 ? weight_older * older[i] : (real)0;
            older[i] = weight_newer * newer[i] + before + step * (source[i] - outflow) / a.diagonal[i];
        });
}
