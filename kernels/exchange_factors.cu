// What a step of length dt leaves of C, and adds to it per unit of plasma concentration:
//   kept = e^{−k dt},  gained = (a/ε)(1 − e^{−k dt})/k,  k = (b + φ_L)/ε + uptake + decay
#include "grid.cuh"

extern "C" __global__ void exchange_factors(
    real* __restrict__ kept, real* __restrict__ gained, const real* __restrict__ extravasation,
    const real* __restrict__ reabsorption, const real* __restrict__ lymph_drainage,
    const real* __restrict__ uptake_rate, const real* __restrict__ available_fraction,
    double decay, double dt, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx);
    FOR_X(x, 0, nx) {
        const long long i = row + x;
        const double drained = (double)reabsorption[i] + (double)lymph_drainage[i];
        const double k = drained / (double)available_fraction[i] + (double)uptake_rate[i] + decay;
        const double lost = -expm1(-k * dt);
        kept[i] = 1.0 - lost;
        gained[i] = (double)extravasation[i] / (double)available_fraction[i] * (k > 0.0 ? lost / k : dt);
    }
}
