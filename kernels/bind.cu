// Reversible binding in a closed voxel, N + site ⇌ B, solved exactly over one step (N = εC, T = N + B conserved):
//   dB/dt = k'[(T − B)(B_max − B) − K_d B],  k' = k_on/ε,  K_d = k_off/k'
// With the roots b± of the bracket: (B − b₋)/(b₊ − B) = (B₀ − b₋)/(b₊ − B₀) · e^{−k'(b₊ − b₋) dt}.
#include "grid.cuh"

extern "C" __global__ void bind(
    real* __restrict__ concentration, real* __restrict__ bound, const real* __restrict__ binding_sites,
    const real* __restrict__ available_fraction, double binding_on, double binding_off, double dt,
    int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx);
    FOR_X(x, 0, nx) {
        const long long i = row + x;
        const double epsilon = available_fraction[i], sites = binding_sites[i], before = bound[i];
        const double total = epsilon * (double)concentration[i] + before;
        const double k = binding_on / epsilon;
        const double dissociation = binding_off / k;
        const double sum = total + sites + dissociation, excess = total - sites;
        const double gap = sqrt(excess * excess + dissociation * (sum + total + sites));   // b₊ − b₋ without cancellation
        const double upper = 0.5 * (sum + gap), lower = upper > 0 ? total * sites / upper : 0.0;
        const double room = upper - before;      // 0 only where everything is bound and stays so
        const double q = room > 0 ? (before - lower) / room * exp(-k * gap * dt) : 0.0;
        double after = room > 0 ? (lower + upper * q) / (1 + q) : before;
        if (gap <= 1e-12 * sum)                  // double root: B − b relaxes as 1/t
            after = lower + (before - lower) / (1 + k * (lower - before) * dt);
        after = fmin(fmax(after, 0.0), fmin(total, sites));
        const real stored = (real)after;
        bound[i] = stored;
        concentration[i] = (real)((total - after) / epsilon);
    }
}
