// Sums and maxima over the block of one or more values per thread, in a fixed order: the same bits on every run. Valid in
// thread 0.
#pragma once

template <int N, class Combine>
static __device__ __forceinline__ void row_combined(double (&values)[N], const Combine& combine)
{
#ifndef TUMORSIM_HOST
    __shared__ double of_warps[N][32];
    __syncthreads();                         // an earlier call may still be reading of_warps
    for (int k = 0; k < N; ++k) {
        for (int offset = 16; offset > 0; offset /= 2)
            values[k] = combine(values[k], __shfl_down_sync(0xffffffffu, values[k], offset));
        if (threadIdx.x % 32 == 0)
            of_warps[k][threadIdx.x / 32] = values[k];
    }
    __syncthreads();
    if (threadIdx.x == 0)
        for (int k = 0; k < N; ++k)
            for (unsigned int warp = 1; warp < blockDim.x / 32; ++warp)
                values[k] = combine(values[k], of_warps[k][warp]);
#endif
}

template <int N>
static __device__ __forceinline__ void row_sums(double (&values)[N])
{
    row_combined(values, [](double a, double b) { return a + b; });
}

template <int N>
static __device__ __forceinline__ void row_maxima(double (&values)[N])
{
    row_combined(values, [](double a, double b) { return fmax(a, b); });
}

static __device__ __forceinline__ double row_sum(double value)
{
    double values[] = {value};
    row_sums(values);
    return values[0];
}
