import numpy as np

from tumorsim.device.twin import RowSums, Voxels, kernel_twin
from tumorsim.operators.rounding import rounded

TERMS = ("released", "released_in_cells")
"""What ``booked`` holds, in order."""


@kernel_twin
def release(
    concentration: Voxels,
    bound: Voxels,
    internalised: Voxels,
    released: Voxels,
    released_in_cells: Voxels,
    booked: RowSums,
    place_rate: Voxels,
    triggered_rate: Voxels,
    available_fraction: Voxels,
    *,
    outside: float,
    inside: float,
    triggered: float,
    dt: float,
    first: bool,
    seed: int,
) -> None:
    """Drug leaves its carriers over ``dt``; exact for constant rates: ``pool ← pool e^{−k dt}`` (physics.md D.2).

    k = ``outside`` + ``place_rate`` + ``triggered``·``triggered_rate`` (1/s) for the free and the bound carriers, whose
    drug goes to ``released``, and ``inside`` + ``triggered``·``triggered_rate`` for those in cells, whose drug goes to
    ``released_in_cells``: amounts/m³ of tissue, the ``first`` time set, then added to, from the pools as they are
    stored. The two maps may be None (0), and so may any pool, and ``released`` where no carriers are outside.
    ``booked`` (float64, per row) is added to, in the order of TERMS, amount per voxel volume. ``seed`` and the next two
    are of the rounding.
    """
    heat = 0.0 if triggered_rate is None else triggered * triggered_rate.astype(np.float64)
    there = 0.0 if place_rate is None else place_rate.astype(np.float64)
    kept_out, kept_in = np.expm1(-(outside + there + heat) * dt), np.expm1(-(inside + heat) * dt)
    epsilon = available_fraction.astype(np.float64)
    lost_outside, lost_inside = np.zeros(epsilon.shape), np.zeros(epsilon.shape)
    if concentration is not None:
        lost_outside = epsilon * _lose(concentration, kept_out, seed=seed)
    if bound is not None:
        lost_outside = lost_outside + _lose(bound, kept_out, seed=seed + 1)
    if internalised is not None:
        lost_inside = _lose(internalised, kept_in, seed=seed + 2)
    for term, (target, lost) in enumerate(((released, lost_outside), (released_in_cells, lost_inside))):
        if target is not None:
            target[...] = lost if first else target + lost.astype(target.dtype)
        booked[term] += lost.sum(axis=-1)


def _lose(pool: np.ndarray, change: np.ndarray | float, *, seed: int) -> np.ndarray:
    """Change a pool by a part of it; what it has lost as it is stored, float64."""
    before = pool.astype(np.float64)
    pool[...] = rounded(before + before * change, pool.dtype, seed=seed)
    return before - pool
