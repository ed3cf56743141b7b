// The linear fluid exchange that the pressure equation holds: G p = source, with lymph only in voxels where it drains.
//   absorption = G_v + drains·G_L,   source = G_v p_e + drains·G_L p_L
//   drains     where p ≥ p_L − margin; without a pressure (null) everywhere
//   switched   per row: voxels whose lymph was switched on or off against the absorption that stood before
#include "grid.cuh"
#include "row_sum.cuh"

extern "C" __global__ void starling(
    double* __restrict__ absorption, double* __restrict__ source, double* __restrict__ switched,
    const double* __restrict__ pressure, const double* __restrict__ vessel_filtration,
    const double* __restrict__ effective_pressure, const double* __restrict__ lymphatic_filtration,
    const double* __restrict__ lymphatic_pressure, double margin, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx);
    double changes = 0;
    for (int x = threadIdx.x; x < nx; x += blockDim.x) {
        const long long i = row + x;
        const bool drains = !pressure || pressure[i] >= lymphatic_pressure[i] - margin;
        const double g_v = vessel_filtration[i], g_l = drains ? lymphatic_filtration[i] : 0.0, g = g_v + g_l;
        changes += pressure && absorption[i] != g ? 1.0 : 0.0;
        absorption[i] = g;
        source[i] = g_v * effective_pressure[i] + g_l * lymphatic_pressure[i];
    }
    changes = row_sum(changes);
    if (threadIdx.x == 0)
        switched[(long long)z * ny + y] = changes;
}
