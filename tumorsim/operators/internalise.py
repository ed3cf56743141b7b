from math import exp, expm1

import numpy as np

from tumorsim.device.twin import RowSums, Voxels, kernel_twin
from tumorsim.operators.rounding import rounded

TERMS = ("decayed", "degraded")
"""What ``booked`` holds, in order."""


@kernel_twin
def internalise(
    bound: Voxels,
    internalised: Voxels,
    booked: RowSums,
    *,
    internalisation: float,
    degradation: float,
    decay: float,
    dt: float,
    seed: int,
) -> None:
    """Bound → internalised → degraded with decay of both over ``dt``; exact (Bateman), physics.md D.1.

    ``dB/dt = −(k_e + λ)B``, ``dI/dt = k_e B − (k_deg + λ)I``; rates in 1/s. Either pool may be None: ``bound`` for
    uptake alone, ``internalised`` where k_e = 0. What the two pools lose, taken from the values as they are
    stored, is shared between decay and degradation by their time integrals and booked per row in the order of
    TERMS, amount per voxel volume. ``seed`` is that of the rounding.
    """
    kb, ki = internalisation + decay, degradation + decay
    lost_b, lost_i, gap = -expm1(-kb * dt), -expm1(-ki * dt), abs(ki - kb)
    passed = internalisation * exp(-min(ki, kb) * dt) * (-expm1(-gap * dt) / gap if gap > 0 else dt)
    b, i = (np.zeros(1) if pool is None else pool.astype(np.float64) for pool in (bound, internalised))
    exact_i = i + (b * passed - i * lost_i)
    lost = np.zeros((*booked.shape[1:], 1))
    if internalised is not None:
        internalised[...] = rounded(exact_i, internalised.dtype, seed=seed, reverse=True)
        lost = lost + (i - internalised)
    if bound is not None:
        bound[...] = rounded(b - b * lost_b, bound.dtype, seed=seed)
        lost = lost + (b - bound)
    over_b = b * (lost_b / kb if kb > 0 else dt)
    over_i = (i + internalisation * over_b - exact_i) / ki if ki > 0 else np.zeros_like(i)
    by_decay, by_degradation = decay * (over_b + over_i), degradation * over_i
    rate = by_decay + by_degradation
    share = np.where(rate > 0, lost / np.where(rate > 0, rate, 1), 0)
    booked[0] = (share * by_decay).sum(axis=-1)
    booked[1] = (share * by_degradation).sum(axis=-1)
