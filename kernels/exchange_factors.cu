// What a step of length dt takes from C, and adds to it per unit of plasma concentration:
//   lost = 1 − e^{−k dt},  gained = (a/ε)·lost/k,  k = (b + φ_L)/ε + uptake + decay
#include "decayed_part.cuh"
#include "grid.cuh"

extern "C" __global__ void exchange_factors(
    real* __restrict__ lost, real* __restrict__ gained, const real* __restrict__ extravasation,
    const real* __restrict__ reabsorption, const real* __restrict__ lymph_drainage,
    const real* __restrict__ uptake_rate, const real* __restrict__ available_fraction,
    double decay, double dt, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx);
    FOR_X(x, 0, nx) {
        const long long i = row + x;
        const double drained = (double)reabsorption[i] + (lymph_drainage ? (double)lymph_drainage[i] : 0.0);
        const double uptake = uptake_rate ? (double)uptake_rate[i] : 0.0;
        const double k = drained / (double)available_fraction[i] + uptake + decay;
        const double part = decayed_part(k * dt);
        lost[i] = (real)part;
        gained[i] = (real)((double)extravasation[i] / (double)available_fraction[i] * (k > 0.0 ? part / k : dt));
    }
}
