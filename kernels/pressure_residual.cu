// What is left of the pressure equation: r = source − A p; r once more in float32, and r·r row by row.
//   outside_*   pressures beyond the six faces of the box, Pa
#include "pressure_row.cuh"
#include "row_sum.cuh"

extern "C" __global__ void pressure_residual(
    real* __restrict__ residual, float* __restrict__ residual32, double* __restrict__ squares,
    const real* __restrict__ pressure, const real* __restrict__ source,
    const real* __restrict__ conductance_x, const real* __restrict__ conductance_y,
    const real* __restrict__ conductance_z, const real* __restrict__ absorption,
    real outside_z_low, real outside_z_high, real outside_y_low, real outside_y_high,
    real outside_x_low, real outside_x_high,
    real spacing_z, real spacing_y, real spacing_x, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx);
    const Outside outside = {outside_z_low, outside_z_high, outside_y_low, outside_y_high,
                             outside_x_low, outside_x_high};
    const PressureRow a = pressure_row(pressure, conductance_z, conductance_y, conductance_x, absorption, outside,
                                       spacing_z, spacing_y, spacing_x, z, y, nz, ny, nx);
    const real* s = source + row;
    real* r = residual + row;
    float* r32 = residual32 + row;
    const double sum = row_sum(along_row(a, nx, [&](int x, real left, real right) {
        const real value = s[x] - a(x, left, right);
        r[x] = value;
        r32[x] = (float)value;
        return (double)value * (double)value;
    }));
    if (threadIdx.x == 0)
        squares[(long long)z * ny + y] = sum;
}
