import numpy as np

from tumorsim.device.twin import Voxels, kernel_twin


@kernel_twin
def exchange_factors(
    kept: Voxels,
    gained: Voxels,
    extravasation: Voxels,
    reabsorption: Voxels,
    lymph_drainage: Voxels,
    uptake_rate: Voxels,
    available_fraction: Voxels,
    *,
    decay: float,
    dt: float,
) -> None:
    """The exact solution of the linear exchange over ``dt``: C ← kept C + gained C_p (physics.md I.2).

    ``kept = e^{−k dt}``, ``gained = (a/ε)(1 − e^{−k dt})/k``, with the loss rate
    ``k = (b + φ_L)/ε + uptake + decay``, 1/s; a and b are those of ``wall_exchange_rates``, φ_L the fluid
    drained by lymphatics, ε the available fraction. Computed in float64.
    """
    drained = reabsorption.astype(np.float64) + lymph_drainage
    k = drained / available_fraction + uptake_rate + decay
    lost = -np.expm1(-k * dt)
    kept[...] = 1 - lost
    per_rate = np.where(k > 0, lost / np.where(k > 0, k, 1.0), dt)
    gained[...] = extravasation.astype(np.float64) / available_fraction * per_rate
