// The limited upwind flux through one face.
//   rate     velocity over voxel edge, 1/s: positive from low to high
//   c_ll c_l | c_h c_hh   concentrations on the two sides, far and near
// Slope at the upwind voxel, from a = up − upup and b = down − up: van Leer ab/(a+b), Koren ½max(0, min(2b, (a+2b)/3, 2a)).
// Where the far value equals the near one (beside the faces of the box) the slope is 0: upwind.
#pragma once
#include "rounding.cuh"

enum Limiter { UPWIND = 0, VAN_LEER = 1, KOREN = 2 };

// A quotient to 2 units of the last digit, of numbers far from over- and underflow: a slope need be no better.
static __device__ __forceinline__ float quotient(float a, float b)
{
#ifdef TUMORSIM_HOST
    return a / b;
#else
    return __fdividef(a, b);
#endif
}

static __device__ __forceinline__ double quotient(double a, double b)
{
    return a / b;
}

template <int LIMITER>
static __device__ __forceinline__ real half_slope(real a, real b)
{
    if (LIMITER == UPWIND)
        return 0;
    const real ab = a * b;                   // underflows to upwind where slopes are below 1e-19
    if (LIMITER == VAN_LEER)
        return ab > 0 ? quotient(ab, a + b) : (real)0;
    const real p = fabs(a), q = fabs(b);
    const real third = (p + 2 * q) * (real)(1.0 / 3.0);
    real least = 2 * q < third ? 2 * q : third;
    least = 2 * p < least ? 2 * p : least;
    return ab > 0 ? (a < 0 ? (real)-0.5 : (real)0.5) * least : (real)0;
}

template <int LIMITER>
static __device__ __forceinline__ real limited_flux(real rate, real c_ll, real c_l, real c_h, real c_hh)
{
    const bool rightward = rate > 0;
    const real up = rightward ? c_l : c_h;
    const real far = rightward ? c_ll : c_hh;
    const real down = rightward ? c_h : c_l;
    const real face = up + half_slope<LIMITER>(up - far, down - up);
    return product(rate, face > 0 ? face : (real)0);          // below 0 by rounding where down = 0
}

// Through a face of the box: what leaves is the inside value, what enters is the outside one. `out` is the rate outward.
static __device__ __forceinline__ real boundary_flux(real out, real inside, real outside)
{
    return product(out, out > 0 ? inside : outside);
}
