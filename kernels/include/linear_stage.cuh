// What the stages of linear transport have in common (transport_stage.cu, transport_stage_twice.cu): the flux through a
// face, and what a stage makes of a voxel's net gain. The kernel says before which terms it has, by what a call gives: CONVECT,
// a flow; BEGUN, δ_{j−2}; KEPT, L₀.
#pragma once
#include "rounding.cuh"

// The value on a face, which the flow carries: the mean of both sides; on the box's faces that of the upwind one.
static __device__ __forceinline__ real carried(bool at_box, bool inward, real here, real beyond)
{
    const real upwind = inward ? beyond : here;
    return at_box ? upwind : (here + beyond) * (real)0.5;
}

// Inward flux through a face whose convective rate r is positive inwards.
static __device__ __forceinline__ real inward(real g, real r, real here, real beyond, bool at_box)
{
    const real diffusive = product(g, beyond - here);
    return CONVECT ? diffusive + product(r, carried(at_box, r > 0, here, beyond)) : diffusive;
}

struct Weights
{
    real again, rate, start_weight;
};

// δ_j from δ_{j−1}, δ_{j−2}, L(δ_{j−1}) and L₀.
static __device__ __forceinline__ real changed(const Weights& w, real last, real before_last, real gain, real start_rate)
{
    const real since_start = KEPT ? w.start_weight * start_rate : (real)0;
    const real again = BEGUN ? w.again * (last - before_last) : (real)0;
    return last + (again + (w.rate * gain + since_start));
}

struct Ended
{
    real value;
    int negative;                            // 1 where it was below 0 by more than rounding
};

static __device__ __forceinline__ Ended end_of_step(real start, real change, unsigned int dither)
{
    const double exact = (double)start + (double)change;
    const real stored = rounded<real>(exact, dither);
    return {stored > 0 ? stored : (real)0, exact < (sizeof(real) == 4 ? -1e-6 : -1e-14) * (double)start};
}
