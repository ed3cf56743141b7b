// Σ ln T row by row over the inner faces normal to z, y, x: how well each axis conducts, whatever the outliers.
// A row sums its own x faces, and the low y and z faces of its voxels. One logarithm serves FACTORS of them: a product of
// so many float32 numbers is within the range of double.
#include "grid.cuh"
#include "row_sum.cuh"

#define FACTORS 7

static __device__ __forceinline__ double log_sum(const real* t, int first, int end)
{
    double sum = 0;
    for (int x = first + FACTORS * (int)threadIdx.x; x < end; x += FACTORS * (int)blockDim.x) {
        double product = 1;
        for (int i = x; i < (x + FACTORS < end ? x + FACTORS : end); ++i)
            product *= (double)t[i];
        sum += log(product);
    }
    return row_sum(sum);
}

extern "C" __global__ void log_conductance(
    double* __restrict__ sums, const real* __restrict__ conductance_x, const real* __restrict__ conductance_y,
    const real* __restrict__ conductance_z, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = (long long)z * ny + y, rows = (long long)nz * ny;
    const double along_z = log_sum(conductance_z + row * nx, 0, z > 0 ? nx : 0);
    const double along_y = log_sum(conductance_y + row_start(z, y, ny + 1, nx), 0, y > 0 ? nx : 0);
    const double along_x = log_sum(conductance_x + row * (nx + 1), 1, nx);
    if (threadIdx.x == 0)
        sums[row] = along_z, sums[rows + row] = along_y, sums[2 * rows + row] = along_x;
}
