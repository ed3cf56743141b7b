import numpy as np

from tumorsim.device.twin import Voxels, kernel_twin
from tumorsim.operators.rounding import rounded


@kernel_twin
def bind(
    concentration: Voxels,
    bound: Voxels,
    binding_sites: Voxels,
    available_fraction: Voxels,
    *,
    binding_on: float,
    binding_off: float,
    limited: bool,
    dt: float,
    seed: int,
) -> None:
    """Reversible binding over ``dt``, exact in the closed voxel (physics.md D.1): N + site ⇌ B, N = εC.

    ``dB/dt = k'[N V − K_d B]`` with the vacant sites V = B_max − B, k' = k_on/ε, K_d = k_off/k'. What binds is

        δ = 2P(1 − E)/(g(1 + E) + Σ(1 − E)),  Σ = N + V + K_d,  P = NV − K_d B,  g = √(Σ² − 4P),  E = e^{−k' g dt}

    so that nothing is the difference of nearly equal totals. B stays within 0 and B_max. ``binding_on`` > 0 in
    m³/(amount s) on C, ``binding_off`` in 1/s; B_max, B per tissue volume. ``seed`` is that of the rounding.

    Not ``limited``, the sites never fill and never let go: ``dB/dt = k' S N``, with S (``binding_sites``) as they are
    counted, 1/m³ say with a ``binding_on`` in m³/s.
    """
    epsilon, c, b, sites = (
        a.astype(np.float64) for a in (available_fraction, concentration, bound, binding_sites)
    )
    k = binding_on / epsilon
    if not limited:
        taken = -c * np.expm1(-k * sites * dt)
        bound[...] = rounded(b + epsilon * taken, bound.dtype, seed=seed)
        concentration[...] = np.maximum(rounded(c - taken, bound.dtype, seed=seed, reverse=True), 0)
        return
    dissociation = binding_off / k
    free, vacant = epsilon * c, sites - b
    total = free + vacant + dissociation
    gap = np.sqrt((free - vacant) ** 2 + dissociation * (total + free + vacant + 4 * b))  # all terms ≥ 0
    passed = -np.expm1(-k * gap * dt)
    time = np.where(gap > 0, passed / np.where(gap > 0, gap, 1), k * dt)
    change = 2 * (free * vacant - dissociation * b) * time / (2 - passed + total * time)
    binds = np.clip(change, -b, np.minimum(free, vacant))
    bound[...] = np.minimum(rounded(b + binds, bound.dtype, seed=seed), binding_sites)
    concentration[...] = np.maximum(rounded(c - binds / epsilon, bound.dtype, seed=seed, reverse=True), 0)
