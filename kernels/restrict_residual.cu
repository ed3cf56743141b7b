// The residual of the fine level as the source of the coarse one: the sum of (source − A p) over the voxels of a
// block, divided by the voxels of a full block (2 along every axis that is halved, else 1).
//   n* the fine shape, m* the coarse one
#include "pressure_row.cuh"

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
            if (fx == 2)
                FOR_X(x, 1, mx - 1) {
                    const int i = 2 * x, j = i + 1;
                    const real both = s[i] - a(i, p[i - 1], p[j]) + s[j] - a(j, p[i], p[j + 1]);
                    result[x] = share * both + (begun ? result[x] : (real)0);
                }
            else
                FOR_X(x, 1, mx - 1)
                    result[x] = share * (s[x] - a(x, p[x - 1], p[x + 1])) + (begun ? result[x] : (real)0);
            for (int e = threadIdx.x; e < (mx < 2 ? 1 : 2); e += blockDim.x) {      // the two ends of the row
                const int x = e == 0 ? 0 : mx - 1, end = fx * x + fx < nx ? fx * x + fx : nx;
                real sum = 0;
                for (int i = fx * x; i < end; ++i)
                    sum += s[i] - a(i, i > 0 ? p[i - 1] : (real)0, i < nx - 1 ? p[i + 1] : (real)0);
                result[x] = share * sum + (begun ? result[x] : (real)0);
            }
        }
}
