// The next search direction of conjugate gradients: p ← z + β p,  β = r·z over that of the iteration before.
//   direction, preconditioned   p and z, float32;   product, last_product   r·z, and before (∞ or 0: β = 0, the old direction is not read)
#include "grid.cuh"

extern "C" __global__ void search_direction(
    float* __restrict__ direction, const float* __restrict__ preconditioned, const double* __restrict__ product,
    const double* __restrict__ last_product, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx);
    float* p = direction + row;
    const float* v = preconditioned + row;
    const double beta = *last_product != 0 ? *product / *last_product : 0.0;
    if (beta == 0)
        FOR_X(x, 0, nx) p[x] = v[x];
    else
        FOR_X(x, 0, nx) p[x] = (float)((double)v[x] + beta * (double)p[x]);
}
