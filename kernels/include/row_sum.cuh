// Sums over the block of one or more values per thread, in a fixed order: the same bits on every run. Valid in thread 0.
#pragma once

template <int N>
static __device__ __forceinline__ void row_sums(double (&values)[N])
{
#ifndef TUMORSIM_HOST
    __shared__ double warp_sums[N][32];
    __syncthreads();                         // an earlier call may still be reading warp_sums
    for (int k = 0; k < N; ++k) {
        for (int offset = 16; offset > 0; offset /= 2)
            values[k] += __shfl_down_sync(0xffffffffu, values[k], offset);
        if (threadIdx.x % 32 == 0)
            warp_sums[k][threadIdx.x / 32] = values[k];
    }
    __syncthreads();
    if (threadIdx.x == 0)
        for (int k = 0; k < N; ++k)
            for (unsigned int warp = 1; warp < blockDim.x / 32; ++warp)
                values[k] += warp_sums[k][warp];
#endif
}

static __device__ __forceinline__ double row_sum(double value)
{
    double values[] = {value};
    row_sums(values);
    return values[0];
}
