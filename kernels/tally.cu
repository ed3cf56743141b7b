// What a pool amounts to over time: its exposure ∫ N dt, by the trapezoid of every step, and its highest value so far.
//   before, value   the pool at the start and at the end of the step; `before` becomes `value`
#include "grid.cuh"
#include "rounding.cuh"

extern "C" __global__ void tally(
    real* __restrict__ exposure, real* __restrict__ before, real* __restrict__ peak, const real* __restrict__ value,
    double half_step, int seed, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx);
    const unsigned int dither = row_dither(seed, (long long)z * ny + y);
    FOR_X(x, 0, nx) {
        const long long i = row + x;
        const real now = value[i];
        if (GIVEN(exposure)) {
            const double more = half_step * ((double)before[i] + (double)now);
            exposure[i] = rounded<real>((double)exposure[i] + more, dither_at(dither, x));
            before[i] = now;
        }
        if (GIVEN(peak))
            peak[i] = peak[i] < now ? now : peak[i];
    }
}
