"""Pressures of a network whose boundary values are not all known: the estimate of Fry et al. 2012.

Minimise ½ k_p Σ w_k (p_k − p0)² + ½ k_τ Σ ℓ_j (τ_j − τ0_j)² under flow conservation at the inner nodes and the
values that are known (physics.md F.3; doi 10.1111/j.1549-8719.2012.00184.x [S]). The signs of τ0 are those of the
previous flow, and k_τ is doubled from a small value on, until the directions stay. The pressures at the free ends are
the only unknowns, for those inside follow from them by the conservation of flow.
"""

from dataclasses import dataclass

import numpy as np

from tumorsim.constants import MMHG
from tumorsim.errors import NumericsError
from tumorsim.vessels.network import Network
from tumorsim.vessels.poiseuille import NodalEquations, drop, net_flow

TARGET_PRESSURE = 31 * MMHG
"""Pa [S: sample input of FlowEstimateV1, github.com/secomb]."""
TARGET_SHEAR = 1.5
"""Pa [M]: 15 dyn/cm²."""
DOUBLINGS, MOST_PASSES = 12, 5
"""[D]: values of k_τ, and solves with each."""
FIRST_WEIGHT = 1e-3
"""[D]: the first k_τ over k_p, where both sums are counted in their targets."""
SLOPE, MOST_ITERATIONS = 1e-9, 1000
"""[D]: of the conjugate gradients: slope of the sums that may be left, over that where all ends have no pressure."""


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
    fixed = ~np.isnan(known)
    given = np.zeros(len(known), bool) if inflow is None else ~np.isnan(inflow)
    inner = ~fixed & ((network.degree > 1) | given)
    _check_levels(network, inner)
    problem = _Reduced(network, conductance, known=known, inner=inner, inflow=inflow)
    share = network.length / network.length.sum()
    per_pascal = network.radius / (2 * network.length)  # τ = D Δp/(4ℓ)
    weight_p = np.bincount(network.segments.ravel(), np.repeat(share / 2, 2), minlength=len(known))
    direction = _first_directions(network, np.where(fixed, known, target_pressure))
    factor, reversals = FIRST_WEIGHT, len(share)
    ends = np.full(len(problem.ends), target_pressure)
    for _ in range(DOUBLINGS):
        weights = weight_p / target_pressure**2, factor * share * (per_pascal / target_shear) ** 2
        for _ in range(MOST_PASSES):
            aims = target_pressure, direction * target_shear / per_pascal
            ends = problem.minimum(weights, aims, ends)
            pressure = problem.pressures(ends)
            found = np.where(drop(network, pressure) < 0, -1.0, 1.0)
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


def _check_levels(network: Network, inner: np.ndarray) -> None:
    """Every connected part needs an end whose flow is not given, or nothing sets its level."""
    level = np.bincount(network.components, ~inner) > 0
    if not level.all():
        raise NumericsError(
            f"blood flow: the estimate of the boundary is singular: {np.count_nonzero(~level)} connected parts have "
            "neither an open end nor a known pressure. Drop them (vessels.repair), or give a pressure in each"
        )


class _Reduced:
    """The minimum over the pressures v at the free open ends, from which those inside follow: p = p₁ + E v.

    Inside, ΣQ = 0 is L_ii p_i = q − L_ie p_e, so that E = (1, −L_ii⁻¹ L_ie) and the rules hold whatever v is. Of the
    sums is left EᵀSE v = Eᵀ(f − S p₁), positive definite, by conjugate gradients: every product takes two solves of
    the network's own equations, and no factors fill up.
    """

    def __init__(
        self,
        network: Network,
        conductance: np.ndarray,
        *,
        known: np.ndarray,
        inner: np.ndarray,
        inflow: np.ndarray | None,
    ):
        self.network, self.conductance = network, conductance
        self.ends = np.flatnonzero(np.isnan(known) & ~inner)
        self._equations = NodalEquations(network, conductance, free=np.flatnonzero(inner))
        source = np.zeros(len(known)) if inflow is None else np.nan_to_num(inflow)
        self._base = self._equations.solve(np.nan_to_num(known), source)

    def pressures(self, ends: np.ndarray) -> np.ndarray:
        """p (n,) of v."""
        return self._base + self._spread(ends)

    def minimum(
        self, weights: tuple[np.ndarray, np.ndarray], aims: tuple[float, np.ndarray], ends: np.ndarray
    ) -> np.ndarray:
        """The v of least ½Σ w_p (p − p0)² + ½Σ w_d (Δp − d0)²: ``weights`` w_p (n,) and w_d (m,), ``ends`` a guess."""
        from scipy.sparse.linalg import LinearOperator, cg

        weight_p, weight_d = weights
        if not len(ends):
            return ends

        def slope(pressure: np.ndarray, aim_p: float, aim_d: np.ndarray | float) -> np.ndarray:
            """What the sums grow by with each pressure, Eᵀ of it."""
            pull = weight_d * (drop(self.network, pressure) - aim_d)
            return self._gathered(weight_p * (pressure - aim_p) - net_flow(self.network, pull))

        count = len(ends)
        operator = LinearOperator((count, count), lambda v: slope(self._spread(v), 0.0, 0.0), dtype=float)
        ones = np.bincount(self.network.segments.ravel(), np.repeat(weight_d, 2), minlength=len(weight_p))
        local = 1 / (weight_p + ones)[self.ends]
        step, fault = cg(
            operator,
            -slope(self.pressures(ends), *aims),
            rtol=0.0,
            atol=SLOPE * float(np.linalg.norm(slope(self._base, *aims))),
            maxiter=MOST_ITERATIONS,
            M=LinearOperator((count, count), lambda v: local * v, dtype=float),
        )
        if fault:
            raise NumericsError(
                f"blood flow: the estimate of the boundary is not found in {MOST_ITERATIONS} iterations. "
                'Set vessels.boundary = "split", or give pressures at more open ends'
            )
        return ends + step

    def _spread(self, ends: np.ndarray) -> np.ndarray:
        """E v."""
        held = np.zeros(len(self._base))
        held[self.ends] = ends
        return self._equations.solve(held, np.zeros(len(held)))

    def _gathered(self, pull: np.ndarray) -> np.ndarray:
        """Eᵀ y."""
        inside = self._equations.solve(np.zeros(len(pull)), pull)
        return (pull + net_flow(self.network, self.conductance * drop(self.network, inside)))[self.ends]
