// Darcy velocity on faces: u_f = −T_f (p_high − p_low), evaluated in double and stored in `real`.
//   conductance_*   T_f of the pressure operator on the same faces, m/(Pa s)
//   pressure        at voxel centres, Pa
//   outside_*       pressure beyond the six faces of the box, Pa (any number where T_f = 0)
#include "grid.cuh"

extern "C" __global__ void darcy_velocity(
    real* __restrict__ velocity_x, real* __restrict__ velocity_y, real* __restrict__ velocity_z,
    const double* __restrict__ conductance_x, const double* __restrict__ conductance_y,
    const double* __restrict__ conductance_z, const double* __restrict__ pressure,
    double outside_z_low, double outside_z_high, double outside_y_low, double outside_y_high,
    double outside_x_low, double outside_x_high, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx);
    const double* p = pressure + row;

    // x: nx + 1 faces in this row
    const double* tx = conductance_x + row_start(z, y, ny, nx + 1);
    real* ux = velocity_x + row_start(z, y, ny, nx + 1);
    FOR_X(x, 1, nx) ux[x] = (real)(tx[x] * (p[x - 1] - p[x]));
    if (threadIdx.x == 0) {
        ux[0] = (real)(tx[0] * (outside_x_low - p[0]));
        ux[nx] = (real)(tx[nx] * (p[nx - 1] - outside_x_high));
    }

    // y: the low face of this row, and the last face of the slab
    const double* ty = conductance_y + row_start(z, y, ny + 1, nx);
    real* uy = velocity_y + row_start(z, y, ny + 1, nx);
    if (y > 0)
        FOR_X(x, 0, nx) uy[x] = (real)(ty[x] * (p[x - nx] - p[x]));
    else
        FOR_X(x, 0, nx) uy[x] = (real)(ty[x] * (outside_y_low - p[x]));
    if (y == ny - 1)
        FOR_X(x, 0, nx) uy[nx + x] = (real)(ty[nx + x] * (p[x] - outside_y_high));

    // z: likewise
    const long long slab = (long long)ny * nx;
    const double* tz = conductance_z + row;
    real* uz = velocity_z + row;
    if (z > 0)
        FOR_X(x, 0, nx) uz[x] = (real)(tz[x] * (p[x - slab] - p[x]));
    else
        FOR_X(x, 0, nx) uz[x] = (real)(tz[x] * (outside_z_low - p[x]));
    if (z == nz - 1)
        FOR_X(x, 0, nx) uz[slab + x] = (real)(tz[slab + x] * (p[x] - outside_z_high));
}
