// Reversible binding in a closed voxel, N + site ⇌ B, solved exactly over one step (N = εC, T = N + B conserved). With
// V = B_max − B, what binds since the start obeys dδ/dt = k'[δ² − Σδ + P], k' = k_on/ε, K_d = k_off/k':
//   Σ = N + V + K_d,  P = NV − K_d B,  g = √(Σ² − 4P),  δ = 2P(1 − E)/(g(1 + E) + Σ(1 − E)),  E = e^{−k' g dt}
// Not `limited`, sites never fill nor let go: dδ/dt = k' S (N − δ).
#include "decayed_part.cuh"
#include "grid.cuh"
#include "rounding.cuh"

extern "C" __global__ void bind(
    real* __restrict__ concentration, real* __restrict__ bound, const real* __restrict__ binding_sites,
    const real* __restrict__ available_fraction, double binding_on, double binding_off, int limited, double dt,
    int seed, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx);
    const unsigned int dither = row_dither(seed, (long long)z * ny + y);
    const double off_over_on = binding_off / binding_on;
    if (!limited) {
        FOR_X(x, 0, nx) {
            const long long i = row + x;
            const double epsilon = available_fraction[i], c = concentration[i];
            const double taken = c * decayed_part(binding_on / epsilon * (double)binding_sites[i] * dt);
            const real fewer = rounded<real>(c - taken, ~dither_at(dither, x));
            bound[i] = rounded<real>((double)bound[i] + epsilon * taken, dither_at(dither, x));
            concentration[i] = fewer > 0 ? fewer : (real)0;
        }
        return;
    }
    FOR_X(x, 0, nx) {
        const long long i = row + x;
        const double epsilon = available_fraction[i], inverse = 1 / epsilon, k = binding_on * inverse;
        const double c = concentration[i], b = bound[i], sites = binding_sites[i];
        const double dissociation = off_over_on * epsilon;
        const double free = epsilon * c, vacant = sites - b, excess = free - vacant;
        const double sum = free + vacant + dissociation;
        const double gap = sqrt(excess * excess + dissociation * (sum + free + vacant + 4 * b));    // all terms ≥ 0
        const double passed = decayed_part(k * gap * dt), time = gap > 0 ? passed / gap : k * dt;
        const double change = 2 * (free * vacant - dissociation * b) * time / (2 - passed + sum * time);
        const double most = free < vacant ? free : vacant;
        const double binds = change < -b ? -b : change > most ? most : change;
        const real stored = rounded<real>(b + binds, dither_at(dither, x));
        const real left = rounded<real>(c - binds * inverse, ~dither_at(dither, x));
        bound[i] = stored < binding_sites[i] ? stored : binding_sites[i];
        concentration[i] = left > 0 ? left : (real)0;
    }
}
