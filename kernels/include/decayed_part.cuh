// 1 − e^{−y} for y ≥ 0, to rounding even where y is tiny: what decays within y time constants.
#pragma once

static __device__ __forceinline__ double decayed_part(double y)
{
#ifdef TUMORSIM_HOST
    // y = n ln2 + r, |r| ≤ ½ ln2: plain arithmetic, which vectorises as calls of expm1 do not. Result to 3e-16.
    y = y < 700.0 ? y : 700.0;
    const double rounder = 6755399441055744.0;               // 1.5·2⁵²: its last bits take the integer
    const double shifted = rounder - y * 1.4426950408889634;
    const double n = rounder - shifted;
    const double r = (y - n * 0.693147180369123816490) - n * 1.90821492927058770002e-10;
    unsigned long long bits;
    __builtin_memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 1023u) << 52;                             // 2⁻ⁿ
    double scale;
    __builtin_memcpy(&scale, &bits, sizeof scale);
    double p = 1.0 / 6227020800.0;                           // (1 − e^{−r})/r = Σ (−r)^k/(k + 1)!
    p = 1.0 / 479001600.0 - r * p;
    p = 1.0 / 39916800.0 - r * p;
    p = 1.0 / 3628800.0 - r * p;
    p = 1.0 / 362880.0 - r * p;
    p = 1.0 / 40320.0 - r * p;
    p = 1.0 / 5040.0 - r * p;
    p = 1.0 / 720.0 - r * p;
    p = 1.0 / 120.0 - r * p;
    p = 1.0 / 24.0 - r * p;
    p = 1.0 / 6.0 - r * p;
    p = 0.5 - r * p;
    p = 1.0 - r * p;
    return (1.0 - scale) + scale * (r * p);
#else
    return -expm1(-y);
#endif
}
