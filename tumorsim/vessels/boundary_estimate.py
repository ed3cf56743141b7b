"""Pressures of a network whose boundary values are not all known: the estimate of Fry et al. 2012.

Minimise ½ k_p Σ w_k (p_k − p0)² + ½ k_τ Σ ℓ_j (τ_j − τ0_j)² under flow conservation at the inner nodes and the
values that are known (physics.md F.3; doi 10.1111/j.1549-8719.2012.00184.x [S]). The signs of τ0 are those of the
previous flow, and k_τ is doubled from a small value on, until the directions stay.
"""

from dataclasses import dataclass

import numpy as np

from tumorsim.constants import MMHG
from tumorsim.errors import NumericsError
from tumorsim.vessels.network import Network

TARGET_PRESSURE = 31 * MMHG
"""Pa [S: sample input of FlowEstimateV1, github.com/secomb]."""
TARGET_SHEAR = 1.5
"""Pa [M]: 15 dyn/cm²."""
DOUBLINGS, MOST_PASSES = 12, 5
"""[D]: values of k_τ, and solves with each."""
FIRST_WEIGHT = 1e-3
"""[D]: the first k_τ over k_p, where both sums are counted in their targets."""


@dataclass(frozen=True)
class Estimate:
    """Pressures (n,) in Pa; how many directions the last pass changed, and the weight it had."""

    pressure: np.ndarray
    reversals: int
    weight: float


def estimate_pressures(
    network: Network,
    conductance: np.ndarray,
    *,
    known: np.ndarray,
    inflow: np.ndarray | None = None,
    target_pressure: float = TARGET_PRESSURE,
    target_shear: float = TARGET_SHEAR,
) -> Estimate:
    """The estimate for ``known`` pressures (n,), nan where unknown, and ``inflow`` (n,) in m³/s, nan where unknown.

    Flow is conserved at every node inside and at open ends of known inflow; the other open ends are free.
    Raises NumericsError where the equations are singular.
    """
    from scipy.sparse import coo_array, diags_array

    n, m = len(network.nodes), len(network.segments)
    a, b = network.segments.T
    rows = np.tile(np.arange(m), 2)
    ones = np.concatenate([np.ones(m), -np.ones(m)])
    difference = coo_array((ones, (rows, np.concatenate([a, b]))), shape=(m, n)).tocsr()
    shear = diags_array(network.radius / (2 * network.length)) @ difference  # τ = D Δp/(4ℓ), per Pa
    unit = conductance.max()
    balance = difference.T @ diags_array(conductance / unit) @ difference
    source = np.zeros(n) if inflow is None else np.nan_to_num(inflow)
    fixed = ~np.isnan(known)
    given = np.zeros(n, bool) if inflow is None else ~np.isnan(inflow)
    kept = np.flatnonzero(~fixed & ((network.degree > 1) | given))
    rules = balance[kept], source[kept] / unit
    share = network.length / network.length.sum()
    weight_p = np.bincount(a, share / 2, minlength=n) + np.bincount(b, share / 2, minlength=n)
    start = np.where(fixed, known, target_pressure)
    direction = _first_directions(network, start)
    factor, reversals = FIRST_WEIGHT, m
    for _ in range(DOUBLINGS):
        weights = weight_p / target_pressure**2, factor * share / target_shear**2
        for _ in range(MOST_PASSES):
            pressure = _minimum(shear, rules, weights, direction * target_shear, target_pressure, known=known)
            found = np.where(difference @ pressure < 0, -1.0, 1.0)
            reversals = int(np.count_nonzero(found != direction))
            direction = found
            if not reversals:
                break
        factor *= 2
    return Estimate(pressure, reversals, factor / 2)


def _first_directions(network: Network, pressure: np.ndarray) -> np.ndarray:
    """From higher to lower pressure where two differ, else as the segments are written."""
    a, b = network.segments.T
    return np.where(pressure[a] < pressure[b], -1.0, 1.0)


def _minimum(
    shear: object,
    rules: tuple[object, np.ndarray],
    weights: tuple[np.ndarray, np.ndarray],
    target: np.ndarray,
    target_pressure: float,
    *,
    known: np.ndarray,
) -> np.ndarray:
    """The pressures that minimise the two sums under the rules, by their Lagrange equations; in units of p0."""
    from scipy.sparse import block_array, diags_array
    from scipy.sparse.linalg import splu

    free = np.flatnonzero(np.isnan(known))
    held = np.nan_to_num(known)
    matrix, source = rules
    weight_p, weight_t = weights
    stiffness = diags_array(weight_p) + shear.T @ diags_array(weight_t) @ shear  # type: ignore[attr-defined]
    force = weight_p * target_pressure + shear.T @ (weight_t * target)  # type: ignore[attr-defined]
    inner, right = matrix[:, free], source - matrix @ held  # type: ignore[index]
    core = stiffness[free][:, free]
    scale = 1 / np.sqrt(core.diagonal())
    rows = 1 / np.maximum(abs(inner @ diags_array(scale)).max(axis=1).toarray().ravel(), 1e-300)
    constraint = diags_array(rows) @ inner @ diags_array(scale)
    system = block_array([[diags_array(scale) @ core @ diags_array(scale), constraint.T], [constraint, None]])
    full = np.concatenate([scale * (force - stiffness @ held)[free], rows * right])
    try:
        factors = splu(system.tocsc(), permc_spec="COLAMD")
    except RuntimeError as error:
        raise NumericsError(f"blood flow: the estimate of the boundary is singular ({error})") from None
    solution = factors.solve(full)
    solution += factors.solve(full - system @ solution)
    pressure = held
    pressure[free] = scale * solution[: len(free)]
    return pressure
