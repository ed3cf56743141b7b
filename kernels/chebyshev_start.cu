// The first two steps of Chebyshev smoothing from zero, in one pass over memory:
//   first = first_step D⁻¹ source,    second = weight first + step D⁻¹ (source − A first)
//   inverse_diagonal   D⁻¹, stored, since a voxel needs that of its neighbours      first   null: not kept
// Beyond a fixed face of the box the pressure is zero.
#include "pressure_row.cuh"

struct Quotients                                        // D⁻¹ source: `first` but for its factor, where it is needed
{
    const real *source, *inverse;
    __device__ __forceinline__ real operator[](int x) const { return inverse[x] * source[x]; }
};
static __device__ __forceinline__ Quotients operator+(const Quotients& a, long long i)
{
    return {a.source + i, a.inverse + i};
}

extern "C" __global__ void chebyshev_start(
    real* __restrict__ second, real* __restrict__ first, const real* __restrict__ source,
    const real* __restrict__ inverse_diagonal, const real* __restrict__ conductance_x,
    const real* __restrict__ conductance_y, const real* __restrict__ conductance_z,
    const real* __restrict__ absorption, real first_step, real weight, real step,
    real spacing_z, real spacing_y, real spacing_x, int nz, int ny, int nx)
{
    ROW(z, y);
    const auto a = pressure_row(Quotients{source, inverse_diagonal}, conductance_z, conductance_y, conductance_x,
                                absorption, Outside{}, spacing_z, spacing_y, spacing_x, z, y, nz, ny, nx);
    const long long row = row_start(z, y, ny, nx);
    real *result = second + row, *kept = first ? first + row : nullptr;
    along_row(a, nx, [&](int x, real left, real right) {
        const real before = first_step * a.p[x], source_here = a.p.source[x];
        result[x] = weight * before + step * a.p.inverse[x] * (source_here - first_step * a(x, left, right));
        if (kept)
            kept[x] = before;
        return 0.0;
    });
}
