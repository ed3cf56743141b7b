"""Interstitial fluid pressure: Darcy flow between leaky vessels and lymph (physics.md A.1).

``u = −K∇p``, ``∇·u = φ_v − φ_L``, ``φ_v = G_v (p_e − p)``, ``φ_L = G_L max(p − p_L, 0)``, with
``G_v = Lp S/V`` and ``p_e = p_v − σ(π_v − π_i)``. Lymph only drains, so where p < p_L it is switched off, and the
equation solved again until no voxel switches. Each solve is the linear system A p = s of flow.medium, by conjugate
gradients (float64) with the multigrid (float32) that flow.preconditioning finds the tissue to need.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.twin import Array, Device
from tumorsim.errors import ConfigError, NumericsError, Problem
from tumorsim.flow.conjugate_gradient import Convergence, Stage, conjugate_gradients
from tumorsim.flow.medium import Medium, make_medium
from tumorsim.flow.preconditioning import stages
from tumorsim.flow.velocity import box_outflow, face_velocity
from tumorsim.grid import Grid
from tumorsim.operators.fluid_exchange import fluid_exchange
from tumorsim.operators.starling import starling

MOST_PASSES = 50
"""Solves with a new set of draining voxels at most; a few are the rule."""
SWITCH_MARGIN = 1e-7
"""Part of the largest pressure by which p must be below p_L before lymph is switched off: above rounding [D]."""
BALANCE = 1e-5
"""Part of the filtration that may be missing from the fluid balance [D]."""


@dataclass(frozen=True)
class FluidProperties:
    """Coefficients of the pressure equation: numbers, or maps (nz, ny, nx).

    ``hydraulic_conductivity`` K, m²/(Pa s); ``vessel_filtration`` G_v = Lp S/V, 1/(Pa s);
    ``vascular_effective_pressure`` p_e = p_v − σ(π_v − π_i), Pa; ``lymphatic_filtration`` G_L, 1/(Pa s);
    ``lymphatic_pressure`` p_L, Pa; ``injection`` of fluid, 1/s.
    """

    hydraulic_conductivity: np.ndarray | float
    vessel_filtration: np.ndarray | float = 0.0
    vascular_effective_pressure: np.ndarray | float = 0.0
    lymphatic_filtration: np.ndarray | float = 0.0
    lymphatic_pressure: np.ndarray | float = 0.0
    injection: np.ndarray | float = 0.0

    def map(self, name: str, shape: tuple[int, int, int]) -> np.ndarray:
        """One coefficient in every voxel, float64."""
        return np.broadcast_to(np.asarray(getattr(self, name), np.float64), shape)

    def upload(self, device: Device, name: str, shape: tuple[int, int, int]) -> Array:
        """The same on the device, where a number becomes a map."""
        values = getattr(self, name)
        if np.ndim(values):
            return device.upload(values, np.float64)
        uniform = device.empty(shape, np.float64)
        uniform[...] = values
        return uniform


@dataclass(frozen=True)
class Flow:
    """The solved flow, on the device.

    ``pressure`` (nz, ny, nx), Pa, float64. ``velocity`` on the faces normal to z, y, x, m/s (Darcy: volume flux per
    tissue area); ``filtration`` φ_v and ``lymph_drainage`` φ_L, 1/s: these in the precision of the run.
    ``iterations`` of the solver in all and its true relative ``residual``. ``balance`` is
    (Σφ_v + Σs − Σφ_L − outflow through the box)/(Σ|φ_v| + Σs) with s what is injected, or over the flow through the
    box where there is neither. ``injection`` is the flow while an injection lasts, where there is one.
    """

    pressure: Array
    velocity: tuple[Array, Array, Array]
    filtration: Array
    lymph_drainage: Array
    iterations: int
    residual: float
    balance: float
    injection: "Flow | None" = None


def solve_flow(
    device: Device,
    grid: Grid,
    fluid: FluidProperties,
    boundaries: Boundaries,
    *,
    tolerance: float = 1e-8,
    precision: str = "float32",
) -> Flow:
    """The interstitial pressure and flow of a tissue; ``boundaries`` are pressures in Pa, None for no flux.

    The divergence of the velocity equals φ_v − φ_L to ``tolerance``, the relative residual.
    Raises ConfigError for coefficients that make no sense, and NumericsError when the solver does not converge
    or the fluid balance does not close.
    """
    tissue = PerfusedTissue(device, grid, fluid, boundaries)
    pressure, convergence = tissue.solve(tolerance)
    exchange = tissue.exchange
    velocity = face_velocity(device, tissue.medium, pressure, boundaries, dtype=precision)
    filtration, drainage, totals = exchange.rates(pressure, precision)
    driven = float(device.sum(abs(exchange.source))) * grid.voxel_volume
    flows = totals * grid.voxel_volume, *box_outflow(device, grid, velocity)
    balance = _balance(*flows, least=tolerance / _most_imbalance(tolerance) * driven)
    _check_balance(balance, tolerance)
    return Flow(
        pressure, velocity, filtration, drainage, convergence.iterations, convergence.residual, balance
    )


def solve_pressure(
    device: Device,
    grid: Grid,
    medium: Medium,
    source: Array,
    *,
    boundaries: Boundaries,
    tolerance: float = 1e-8,
    pressure: Array | None = None,
    stage: int = 0,
    preconditioners: Sequence[Stage] | None = None,
) -> tuple[Array, Convergence]:
    """Solve −∇·(K∇p) + G p = s for p, Pa, on a float64 medium; ``source`` is s, 1/s.

    ``pressure`` is a first guess, overwritten by the solution; ``stage`` the one of the ``preconditioners`` of
    flow.preconditioning (made here unless given) to begin with. Where nothing fixes the level of p (no fixed face,
    G = 0) its mean is zero, and NumericsError is raised unless the source sums to zero.
    """
    begun = pressure is not None
    if pressure is None:
        pressure = device.zeros(grid.shape, np.float64)
    closed = medium.is_closed(device)
    if closed:
        source = source - _mean_source(device, source)
    convergence = conjugate_gradients(
        device,
        grid,
        medium,
        pressure=pressure,
        source=source,
        outside=boundaries.outside,
        stages=preconditioners or stages(device, medium.rounded(np.float32)),
        tolerance=tolerance,
        stage=stage,
        begun=begun,
    )
    if closed:
        pressure -= float(device.sum(pressure)) / grid.voxels
    return pressure, convergence


def _mean_source(device: Device, source: Array) -> float:
    """Mean of a source in a closed box, which must be rounding."""
    net, size = float(device.sum(source)), float(device.sum(abs(source)))
    if abs(net) > 1e-9 * size:
        raise NumericsError(
            f"no face of the box has a pressure and nothing absorbs fluid, but the sources do not sum to zero: "
            f"{net / (size or 1.0):.3g} of their absolute sum is left. Fix a pressure on a face, or balance the sources"
        )
    return net / source.size


class PerfusedTissue:
    """A tissue whose pressure is solved for one pressure of its blood after another.

    Its coefficients are checked and uploaded once. A solve begins with the ``pressure`` and the preconditioner of the
    last one. Raises ConfigError for coefficients that make no sense.
    """

    def __init__(self, device: Device, grid: Grid, fluid: FluidProperties, boundaries: Boundaries):
        _check(grid, fluid, boundaries)
        self.device, self.grid, self.boundaries = device, grid, boundaries
        self.exchange = _Exchange(device, grid, fluid)
        conductivity = fluid.upload(device, "hydraulic_conductivity", grid.shape)
        self.medium = make_medium(
            device, grid, conductivity, self.exchange.absorption, boundaries, dtype=np.float64
        )
        self.pressure: Array | None = None
        self._stage, self._preconditioners = 0, self._made()

    def set_effective_pressure(self, values: np.ndarray) -> None:
        """Let the blood have another p_e = p_v − σ(π_v − π_i), (nz, ny, nx) in Pa."""
        if self.exchange.set_effective_pressure(values, self.pressure):
            self._preconditioners = self._made()

    def solve(self, tolerance: float) -> tuple[Array, Convergence]:
        """The pressure with lymph switched off where it would fill; iterations of all passes.

        Raises NumericsError where it does not converge.
        """
        iterations = 0
        for _ in range(MOST_PASSES):
            self.pressure, convergence = solve_pressure(
                self.device,
                self.grid,
                self.medium,
                self.exchange.source,
                boundaries=self.boundaries,
                tolerance=tolerance,
                pressure=self.pressure,
                stage=self._stage,
                preconditioners=self._preconditioners,
            )
            iterations, self._stage = iterations + convergence.iterations, convergence.stage
            if not self.exchange.switch_lymph(self.pressure):
                return self.pressure, Convergence(iterations, convergence.residual, self._stage)
            self._preconditioners = self._made()
        raise NumericsError(
            f"the lymph of {self.exchange.switched:.0f} voxels still switches between draining and idle after "
            f"{MOST_PASSES} passes of the pressure solver. "
            "Check lymphatic_pressure against the pressures outside the box"
        )

    def _made(self) -> tuple[Stage, ...]:
        return stages(self.device, self.medium.rounded(np.float32))


class _Exchange:
    """Vessels and lymph on the device: the coefficients of A and s that they make, and their rates."""

    def __init__(self, device: Device, grid: Grid, fluid: FluidProperties):
        self.device, self.grid = device, grid
        self.coefficients = {
            argument: fluid.upload(device, name, grid.shape) for argument, name in _EXCHANGE.items()
        }
        # the medium holds this very array, so that switching lymph changes the operator
        self.absorption, self.source = (device.empty(grid.shape, np.float64) for _ in range(2))
        self._rows = device.empty(grid.shape[:2], np.float64)
        injects = np.any(fluid.injection)
        self._injected = fluid.upload(device, "injection", grid.shape) if injects else None
        self.injection = float(fluid.map("injection", grid.shape).sum()) if injects else 0.0
        self.switched = 0.0
        self._lymph = bool(np.any(np.asarray(fluid.lymphatic_filtration) > 0))
        self._update(None, 0.0)

    def set_effective_pressure(self, values: np.ndarray, pressure: Array | None) -> bool:
        """Give the blood another p_e; True if that changes the lymph too, by the tissue's ``pressure``."""
        self.coefficients["effective_pressure"] = self.device.upload(values, np.float64)
        if self._lymph and pressure is not None:
            return self.switch_lymph(pressure)
        self._update(None, 0.0)
        return False

    def switch_lymph(self, pressure: Array) -> bool:
        """Let lymph drain where p ≥ p_L; True if that changes anything."""
        if not self._lymph:
            return False
        self._update(pressure, SWITCH_MARGIN * self.device.maximum(abs(pressure)))
        self.switched = float(self.device.sum(self._rows))
        return self.switched > 0

    def _update(self, pressure: Array | None, margin: float) -> None:
        arrays = self.absorption, self.source, self._rows, pressure
        starling(self.device, *arrays, **self.coefficients, margin=margin)
        if self._injected is not None:
            self.source += self._injected

    def rates(self, pressure: Array, precision: str) -> tuple[Array, Array, np.ndarray]:
        """φ_v, φ_L, and over all voxels the sums of φ_v and s, of φ_L, and of |φ_v| and s."""
        filtration, drainage = (self.device.empty(self.grid.shape, precision) for _ in range(2))
        totals = self.device.empty((3, *self.grid.shape[:2]), np.float64)
        fluid_exchange(self.device, filtration, drainage, totals, pressure, **self.coefficients)
        sums = self.device.download(self.device.sum(totals, axis=(1, 2)))
        return filtration, drainage, sums + self.injection * np.array([1, 0, 1])


_EXCHANGE = {
    "vessel_filtration": "vessel_filtration",
    "effective_pressure": "vascular_effective_pressure",
    "lymphatic_filtration": "lymphatic_filtration",
    "lymphatic_pressure": "lymphatic_pressure",
}
"""Arguments of the exchange operators, and the coefficients of FluidProperties that they take."""


def _balance(totals: np.ndarray, leaving: float, crossing: float, *, least: float) -> float:
    """(Σφ_v − Σφ_L − outflow)/Σ|φ_v|; without vessels over all that crosses the faces of the box.

    Over ``least`` at least: where p is p_e all but everywhere, what filters is what the tolerance leaves.
    """
    filtered, drained, size = (float(total) for total in totals)
    return (filtered - drained - leaving) / (max(size, least) or crossing or 1.0)


def _most_imbalance(tolerance: float) -> float:
    return max(BALANCE, 100 * tolerance)


def _check_balance(balance: float, tolerance: float) -> None:
    limit = _most_imbalance(tolerance)
    if not abs(balance) <= limit:
        raise NumericsError(
            f"the interstitial fluid does not balance: {balance:.2e} of the filtration is unaccounted for, where "
            f"{limit:.0e} is allowed. Lower pressure.tolerance"
        )


def _check(grid: Grid, fluid: FluidProperties, boundaries: Boundaries) -> None:
    """Raise ConfigError with every fault of the coefficients."""
    problems = [p for name in _RULES if (p := _fault(grid, fluid, name)) is not None]
    filters = any(
        np.any(np.asarray(getattr(fluid, name)) > 0) for name in ("vessel_filtration", "lymphatic_filtration")
    )
    if not problems and not filters and not any(boundaries.fixed()):
        problems.append(
            Problem(
                "pressure.boundary",
                "no-flux",
                "nothing sets the pressure: no face has one, and there are neither vessels nor lymph",
                'Give at least one face a pressure, for example x_low = "0 mmHg"',
            )
        )
    if problems:
        raise ConfigError(*problems)


_POSITIVE = ("must be positive", lambda values: values > 0)
_NOT_NEGATIVE = ("must not be negative", lambda values: values >= 0)
_NUMBER = ("must be a number", lambda values: np.isfinite(values))
_RULES = {
    "hydraulic_conductivity": _POSITIVE,
    "vessel_filtration": _NOT_NEGATIVE,
    "vascular_effective_pressure": _NUMBER,
    "lymphatic_filtration": _NOT_NEGATIVE,
    "lymphatic_pressure": _NUMBER,
    "injection": _NOT_NEGATIVE,
}


def _fault(grid: Grid, fluid: FluidProperties, name: str) -> Problem | None:
    """What is wrong with one coefficient, and in which voxel."""
    shape = np.shape(getattr(fluid, name))
    if shape not in ((), grid.shape):
        cure = f"Give one number, or a map of shape (nz, ny, nx) = {grid.shape}"
        return Problem(name, f"map of shape {shape}", "does not fit the grid", cure)
    rule, holds = _RULES[name]
    given = np.asarray(getattr(fluid, name), np.float64)
    extremes = np.array([given.min(), given.max()])  # where one value fails, one of these does
    if np.all(np.isfinite(extremes) & holds(extremes)):
        return None
    values = fluid.map(name, grid.shape)
    wrong = ~(np.isfinite(values) & holds(values))
    z, y, x = (int(k) for k in np.unravel_index(int(wrong.argmax()), grid.shape))
    fault = f"{rule} and finite, which fails in {wrong.sum()} voxels, first in x={x} y={y} z={z}"
    return Problem(name, float(values[z, y, x]), fault, "Check the regions and maps that set it")
