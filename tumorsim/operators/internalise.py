import numpy as np

from tumorsim.device.twin import Array, RowSums, Voxels, kernel_twin
from tumorsim.operators.rounding import rounded

TERMS = ("decayed", "degraded")
"""What ``booked`` holds, in order."""


@kernel_twin
def internalise(
    concentration: Voxels,
    bound: Voxels,
    internalised: Voxels,
    booked: RowSums,
    uptake_rate: Voxels,
    available_fraction: Voxels,
    *,
    internalisation: float,
    degradation: float,
    decay: float,
    dt: float,
    seed: int,
) -> None:
    """Free and bound → internalised → degraded, with decay of all three, over ``dt``; exact (Bateman), physics.md D.1.

        dN/dt = −(k_up + λ)N,   dB/dt = −(k_e + λ)B,   dI/dt = k_up N + k_e B − (k_deg + λ)I,      N = εC

    Rates in 1/s, ``uptake_rate`` k_up per voxel. Any pool may be None: C and ε where the free agent neither decays nor
    is taken up, ``bound`` without binding, ``internalised`` where nothing gets into cells; None for k_up is none.
    What the pools lose, taken from the values as they are stored, is shared between decay and degradation by their
    time integrals and added per row to ``booked``, in the order of TERMS, amount per voxel volume. ``seed`` and the
    next number are those of the rounding.
    """
    c, b, i = (
        np.zeros(1) if p is None else p.astype(np.float64) for p in (concentration, bound, internalised)
    )
    epsilon = 0.0 if concentration is None else available_fraction.astype(np.float64)
    uptake = 0.0 if uptake_rate is None else uptake_rate.astype(np.float64)
    kn, kb, ki = uptake + decay, internalisation + decay, degradation + decay
    n = epsilon * c
    exact_i = i + (
        b * internalisation * _fed(ki, kb, dt) + n * uptake * _fed(ki, kn, dt) + i * np.expm1(-ki * dt)
    )
    lost = np.zeros((*booked.shape[1:], 1))
    if concentration is not None:
        concentration[...] = rounded(c + c * np.expm1(-kn * dt), concentration.dtype, seed=seed + 1)
        lost = lost + epsilon * (c - concentration)
    if bound is not None:
        bound[...] = rounded(b + b * np.expm1(-kb * dt), bound.dtype, seed=seed)
        lost = lost + (b - bound)
    if internalised is not None:
        internalised[...] = rounded(exact_i, internalised.dtype, seed=seed, reverse=True)
        lost = lost + (i - internalised)
    over_n, over_b = n * _lasting(kn, dt), b * _lasting(kb, dt)
    over_i = (i + uptake * over_n + internalisation * over_b - exact_i) / ki if ki > 0 else np.zeros(1)
    by_decay, by_degradation = decay * (over_n + over_b + over_i), degradation * over_i
    rate = by_decay + by_degradation
    share = np.where(rate > 0, lost / np.where(rate > 0, rate, 1), 0)
    booked[0] += (share * by_decay).sum(axis=-1)
    booked[1] += (share * by_degradation).sum(axis=-1)


def _lasting(rate: Array, dt: float) -> Array:
    """∫ e^{−k s} ds over ``dt``."""
    return np.where(rate > 0, -np.expm1(-rate * dt) / np.where(rate > 0, rate, 1), dt)


def _fed(k: Array, falling: Array, dt: float) -> Array:
    """∫ e^{−k(dt−s)} e^{−l s} ds over ``dt``: what is left of a feed that falls at the rate l = ``falling``."""
    return np.exp(-np.minimum(k, falling) * dt) * _lasting(abs(k - falling), dt)
