"""One step of the agent's balance, split after Strang: reactions, advection, diffusion, advection, reactions.

::

    ∂N/∂t = −∇·(f u C − εD∇C) + (S/V) J_s − φ_L C − uptake − binding − decay,      N = εC

Within a step the state is C, the concentration in the available fluid; the pools of the results are amounts per
tissue volume.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.twin import Array, Device
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
    kinetics: Kinetics = Kinetics()


class FlowFields(Protocol):
    """What the stepper takes from the flow solution: face velocities (z, y, x), φ_v and φ_L on the device."""

    velocity: tuple[Array, Array, Array]
    filtration: Array
    lymph_drainage: Array


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
    """Steps one agent on one grid. ``step_size`` is the longest step, ``limits`` says what sets it."""

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
        self.available_fraction = _full(properties.available_fraction, grid)
        common = {"available_fraction": self.available_fraction, "real": self.real}
        kinetics = properties.kinetics
        self._advection = Advection(
            device,
            grid,
            velocity=tuple(device.download(u).astype(np.float64) for u in flow.velocity),
            retardation=_full(properties.retardation, grid),
            boundaries=boundaries,
            limiter=limiter,
            **common,
        )
        self._diffusion = Diffusion(
            device, grid, diffusivity=_full(properties.diffusivity, grid), boundaries=boundaries, **common
        )
        self._exchange = Exchange(
            device,
            grid,
            permeability_density=_full(properties.wall_permeability_density, grid),
            reflection=_full(properties.wall_reflection, grid),
            filtration=flow.filtration,
            lymph_drainage=flow.lymph_drainage,
            uptake_rate=_full(properties.uptake_rate, grid),
            decay=kinetics.decay,
            **common,
        )
        sites = _full(properties.binding_sites, grid)
        self._binding = Binding(device, grid, binding_sites=sites, kinetics=kinetics, **common)
        self._keeps_cells = bool(np.any(properties.uptake_rate)) or kinetics.internalisation > 0
        self._scratch = device.empty(grid.shape, self.real), device.empty(grid.shape, self.real)
        # a step holds two half steps of advection
        self.limits = {"advection": 2 * cfl * self._advection.step_limit, "max_step": max_step}
        self.step_size = min(self.limits.values())

    def start(self, pools: Mapping[str, np.ndarray] | None = None) -> State:
        """The state with the given amounts per tissue volume (``free``, ``bound``, ``internalised``); else empty."""
        pools = pools or {}
        concentration = pools.get("free", np.zeros(self.grid.shape)) / self.available_fraction
        return State(
            self.device.upload(concentration, self.real),
            self._pool(pools, "bound", kept=self._binding.binds),
            self._pool(pools, "internalised", kept=self._keeps_cells or "internalised" in pools),
        )

    def _pool(self, pools: Mapping[str, np.ndarray], name: str, *, kept: bool) -> Array | None:
        if not kept:
            return None
        return self.device.upload(pools.get(name, np.zeros(self.grid.shape)), self.real)

    def pools(self, state: State) -> dict[str, np.ndarray]:
        """The amounts per tissue volume, float64 on the host; a pool that cannot be reached is zero."""
        free = self.available_fraction * self.device.download(state.concentration)
        rest = {"bound": state.bound, "internalised": state.internalised}
        zero = np.zeros(self.grid.shape)
        held = {n: zero if a is None else self.device.download(a).astype(np.float64) for n, a in rest.items()}
        return {"free": free, **held}

    def step(self, state: State, start: float, dt: float, plasma: Plasma) -> LedgerIncrement:
        """Take ``state`` from time ``start`` over ``dt``, in place; second order in ``dt``."""
        half = start + dt / 2
        first = self._react(state, dt / 2, plasma.mean(start, half))
        left = self._advection.advance(state.concentration, self._scratch[0], dt / 2)
        state.concentration, self._scratch, through = self._diffusion.advance(
            state.concentration, self._scratch, dt
        )
        left += through + self._advection.advance(state.concentration, self._scratch[0], dt / 2)
        second = self._react(state, dt / 2, plasma.mean(half, start + dt))
        total = {term: first[term] + second[term] for term in first}
        return LedgerIncrement(
            entered=total["entered"],
            extravasated=total["entered"] - total["returned"],
            lymph=total["lymph"],
            boundary=left,
            decayed=total["decayed"],
            degraded=total["degraded"],
        )

    def _react(self, state: State, dt: float, plasma: float) -> dict[str, float]:
        """Exchange and binding over half a step."""
        amounts = self._exchange.advance(state.concentration, state.internalised, plasma=plasma, dt=dt)
        decayed, degraded = self._binding.advance(state.concentration, state.bound, state.internalised, dt)
        return amounts | {"decayed": amounts["decayed"] + decayed, "degraded": degraded}


def _full(value: Map, grid: Grid) -> np.ndarray:
    return np.ascontiguousarray(np.broadcast_to(np.asarray(value, np.float64), grid.shape))
