// Bound → internalised → degraded, with decay of both, over one step; exact, as two linear reactions in a chain.
//   booked per row: 0 decayed, 1 degraded; from the amounts as they are stored
#include "grid.cuh"
#include "rounding.cuh"
#include "row_sum.cuh"

extern "C" __global__ void internalise(
    real* __restrict__ bound, real* __restrict__ internalised, double* __restrict__ booked,
    double internalisation, double degradation, double decay, double dt, int seed, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx), rows = (long long)nz * ny, here = (long long)z * ny + y;
    const unsigned int dither = row_dither(seed, here);
    const double kb = internalisation + decay, ki = degradation + decay, gap = fabs(ki - kb);
    const double lost_b = -expm1(-kb * dt), lost_i = -expm1(-ki * dt);
    // k_e ∫ e^{−ki(dt−s)} e^{−kb s} ds
    const double passed = internalisation * exp(-fmin(ki, kb) * dt) * (gap > 0 ? -expm1(-gap * dt) / gap : dt);
    const double per_b = kb > 0 ? lost_b / kb : dt;
    double decayed = 0, degraded = 0;
    SUM_X(decayed, degraded)
    FOR_EACH_X(x, 0, nx) {
        const double b = bound ? (double)bound[row + x] : 0.0, i = internalised ? (double)internalised[row + x] : 0.0;
        const double exact_i = i + (b * passed - i * lost_i);
        const real new_b = rounded<real>(b - b * lost_b, dither_at(dither, x));
        const real new_i = rounded<real>(exact_i, ~dither_at(dither, x));
        if (bound)
            bound[row + x] = new_b;
        if (internalised)
            internalised[row + x] = new_i;
        const double lost = (b - (double)new_b) + (i - (double)new_i);
        // time integrals of B and I, to share the loss between decay and degradation
        const double over_b = b * per_b, over_i = ki > 0 ? (i + internalisation * over_b - exact_i) / ki : 0.0;
        const double by_decay = decay * (over_b + over_i), by_degradation = degradation * over_i;
        const double all = by_decay + by_degradation, share = all > 0 ? lost / all : 0.0;
        decayed += share * by_decay;
        degraded += share * by_degradation;
    }
    const double sums[2] = {row_sum(decayed), row_sum(degraded)};
    if (threadIdx.x == 0) {
        booked[here] = sums[0];
        booked[rows + here] = sums[1];
    }
}
