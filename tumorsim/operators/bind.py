import numpy as np

from tumorsim.device.twin import Voxels, kernel_twin


@kernel_twin
def bind(
    concentration: Voxels,
    bound: Voxels,
    binding_sites: Voxels,
    available_fraction: Voxels,
    *,
    binding_on: float,
    binding_off: float,
    dt: float,
) -> None:
    """Reversible binding over ``dt``, exact in the closed voxel (physics.md D.1): N + site ⇌ B.

    ``dB/dt = k'[(T − B)(B_max − B) − K_d B]``, k' = k_on/ε, K_d = k_off/k', T = εC + B conserved. With the
    roots b± of the bracket, ``(B − b₋)/(b₊ − B)`` decays by ``e^{−k'(b₊ − b₋)dt}``. B stays within 0 and
    min(T, B_max). ``binding_on`` > 0 in m³/(amount s) on C, ``binding_off`` in 1/s; B_max, B per tissue volume.
    """
    epsilon, sites, before = (a.astype(np.float64) for a in (available_fraction, binding_sites, bound))
    total = epsilon * concentration + before
    k = binding_on / epsilon
    dissociation = binding_off / k
    sum_ = total + sites + dissociation
    gap = np.sqrt(
        (total - sites) ** 2 + dissociation * (sum_ + total + sites)
    )  # b₊ − b₋ without cancellation
    upper = 0.5 * (sum_ + gap)
    lower = np.where(upper > 0, total * sites / np.where(upper > 0, upper, 1), 0)
    room = upper - before
    q = np.where(room > 0, (before - lower) / np.where(room > 0, room, 1) * np.exp(-k * gap * dt), 0)
    after = np.where(room > 0, (lower + upper * q) / (1 + q), before)
    double_root = lower + (before - lower) / (1 + k * (lower - before) * dt)
    after = np.where(gap <= 1e-12 * sum_, double_root, after)
    after = np.clip(after, 0, np.minimum(total, sites))
    bound[...] = after
    concentration[...] = (total - after) / epsilon
