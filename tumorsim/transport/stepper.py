"""One step of the agent's balance, split after Strang: reactions, advection, diffusion, advection, reactions.

::

    ∂N/∂t = −∇·(f u C − εD∇C) + (S/V) J_s − φ_L C − uptake − binding − decay,      N = εC

Within a step the state is C, the concentration in the available fluid; the pools of the results are amounts per
tissue volume.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from struct import pack
from typing import Protocol
from zlib import crc32

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.twin import Array, Device
from tumorsim.errors import NumericsError
from tumorsim.grid import Grid
from tumorsim.transport.advection import Advection
from tumorsim.transport.diffusion import Diffusion
from tumorsim.transport.reactions import Binding, Exchange, Kinetics

Map = np.ndarray | float


@dataclass(frozen=True, eq=False)
class TransportProperties:
    """Coefficients of one agent in the tissue: host maps (nz, ny, nx) or numbers, SI.

    ε ``available_fraction``; D ``diffusivity`` in the available fluid, m²/s; f ``retardation``; P S/V
    ``wall_permeability_density``, 1/s; σ ``wall_reflection``; ``uptake_rate``, 1/s on N; B_max
    ``binding_sites``, amount/m³ of tissue; the rates of ``kinetics``.
    """

    available_fraction: Map
    diffusivity: Map
    wall_permeability_density: Map
    wall_reflection: Map
    retardation: Map = 1.0
    uptake_rate: Map = 0.0
    binding_sites: Map = 0.0
    kinetics: Kinetics = field(default_factory=Kinetics)


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


@dataclass
class State:
    """The pools on the device: C of the free agent in the available fluid; bound and internalised per tissue volume."""

    concentration: Array
    bound: Array | None
    internalised: Array | None


@dataclass(frozen=True)
class LedgerIncrement:
    """Amounts of one step: from plasma gross (``entered``) and net, and where they went."""

    entered: float
    extravasated: float
    lymph: float
    boundary: float
    decayed: float
    degraded: float


class Stepper:
    """Steps one agent on one grid. ``step_size`` is the longest step, ``limits`` says what sets it.

    ``exchange_time`` is 1/k of the fastest exchange, s. Longer steps stay positive and conserve, but where vessels
    vary from voxel to voxel they leave the agent of the last half step in the voxels where it came in.
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
        cfl: float = 0.4,
        max_step: float = 600.0,
    ):
        self.device, self.grid = device, grid
        self.real = np.dtype(precision).type
        # rounded first, so that host and device mean the same volume
        self.available_fraction = _map(properties.available_fraction, grid).astype(self.real)
        if not (self.available_fraction > 0).all():
            raise NumericsError(
                "the available fraction ε is 0 somewhere, where C = N/ε has no value. Give a small one"
            )
        self._epsilon = epsilon = device.upload(self.available_fraction)
        common = {"epsilon": epsilon, "available_fraction": self.available_fraction, "boundaries": boundaries}
        kinetics = properties.kinetics
        self._advection = Advection(
            device,
            grid,
            velocity=flow.velocity,
            retardation=_map(properties.retardation, grid),
            limiter=limiter,
            **common,
        )
        self._diffusion = Diffusion(device, grid, diffusivity=_map(properties.diffusivity, grid), **common)
        self._exchange = Exchange(
            device,
            grid,
            permeability_density=_map(properties.wall_permeability_density, grid),
            reflection=_map(properties.wall_reflection, grid),
            filtration=flow.filtration.astype(self.real, copy=False),
            lymph_drainage=flow.lymph_drainage.astype(self.real, copy=False),
            uptake_rate=_map(properties.uptake_rate, grid),
            epsilon=epsilon,
            decay=kinetics.decay,
        )
        sites = _map(properties.binding_sites, grid)
        self._binding = Binding(device, grid, binding_sites=sites, epsilon=epsilon, kinetics=kinetics)
        self._keeps_cells = bool(np.any(properties.uptake_rate)) or kinetics.internalisation > 0
        self._scratch = device.empty(grid.shape, self.real)
        self.exchange_time = self._exchange.shortest_time
        # a step holds two half steps of advection
        self.limits = {"advection": 2 * cfl * self._advection.step_limit, "max_step": max_step}
        self.step_size = min(self.limits.values())

    def start(self, pools: Mapping[str, np.ndarray] | None = None) -> State:
        """The state with the given amounts per tissue volume (``free``, ``bound``, ``internalised``); else empty."""
        pools = pools or {}
        concentration = pools.get("free", np.zeros(self.grid.shape)) / self.available_fraction
        return State(
            self.device.upload(concentration, self.real),
            self._pool(pools.get("bound"), kept=self._binding.binds),
            self._pool(pools.get("internalised"), kept=self._keeps_cells),
        )

    def _pool(self, given: np.ndarray | None, *, kept: bool) -> Array | None:
        """The pool on the device; None where nothing is in it and nothing can come."""
        if given is not None and given.any():
            return self.device.upload(given, self.real)
        return self.device.zeros(self.grid.shape, self.real) if kept else None

    def pools(self, state: State) -> dict[str, np.ndarray]:
        """The amounts per tissue volume, float64 on the host; a pool that cannot be reached is zero."""
        free = self.available_fraction * self.device.download(state.concentration).astype(np.float64)
        rest = {"bound": state.bound, "internalised": state.internalised}
        zero = np.zeros(self.grid.shape)
        held = {n: zero if a is None else self.device.download(a).astype(np.float64) for n, a in rest.items()}
        return {"free": free, **held}

    def amounts(self, state: State) -> dict[str, float]:
        """What each pool holds in all, float64, summed on the device."""
        free = self.device.dot(self._epsilon, state.concentration)
        rest = {"bound": state.bound, "internalised": state.internalised}
        held = {n: 0.0 if a is None else float(self.device.sum(a)) for n, a in rest.items()}
        return {n: total * self.grid.voxel_volume for n, total in {"free": free, **held}.items()}

    def step(self, state: State, start: float, dt: float, plasma: Plasma) -> LedgerIncrement:
        """Take ``state`` from time ``start`` over ``dt``, in place; second order in ``dt``."""
        half = start + dt / 2
        seed = crc32(pack("<d", start)) >> 2  # of the dithered rounding: a run that is resumed draws the same
        first = self._exchanged(state, dt / 2, plasma.mean(start, half), seed)
        lost = self._bound(state, dt / 2, seed + 1)
        left = self._advection.advance(state.concentration, self._scratch, dt / 2, seed=seed + 3)
        state.concentration, self._scratch, through = self._diffusion.advance(
            state.concentration, self._scratch, dt, seed=seed + 4
        )
        left += through + self._advection.advance(state.concentration, self._scratch, dt / 2, seed=seed + 5)
        # now backwards: a step that is not its own mirror image is of first order
        lost_after = self._bound(state, dt / 2, seed + 6, backwards=True)
        second = self._exchanged(state, dt / 2, plasma.mean(half, start + dt), seed + 8)
        total = {term: first[term] + second[term] for term in first}
        decayed, degraded = (x + y for x, y in zip(lost, lost_after, strict=True))
        return LedgerIncrement(
            entered=total["entered"],
            extravasated=total["entered"] - total["returned"],
            lymph=total["lymph"],
            boundary=left,
            decayed=total["decayed"] + decayed,
            degraded=degraded,
        )

    def _exchanged(self, state: State, dt: float, plasma: float, seed: int) -> dict[str, float]:
        return self._exchange.advance(
            state.concentration, state.internalised, plasma=plasma, dt=dt, seed=seed
        )

    def _bound(self, state: State, dt: float, seed: int, *, backwards: bool = False) -> tuple[float, float]:
        pools = state.concentration, state.bound, state.internalised
        return self._binding.advance(*pools, dt, backwards=backwards, seed=seed)


def _map(value: Map, grid: Grid) -> np.ndarray:
    """A view of the value in every voxel."""
    return np.broadcast_to(np.asarray(value, np.float64), grid.shape)
