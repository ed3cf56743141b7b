from math import exp, expm1

import numpy as np

from tumorsim.device.twin import RowSums, Voxels, kernel_twin
from tumorsim.operators.rounding import rounded

TERMS = ("decayed", "degraded")
"""What ``booked`` holds, in order."""


@kernel_twin
def internalise(
    concentration: Voxels,
    bound: Voxels,
    internalised: Voxels,
    booked: RowSums,
    available_fraction: Voxels,
    *,
    internalisation: float,
    degradation: float,
    decay: float,
    dt: float,
    seed: int,
) -> None:
    """Bound → internalised → degraded, with decay of both and of the free agent, over ``dt``; exact, physics.md D.1.

        dN/dt = −λN,   dB/dt = −(k_e + λ)B,   dI/dt = k_e B − (k_deg + λ)I,      N = εC

    Rates in 1/s. Any pool may be None: C where the free agent does not decay, ``bound`` without binding,
    ``internalised`` where nothing gets into cells. What the pools lose, taken from the values as they are stored, is
    shared between decay and degradation by their time integrals and added per row to ``booked``, in the order of
    TERMS, amount per voxel volume. ``seed`` and the next number are those of the rounding.
    """
    c, b, i = (
        np.zeros(1) if p is None else p.astype(np.float64) for p in (concentration, bound, internalised)
    )
    epsilon = available_fraction.astype(np.float64)
    kb, ki = internalisation + decay, degradation + decay
    passed = internalisation * exp(-min(kb, ki) * dt) * _lasting(abs(ki - kb), dt)
    exact_i = i + (b * passed + i * expm1(-ki * dt))
    lost = np.zeros((*booked.shape[1:], 1))
    if concentration is not None:
        concentration[...] = rounded(c + c * expm1(-decay * dt), concentration.dtype, seed=seed + 1)
        lost = lost + epsilon * (c - concentration)
    if bound is not None:
        bound[...] = rounded(b + b * expm1(-kb * dt), bound.dtype, seed=seed)
        lost = lost + (b - bound)
    if internalised is not None:
        internalised[...] = rounded(exact_i, internalised.dtype, seed=seed, reverse=True)
        lost = lost + (i - internalised)
    over_n, over_b = epsilon * c * _lasting(decay, dt), b * _lasting(kb, dt)
    over_i = (i + internalisation * over_b - exact_i) / ki if ki > 0 else np.zeros(1)
    by_decay, by_degradation = decay * (over_n + over_b + over_i), degradation * over_i
    rate = by_decay + by_degradation
    share = np.where(rate > 0, lost / np.where(rate > 0, rate, 1), 0)
    booked[0] += (share * by_decay).sum(axis=-1)
    booked[1] += (share * by_degradation).sum(axis=-1)


def _lasting(rate: float, dt: float) -> float:
    """∫ e^{−k s} ds over ``dt``."""
    return -expm1(-rate * dt) / rate if rate > 0 else dt
