// Fluid that leaves the blood and that lymph drains, per tissue volume, 1/s, from the pressure p:
//   filtration φ_v = G_v (p_e − p),    lymph_drainage φ_L = G_L max(p − p_L, 0)
//   totals   per row: sums of φ_v, φ_L and |φ_v|
#include "grid.cuh"
#include "row_sum.cuh"

extern "C" __global__ void fluid_exchange(
    real* __restrict__ filtration, real* __restrict__ lymph_drainage, double* __restrict__ totals,
    const double* __restrict__ pressure, const double* __restrict__ vessel_filtration,
    const double* __restrict__ effective_pressure, const double* __restrict__ lymphatic_filtration,
    const double* __restrict__ lymphatic_pressure, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx), rows = (long long)nz * ny;
    double in = 0, out = 0, size = 0;
    for (int x = threadIdx.x; x < nx; x += blockDim.x) {
        const long long i = row + x;
        const double excess = pressure[i] - lymphatic_pressure[i];
        const double filtered = vessel_filtration[i] * (effective_pressure[i] - pressure[i]);
        const double drained = excess > 0 ? lymphatic_filtration[i] * excess : 0.0;
        filtration[i] = (real)filtered;
        lymph_drainage[i] = (real)drained;
        in += filtered, out += drained, size += fabs(filtered);
    }
    double sums[] = {in, out, size};
    row_sums(sums);
    if (threadIdx.x == 0) {
        double* total = totals + (long long)z * ny + y;
        total[0] = sums[0], total[rows] = sums[1], total[2 * rows] = sums[2];
    }
}
