// The voxel grid as kernels see it: one block walks one row of voxels (z, y), x fastest.
#pragma once

typedef REAL real;

#ifdef TUMORSIM_HOST
#define VECTORISE _Pragma("GCC ivdep")      // rows of different arrays never overlap
#else
#define VECTORISE
#endif

// The row of this block, and a walk along it: ROW(z, y); FOR_X(x, 0, nx) { ... }
#define ROW(z, y) const int z = blockIdx.y, y = blockIdx.x
#define FOR_X(x, first, end) VECTORISE for (int x = (first) + (int)threadIdx.x; x < (end); x += (int)blockDim.x)

// Offset of the first voxel of row (z, y) in an array with ny rows of nx voxels a slab.
static __device__ __forceinline__ long long row_start(int z, int y, int ny, int nx)
{
    return ((long long)z * ny + y) * nx;
}
