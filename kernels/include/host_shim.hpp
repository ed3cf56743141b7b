// What CUDA C++ takes for granted, for a host compiler. One block is one row; it has one thread, so a loop
// "x = threadIdx.x; x < nx; x += blockDim.x" is a plain loop that vectorises, and a barrier is nothing.
#pragma once
#include <cmath>
#include <vector>
#ifdef __linux__
#include <sched.h>
#endif

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

// The caller keeps to the first place while its team, bound to the others, works: free to roam it would land on one of them.
struct OnItsOwnCore
{
#if defined(__linux__) && defined(_OPENMP)
    cpu_set_t before;
    const bool bound;
    explicit OnItsOwnCore(bool many) : bound(many && omp_get_proc_bind() != omp_proc_bind_false && omp_get_num_places() > 1)
    {
        if (!bound)
            return;
        std::vector<int> cores(omp_get_place_num_procs(0));
        omp_get_place_proc_ids(0, cores.data());
        cpu_set_t own;
        CPU_ZERO(&own);
        for (int core : cores)
            CPU_SET(core, &own);
        sched_getaffinity(0, sizeof before, &before);
        sched_setaffinity(0, sizeof own, &own);
    }
    ~OnItsOwnCore() { if (bound) sched_setaffinity(0, sizeof before, &before); }
#else
    explicit OnItsOwnCore(bool) {}
#endif
};
