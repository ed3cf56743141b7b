"""Preconditioned conjugate gradients for the pressure: float64 outside, the preconditioner in float32.

An iteration runs without the host: its scalars stay on the device, where the kernels that need them read them, and a
GPU is given all its launches at once (`Device.recorded`). The host reads four numbers at the end of each.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf, isfinite, log10, sqrt

import numpy as np

from tumorsim.boundaries import NOTHING_OUTSIDE
from tumorsim.device.twin import Array, Device, SixValues
from tumorsim.errors import NumericsError
from tumorsim.flow.medium import Medium
from tumorsim.grid import Grid
from tumorsim.operators.descend import descend
from tumorsim.operators.pressure_operator import diagonal, pressure_operator
from tumorsim.operators.pressure_residual import pressure_residual
from tumorsim.operators.search_direction import search_direction
from tumorsim.operators.total import total

MOST_ITERATIONS = 300
WINDOW = 3
"""Iterations over which the gain of a preconditioner is measured."""

Preconditioner = Callable[[Array], tuple[Array, Array]]
"""Takes a float32 residual r to z = M⁻¹r (float32) and parts of r·z, float64 of two dimensions: launches only."""


@dataclass(frozen=True)
class Stage:
    """A preconditioner to try. Where WINDOW iterations gain less than ``enough`` decades the next stage takes over."""

    build: Callable[[], Preconditioner]
    enough: float = -inf


@dataclass(frozen=True)
class Convergence:
    """How a solve ended: iterations, the true relative residual ‖s − A p‖/‖s − A 0‖, and the stage that was reached."""

    iterations: int
    residual: float
    stage: int


def conjugate_gradients(
    device: Device,
    grid: Grid,
    medium: Medium,
    *,
    pressure: Array,
    source: Array,
    outside: SixValues,
    stages: Sequence[Stage],
    tolerance: float,
    stage: int = 0,
    begun: bool = True,
) -> Convergence:
    """Solve A p = source for the float64 ``pressure``, from the values it holds, beginning with ``stage``.

    A pressure that is not ``begun`` is zero.

    Stops when the true residual, source − A p with the pressures ``outside`` the box, is within ``tolerance`` of
    that of p = 0 in the Euclidean norm, or when rounding of p itself keeps it from falling further. Raises
    NumericsError when it does not get there: how far it came, and in which voxel the residual is largest.
    """
    work = _Work(device, medium, outside)
    whole = work.true_residual(None, source)
    if whole == 0:
        pressure[...] = 0
        return Convergence(0, 0.0, stage)
    target = tolerance * whole
    iterations, last, norm = 0, inf, work.true_residual(pressure, source) if begun else whole
    preconditioner = stages[stage].build() if norm > target else None
    while preconditioner and target < norm < last / 2 and iterations < MOST_ITERATIONS:
        enough, most = stages[stage].enough, MOST_ITERATIONS - iterations
        taken, slow = work.iterate(pressure, preconditioner, target=target, most=most, enough=enough)
        iterations += taken
        last, norm = norm, work.true_residual(pressure, source)
        if slow and norm > target:
            preconditioner = None  # lets go of its memory
            stage, last = stage + 1, inf
            preconditioner = stages[stage].build()
    if norm <= target or (norm >= last / 2 and norm <= rounding_of(device, medium, pressure)):
        return Convergence(iterations, norm / whole, stage)
    raise NumericsError(_failure(device, grid, work.residual, iterations, norm / whole, tolerance))


def rounding_of(device: Device, medium: Medium, pressure: Array) -> float:
    """The residual that rounding p to float64 leaves: ε‖D|p|‖ with D the diagonal of A."""
    rounded = diagonal(
        medium.conductance, medium.absorption, slice(0, medium.shape[0]), spacing=medium.spacing
    )
    rounded *= abs(pressure)
    return float(np.finfo(np.float64).eps) * sqrt(device.dot(rounded, rounded))


class _Work:
    """The vectors of one solve."""

    def __init__(self, device: Device, medium: Medium, outside: SixValues):
        self.device, self.medium, self.outside = device, medium, outside
        nz, ny, _ = medium.shape
        self.residual, self.image = (device.empty(medium.shape, np.float64) for _ in range(2))
        self.residual32, self.direction = (device.empty(medium.shape, np.float32) for _ in range(2))
        self.rows = device.empty((nz, ny), np.float64)
        self.slabs = device.empty((nz, 1), np.float64)
        self.slabs_in_line = self.slabs.reshape(1, nz)
        self.scalars = device.empty((4, 1, 1), np.float64)
        self.product, self.last_product, self.curvature, self.square = (self.scalars[k] for k in range(4))
        self.norms: list[float] = []

    def true_residual(self, pressure: Array | None, source: Array) -> float:
        """Norm of source − A p, which is left in ``residual``; without a pressure that of p = 0."""
        if pressure is None:
            pressure = self.image
            pressure[...] = 0
        pressure_residual(
            self.device, self.residual, self.residual32, self.rows, pressure, source,
            outside=self.outside, **self.medium.arguments,
        )  # fmt: skip
        return sqrt(float(self.device.sum(self.rows)))

    def iterate(
        self, pressure: Array, preconditioner: Preconditioner, *, target: float, most: int, enough: float
    ) -> tuple[int, bool]:
        """Conjugate gradients from ``residual`` until its recurrence is within the target, or falls too slowly.

        Returns the iterations, and whether the last WINDOW of them gained less than ``enough`` decades.
        """
        step = self.device.recorded(partial(self._step, pressure, preconditioner))
        self.product[...] = inf  # so that the first direction is the gradient
        for iteration in range(1, most + 1):
            step()
            product, _, curvature, square = self.device.download(self.scalars).ravel().tolist()
            if not (isfinite(product) and curvature > 0):
                return iteration, False
            self.norms.append(sqrt(square))
            if self.norms[-1] <= target:
                return iteration, False
            if iteration >= WINDOW and self._gain() < enough:
                return iteration, True
        return most, False

    def _step(self, pressure: Array, preconditioner: Preconditioner) -> None:
        """One iteration, which reads nothing back."""
        device = self.device
        preconditioned, products = preconditioner(self.residual32)
        self._add_up(products, self.product, before=self.last_product)
        search_direction(device, self.direction, preconditioned, self.product, self.last_product)
        pressure_operator(
            device, self.image, self.rows, self.direction, outside=NOTHING_OUTSIDE, **self.medium.arguments
        )
        self._add_up(self.rows, self.curvature)
        descend(
            device, pressure, self.residual, self.residual32, self.rows, self.direction, self.image,
            self.product, self.curvature,
        )  # fmt: skip
        self._add_up(self.rows, self.square)

    def _add_up(self, parts: Array, result: Array, before: Array | None = None) -> None:
        """Sum of all parts, slab by slab first where there are several; ``before`` takes the former result."""
        if len(parts) > 1:
            total(self.device, self.slabs, None, parts)
            parts = self.slabs_in_line
        total(self.device, result, before, parts)

    def _gain(self) -> float:
        """Decades of the last WINDOW iterations; unknown as yet after the first few of a solve."""
        norms = self.norms
        return log10(norms[-1 - WINDOW] / norms[-1]) if len(norms) >= WINDOW + 2 else inf


def _failure(
    device: Device, grid: Grid, residual: Array, iterations: int, relative: float, tolerance: float
) -> str:
    """What to tell of a solve that did not converge."""
    size = np.abs(device.download(residual))
    worst = int(np.argmax(np.where(np.isfinite(size), size, np.inf)))
    z, y, x = (int(k) for k in np.unravel_index(worst, size.shape))
    position = [axis.ravel()[k] * 1e6 for axis, k in zip(grid.centers, (z, y, x), strict=True)]
    return (
        f"the interstitial pressure did not converge: relative residual {relative:.2e} after {iterations} iterations, "
        f"wanted {tolerance:.0e}. The residual is largest in voxel x={x} y={y} z={z}, at "
        f"({position[2]:.6g}, {position[1]:.6g}, {position[0]:.6g}) um. "
        "Look there for extreme jumps of hydraulic_conductivity, or raise pressure.tolerance"
    )
