import numpy as np

from tumorsim.device.twin import Voxels, kernel_twin


def bernoulli(x: np.ndarray | float) -> np.ndarray:
    """B(x) = x/(eˣ − 1) to rounding for every x; B(−x) = x + B(x), B(0) = 1, B(x > 700) = 0."""
    x = np.asarray(x, dtype=float)
    small = np.abs(x) < 1e-5
    near, far = np.where(small, x, 0.0), np.where(small, 1.0, np.minimum(x, 700.0))
    quotient = np.where(x > 700.0, 0.0, far / np.expm1(far))
    return np.where(small, 1 - near / 2 + near**2 / 12, quotient)[()]


@kernel_twin
def wall_exchange_rates(
    extravasation: Voxels,
    reabsorption: Voxels,
    permeability_density: Voxels,
    reflection: Voxels,
    filtration: Voxels,
) -> None:
    """The two rates of Patlak exchange per tissue volume: gain a C_p, loss b C, 1/s (physics.md B.3).

    ``a = P(S/V) B(−Pe)``, ``b = P(S/V) B(Pe)``, ``Pe = φ_v(1 − σ)/(P S/V)`` with the Bernoulli function
    B(x) = x/(eˣ − 1). Both are never negative and a − b = φ_v(1 − σ). Where |Pe| ≥ 700, P = 0 included,
    only what the fluid carries is left. ``filtration`` is φ_v = J_v S/V. Computed in float64.
    """
    p = permeability_density.astype(np.float64)
    carried = filtration.astype(np.float64) * (1 - reflection.astype(np.float64))
    only_carried = np.abs(carried) >= 700 * p
    peclet = np.where(only_carried, 0.0, carried / np.where(only_carried, 1.0, p))
    extravasation[...] = np.where(only_carried, np.maximum(carried, 0), p * bernoulli(-peclet))
    reabsorption[...] = np.where(only_carried, np.maximum(-carried, 0), p * bernoulli(peclet))
