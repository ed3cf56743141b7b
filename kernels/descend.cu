// A step of conjugate gradients along a direction p: x ← x + α p, r ← r − α A p; r once more in float32, and r·r row by row.
//   product, curvature   α = r·z / p·A p;  where that is no step (p·A p not above 0, or r·z not finite) all stays as it is
#include "pressure_row.cuh"
#include "row_sum.cuh"

extern "C" __global__ void descend(
    double* __restrict__ solution, double* __restrict__ residual, float* __restrict__ residual32,
    double* __restrict__ squares, const float* __restrict__ direction, const double* __restrict__ image,
    const double* __restrict__ product, const double* __restrict__ curvature, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx);
    double *s = solution + row, *r = residual + row;
    float* r32 = residual32 + row;
    const float* p = direction + row;
    const double* q = image + row;
    const bool steps = *curvature > 0 && *product - *product == 0;    // that is, finite
    const double alpha = steps ? *product / *curvature : 0.0;
    double sum = 0;
    SUM_X(sum)
    FOR_EACH_X(x, 0, nx) {
        const double left = r[x] - (steps ? alpha * q[x] : 0.0);
        s[x] += steps ? alpha * (double)p[x] : 0.0;
        r[x] = left;
        r32[x] = (float)left;
        sum += left * left;
    }
    sum = row_sum(sum);
    if (threadIdx.x == 0)
        squares[(long long)z * ny + y] = sum;
}
