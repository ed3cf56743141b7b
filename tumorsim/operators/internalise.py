from math import exp

import numpy as np

from tumorsim.device.twin import RowSums, Voxels, kernel_twin

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
) -> None:
    """Bound → internalised → degraded with decay of both over ``dt``; exact (Bateman), physics.md D.1.

    ``dB/dt = −(k_e + λ)B``, ``dI/dt = k_e B − (k_deg + λ)I``; rates in 1/s, ``bound`` may be None. What the
    two pools lose, taken from the values as they are stored, is shared between decay and degradation by
    their time integrals and booked per row in the order of TERMS, amount per voxel volume.
    """
    kb, ki = internalisation + decay, degradation + decay
    kept_b, kept_i = exp(-kb * dt), exp(-ki * dt)
    gap = ki - kb
    passed = internalisation * ((kept_b - kept_i) / gap if abs(gap * dt) > 1e-8 else dt * kept_b)
    b = np.zeros(internalised.shape) if bound is None else bound.astype(np.float64)
    i = internalised.astype(np.float64)
    exact_i = i * kept_i + b * passed
    internalised[...] = exact_i
    lost = i - internalised
    if bound is not None:
        bound[...] = b * kept_b
        lost += b - bound
    over_b = b * (1 - kept_b) / kb if kb > 0 else b * dt
    over_i = (i + internalisation * over_b - exact_i) / ki if ki > 0 else np.zeros_like(i)
    by_decay, by_degradation = decay * (over_b + over_i), degradation * over_i
    rate = by_decay + by_degradation
    share = np.where(rate > 0, lost / np.where(rate > 0, rate, 1), 0)
    booked[0] = (share * by_decay).sum(axis=-1)
    booked[1] = (share * by_degradation).sum(axis=-1)
