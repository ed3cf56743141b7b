// Exchange with plasma and lymph, uptake and decay of the free agent over one step: C ← C − lost C + gained C_p.
// What ε C loses is shared out in proportion to the rates; `booked` gets the amounts, per row and term:
//   0 entered from plasma   1 returned to plasma   2 drained by lymph   3 decayed   4 taken up by cells
#include "grid.cuh"
#include "rounding.cuh"
#include "row_sum.cuh"

struct Row
{
    real *c, *internalised;
    const real *lost, *gained, *extravasation, *reabsorption, *lymph_drainage, *uptake_rate, *epsilon;
    double plasma, decay, dt;
    unsigned int dither;
    int nx;
};

struct Booked
{
    double entered, returned, drained, decayed, taken;
};

template <bool LYMPH, bool CELLS>
static __device__ __forceinline__ Booked exchange_row(const Row& r)
{
    double entered = 0, returned = 0, drained = 0, decayed = 0, taken = 0;
    const real plasma = (real)r.plasma;
    SUM_X(entered, returned, drained, decayed, taken)
    FOR_EACH_X(x, 0, r.nx) {
        const real before = r.c[x];
        const real change = r.gained[x] * plasma - r.lost[x] * before;
        const real sum = rounded<real>((double)before + (double)change, dither_at(r.dither, x));
        const real after = sum > 0 ? sum : (real)0;
        r.c[x] = after;

        const double epsilon = r.epsilon[x];
        const double gain = (double)r.extravasation[x] * r.plasma * r.dt;
        const double loss = gain - epsilon * ((double)after - (double)before);
        const double back = r.reabsorption[x], lymph = LYMPH ? (double)r.lymph_drainage[x] : 0.0;
        const double cells = CELLS ? epsilon * (double)r.uptake_rate[x] : 0.0, decaying = epsilon * r.decay;
        const double all = back + lymph + cells + decaying;
        const double share = all > 0 ? loss / all : 0.0;
        // without losses, what is left of the gain is the rounding of C
        entered += all > 0 ? gain : gain - loss;
        returned += share * back;
        decayed += share * decaying;
        if (LYMPH)
            drained += share * lymph;
        if (CELLS) {
            taken += share * cells;
            r.internalised[x] = rounded<real>((double)r.internalised[x] + share * cells, ~dither_at(r.dither, x));
        }
    }
    return {entered, returned, drained, decayed, taken};
}

extern "C" __global__ void exchange(
    real* __restrict__ concentration, real* __restrict__ internalised, double* __restrict__ booked,
    const real* __restrict__ lost, const real* __restrict__ gained, const real* __restrict__ extravasation,
    const real* __restrict__ reabsorption, const real* __restrict__ lymph_drainage,
    const real* __restrict__ uptake_rate, const real* __restrict__ available_fraction,
    double plasma, double decay, double dt, int seed, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx), rows = (long long)nz * ny, here = (long long)z * ny + y;
    const Row r = {
        concentration + row, uptake_rate ? internalised + row : nullptr, lost + row, gained + row, extravasation + row,
        reabsorption + row, lymph_drainage ? lymph_drainage + row : nullptr, uptake_rate ? uptake_rate + row : nullptr,
        available_fraction + row, plasma, decay, dt, row_dither(seed, here), nx};
    Booked b;
    if (lymph_drainage)
        b = uptake_rate ? exchange_row<true, true>(r) : exchange_row<true, false>(r);
    else
        b = uptake_rate ? exchange_row<false, true>(r) : exchange_row<false, false>(r);
    const double sums[5] = {row_sum(b.entered), row_sum(b.returned), row_sum(b.drained), row_sum(b.decayed), row_sum(b.taken)};
    if (threadIdx.x == 0)
        for (int term = 0; term < 5; ++term)
            booked[term * rows + here] = sums[term];
}
