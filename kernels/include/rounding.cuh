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

template <typename Real>
static __device__ __forceinline__ Real rounded(double exact, unsigned int dither);

template <>
__device__ __forceinline__ double rounded<double>(double exact, unsigned int)
{
    return exact;
}

// The 29 bits of the mantissa that float does not have are carried over by chance, then cut off.
template <>
__device__ __forceinline__ float rounded<float>(double exact, unsigned int dither)
{
    unsigned long long bits;
#ifdef TUMORSIM_HOST
    __builtin_memcpy(&bits, &exact, sizeof bits);
#else
    bits = __double_as_longlong(exact);
#endif
    bits = (bits + (dither >> 3)) & ~0x1FFFFFFFull;
#ifdef TUMORSIM_HOST
    __builtin_memcpy(&exact, &bits, sizeof bits);
#else
    exact = __longlong_as_double(bits);
#endif
    return (float)exact;
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
