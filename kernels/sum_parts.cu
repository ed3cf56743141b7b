// Sums over the members of each part: part i holds members[starts_i] … members[starts_(i+1) − 1] of the finer level.
//   m* the shape of the parts
#include "grid.cuh"

extern "C" __global__ void sum_parts(
    real* __restrict__ sums, const real* __restrict__ values, const int* __restrict__ members,
    const int* __restrict__ starts, int mz, int my, int mx)
{
    const long long row = row_start(blockIdx.y, blockIdx.x, my, mx);
    FOR_EACH_X(x, 0, mx) {
        double sum = 0;
        for (int k = starts[row + x]; k < starts[row + x + 1]; ++k)
            sum += (double)values[members[k]];
        sums[row + x] = (real)sum;
    }
}
