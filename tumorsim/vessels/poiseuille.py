"""The linear part of blood flow: pressures at the nodes of a network of known conductances."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tumorsim.errors import NumericsError
from tumorsim.vessels.network import Network

CONSERVATION = 1e-3
"""Largest nodal imbalance of a solved network, relative to its largest segment flow [D].

As a rule it is 1e-12; where all blood must pass a bottleneck of radius r, the rounding of the pressure in
vessels of radius R makes it 1e-16 (R/r)⁴.
"""
MOST_LOOPS = 60_000
"""[D]: of a network that is factorised as a whole, 0.4 s with 23,000 of them (1e5 segments) and 1.5 s with 57,000 [C];
beyond, fill-in makes that slow."""
DROP, FILL = 1e-3, 10
"""[D]: what an incomplete factorisation leaves out, and how much it may fill. 1e-2 does not precondition [C]."""
RESIDUAL, MOST_ITERATIONS = 1e-13, 200
"""Of the conjugate gradients, which take 20 iterations with incomplete factors of 1e5 segments [C]."""
ENOUGH = 30
"""[D]: iterations from which on it is faster to factorise anew."""


@dataclass(frozen=True, eq=False)
class Leak:
    """What a vessel wall lets out, linear in the pressures at the two ends: Σ_k G_k (p(s_k) − e_k) per segment.

    With places s_k from 0 to 1 along it: ``first`` Σ G (1−s)², ``cross`` Σ G s(1−s), ``last`` Σ G s² (m,) in
    m³/(Pa s); ``drawn_first`` Σ G (1−s) e and ``drawn_last`` Σ G s e (m,) in m³/s.
    """

    first: np.ndarray
    cross: np.ndarray
    last: np.ndarray
    drawn_first: np.ndarray
    drawn_last: np.ndarray

    def loss(self, network: Network, pressure: np.ndarray) -> np.ndarray:
        """What leaves at every node, (n,) in m³/s."""
        a, b = network.segments.T
        n = len(network.nodes)
        at_first = self.first * pressure[a] + self.cross * pressure[b] - self.drawn_first
        at_last = self.cross * pressure[a] + self.last * pressure[b] - self.drawn_last
        return np.bincount(a, at_first, minlength=n) + np.bincount(b, at_last, minlength=n)


def drop(network: Network, pressure: np.ndarray) -> np.ndarray:
    """Pressure at the first node of every segment less that at the second."""
    return pressure[network.segments[:, 0]] - pressure[network.segments[:, 1]]


def net_flow(network: Network, flow: np.ndarray) -> np.ndarray:
    """What flows into every node less what flows out of it, (n,)."""
    start, end = network.segments.T
    n = len(network.nodes)
    return np.bincount(end, flow, minlength=n) - np.bincount(start, flow, minlength=n)


class NodalEquations:
    """Σ_j g_ij (p_i − p_j) + leak_i = inflow_i at the nodes ``free``, for one known side after another.

    The matrix, of the ``conductance`` (m,) and the wall's share of ``leak``, is made and factorised once. The factors
    of equations that are ``like`` these will do too: they precondition conjugate gradients, as long as these are few.
    """

    def __init__(
        self,
        network: Network,
        conductance: np.ndarray,
        *,
        free: np.ndarray,
        leak: Leak | None = None,
        like: "NodalEquations | None" = None,
    ):
        from scipy.sparse import coo_array, diags_array

        n = len(network.nodes)
        start, end = network.segments.T
        ends = np.concatenate([start, end]), np.concatenate([end, start])
        off = conductance if leak is None else conductance - leak.cross
        self.network, self.conductance, self.free = network, conductance, free
        self._links = coo_array((np.tile(off, 2), ends), shape=(n, n)).tocsr()[free]
        diagonal = np.bincount(ends[0], np.tile(conductance, 2), minlength=n)
        if leak is not None:
            diagonal += np.bincount(start, leak.first, minlength=n) + np.bincount(end, leak.last, minlength=n)
        self._scale = 1 / np.sqrt(diagonal[free])  # unit diagonal: conductances span many decades
        scaled = diags_array(self._scale)
        self._matrix = (scaled @ (diags_array(diagonal[free]) - self._links[:, free]) @ scaled).tocsc()
        whole = len(network.segments) - len(free) <= MOST_LOOPS
        lent = None if like is None or like.iterations > ENOUGH else like._factors
        self._exact: bool = whole and lent is None
        self._factors: Any = lent or _factors(self._matrix, whole)
        self._most = 2 * ENOUGH if whole else MOST_ITERATIONS
        self.iterations: int = 0

    def pressures(
        self,
        known: np.ndarray,
        *,
        inflow: np.ndarray | None = None,
        leak: Leak | None = None,
        guess: np.ndarray | None = None,
        accuracy: float = RESIDUAL,
    ) -> np.ndarray:
        """Pressures (n,), those ``known`` at the nodes that are not free; ``leak`` is as it was but for what it draws.

        Raises NumericsError where blood is lost at a node.
        """
        source = np.zeros(len(known)) if inflow is None else inflow.copy()
        if leak is not None:
            start, end = self.network.segments.T
            source += np.bincount(start, leak.drawn_first, minlength=len(known))
            source += np.bincount(end, leak.drawn_last, minlength=len(known))
        pressure = self.solve(known, source, guess=guess, accuracy=accuracy)
        flow = self.conductance * drop(self.network, pressure)
        _check(self.network, flow, pressure, free=self.free, inflow=inflow, leak=leak)
        return pressure

    def solve(
        self,
        known: np.ndarray,
        source: np.ndarray,
        *,
        guess: np.ndarray | None = None,
        accuracy: float = RESIDUAL,
    ) -> np.ndarray:
        """The linear algebra alone, for any ``source`` (n,)."""
        pressure, free = known.copy(), self.free
        pressure[free] = 0
        right = self._scale * (self._links @ pressure + source[free])
        begun = None if guess is None else guess[free] / self._scale
        pressure[free] = self._scale * self._solution(right, begun, accuracy)
        return pressure

    def _solution(self, right: np.ndarray, guess: np.ndarray | None, accuracy: float) -> np.ndarray:
        """By the factors, which where they are not those of the matrix precondition conjugate gradients."""
        if not self._exact:
            solution, self.iterations, done = _conjugate_gradients(
                self._matrix, self._factors, right, begun=guess, accuracy=accuracy, most=self._most
            )
            if done:
                return solution
            self._exact, self._factors = True, _factors(self._matrix, True)
        return self._factors.solve(right)


def _conjugate_gradients(
    matrix: Any, factors: Any, right: np.ndarray, *, begun: np.ndarray | None, accuracy: float, most: int
) -> tuple[np.ndarray, int, bool]:
    """The solution, the iterations it took, and whether its residual is within ``accuracy`` of the right side.

    Without BLAS, whose threads wait for each other longer than such short vectors take: 4 times as fast on busy cores.
    """

    def dot(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.einsum("i,i->", a, b))

    solution = np.zeros(len(right)) if begun is None else begun.copy()
    residual = right - matrix @ solution
    target, direction, last = accuracy**2 * dot(right, right), np.zeros(len(right)), 0.0
    for iteration in range(most):
        if dot(residual, residual) <= target:
            return solution, iteration, True
        preconditioned = factors.solve(residual)
        product = dot(residual, preconditioned)
        direction = preconditioned + (product / last if last else 0.0) * direction
        image = matrix @ direction
        alpha = product / dot(direction, image)
        solution += alpha * direction
        residual -= alpha * image
        last = product
    return solution, most, dot(residual, residual) <= target


def _factors(matrix: Any, whole: bool) -> Any:
    """The factors, or incomplete ones. Raises NumericsError where the matrix is singular."""
    from scipy.sparse.linalg import spilu, splu

    # the matrix is definite: no pivot off the diagonal, which would quadruple the fill
    order = {"permc_spec": "MMD_AT_PLUS_A", "diag_pivot_thresh": 0.0, "options": {"SymmetricMode": True}}
    try:
        if whole:
            return splu(matrix, **order)
        return spilu(matrix, drop_tol=DROP, fill_factor=FILL, **order)
    except RuntimeError as error:
        raise NumericsError(f"blood flow: the network's pressure equations are singular ({error})") from None


def _check(
    network: Network,
    flow: np.ndarray,
    pressure: np.ndarray,
    *,
    free: np.ndarray,
    inflow: np.ndarray | None,
    leak: Leak | None,
) -> None:
    balance = net_flow(network, flow)
    if inflow is not None:
        balance += inflow
    if leak is not None:
        balance -= leak.loss(network, pressure)
    worst, largest = np.abs(balance[free]).max(initial=0.0), np.abs(flow).max()
    if not worst <= CONSERVATION * largest:
        raise NumericsError(
            f"blood flow: {worst:.3g} m³/s is lost at a node, the largest flow being {largest:.3g} m³/s; "
            f"vessel radii span {network.radius.min():.3g} to {network.radius.max():.3g} m. "
            "Correct or remove the thinnest segments"
        )
