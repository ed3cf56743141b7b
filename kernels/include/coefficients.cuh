// Transport coefficients, which steps only read: `real`, or IEEE halves times a scale that all values of a kind share. The
// scale is a power of two (transport/half_precision.py), so that nothing is rounded here.
//
//   value_of(conductance_x[k], conductance_scale)       one value
//   COEFFICIENTS(g, conductance_x, conductance_scale, first, count)      a row: g[x] for x from 0 to count, from `first` on
//   COEFFICIENTS_IF(CONVECT, r, rate_x, rate_scale, first, count)        null where the array is not given
#pragma once
#include "grid.cuh"

#define COEFFICIENTS(...) COEFFICIENTS_IF(true, __VA_ARGS__)

#if HALVES
typedef short coefficient;                // the bits of a half

#ifdef __CUDA_ARCH__
static __device__ __forceinline__ real value_of(coefficient half, float scale)
{
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(half));
    return (real)(value * scale);
}
#else
// The bits where float has sign, exponent and mantissa make the half over 2^112 (the biases of the exponents are 15 and 127);
// subnormal halves become subnormal floats. In integers, since compilers turn rows of these into vectors, but not rows of
// their own half type.
static inline real value_of(coefficient half, float scale)
{
    const unsigned int bits = (unsigned int)half << 13 & 0x8FFFFFFFu;
    float value;
    __builtin_memcpy(&value, &bits, sizeof value);
    return (real)(value * (scale * 0x1p112f));
}
#endif

#ifdef TUMORSIM_HOST
// Rows are decoded in one go. Loops over voxels then see floats alone, and are turned into vectors of as many as ever.
typedef const real* CoefficientRow;

static inline CoefficientRow decoded(real* room, const coefficient* values, float scale, long long first, int count)
{
    const coefficient* row = values + first;
    VECTORISE
    for (int x = 0; x < count; ++x)
        room[x] = value_of(row[x], scale);
    return room;
}
#define COEFFICIENTS_IF(given, name, values, scale, first, count) \
    real name##_room[count]; const CoefficientRow name = given ? decoded(name##_room, values, scale, first, count) : nullptr
#else
struct CoefficientRow
{
    const coefficient* halves;
    float scale;

    __device__ __forceinline__ real operator[](int x) const { return value_of(halves[x], scale); }
};
#define COEFFICIENTS_IF(given, name, values, scale, first, count) const CoefficientRow name = {values + (first), scale}
#endif
#else
typedef real coefficient;
typedef const real* CoefficientRow;

static __device__ __forceinline__ real value_of(coefficient value, float) { return value; }
#define COEFFICIENTS_IF(given, name, values, scale, first, count) const CoefficientRow name = given ? values + (first) : nullptr
#endif
