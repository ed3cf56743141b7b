// A p = Σ_faces T_f (p_i − p_neighbour)/h + G p_i, and p·(A p) row by row.
//   pressure    p in float32, however exact the rest
//   outside_*   pressures beyond the six faces of the box, Pa      products   per row: Σ_x p_i (A p)_i
#include "pressure_row.cuh"
#include "row_sum.cuh"

struct Single                                           // float32 values as real ones
{
    const float* values;
    __device__ __forceinline__ real operator[](int x) const { return (real)values[x]; }
};
static __device__ __forceinline__ Single operator+(const Single& a, long long i) { return {a.values + i}; }

extern "C" __global__ void pressure_operator(
    real* __restrict__ image, double* __restrict__ products, const float* __restrict__ pressure,
    const real* __restrict__ conductance_x, const real* __restrict__ conductance_y,
    const real* __restrict__ conductance_z, const real* __restrict__ absorption,
    real outside_z_low, real outside_z_high, real outside_y_low, real outside_y_high,
    real outside_x_low, real outside_x_high,
    real spacing_z, real spacing_y, real spacing_x, int nz, int ny, int nx)
{
    ROW(z, y);
    const Outside outside = {outside_z_low, outside_z_high, outside_y_low, outside_y_high,
                             outside_x_low, outside_x_high};
    const auto a = pressure_row(Single{pressure}, conductance_z, conductance_y, conductance_x, absorption, outside,
                                spacing_z, spacing_y, spacing_x, z, y, nz, ny, nx);
    real* result = image + row_start(z, y, ny, nx);
    const double sum = row_sum(along_row(a, nx, [&](int x, real left, real right) {
        const real value = a(x, left, right);
        result[x] = value;
        return (double)a.p[x] * (double)value;
    }));
    if (threadIdx.x == 0)
        products[(long long)z * ny + y] = sum;
}
