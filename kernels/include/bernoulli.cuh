// Bernoulli function B(x) = x/(eˣ − 1), to rounding for every x: B(0) = 1, B(−x) = x + B(x).
#pragma once

static __device__ __forceinline__ double bernoulli(double x)
{
    if (fabs(x) < 1e-5)
        return 1.0 - 0.5 * x + x * x / 12.0;
    return x > 700.0 ? 0.0 : x / expm1(x);
}
