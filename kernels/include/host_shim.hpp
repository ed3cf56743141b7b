// What CUDA C++ takes for granted, for a host compiler. One block is one row; it has one thread, so a loop
// "x = threadIdx.x; x < nx; x += blockDim.x" is a plain loop that vectorises, and a barrier is nothing.
#pragma once
#include <cmath>

struct Dim3 { int x, y, z; };
static thread_local Dim3 blockIdx;
static constexpr Dim3 threadIdx{0, 0, 0};
static constexpr Dim3 blockDim{1, 1, 1};

#define __global__ __attribute__((visibility("hidden")))   // a kernel named like a libc function stays ours
#define __device__
#define __shared__
#define __forceinline__ inline __attribute__((always_inline))
#define __syncthreads()
#define TUMORSIM_HOST 1

using std::exp; using std::expm1; using std::log; using std::log1p; using std::sqrt;
using std::fabs; using std::fmax; using std::fmin;
