// Bound → internalised → degraded, with decay of both and of the free agent, over one step; exact, as a chain of linear
// reactions.
//   concentration, available_fraction   C and ε of the free agent (null: it does not decay)
//   booked per row: what decayed and what was degraded is added, from the amounts as they are stored
#include "grid.cuh"
#include "decayed_part.cuh"
#include "rounding.cuh"
#include "row_sum.cuh"

extern "C" __global__ void internalise(
    real* __restrict__ concentration, real* __restrict__ bound, real* __restrict__ internalised,
    double* __restrict__ booked, const real* __restrict__ available_fraction,
    double internalisation, double degradation, double decay, double dt, int seed, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx), rows = (long long)nz * ny, here = (long long)z * ny + y;
    const unsigned int dither = row_dither(seed, here), dither_free = row_dither(seed + 1, here);
    const double kb = internalisation + decay, ki = degradation + decay;
    const double lost_n = decayed_part(decay * dt), lost_b = decayed_part(kb * dt), lost_i = decayed_part(ki * dt);
    // k_e ∫ e^{−ki(dt−s)} e^{−kb s} ds
    const double gap = fabs(ki - kb), part = decayed_part(gap * dt);
    const double passed = internalisation * (1.0 - decayed_part(fmin(ki, kb) * dt)) * (gap > 0 ? part / gap : dt);
    const double per_n = decay > 0 ? lost_n / decay : dt, per_b = kb > 0 ? lost_b / kb : dt;
    double decayed = 0, degraded = 0;
    SUM_X(decayed, degraded)
    FOR_EACH_X(x, 0, nx) {
        const double b = bound ? (double)bound[row + x] : 0.0, i = internalised ? (double)internalised[row + x] : 0.0;
        const double c = concentration ? (double)concentration[row + x] : 0.0;
        const double epsilon = concentration ? (double)available_fraction[row + x] : 0.0;
        const double exact_i = i + (b * passed - i * lost_i);
        const real new_c = rounded<real>(c - c * lost_n, dither_at(dither_free, x));
        const real new_b = rounded<real>(b - b * lost_b, dither_at(dither, x));
        const real new_i = rounded<real>(exact_i, ~dither_at(dither, x));
        if (concentration)
            concentration[row + x] = new_c;
        if (bound)
            bound[row + x] = new_b;
        if (internalised)
            internalised[row + x] = new_i;
        const double lost = epsilon * (c - (double)new_c) + (b - (double)new_b) + (i - (double)new_i);
        // time integrals of N, B and I, to share the loss between decay and degradation
        const double over_n = epsilon * c * per_n, over_b = b * per_b;
        const double over_i = ki > 0 ? (i + internalisation * over_b - exact_i) / ki : 0.0;
        const double by_decay = decay * (over_n + over_b + over_i), by_degradation = degradation * over_i;
        const double all = by_decay + by_degradation, share = all > 0 ? lost / all : 0.0;
        decayed += share * by_decay;
        degraded += share * by_degradation;
    }
    double sums[] = {decayed, degraded};
    row_sums(sums);
    if (threadIdx.x == 0) {
        booked[here] += sums[0];
        booked[rows + here] += sums[1];
    }
}
