// The voxel grid as kernels see it: one block walks one row of voxels (z, y), x fastest.
#pragma once

typedef REAL real;

// Whether the caller gives the array `pointer`, or null. It is known when the kernel is compiled: every set of given arrays
// has a kernel of its own, without what it does not need (tumorsim/device/twin.py).
#define GIVEN(pointer) GIVEN_##pointer

#ifdef TUMORSIM_HOST
#define TUMORSIM_PRAGMA(text) _Pragma(#text)
#define VECTORISE TUMORSIM_PRAGMA(GCC ivdep)              // rows of different arrays never overlap
#define VECTORISE_SUMS(...) TUMORSIM_PRAGMA(omp simd reduction(+ : __VA_ARGS__))
#else
#define VECTORISE
#define VECTORISE_SUMS(...) _Pragma("unroll 1")           // rows are short, registers dear
#endif

// The row of this block, and a walk along it: ROW(z, y); FOR_X(x, 0, nx) { ... }
// SUM_X(a, b) FOR_EACH_X(x, 0, nx) { ... } is a walk that adds to a and b.
#define ROW(z, y) const int z = blockIdx.y, y = blockIdx.x
#define FOR_EACH_X(x, first, end) for (int x = (first) + (int)threadIdx.x; x < (end); x += (int)blockDim.x)
#define FOR_X(x, first, end) VECTORISE FOR_EACH_X(x, first, end)
#define SUM_X(...) VECTORISE_SUMS(__VA_ARGS__)

// Offset of the first voxel of row (z, y) in an array with ny rows of nx voxels a slab.
static __device__ __forceinline__ long long row_start(int z, int y, int ny, int nx)
{
    return ((long long)z * ny + y) * nx;
}

// Ask for what the rows after this one read and write, so that memory is at work while this row is computed. On the GPU
// other blocks fill that wait. Without it the host runs at half to three quarters of the speed.
#define AHEAD 2048                                        // bytes
#ifdef TUMORSIM_HOST
template <class... Values>
static inline void fetch_ahead(int nx, const Values*... rows)
{
    constexpr int line = 64 / sizeof(real), ahead = AHEAD / sizeof(real);
    for (int x = ahead; x < nx + ahead; x += line)
        (__builtin_prefetch(rows + x), ...);
}
#define FETCH_AHEAD(...) fetch_ahead(__VA_ARGS__)
#else
#define FETCH_AHEAD(...)
#endif
