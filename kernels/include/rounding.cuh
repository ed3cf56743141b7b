// Storing a pool in float without bias. A step changes a pool by little, and rounding to nearest would lose the same
// part of it in every voxel, step after step. The rounding is dithered instead: up or down with the odds that keep
// the mean (Croci et al. 2022, 10.1098/rsos.211631). The dither is a function of row, x and `seed` alone: every
// device draws the same one. In double the sum is stored as it is.
#pragma once

static __device__ __forceinline__ unsigned int scrambled(unsigned int h)      // the finaliser of MurmurHash3
{
    h = (h ^ (h >> 16)) * 0x85EBCA6Bu;
    h = (h ^ (h >> 13)) * 0xC2B2AE35u;
    return h ^ (h >> 16);
}

// Where the dither of a row starts; along x it goes on in steps of the golden ratio, which fill [0, 1) evenly.
static __device__ __forceinline__ unsigned int row_dither(int seed, long long row)
{
    return scrambled((unsigned int)row + 0x9E3779B9u * (unsigned int)seed);
}

static __device__ __forceinline__ unsigned int dither_at(unsigned int row, int x)
{
    return row + 0x9E3779B9u * (unsigned int)x;
}

static __device__ __forceinline__ float unit_in_last_place(float value)
{
    unsigned int bits;
#ifdef TUMORSIM_HOST
    __builtin_memcpy(&bits, &value, sizeof bits);
    bits &= 0x7F800000u;
    __builtin_memcpy(&value, &bits, sizeof bits);
#else
    bits = __float_as_uint(value) & 0x7F800000u;
    value = __uint_as_float(bits);
#endif
    return value * 1.1920928955078125e-07f;  // 2⁻²³ of the power of two below
}

template <typename Real>
static __device__ __forceinline__ Real rounded(double exact, unsigned int dither);

template <>
__device__ __forceinline__ double rounded<double>(double exact, unsigned int)
{
    return exact;
}

template <>
__device__ __forceinline__ float rounded<float>(double exact, unsigned int dither)
{
    const float nearest = (float)exact;
    const float shift = (float)(int)dither * (unit_in_last_place(nearest) * 2.3283064365386963e-10f);   // ±½ unit
    return (double)nearest == exact ? nearest : (float)(exact + (double)shift);
}

// A product that is rounded by itself, not fused into the sum it enters: both voxels of a face see the same flux.
static __device__ __forceinline__ float product(float a, float b)
{
#ifdef TUMORSIM_HOST
    return a * b;                            // built with -ffp-contract=off
#else
    return __fmul_rn(a, b);
#endif
}

static __device__ __forceinline__ double product(double a, double b)
{
#ifdef TUMORSIM_HOST
    return a * b;
#else
    return __dmul_rn(a, b);
#endif
}
