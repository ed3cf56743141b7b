import numpy as np

from tumorsim.device.twin import RowSums, Voxels, kernel_twin

TERMS = ("entered", "returned", "lymph", "decayed", "uptake")
"""What ``booked`` holds, in order."""


@kernel_twin
def exchange(
    concentration: Voxels,
    internalised: Voxels,
    booked: RowSums,
    kept: Voxels,
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
) -> None:
    """Exchange with plasma and lymph, uptake and decay over ``dt``: C ← kept C + gained C̄_p, exact and ≥ 0.

    ``plasma`` is the mean of C_p over the step. The amount a C̄_p dt − ε ΔC that a voxel has lost, taken from
    the values as they are stored, is shared out in proportion to the rates b (back to plasma), φ_L (lymph),
    ε uptake (to ``internalised``, which may be None) and ε decay. ``booked`` receives the sums of each row in
    float64, in the order of TERMS, amount per voxel volume. Factors: ``exchange_factors``.
    """
    before = concentration.astype(np.float64)
    concentration[...] = kept.astype(np.float64) * before + gained.astype(np.float64) * plasma
    epsilon = available_fraction.astype(np.float64)
    gain = extravasation.astype(np.float64) * plasma * dt
    lost = gain - epsilon * (concentration.astype(np.float64) - before)
    cells, decaying = epsilon * uptake_rate, epsilon * decay
    rate = reabsorption.astype(np.float64) + lymph_drainage + cells + decaying
    share = np.where(rate > 0, lost / np.where(rate > 0, rate, 1.0), 0.0)
    gain = np.where(rate > 0, gain, gain - lost)  # without losses, the rest is the rounding of C
    terms = gain, share * reabsorption, share * lymph_drainage, share * decaying, share * cells
    for term, amount in enumerate(terms):
        booked[term] = amount.sum(axis=-1)
    if internalised is not None:
        internalised += (share * cells).astype(internalised.dtype)
