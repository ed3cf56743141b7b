// Patlak exchange between plasma and tissue: gain a C_p, loss b C.
//   permeability_density   P S/V, 1/s            filtration   φ_v, 1/s
//   reflection             σ of the particle
#include "grid.cuh"
#include "bernoulli.cuh"

extern "C" __global__ void wall_exchange_rates(
    real* __restrict__ extravasation, real* __restrict__ reabsorption,
    const real* __restrict__ permeability_density, const real* __restrict__ reflection,
    const real* __restrict__ filtration, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx);
    FOR_X(x, 0, nx) {
        const long long i = row + x;
        const double p = permeability_density[i];
        const double carried = (double)filtration[i] * (1.0 - (double)reflection[i]);
        const bool only_carried = fabs(carried) >= 700.0 * p;
        const double peclet = only_carried ? 0.0 : carried / p;
        extravasation[i] = only_carried ? fmax(carried, 0.0) : p * bernoulli(-peclet);
        reabsorption[i] = only_carried ? fmax(-carried, 0.0) : p * bernoulli(peclet);
    }
}
