// The residual of the fine level as the source of the coarse one: the sum of (source − A p) over the voxels of a
// block, divided by the voxels of a full block (2 along every axis that is halved, else 1).
//   n* the fine shape, m* the coarse one
#include "pressure_row.cuh"

#define PIECE 256                                       // voxels of a row at a time, even

extern "C" __global__ void restrict_residual(
    real* __restrict__ coarse_source, const real* __restrict__ pressure, const real* __restrict__ source,
    const real* __restrict__ conductance_x, const real* __restrict__ conductance_y,
    const real* __restrict__ conductance_z, const real* __restrict__ absorption,
    real spacing_z, real spacing_y, real spacing_x, int mz, int my, int mx, int nz, int ny, int nx)
{
    const int cz = blockIdx.y, cy = blockIdx.x;
    const int fz = mz < nz ? 2 : 1, fy = my < ny ? 2 : 1, fx = mx < nx ? 2 : 1;
    const real share = (real)1 / (real)(fz * fy * fx);
    const int z_end = fz * cz + fz < nz ? fz * cz + fz : nz, y_end = fy * cy + fy < ny ? fy * cy + fy : ny;
    real* result = coarse_source + row_start(cz, cy, my, mx);

    for (int z = fz * cz; z < z_end; ++z)
        for (int y = fy * cy; y < y_end; ++y) {
            const bool begun = z > fz * cz || y > fy * cy;
            const PressureRow a = pressure_row(pressure, conductance_z, conductance_y, conductance_x, absorption,
                                               Outside{}, spacing_z, spacing_y, spacing_x, z, y, nz, ny, nx);
            const real *p = a.p, *s = source + row_start(z, y, ny, nx);
            const auto residual = [&](int i) {
                return s[i] - a(i, i > 0 ? p[i - 1] : (real)0, i < nx - 1 ? p[i + 1] : (real)0);
            };
#ifdef TUMORSIM_HOST                                    // the fine row first, so that the compiler vectorises it
            for (int begin = 0; begin < nx; begin += PIECE) {
                const int end = begin + PIECE < nx ? begin + PIECE : nx, last = end < nx ? end : nx - 1;
                real fine[PIECE];
                if (begin == 0)
                    fine[0] = residual(0);
                VECTORISE
                for (int i = begin ? begin : 1; i < last; ++i)
                    fine[i - begin] = s[i] - a(i, p[i - 1], p[i + 1]);
                if (end == nx)
                    fine[nx - 1 - begin] = residual(nx - 1);
                real* part = result + begin / fx;
                const int pairs = (end - begin) / fx;
                VECTORISE
                for (int x = 0; x < pairs; ++x) {
                    const real sum = fx == 2 ? fine[2 * x] + fine[2 * x + 1] : fine[x];
                    part[x] = share * sum + (begun ? part[x] : (real)0);
                }
                if (pairs * fx < end - begin)
                    part[pairs] = share * fine[end - begin - 1] + (begun ? part[pairs] : (real)0);
            }
#else
            for (int x = threadIdx.x; x < mx; x += blockDim.x) {
                real sum = residual(fx * x);
                if (fx == 2 && 2 * x + 1 < nx)
                    sum += residual(2 * x + 1);
                result[x] = share * sum + (begun ? result[x] : (real)0);
            }
#endif
        }
}
