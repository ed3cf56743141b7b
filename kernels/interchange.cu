// Two pools that turn into each other, A → B at the rate `on` and back at `off`, over one step; exact.
#include "grid.cuh"
#include "rounding.cuh"

extern "C" __global__ void interchange(
    real* __restrict__ first, real* __restrict__ second, double on, double off, double dt, int seed,
    int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx);
    const unsigned int dither = row_dither(seed, (long long)z * ny + y);
    const double part = -expm1(-(on + off) * dt) / (on + off);
    FOR_X(x, 0, nx) {
        const double a = first[row + x], b = second[row + x];
        const real new_b = rounded<real>(b + (on * a - off * b) * part, dither_at(dither, x));
        const real new_a = rounded<real>(a - ((double)new_b - b), ~dither_at(dither, x));
        second[row + x] = new_b;
        first[row + x] = new_a > 0 ? new_a : (real)0;
    }
}
