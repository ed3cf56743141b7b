// Drug leaves its carriers over one step: pool ← pool e^{−k dt}, from the free and the bound carriers into `released`,
// from those in cells into `released_in_cells` (set the first time, then added to).
//   k = outside + place_rate + triggered·triggered_rate, or inside + triggered·triggered_rate, 1/s; a null map is 0,
//   a null pool is empty, and `released` may be null where nothing is released outside
//   booked per row: what was released outside, and in cells, is added, from the pools as they are stored
#include "grid.cuh"
#include "decayed_part.cuh"
#include "rounding.cuh"
#include "row_sum.cuh"

// Let a pool lose a part, and return how much that is as it is stored.
static __device__ __forceinline__ double lose(real* pool, double part, unsigned int dither)
{
    const double before = *pool;
    const real after = rounded<real>(before - before * part, dither);
    *pool = after;
    return before - (double)after;
}

extern "C" __global__ void release(
    real* __restrict__ concentration, real* __restrict__ bound, real* __restrict__ internalised,
    real* __restrict__ released, real* __restrict__ released_in_cells, double* __restrict__ booked,
    const real* __restrict__ place_rate, const real* __restrict__ triggered_rate,
    const real* __restrict__ available_fraction,
    double outside, double inside, double triggered, double dt, int first, int seed, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx), rows = (long long)nz * ny, here = (long long)z * ny + y;
    const unsigned int dither_c = row_dither(seed, here), dither_b = row_dither(seed + 1, here);
    const unsigned int dither_i = row_dither(seed + 2, here);
    double out = 0, in = 0;
    SUM_X(out, in)
    FOR_EACH_X(x, 0, nx) {
        const double heat = triggered_rate ? triggered * (double)triggered_rate[row + x] : 0.0;
        const double there = place_rate ? (double)place_rate[row + x] : 0.0;
        const double part = decayed_part((outside + there + heat) * dt), part_in = decayed_part((inside + heat) * dt);
        double lost = 0;
        if (concentration)
            lost = (double)available_fraction[row + x] * lose(concentration + row + x, part, dither_at(dither_c, x));
        if (bound)
            lost += lose(bound + row + x, part, dither_at(dither_b, x));
        const double lost_in = internalised ? lose(internalised + row + x, part_in, dither_at(dither_i, x)) : 0.0;
        if (released)
            released[row + x] = first ? (real)lost : released[row + x] + (real)lost;
        released_in_cells[row + x] = first ? (real)lost_in : released_in_cells[row + x] + (real)lost_in;
        out += lost;
        in += lost_in;
    }
    double sums[] = {out, in};
    row_sums(sums);
    if (threadIdx.x == 0) {
        booked[here] += sums[0];
        booked[rows + here] += sums[1];
    }
}
