// Bound → internalised → degraded, with decay of both, over one step; exact, as two linear reactions in a chain.
//   booked per row: 0 decayed, 1 degraded; from the amounts as they are stored
#include "grid.cuh"
#include "row_sum.cuh"

extern "C" __global__ void internalise(
    real* __restrict__ bound, real* __restrict__ internalised, double* __restrict__ booked,
    double internalisation, double degradation, double decay, double dt, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx);
    const double kb = internalisation + decay, ki = degradation + decay, gap = ki - kb;
    const double kept_b = exp(-kb * dt), kept_i = exp(-ki * dt);
    // ∫ e^{−ki(dt−s)} e^{−kb s} ds
    const double passed = internalisation * (fabs(gap * dt) > 1e-8 ? (kept_b - kept_i) / gap : dt * kept_b);
    double decayed = 0, degraded = 0;
    for (int x = threadIdx.x; x < nx; x += blockDim.x) {
        const double b = bound ? (double)bound[row + x] : 0.0, i = internalised[row + x];
        const real new_b = (real)(b * kept_b), new_i = (real)(i * kept_i + b * passed);
        if (bound)
            bound[row + x] = new_b;
        internalised[row + x] = new_i;
        const double lost = b + i - (double)new_b - (double)new_i;
        // time integrals of B and I, to share the loss between decay and degradation
        const double over_b = kb > 0 ? b * (1 - kept_b) / kb : b * dt;
        const double over_i = ki > 0 ? (i + internalisation * over_b - (i * kept_i + b * passed)) / ki : 0.0;
        const double by_decay = decay * (over_b + over_i), by_degradation = degradation * over_i;
        const double all = by_decay + by_degradation;
        decayed += all > 0 ? lost * by_decay / all : 0.0;
        degraded += all > 0 ? lost * by_degradation / all : 0.0;
    }
    const long long rows = (long long)nz * ny, here = (long long)z * ny + y;
    const double sums[2] = {row_sum(decayed), row_sum(degraded)};
    if (threadIdx.x == 0) {
        booked[here] = sums[0];
        booked[rows + here] = sums[1];
    }
}
