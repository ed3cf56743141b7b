// What the stages of linear transport have in common (transport_stage.cu, transport_stage_twice.cu): the flux through a
// face, and what a stage makes of a voxel's net gain. The kernel says before which terms it has, by what a call gives: CONVECT,
// a flow; BEGUN, δ_{j−2}; KEPT, L₀.
#pragma once
#include "rounding.cuh"

// Inward flux through a face whose convective rate r is positive inwards: the flow carries the mean of both sides, on the
// faces of the box what is upwind. The same number, but for its sign, on either side: halving is exact, so that it does not
// matter whether it is fused into the sum.
static __device__ __forceinline__ real inward(real g, real r, real here, real beyond, bool at_box)
{
    const real diffusive = product(g, beyond - here);
    if (!CONVECT)
        return diffusive;
    const real mean = diffusive + (real)0.5 * product(r, here + beyond);
    return at_box ? diffusive + product(r, r > 0 ? beyond : here) : mean;
}

// net/ε for ε in (0, 1]: correct to rounding, but without what a division does for other numbers.
static __device__ __forceinline__ double quotient(double net, double epsilon) { return net / epsilon; }
static __device__ __forceinline__ float quotient(float net, float epsilon)
{
#ifdef TUMORSIM_HOST
    return net / epsilon;
#else
    const float inverse = __fdividef(1.0f, epsilon), near = net * inverse;
    return fmaf(fmaf(-epsilon, near, net), inverse, near);
#endif
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
