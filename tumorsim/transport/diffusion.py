"""Diffusion by super-time-stepping: Runge–Kutta–Legendre stages of second order, as many as the step needs."""

from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.twin import Array, Device
from tumorsim.grid import Grid
from tumorsim.operators.diffuse import diffuse

SAFETY = 0.9
"""Part of the linear stability limit of the stages that is used [D]."""


@dataclass(frozen=True)
class Stage:
    """Weights of one stage, in units of the step for the two rates (see operators.diffuse)."""

    mu: float
    nu: float
    mu_rate: float
    gamma_rate: float


def legendre_stages(count: int) -> list[Stage]:
    """The ``count`` ≥ 3 stages of RKL2: Meyer, Balsara, Aslam 2014, J Comput Phys 257:594, eqs 16–17.

    ``b_j = (j² + j − 2)/(2j(j + 1))``, b_0 = b_1 = b_2, ``w = 4/(s² + s − 2)``; stable up to
    (s² + s − 2)/4 explicit steps.
    """
    w = 4 / (count**2 + count - 2)
    b = [1 / 3, 1 / 3] + [(j * j + j - 2) / (2 * j * (j + 1)) for j in range(2, count + 1)]
    stages = [Stage(1.0, 0.0, b[1] * w, 0.0)]
    for j in range(2, count + 1):
        mu = (2 * j - 1) / j * b[j] / b[j - 1]
        nu = -(j - 1) / j * b[j] / b[j - 2]
        stages.append(Stage(mu, nu, mu * w, -(1 - b[j - 1]) * mu * w))
    return stages


def stages_needed(dt: float, explicit_limit: float) -> int:
    """The smallest odd number of stages ≥ 3 that is stable over ``dt``; odd ones damp the roughest modes."""
    ratio = dt / (SAFETY * explicit_limit)
    count = max(3, ceil((sqrt(9 + 16 * ratio) - 1) / 2))
    return count + (count % 2 == 0)


def face_conductances(
    grid: Grid, coefficient: np.ndarray, fixed: tuple[bool, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """g = harmonic(εD)/h² on the faces along z, y, x, 1/s; 2εD/h² on faces of the box that are ``fixed``, else 0.

    ``coefficient`` is εD at the voxel centres, m²/s. Nothing passes a face beside a voxel with εD = 0.
    """
    faces = []
    for axis, h in enumerate(grid.spacing):
        k = np.moveaxis(coefficient, axis, 0)
        g = np.zeros((len(k) + 1, *k.shape[1:]))
        low, high = k[:-1], k[1:]
        total = low + high
        g[1:-1] = np.divide(2 * low * high, total, out=np.zeros_like(total), where=total > 0) / h**2
        g[0] = 2 * k[0] / h**2 * fixed[2 * axis]
        g[-1] = 2 * k[-1] / h**2 * fixed[2 * axis + 1]
        faces.append(np.ascontiguousarray(np.moveaxis(g, 0, axis)))
    return faces[0], faces[1], faces[2]


def explicit_limit(conductances: tuple[np.ndarray, ...], available_fraction: np.ndarray) -> float:
    """The longest stable step of forward Euler, ``min ε/Σ_faces g``, s; infinite where nothing diffuses."""
    total = np.zeros(available_fraction.shape)
    for axis, g in enumerate(conductances):
        faces = np.moveaxis(g, axis, 0)
        total += np.moveaxis(faces[:-1] + faces[1:], 0, axis)
    fastest = float((total / available_fraction).max())
    return 1 / fastest if fastest > 0 else float("inf")


class Diffusion:
    """ε ∂C/∂t = ∇·(εD∇C) on one grid: ``advance`` takes one step of any length.

    Conserves Σ εC but for what passes the faces of the box, which it returns.
    """

    def __init__(
        self,
        device: Device,
        grid: Grid,
        *,
        diffusivity: np.ndarray,
        available_fraction: np.ndarray,
        boundaries: Boundaries,
        real: type,
    ):
        conductances = face_conductances(grid, available_fraction * diffusivity, boundaries.fixed())
        self.explicit_limit = explicit_limit(conductances, available_fraction)
        self._device = device
        self._open = any(boundaries.fixed())
        self._outside = tuple(value or 0.0 for value in boundaries.values)
        self._conductances = [device.upload(g, real) for g in reversed(conductances)]
        self._epsilon = device.upload(available_fraction, real)
        self._rate = device.empty(grid.shape, real)
        self._booked = device.empty(grid.shape[:2], np.float64)
        self._voxel_volume = grid.voxel_volume

    def advance(
        self, concentration: Array, scratch: tuple[Array, Array], dt: float
    ) -> tuple[Array, tuple[Array, Array], float]:
        """C after ``dt``, two arrays that are free again, and the amount that left through the box.

        ``scratch`` are two arrays like C. The three change roles: go on with the returned ones.
        """
        if self.explicit_limit == float("inf"):
            return concentration, scratch, 0.0
        stages = legendre_stages(stages_needed(dt, self.explicit_limit))
        last = concentration
        left, left_before, first_rate = 0.0, 0.0, 0.0
        for j, stage in enumerate(stages):
            result = scratch[j % 2]
            rate = self._stage(result, last, concentration, stage, number=j, dt=dt)
            if j == 0:
                first_rate = rate
            # what left obeys the recurrence of the stages themselves, from 0
            left, left_before = (
                stage.mu * left
                + stage.nu * left_before
                + dt * (stage.mu_rate * rate + stage.gamma_rate * first_rate),
                left,
            )
            last = result
        spare = scratch[len(stages) % 2]
        return last, (concentration, spare), left * self._voxel_volume

    def _stage(
        self, result: Array, last: Array, start: Array, stage: Stage, *, number: int, dt: float
    ) -> float:
        """Run one stage; returns what leaves the box per unit of time in ``last``, per voxel volume."""
        diffuse(
            self._device,
            result,
            self._rate,
            self._booked,
            last,
            start,
            *self._conductances,
            self._epsilon,
            outside=self._outside,
            first=number == 0,
            mu=stage.mu,
            nu=stage.nu if number > 1 else 0.0,  # Y_{j−2} is the start itself, which the kernel adds anyway
            mu_rate=stage.mu_rate * dt,
            gamma_rate=stage.gamma_rate * dt,
        )
        return float(self._device.sum(self._booked)) if self._open else 0.0
