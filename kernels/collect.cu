// Add to a pool what came into it.
#include "grid.cuh"
#include "rounding.cuh"

extern "C" __global__ void collect(
    real* __restrict__ pool, const real* __restrict__ amount, int seed, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx);
    const unsigned int dither = row_dither(seed, (long long)z * ny + y);
    FOR_X(x, 0, nx) {
        const real sum = rounded<real>((double)pool[row + x] + (double)amount[row + x], dither_at(dither, x));
        pool[row + x] = sum > 0 ? sum : (real)0;
    }
}
