// Free and bound → internalised → degraded, with decay of all three, over one step; exact, as chains of linear reactions.
//   concentration, available_fraction   C and ε of the free agent (null: it neither decays nor is taken up)
//   uptake_rate                         by cells, 1/s (null: none)
//   booked per row: what decayed and what was degraded is added, from the amounts as they are stored
#include "grid.cuh"
#include "decayed_part.cuh"
#include "rounding.cuh"
#include "row_sum.cuh"

// ∫ e^{−k(dt−s)} e^{−l s} ds: what is left of a feed that itself falls at the rate l
static __device__ __forceinline__ double fed(double k, double l, double dt)
{
    const double gap = fabs(k - l), part = decayed_part(gap * dt);
    return (1.0 - decayed_part(fmin(k, l) * dt)) * (gap > 0 ? part / gap : dt);
}

extern "C" __global__ void internalise(
    real* __restrict__ concentration, real* __restrict__ bound, real* __restrict__ internalised,
    double* __restrict__ booked, const real* __restrict__ uptake_rate, const real* __restrict__ available_fraction,
    double internalisation, double degradation, double decay, double dt, int seed, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx), rows = (long long)nz * ny, here = (long long)z * ny + y;
    const unsigned int dither = row_dither(seed, here), dither_free = row_dither(seed + 1, here);
    const double kb = internalisation + decay, ki = degradation + decay;
    const double lost_b = decayed_part(kb * dt), lost_i = decayed_part(ki * dt);
    const double passed_b = internalisation * fed(ki, kb, dt), per_b = kb > 0 ? lost_b / kb : dt;
    double decayed = 0, degraded = 0;
    SUM_X(decayed, degraded)
    FOR_EACH_X(x, 0, nx) {
        const double b = bound ? (double)bound[row + x] : 0.0, i = internalised ? (double)internalised[row + x] : 0.0;
        const double c = concentration ? (double)concentration[row + x] : 0.0;
        const double epsilon = concentration ? (double)available_fraction[row + x] : 0.0;
        const double uptake = uptake_rate ? (double)uptake_rate[row + x] : 0.0, kn = uptake + decay, n = epsilon * c;
        const double lost_n = decayed_part(kn * dt);
        const double exact_i = i + (b * passed_b + n * uptake * fed(ki, kn, dt) - i * lost_i);
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
        const double over_n = n * (kn > 0 ? lost_n / kn : dt), over_b = b * per_b;
        const double over_i = ki > 0 ? (i + uptake * over_n + internalisation * over_b - exact_i) / ki : 0.0;
        const double by_decay = decay * (over_n + over_b + over_i), by_degradation = degradation * over_i;
        const double all = by_decay + by_degradation, share = all > 0 ? lost / all : 0.0;
        decayed += share * by_decay;
        degraded += share * by_degradation;
    }
    const double sums[2] = {row_sum(decayed), row_sum(degraded)};
    if (threadIdx.x == 0) {
        booked[here] += sums[0];
        booked[rows + here] += sums[1];
    }
}
