"""The linear terms of the balance in one: diffusion, exchange with plasma and lymph, uptake, and slow convection.

::

    ε ∂C/∂t = ∇·(εD∇C) − [∇·(f u C)] + a C_p − (b + φ_L + κ) C + source

Taken by super-time-stepping (transport.gegenbauer) without splitting, so that agent which comes in through vessels
that vary from voxel to voxel spreads as it comes, however long the step. Convection joins where the cell Péclet number
is at most PECLET: its central flux is then of second order, linear, and keeps the matrix monotone (up to 2 it would).
Else it is left to transport.advection.
"""

from dataclasses import dataclass
from math import inf, sqrt
from typing import Any

import numpy as np

from tumorsim.boundaries import NOTHING_OUTSIDE, Boundaries
from tumorsim.device.twin import Array, Device
from tumorsim.grid import Grid
from tumorsim.operators.transport_stage import TERMS, transport_stage
from tumorsim.operators.wall_exchange_rates import wall_exchange_rates
from tumorsim.transport.faces import make_faces, shortest
from tumorsim.transport.gegenbauer import INDEX, Stage, stability_limit, stages_for

PECLET = 1.0
"""Largest cell Péclet number at which convection is taken with diffusion [D]."""
CONVECTIVE_REACH = 2.0
"""Bound of s·η for a step of s stages, with η² = max Σ r²/gε · t₁/2 and t₁ the explicit limit [D].

Stable are 3.9 … 5.8 for s = 9 … 140 and λ = 3 in a uniform flow along the diagonal [C]. Half of that keeps fronts
sharp: in a uniform medium the step is then at most 0.9 D/v², in which convection gets as far as diffusion.
"""


@dataclass(frozen=True)
class Drive:
    """What cells do in a step: κ (1/s), where to keep what they take, and a source (amount/(m³ s)) if there is one."""

    capture: Array
    captured: Array
    source: Array | None = None


class LinearTransport:
    """Diffusion, wall exchange, lymph and (``convects``) slow convection on one grid, one step of any length at a time.

    Conserves what it books, and what it says was captured. ``available_fraction`` is on the host, ``epsilon`` the
    same on the device; the wall's P S/V (1/s) and σ, φ_v and φ_L (1/s) are maps, ``most_capture`` the highest κ of
    every voxel (1/s) on the host. ``explicit_limit`` is ``min ε/(Σ_faces g + ½ Σ r + b + φ_L + κ)``, the longest
    positive step of forward Euler, s; ``crossing_time`` ``min ε/Σ_faces g``, that of diffusion alone; ``emptying_time``
    ``min ε/Σ_out r``, in which the flow would empty a voxel; ``step_limit`` the longest stable step. All are infinite
    where nothing happens. ``faces`` are the coefficients on the faces.
    """

    def __init__(
        self,
        device: Device,
        grid: Grid,
        *,
        velocity: tuple[Array, Array, Array],
        retardation: np.ndarray,
        diffusivity: np.ndarray,
        permeability_density: np.ndarray,
        reflection: np.ndarray,
        filtration: Array,
        lymph_drainage: Array,
        most_capture: np.ndarray | float = 0.0,
        available_fraction: np.ndarray,
        epsilon: Array,
        boundaries: Boundaries,
    ):
        self._device = device
        self._epsilon = epsilon
        self._outside = boundaries.outside
        self._wall = self._exchange_rates(grid, permeability_density, reflection, filtration, lymph_drainage)
        real = epsilon.dtype
        self.faces = make_faces(
            device,
            grid,
            coefficient=available_fraction * diffusivity,
            velocity=velocity,
            retardation=retardation,
            boundaries=boundaries,
            real=real,
        )
        _, reabsorption, drainage = self._wall
        capture = None
        if np.any(most_capture):
            capture = device.upload(np.broadcast_to(most_capture, grid.shape), real)
        self._limit(
            self.faces.fastest(
                device, epsilon, reabsorption=reabsorption, lymph_drainage=drainage, capture=capture
            )
        )
        self._booked = device.empty((len(TERMS), *grid.shape[:2]), np.float64)
        entering = self._wall[0]
        self._entering = None if entering is None else device.sum(entering.astype(np.float64), axis=2)
        self._more_scratch: list[Array] | None = None
        wall = dict(zip(("extravasation", "reabsorption", "lymph_drainage"), self._wall, strict=True))
        rate = self.faces.rate if self.convects else (None, None, None)
        on_faces = {
            f"{name}_{axis}": array
            for name, arrays in (("conductance", self.faces.conductance), ("rate", rate))
            for axis, array in zip("xyz", arrays, strict=True)
        }
        self._always = {"booked": self._booked, "available_fraction": epsilon, **on_faces, **wall}

    def _limit(self, fastest: dict[str, float]) -> None:
        """The step limits that follow from the fastest rates of all voxels."""
        self.cell_peclet = fastest["peclet"]
        self.convects = 0 < self.cell_peclet <= PECLET
        self.crossing_time = shortest(fastest["diffusion"])
        self.emptying_time = shortest(fastest["outflow"])
        self.explicit_limit = shortest(fastest["all" if self.convects else "diffusion and loss"])
        self.step_limit = inf
        if self.convects:
            reach = sqrt(fastest["mixing"] * self.explicit_limit / 2)
            most = max(2, int(CONVECTIVE_REACH / reach))
            self.step_limit = self.explicit_limit * (1 if most == 2 else stability_limit(most, index=INDEX))

    def _exchange_rates(
        self, grid: Grid, permeability: np.ndarray, reflection: np.ndarray, filtration: Array, lymph: Array
    ) -> tuple[Array | None, Array | None, Array | None]:
        """a, b and φ_L in the precision of the state; None where they are zero throughout."""
        device, real = self._device, self._epsilon.dtype
        drains = device.maximum(lymph) > 0
        if not drains and not permeability.any() and device.maximum(abs(filtration)) == 0:
            return None, None, None
        a, b = (device.empty(grid.shape, real) for _ in range(2))
        arguments = device.upload(permeability, real), device.upload(reflection, real), filtration
        wall_exchange_rates(device, a, b, *arguments)
        return a, b, lymph if drains else None

    def advance(
        self,
        concentration: Array,
        scratch: Array,
        dt: float,
        *,
        plasma: tuple[float, float] = (0.0, 0.0),
        drive: Drive | None = None,
        booked: Array,
        seed: int = 0,
    ) -> tuple[Array, Array]:
        """C after ``dt``, and an array that is free again.

        ``plasma`` are the means of C_p over the two halves of the step. The κ of the ``drive`` is at most
        ``most_capture``; what it takes out, amount/m³ of tissue, never negative, is left there. ``booked`` (float64, 4
        terms per row) is added to: what entered from plasma, and TERMS, amount per voxel volume. ``scratch`` is like C.
        The two may change roles: go on with the returned ones.
        """
        if self.explicit_limit == inf and drive is None:
            return concentration, scratch
        step = _Step(dt, *line_through(plasma), drive, seed)
        if self._entering is not None:
            booked[0] += self._entering * (dt * (plasma[0] + plasma[1]) / 2)
        ratio = dt / self.explicit_limit
        if ratio <= 1:
            # each voxel's C is the last thing that is read of it, unless a neighbour may still be at its first stage
            rooms = (concentration, scratch) if self._device.in_place else (scratch, None)
            self._run(stages_for(ratio), concentration, rooms, None, step)
        else:
            start_rate, *more = self._own_scratch(concentration)
            rooms = (scratch, *more)
            if self._run(stages_for(ratio), concentration, rooms, start_rate, step):
                self._run(stages_for(ratio, index=inf), concentration, rooms, start_rate, step)
        booked[1:] += self._booked[:3]
        return (scratch, concentration) if rooms[0] is scratch else (concentration, scratch)

    def _run(
        self,
        stages: tuple[Stage, ...],
        start: Array,
        rooms: tuple[Array | None, ...],
        start_rate: Array | None,
        step: "_Step",
    ) -> bool:
        """All stages, each into one of the ``rooms``, the last into the first; True if something came out negative."""
        self._booked[...] = 0
        targets = [rooms[(len(stages) - 1 - j) % len(rooms)] for j in range(len(stages))]
        calls, cells = [], step.drive
        for j, stage in enumerate(stages):
            fields = {
                "result": targets[j],
                "start_rate": start_rate,
                "captured": cells and cells.captured,
                "last": targets[j - 1] if j else start,
                "before_last": targets[j - 2] if j > 1 else None,
                "start": start if j == len(stages) - 1 else None,
                "capture": cells and cells.capture,
                "source": cells and cells.source,
            }
            calls.append({**self._always, **fields, **self._numbers(stage, step, first=j == 0)})
        for first, second in zip(calls[0::2], calls[1::2], strict=False):
            transport_stage.twice(self._device, first, second)
        if len(calls) % 2:
            transport_stage(self._device, **calls[-1])
        if start_rate is None:
            return False  # two stages keep everything positive: no reason to wait for the device
        return self._device.maximum(self._booked[3]) > 0 or self._is_negative(cells)

    def _numbers(self, stage: Stage, step: "_Step", *, first: bool) -> dict[str, Any]:
        """The scalars of a stage; rounded as the state is, for what is booked to be what is done."""
        real, dt = self._epsilon.dtype.type, step.dt
        return {
            "outside": self._outside if first else NOTHING_OUTSIDE,
            "first": first,
            "again": float(real(stage.again)),
            "rate": float(real(stage.rate * dt)),
            "start_weight": float(real(stage.start_weight * dt)),
            "part": float(real(stage.part)),
            "plasma": step.level if first else step.rise * stage.time,
            "weight": stage.weight * dt,
            "seed": step.seed,
        }

    def _is_negative(self, cells: Drive | None) -> bool:
        """True where what cells took is below 0 by more than rounding."""
        if cells is None:
            return False
        captured = cells.captured
        rounding = 1e-6 if captured.dtype == np.float32 else 1e-14
        return self._device.maximum(-captured) > rounding * self._device.maximum(captured)

    def _own_scratch(self, like: Array) -> list[Array]:
        """Room for L₀ and for the stages besides the one that the caller gives."""
        if self._more_scratch is None:
            count = 2 if self._device.in_place else 4
            self._more_scratch = [self._device.empty(like.shape, like.dtype) for _ in range(count)]
        return self._more_scratch


@dataclass(frozen=True)
class _Step:
    """A step: its length, C_p at its start and how much that rises, what cells do, the dither's seed."""

    dt: float
    level: float
    rise: float
    drive: Drive | None
    seed: int


def line_through(halves: tuple[float, float]) -> tuple[float, float]:
    """Level at the start and rise per step of the line with these means over its halves.

    It stays positive up to 1.3 steps, later than any stage looks (9/7): there a steep fall is made less steep, about
    the same mean.
    """
    mean = (halves[0] + halves[1]) / 2
    rise = 2 * (halves[1] - halves[0])
    rise = max(-mean / 0.8, min(mean / 0.8, rise))
    return mean - rise / 2, rise
