// The next search direction of conjugate gradients: p ← z + β p.
//   preconditioned   z, float32;   with β = 0 the old direction is not read
#include "grid.cuh"

extern "C" __global__ void search_direction(
    double* __restrict__ direction, const float* __restrict__ preconditioned, double beta, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx);
    double* p = direction + row;
    const float* v = preconditioned + row;
    if (beta == 0)
        FOR_X(x, 0, nx) p[x] = v[x];
    else
        FOR_X(x, 0, nx) p[x] = v[x] + beta * p[x];
}
