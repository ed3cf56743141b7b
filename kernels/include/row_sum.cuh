// Sum of one value per thread over the block, in a fixed order: the same bits on every run. Valid in thread 0.
#pragma once

static __device__ __forceinline__ double row_sum(double value)
{
#ifdef TUMORSIM_HOST
    return value;
#else
    __shared__ double warp_sums[32];
    for (int offset = 16; offset > 0; offset /= 2)
        value += __shfl_down_sync(0xffffffffu, value, offset);
    __syncthreads();                         // an earlier call may still be reading warp_sums
    if (threadIdx.x % 32 == 0)
        warp_sums[threadIdx.x / 32] = value;
    __syncthreads();
    if (threadIdx.x == 0)
        for (unsigned int warp = 1; warp < blockDim.x / 32; ++warp)
            value += warp_sums[warp];
    return value;
#endif
}
