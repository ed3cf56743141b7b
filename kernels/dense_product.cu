// result = matrix · vector, one row of the matrix a block of threads.
//   products   null, or per row: vector_i result_i
#include "grid.cuh"
#include "row_sum.cuh"

extern "C" __global__ void dense_product(
    real* __restrict__ result, double* __restrict__ products, const real* __restrict__ matrix,
    const real* __restrict__ vector, int n)
{
    const int row = blockIdx.x;
    const real* m = matrix + (long long)row * n;
    double sum = 0;
    FOR_X(x, 0, n) sum += (double)(m[x] * vector[x]);
    sum = row_sum(sum);
    if (threadIdx.x == 0) {
        result[row] = (real)sum;
        if (products)
            products[row] = (double)vector[row] * (double)(real)sum;
    }
}
