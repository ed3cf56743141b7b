import numpy as np

from tumorsim.device.twin import RowSums, Voxels, kernel_twin
from tumorsim.operators.rounding import rounded

TERMS = ("entered", "returned", "lymph", "decayed", "uptake")
"""What ``booked`` holds, in order."""


@kernel_twin
def exchange(
    concentration: Voxels,
    internalised: Voxels,
    booked: RowSums,
    lost: Voxels,
    gained: Voxels,
    extravasation: Voxels,
    reabsorption: Voxels,
    lymph_drainage: Voxels,
    uptake_rate: Voxels,
    available_fraction: Voxels,
    *,
    plasma: float,
    decay: float,
    dt: float,
    seed: int,
) -> None:
    """Exchange with plasma and lymph, uptake and decay over ``dt``: C ← C − lost C + gained C̄_p, exact and ≥ 0.

    ``plasma`` is the mean of C_p over the step. The amount a C̄_p dt − ε ΔC that a voxel has lost, taken from
    the values as they are stored, is shared out in proportion to the rates b (back to plasma), φ_L (lymph),
    ε uptake (to ``internalised``) and ε decay. ``booked`` receives the sums of each row in float64, in the order
    of TERMS, amount per voxel volume. Factors: ``exchange_factors``. ``lymph_drainage`` may be None, and
    ``uptake_rate`` too, then ``internalised`` is left alone. ``seed`` is that of the rounding.
    """
    real = concentration.dtype.type
    before = concentration.astype(np.float64)
    exact = before + (gained * real(plasma) - lost * concentration)
    concentration[...] = np.maximum(rounded(exact, real, seed=seed), 0)
    epsilon = available_fraction.astype(np.float64)
    gain = extravasation.astype(np.float64) * plasma * dt
    loss = gain - epsilon * (concentration.astype(np.float64) - before)
    drained = 0.0 if lymph_drainage is None else lymph_drainage
    cells, decaying = epsilon * (0.0 if uptake_rate is None else uptake_rate), epsilon * decay
    rate = reabsorption.astype(np.float64) + drained + cells + decaying
    share = np.where(rate > 0, loss / np.where(rate > 0, rate, 1.0), 0.0)
    gain = np.where(rate > 0, gain, gain - loss)  # without losses, the rest is the rounding of C
    terms = gain, share * reabsorption, share * drained, share * decaying, share * cells
    for term, amount in enumerate(terms):
        booked[term] = amount.sum(axis=-1)
    if uptake_rate is not None:
        exact = internalised.astype(np.float64) + share * cells
        internalised[...] = rounded(exact, real, seed=seed, reverse=True)
