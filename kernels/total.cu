// Sums of rows of numbers in a fixed order, a block of threads a row:  before ← sums (unless null),  sums_i ← Σ_x values_ix.
#include "grid.cuh"
#include "row_sum.cuh"

extern "C" __global__ void total(
    double* __restrict__ sums, double* __restrict__ before, const double* __restrict__ values, int n)
{
    const int row = blockIdx.y;
    const double* v = values + (long long)row * n;
    double sum = 0;
    SUM_X(sum)
    FOR_EACH_X(x, 0, n) sum += v[x];
    sum = row_sum(sum);
    if (threadIdx.x == 0) {
        if (before)
            before[row] = sums[row];
        sums[row] = sum;
    }
}
