// Darcy velocity on faces: u_f = −T_f (p_high − p_low).
//   conductance_*   T_f of the pressure operator on the same faces, m/(Pa s)
//   pressure        at voxel centres, Pa
//   boundary_*      pressure on the six faces of the box, Pa (any number where T_f = 0)
#include "grid.cuh"

extern "C" __global__ void darcy_velocity(
    real* __restrict__ velocity_x, real* __restrict__ velocity_y, real* __restrict__ velocity_z,
    const real* __restrict__ conductance_x, const real* __restrict__ conductance_y,
    const real* __restrict__ conductance_z, const real* __restrict__ pressure,
    real boundary_z_low, real boundary_z_high, real boundary_y_low, real boundary_y_high,
    real boundary_x_low, real boundary_x_high, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx);
    const real* p = pressure + row;

    // x: nx + 1 faces in this row
    const real* tx = conductance_x + row_start(z, y, ny, nx + 1);
    real* ux = velocity_x + row_start(z, y, ny, nx + 1);
    FOR_X(x, 1, nx) ux[x] = -tx[x] * (p[x] - p[x - 1]);
    if (threadIdx.x == 0) {
        ux[0] = -tx[0] * (p[0] - boundary_x_low);
        ux[nx] = -tx[nx] * (boundary_x_high - p[nx - 1]);
    }

    // y: the low face of this row, and the last face of the slab
    const long long low_y = row_start(z, y, ny + 1, nx);
    FOR_X(x, 0, nx)
        velocity_y[low_y + x] = -conductance_y[low_y + x] * (p[x] - (y > 0 ? p[x - nx] : boundary_y_low));
    if (y == ny - 1)
        FOR_X(x, 0, nx) velocity_y[low_y + nx + x] = -conductance_y[low_y + nx + x] * (boundary_y_high - p[x]);

    // z: likewise
    const long long slab = (long long)ny * nx;
    FOR_X(x, 0, nx)
        velocity_z[row + x] = -conductance_z[row + x] * (p[x] - (z > 0 ? p[x - slab] : boundary_z_low));
    if (z == nz - 1)
        FOR_X(x, 0, nx) velocity_z[row + slab + x] = -conductance_z[row + slab + x] * (boundary_z_high - p[x]);
}
