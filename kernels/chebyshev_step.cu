// One step of Chebyshev smoothing, the new iterate written over the one before last:
//   older ← weight_newer newer + weight_older older + step D⁻¹ (source − A newer),    D the diagonal of A
//   newer          null: zero, the start from nothing
//   weight_older   0: older is written, not read
//   products       null, or per row: Σ_x source_i older_i of the new iterate
// Beyond a fixed face of the box the pressure is zero: this corrects a pressure that is already right there.
#include "pressure_row.cuh"
#include "row_sum.cuh"

extern "C" __global__ void chebyshev_step(
    real* __restrict__ older, double* __restrict__ products, const real* __restrict__ newer,
    const real* __restrict__ source, const real* __restrict__ conductance_x,
    const real* __restrict__ conductance_y, const real* __restrict__ conductance_z,
    const real* __restrict__ absorption, real weight_newer, real weight_older, real step,
    real spacing_z, real spacing_y, real spacing_x, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx);
    const PressureRow a = pressure_row(newer ? newer : source, conductance_z, conductance_y, conductance_x,
                                       absorption, Outside{}, spacing_z, spacing_y, spacing_x, z, y, nz, ny, nx);
    const real* s = source + row;
    real* result = older + row;
    if (!newer)
        FOR_X(x, 0, nx) result[x] = step * s[x] / a.diagonal(x);
    else
        along_row(a, nx, [&](int x, real left, real right) {
            const real before = weight_older != 0 ? weight_older * result[x] : (real)0;
            result[x] = weight_newer * a.p[x] + before + step * (s[x] - a(x, left, right)) / a.diagonal(x);
            return 0.0;
        });
    if (!products)
        return;
    double sum = 0;
    SUM_X(sum)
    FOR_EACH_X(x, 0, nx)
        sum += (double)s[x] * (double)result[x];
    sum = row_sum(sum);
    if (threadIdx.x == 0)
        products[(long long)z * ny + y] = sum;
}
