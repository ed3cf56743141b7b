"""One step of the agent's balance, split after Strang: reactions, advection, linear terms, advection, reactions.

::

    ∂N/∂t = −∇·(f u C − εD∇C) + (S/V) J_s − φ_L C − uptake − binding − decay,      N = εC

Within a step the state is C, the concentration in the available fluid; the pools of the results are amounts per
tissue volume.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from struct import pack
from typing import Any, Protocol
from zlib import crc32

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.twin import Array, Device
from tumorsim.errors import NumericsError
from tumorsim.grid import Grid
from tumorsim.operators.collect import collect
from tumorsim.transport.advection import Advection
from tumorsim.transport.linear import Drive, LinearTransport
from tumorsim.transport.reactions import Kinetics, Macrophages, Reactions

CAPTURE = 0.5
"""Longest step in the times it takes sites to bind free agent, or agent to cross a voxel where that is longer [C].

Within a step agent spreads before anything binds it. That moves 1 % of it where the voxels resolve how far it gets,
√(D × binding time), and 5 % where they do not (tried on a line, free and bound together).
"""

Map = np.ndarray | float


@dataclass(frozen=True, eq=False)
class TransportProperties:
    """Coefficients of one agent in the tissue: host maps (nz, ny, nx) or numbers, SI.

    ε ``available_fraction``; D ``diffusivity`` in the available fluid, m²/s; f ``retardation``; P S/V
    ``wall_permeability_density``, 1/s; σ ``wall_reflection``; ``uptake_rate``, 1/s on N; B_max
    ``binding_sites``, amount/m³ of tissue; the rates of ``kinetics``; ``macrophages``, if there are any.
    """

    available_fraction: Map
    diffusivity: Map
    wall_permeability_density: Map
    wall_reflection: Map
    retardation: Map = 1.0
    uptake_rate: Map = 0.0
    binding_sites: Map = 0.0
    kinetics: Kinetics = field(default_factory=Kinetics)
    macrophages: Macrophages | None = None


class FlowFields(Protocol):
    """What the stepper takes from the flow solution: face velocities (z, y, x), φ_v and φ_L on the device."""

    @property
    def velocity(self) -> tuple[Array, Array, Array]: ...
    @property
    def filtration(self) -> Array: ...
    @property
    def lymph_drainage(self) -> Array: ...


class Plasma(Protocol):
    """A plasma curve."""

    def mean(self, start: float, end: float) -> float: ...


PASSED = ("entered", "returned", "lymph", "boundary", "decayed", "degraded")
"""What is booked as it passes, in order: from plasma gross, back to it, and where the agent left the tissue."""


@dataclass
class State:
    """The pools on the device: C of the free agent in the available fluid; bound and internalised per tissue volume.

    ``passed`` (float64, per term of PASSED and row) is what has passed since the start, amount per voxel volume. A
    carrier that releases a drug (transport.payload) has more: the drug's C and what of it has passed, the drug in
    cells, and what was ``released`` outside and inside of cells; ``body`` is a closed one (transport.closed_body), and
    ``blood`` what the vessels of a network carry (transport.carried_plasma).
    """

    concentration: Array
    bound: Array | None
    internalised: Array | None
    passed: Array
    drug: Array | None = None
    drug_in_cells: Array | None = None
    drug_on_dna: Array | None = None
    drug_passed: Array | None = None
    released: Array | None = None
    body: Array | None = None
    blood: Array | None = None
    in_macrophages: Array | None = None
    drug_in_macrophages: Array | None = None

    def each(self, take: Callable[[Array], Any]) -> "State":
        """What ``take`` makes of every array that is there."""
        return State(**{name: None if a is None else take(a) for name, a in vars(self).items()})


class TissueAlone:
    """What a run asks of what it steps, where that is tissue under a prescribed plasma curve and no more."""

    def given(self, time: float) -> float:
        """What has been put into the tissue until ``time``, s, besides what it began with; in the unit of the dose."""
        return 0.0

    def account(self, state: State) -> Any:
        """The plasma and what has become of the dose, for the ledger; None where a curve prescribes it."""
        return None

    def segment_concentration(self, state: State) -> np.ndarray | None:
        """Mean plasma concentration in every segment of a network, (m,); None where it is the same everywhere."""
        return None


class Stepper(TissueAlone):
    """Steps one agent on one grid. ``step_size`` is the longest step, ``limits`` says what sets it.

    Where the cell Péclet number is small (``convects``), convection is one of the linear terms, and no advection is
    left to be split off. ``drive`` is uptake by cells at the first-order rate; None without. ``coefficients`` of
    diffusion, flow and exchange are kept in the precision of the state, or in "float16" (transport.half_precision).
    """

    def __init__(
        self,
        device: Device,
        grid: Grid,
        *,
        flow: FlowFields,
        properties: TransportProperties,
        boundaries: Boundaries,
        limiter: str = "van_leer",
        precision: str = "float32",
        coefficients: str = "as state",
        cfl: float = 0.4,
        max_step: float = 600.0,
    ):
        self.device, self.grid = device, grid
        self.real = np.dtype(precision).type
        # rounded first, so that host and device mean the same volume
        self.available_fraction = on_grid(properties.available_fraction, grid).astype(self.real)
        if not (self.available_fraction > 0).all():
            raise NumericsError(
                "the available fraction ε is 0 somewhere, where C = N/ε has no value. Give a small one"
            )
        self.epsilon = epsilon = device.upload(self.available_fraction)
        self._linear = LinearTransport(
            device,
            grid,
            velocity=flow.velocity,
            retardation=on_grid(properties.retardation, grid),
            diffusivity=on_grid(properties.diffusivity, grid),
            permeability_density=on_grid(properties.wall_permeability_density, grid),
            reflection=on_grid(properties.wall_reflection, grid),
            filtration=flow.filtration.astype(self.real, copy=False),
            lymph_drainage=flow.lymph_drainage.astype(self.real, copy=False),
            most_capture=(uptake := self.available_fraction * on_grid(properties.uptake_rate, grid)),
            available_fraction=self.available_fraction,
            epsilon=epsilon,
            boundaries=boundaries,
            stored=None if coefficients == "as state" else np.dtype(coefficients),
        )
        self.convects, self.cell_peclet = self._linear.convects, self._linear.cell_peclet
        self._advection = None
        if not self.convects:
            self._advection = Advection(
                device,
                rates=self._linear.faces.rate,
                rate_scale=self._linear.faces.rate_scale,
                epsilon=epsilon,
                boundaries=boundaries,
                limiter=limiter,
                emptying_time=self._linear.emptying_time,
            )
        self._reactions = Reactions(
            device,
            binding_sites=on_grid(properties.binding_sites, grid),
            available_fraction=self.available_fraction,
            epsilon=epsilon,
            kinetics=properties.kinetics,
            macrophages=properties.macrophages,
        )
        self._fills_macrophages = properties.macrophages is not None
        self.decay_rate = properties.kinetics.decay
        takes_up = bool(uptake.any())
        self.drive = (
            Drive(device.upload(uptake, self.real), device.empty(grid.shape, self.real)) if takes_up else None
        )
        self._keeps_cells = takes_up or properties.kinetics.internalisation > 0
        self._scratch = device.empty(grid.shape, self.real)
        self._booked: tuple[Array, tuple[Array, Array, Array]] | None = None
        # a step holds two half steps of advection
        flowing = 2 * cfl * self._advection.step_limit if self._advection else self._linear.step_limit
        self.limits = {
            "convection" if self.convects else "advection": flowing,
            "capture": CAPTURE * max(self._reactions.capture_time, self._linear.crossing_time),
            "max_step": max_step,
        }
        self.step_size = min(self.limits.values())

    def start(self, pools: Mapping[str, np.ndarray] | None = None) -> State:
        """The state with the given amounts per tissue volume (``free``, ``bound``, ``internalised``); else empty."""
        pools = pools or {}
        concentration = pools.get("free", np.zeros(self.grid.shape)) / self.available_fraction
        return State(
            self.device.upload(concentration, self.real),
            self._pool(pools.get("bound"), kept=self._reactions.binds),
            self._pool(pools.get("internalised"), kept=self._keeps_cells),
            self.device.zeros((len(PASSED), *self.grid.shape[:2]), np.float64),
            in_macrophages=self._pool(None, kept=self._fills_macrophages),
        )

    def _held(self, state: State) -> dict[str, Array | None]:
        """The pools besides the free agent; macrophages only where there are some."""
        held = {"bound": state.bound, "internalised": state.internalised}
        return held | ({"in_macrophages": state.in_macrophages} if self._fills_macrophages else {})

    def _pool(self, given: np.ndarray | None, *, kept: bool) -> Array | None:
        """The pool on the device; None where nothing is in it and nothing can come."""
        if given is not None and given.any():
            return self.device.upload(given, self.real)
        return self.device.zeros(self.grid.shape, self.real) if kept else None

    def pools(self, state: State) -> dict[str, np.ndarray]:
        """The amounts per tissue volume, float64 on the host; a pool that cannot be reached is zero."""
        free = self.available_fraction * self.device.download(state.concentration).astype(np.float64)
        zero, rest = np.zeros(self.grid.shape), self._held(state)
        held = {n: zero if a is None else self.device.download(a).astype(np.float64) for n, a in rest.items()}
        return {"free": free, **held}

    def amounts(self, state: State) -> dict[str, float]:
        """What each pool holds in all, and what has passed in all (PASSED); float64, summed on the device."""
        free = self.device.dot(self.epsilon, state.concentration)
        rest = self._held(state)
        held = {n: 0.0 if a is None else float(self.device.sum(a)) for n, a in rest.items()}
        sums = self.device.download(self.device.sum(state.passed, axis=(1, 2)))
        passed = dict(zip(PASSED, map(float, sums), strict=True))
        return {n: total * self.grid.voxel_volume for n, total in {"free": free, **held, **passed}.items()}

    @staticmethod
    def seed(start: float) -> int:
        """Of the dithered rounding in the step from ``start``: a run that is resumed draws the same."""
        return crc32(pack("<d", start)) >> 2

    def concentrations(self, state: State) -> tuple[Array, ...]:
        """What the error of a step is measured by."""
        return (state.concentration,)

    def step(
        self, state: State, start: float, dt: float, plasma: Plasma, *, drive: Drive | None = None
    ) -> None:
        """Take ``state`` from time ``start`` over ``dt``, in place; second order in ``dt``.

        With a ``drive``, cells take the agent up at its κ instead of the uptake rate, and what they take is left there.
        """
        half, seed = start + dt / 2, self.seed(start)
        linear, boundary, reacted = self._parts_of(state.passed)
        self._react(state, dt / 2, reacted, seed)
        self._advect(state, dt / 2, boundary, seed + 4)
        state.concentration, self._scratch = self._linear.advance(
            state.concentration,
            self._scratch,
            dt,
            plasma=(plasma.mean(start, half), plasma.mean(half, start + dt)),
            drive=drive or self.drive,
            booked=linear,
            seed=seed + 5,
        )
        if drive is None and self.drive is not None:
            collect(self.device, state.internalised, self.drive.captured, seed=seed + 6)
        self._advect(state, dt / 2, boundary, seed + 7)
        self._react(state, dt / 2, reacted, seed + 8, backwards=True)

    def _parts_of(self, passed: Array) -> tuple[Array, Array, Array]:
        """What the linear terms, advection and the reactions book; the same views every time, so checked once."""
        if self._booked is None or self._booked[0] is not passed:
            self._booked = passed, (passed[:4], passed[3], passed[4:])
        return self._booked[1]

    def _advect(self, state: State, dt: float, booked: Array, seed: int) -> None:
        if self._advection:
            self._advection.advance(state.concentration, self._scratch, dt, booked=booked, seed=seed)

    def _react(self, state: State, dt: float, booked: Array, seed: int, *, backwards: bool = False) -> None:
        pools = state.concentration, state.bound, state.internalised, state.in_macrophages
        self._reactions.advance(*pools, dt, booked=booked, backwards=backwards, seed=seed)


def on_grid(value: Map, grid: Grid) -> np.ndarray:
    """A view of the value in every voxel."""
    return np.broadcast_to(np.asarray(value, np.float64), grid.shape)
