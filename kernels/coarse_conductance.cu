// The medium of a coarse level from that of the finer one, over blocks of 2 voxels along the axes that are halved.
//   T of a coarse face = nearness · sum of T over the fine faces in it, over their number in a full block
//   nearness_*   1-D, per coarse face: distance of the fine centres on both sides over that of the coarse centres
//   G of a block = sum of G over the number of voxels in a full block
//   n* the fine shape, m* the coarse one
#include "grid.cuh"

// Children first … end − 1 of block i: at most `factor` of n.
struct Children
{
    int first, end;
};
static __device__ __forceinline__ Children children(int i, int factor, int n)
{
    return {factor * i, factor * i + factor < n ? factor * i + factor : n};
}
static __device__ __forceinline__ int fine_face(int face, int factor, int n)
{
    return factor * face < n ? factor * face : n;
}

// Sum over a block of an array with rows of `line` values and slabs of `slab` values.
static __device__ __forceinline__ real block_sum(const real* array, Children z, Children y, Children x, long long slab, long long line)
{
    real sum = 0;
    for (int k = z.first; k < z.end; ++k)
        for (int j = y.first; j < y.end; ++j)
            for (int i = x.first; i < x.end; ++i)
                sum += array[k * slab + j * line + i];
    return sum;
}

extern "C" __global__ void coarse_conductance(
    real* __restrict__ coarse_x, real* __restrict__ coarse_y, real* __restrict__ coarse_z,
    real* __restrict__ coarse_absorption, const real* __restrict__ conductance_x,
    const real* __restrict__ conductance_y, const real* __restrict__ conductance_z,
    const real* __restrict__ absorption, const real* __restrict__ nearness_z, const real* __restrict__ nearness_y,
    const real* __restrict__ nearness_x, int mz, int my, int mx, int nz, int ny, int nx)
{
    const int cz = blockIdx.y, cy = blockIdx.x;
    const int fz = mz < nz ? 2 : 1, fy = my < ny ? 2 : 1, fx = mx < nx ? 2 : 1;
    const Children z = children(cz, fz, nz), y = children(cy, fy, ny);
    const long long line = nx, slab = line * ny;

    real* g = coarse_absorption + row_start(cz, cy, my, mx);
    FOR_X(x, 0, mx) g[x] = block_sum(absorption, z, y, children(x, fx, nx), slab, line) / (real)(fz * fy * fx);

    real* tx = coarse_x + row_start(cz, cy, my, mx + 1);
    FOR_X(x, 0, mx + 1) {
        const int i = fine_face(x, fx, nx);
        tx[x] = nearness_x[x] * block_sum(conductance_x, z, y, {i, i + 1}, (line + 1) * ny, line + 1) / (real)(fz * fy);
    }

    for (int face = cy; face < (cy == my - 1 ? my + 1 : cy + 1); ++face) {
        const int j = fine_face(face, fy, ny);
        real* ty = coarse_y + row_start(cz, face, my + 1, mx);
        FOR_X(x, 0, mx)
            ty[x] = nearness_y[face] * block_sum(conductance_y, z, {j, j + 1}, children(x, fx, nx), slab + line, line)
                  / (real)(fz * fx);
    }

    for (int face = cz; face < (cz == mz - 1 ? mz + 1 : cz + 1); ++face) {
        const int k = fine_face(face, fz, nz);
        real* tz = coarse_z + row_start(face, cy, my, mx);
        FOR_X(x, 0, mx)
            tz[x] = nearness_z[face] * block_sum(conductance_z, {k, k + 1}, y, children(x, fx, nx), slab, line)
                  / (real)(fy * fx);
    }
}
