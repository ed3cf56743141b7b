// Exchange with plasma and lymph, uptake and decay of the free agent over one step: C ← kept C + gained C_p.
// What ε C loses is shared out in proportion to the rates; `booked` gets the amounts, per row and term:
//   0 entered from plasma   1 returned to plasma   2 drained by lymph   3 decayed   4 taken up by cells
#include "grid.cuh"
#include "row_sum.cuh"

extern "C" __global__ void exchange(
    real* __restrict__ concentration, real* __restrict__ internalised, double* __restrict__ booked,
    const real* __restrict__ kept, const real* __restrict__ gained, const real* __restrict__ extravasation,
    const real* __restrict__ reabsorption, const real* __restrict__ lymph_drainage,
    const real* __restrict__ uptake_rate, const real* __restrict__ available_fraction,
    double plasma, double decay, double dt, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx);
    double entered = 0, returned = 0, drained = 0, decayed = 0, taken = 0;
    for (int x = threadIdx.x; x < nx; x += blockDim.x) {
        const long long i = row + x;
        const real before = concentration[i];
        const real after = (real)((double)kept[i] * (double)before + (double)gained[i] * plasma);
        concentration[i] = after;

        const double epsilon = available_fraction[i];
        const double gain = (double)extravasation[i] * plasma * dt;
        const double lost = gain - epsilon * ((double)after - (double)before);
        const double back = reabsorption[i], lymph = lymph_drainage[i], cells = epsilon * (double)uptake_rate[i];
        const double all = back + lymph + cells + epsilon * decay;
        const double share = all > 0 ? lost / all : 0.0;
        // without losses, what is left of the gain is the rounding of C
        entered += all > 0 ? gain : gain - lost;
        returned += share * back;
        drained += share * lymph;
        decayed += share * epsilon * decay;
        taken += share * cells;
        if (internalised)
            internalised[i] += (real)(share * cells);
    }
    const long long rows = (long long)nz * ny, here = (long long)z * ny + y;
    const double sums[5] = {row_sum(entered), row_sum(returned), row_sum(drained), row_sum(decayed), row_sum(taken)};
    if (threadIdx.x == 0)
        for (int term = 0; term < 5; ++term)
            booked[term * rows + here] = sums[term];
}
