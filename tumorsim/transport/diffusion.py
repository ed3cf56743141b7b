"""Diffusion by super-time-stepping: explicit stages of second order, as many as the step needs, never below zero.

A step of s stages is a polynomial of the diffusion matrix L,

    C(t + dt) = (1 − b) C + b G_s(1 + w dt L) C,      G_s the Gegenbauer polynomial of index λ with G_s(1) = 1,

with w and b such that it is of second order (Runge–Kutta–Gegenbauer: Skaras, Saxton, Meyer, Aslam 2021, J Comput
Phys 425:109879 [M]; λ = ½ is RKL2 of Meyer, Balsara, Aslam 2014, 257:594). It is stable up to

    dt ≤ (s − 1)(s + 2λ + 1)/(2λ + 3) · min ε/Σ_faces g

The index decides what becomes of a single filled voxel. RKL2 keeps it positive in one dimension, but in three
only up to 1.5 to 2 explicit steps, whatever s; beyond, up to twice the dose has the wrong sign. From λ = 2.5 on
every weight is ≥ 0 in three dimensions at any spacing, over the whole range of stability (checked for s ≤ 26 in a
uniform medium). λ = 3 is used. Where ε varies from voxel to voxel, or in the corners of an open box, no index short
of infinity is safe, so a step that leaves a negative value is taken again with λ = ∞,

    C(t + dt) = (1/s) C + (1 − 1/s)(1 + dt L/(s − 1))^s C,      dt ≤ (s − 1) · min ε/Σ_faces g

a sum of products of non-negative matrices. Two stages are this same scheme for every λ: a step as short as one explicit
step, as particles take it, is safe from the start.
"""

from dataclasses import dataclass, replace
from math import ceil, inf, sqrt

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.twin import Array, Device
from tumorsim.grid import Grid
from tumorsim.operators.diffuse import diffuse

INDEX = 3.0
"""Gegenbauer index λ of the stages that are tried first [C]."""


@dataclass(frozen=True)
class Stage:
    """Weights of one stage for the change δ since the start; ``rate`` in units of the step (see operators.diffuse)."""

    again: float
    rate: float
    start_weight: float = 0.0
    part: float = 1.0


TWO_STAGES = [Stage(0.0, 1.0), Stage(0.0, 0.5)]
"""Heun's method: what every index gives for s = 2, written so that δ₁ is all that is kept of the first stage."""


def gegenbauer_stages(count: int, *, index: float = INDEX) -> list[Stage]:
    """The ``count`` ≥ 3 stages.

    From ``G_j = (1 + a) x G_{j−1} − a G_{j−2}``, a = (j − 1)/(j + 2λ − 1), at x = 1 + w dt L, for δ_j = G_j − 1.
    """
    w = 1 / stability_limit(count, index=index)
    if index == inf:
        memory, part = [0.0] * count, 1 - 1 / count
    else:
        memory = [(j - 1) / (j + 2 * index - 1) for j in range(1, count + 1)]
        part = (2 * index + 1) / (w * count * (count + 2 * index))
    stages = [Stage(a, (1 + a) * w, (1 + a) * w) for a in memory]
    a = memory[1]  # the second finds δ₁ = w dt L₀ and δ₀ = 0
    stages[1] = Stage(0.0, (1 + a) * w, (1 + 2 * a) * w)
    return [*stages[:-1], replace(stages[-1], part=part)]


def stability_limit(count: int, *, index: float = INDEX) -> float:
    """The longest stable step of ``count`` stages, in explicit steps."""
    if index == inf:
        return count - 1.0
    return (count - 1) * (count + 2 * index + 1) / (2 * index + 3)


def stages_needed(ratio: float, *, index: float = INDEX) -> int:
    """The smallest number of stages ≥ 2 that is stable over ``ratio`` explicit steps."""
    if index == inf:
        return max(2, ceil(ratio) + 1)
    return max(2, ceil(-index + sqrt((index + 1) ** 2 + (2 * index + 3) * ratio)))


def face_conductances(grid: Grid, coefficient: np.ndarray, fixed: tuple[bool, ...], axis: int) -> np.ndarray:
    """g = harmonic(εD)/h² on the faces along ``axis``, 1/s; on faces of the box that are ``fixed`` 2εD/h², else 0.

    ``coefficient`` is εD at the voxel centres, m²/s. Nothing passes a face beside a voxel with εD = 0.
    """
    k = np.moveaxis(coefficient, axis, 0)
    h = grid.spacing[axis]
    faces = np.zeros(grid.face_shape(axis))
    g = np.moveaxis(faces, axis, 0)
    total = k[:-1] + k[1:]
    np.divide(2 / h**2 * k[:-1] * k[1:], total, out=g[1:-1], where=total > 0)
    g[0] = 2 * k[0] / h**2 * fixed[2 * axis]
    g[-1] = 2 * k[-1] / h**2 * fixed[2 * axis + 1]
    return faces


class Diffusion:
    """ε ∂C/∂t = ∇·(εD∇C) on one grid: ``advance`` takes one step of any length.

    Conserves Σ εC but for what passes the faces of the box, which it returns. ``available_fraction`` is on the host,
    ``epsilon`` the same on the device. ``explicit_limit`` is ``min ε/Σ_faces g``, the longest step of forward Euler,
    s; infinite where nothing diffuses.
    """

    def __init__(
        self,
        device: Device,
        grid: Grid,
        *,
        diffusivity: np.ndarray,
        available_fraction: np.ndarray,
        epsilon: Array,
        boundaries: Boundaries,
    ):
        self._device = device
        self._open = any(boundaries.fixed())
        self._outside = boundaries.outside
        self._epsilon = epsilon
        coefficient = available_fraction * diffusivity
        total, conductances = np.zeros(grid.shape), []
        for axis in range(3):  # one axis at a time: the float64 maps are large
            g = face_conductances(grid, coefficient, boundaries.fixed(), axis)
            faces = np.moveaxis(g, axis, 0)
            total += np.moveaxis(faces[:-1] + faces[1:], 0, axis)
            conductances.append(device.upload(g, epsilon.dtype))
        self._conductances = conductances[::-1]
        fastest = float((total / available_fraction).max())
        self.explicit_limit = 1 / fastest if fastest > 0 else inf
        self._booked = device.empty((2, *grid.shape[:2]), np.float64)
        self._voxel_volume = grid.voxel_volume
        self._more_scratch: tuple[Array, Array] | None = None

    def advance(
        self, concentration: Array, scratch: Array, dt: float, *, seed: int = 0
    ) -> tuple[Array, Array, float]:
        """C after ``dt``, an array that is free again, and the amount that left through the box.

        ``scratch`` is like C. The two may change roles: go on with the returned ones.
        """
        if self.explicit_limit == inf:
            return concentration, scratch, 0.0
        ratio = dt / self.explicit_limit
        if ratio <= 1:
            left, _ = self._run(TWO_STAGES, concentration, scratch, concentration, dt, seed)
            return concentration, scratch, left
        left, negative = self._run(self._stages(ratio, INDEX), concentration, None, scratch, dt, seed)
        if negative:
            left, _ = self._run(self._stages(ratio, inf), concentration, None, scratch, dt, seed)
        return scratch, concentration, left

    def _stages(self, ratio: float, index: float) -> list[Stage]:
        return gegenbauer_stages(stages_needed(ratio, index=index), index=index)

    def _run(
        self,
        stages: list[Stage],
        start: Array,
        first_change: Array | None,
        result: Array,
        dt: float,
        seed: int,
    ) -> tuple[float, int]:
        """All stages, the last into ``result``; returns the amount that left and how many voxels were negative.

        ``first_change`` is where two stages keep δ₁; more stages take two arrays of their own.
        """
        spare, start_rate = (first_change, None) if first_change is not None else self._own_scratch(start)
        last, left, left_before, at_start, negative = start, 0.0, 0.0, 0.0, 0.0
        for j, stage in enumerate(stages):
            target = (result, spare)[(len(stages) - 1 - j) % 2]
            final = j == len(stages) - 1
            stage = self._in_seconds(stage, dt)
            rate, negative = self._stage(
                target, start_rate, last, start if final else None, stage, j == 0, seed
            )
            if j == 0:
                at_start, left = rate, stage.rate * rate
            else:  # what left obeys the recurrence of the stages themselves
                gain = stage.again * (left - left_before) + stage.rate * rate + stage.start_weight * at_start
                left, left_before = left + gain, left
            last = target
        return stages[-1].part * left * self._voxel_volume, round(negative)

    def _own_scratch(self, like: Array) -> tuple[Array, Array]:
        if self._more_scratch is None:
            self._more_scratch = tuple(self._device.empty(like.shape, like.dtype) for _ in range(2))
        return self._more_scratch

    def _in_seconds(self, stage: Stage, dt: float) -> Stage:
        """The weights as the kernel has them: times the step, in the precision of the state."""
        real = self._epsilon.dtype.type
        return Stage(
            float(real(stage.again)),
            float(real(stage.rate * dt)),
            float(real(stage.start_weight * dt)),
            float(real(stage.part)),
        )

    def _stage(
        self,
        result: Array,
        start_rate: Array | None,
        last: Array,
        start: Array | None,
        stage: Stage,
        first: bool,
        seed: int,
    ) -> tuple[float, float]:
        """Run one stage; returns what leaves the box per unit of time in ``last``, per voxel volume, and the count."""
        diffuse(
            self._device,
            result,
            start_rate,
            self._booked,
            last,
            start,
            *self._conductances,
            self._epsilon,
            outside=self._outside if first else (0.0,) * 6,
            first=first,
            again=stage.again,
            rate=stage.rate,
            start_weight=stage.start_weight,
            part=stage.part,
            seed=seed,
        )
        if not self._open and (start is None or start_rate is None):
            return 0.0, 0.0  # nothing to look at: no reason to wait for the device
        left, negative = self._device.sum(self._booked, axis=(1, 2))
        return float(left), float(negative)
