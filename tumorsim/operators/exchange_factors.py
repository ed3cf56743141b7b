import numpy as np

from tumorsim.device.twin import Voxels, kernel_twin


@kernel_twin
def exchange_factors(
    lost: Voxels,
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
    """The exact solution of the linear exchange over ``dt``: C ← C − lost C + gained C_p (physics.md I.2).

    ``lost = 1 − e^{−k dt}``, ``gained = (a/ε)·lost/k``, with the loss rate ``k = (b + φ_L)/ε + uptake + decay``,
    1/s; a and b are those of ``wall_exchange_rates``, φ_L the fluid drained by lymphatics, ε the available
    fraction. ``lymph_drainage`` and ``uptake_rate`` may be None. Computed in float64.
    """
    drained = reabsorption.astype(np.float64) + (0 if lymph_drainage is None else lymph_drainage)
    k = drained / available_fraction + (0 if uptake_rate is None else uptake_rate) + decay
    part = -np.expm1(-k * dt)
    lost[...] = part
    per_rate = np.where(k > 0, part / np.where(k > 0, k, 1.0), dt)
    gained[...] = extravasation.astype(np.float64) / available_fraction * per_rate
