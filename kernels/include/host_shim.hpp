// What CUDA C++ takes for granted, for a host compiler. One block is one row; it has one thread, so a loop
// "x = threadIdx.x; x < nx; x += blockDim.x" is a plain loop that vectorises, and a barrier is nothing.
#pragma once
#include <cmath>

struct Dim3 { int x, y, z; };
static thread_local Dim3 blockIdx;

// Rows are walked up through y within a tile, then up through z, so that neighbours are still in the cache. A tile is as
// large as the caches allow: memory is read ahead best where a walk goes on long.
struct Walk
{
    static constexpr int TILE = 512;      // rows
    bool from_below_y, from_below_z;      // whether this thread comes from the row below along that axis
};
static thread_local Walk walk;

// Into how many parts the threads share out a walk, and which is this thread's.
#ifdef _OPENMP
#include <omp.h>
static inline int parts_of_walk() { return omp_get_num_threads(); }
static inline int part_of_walk() { return omp_get_thread_num(); }
#else
static inline int parts_of_walk() { return 1; }
static inline int part_of_walk() { return 0; }
#endif

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
