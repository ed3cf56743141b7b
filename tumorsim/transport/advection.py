"""Advection by the interstitial fluid: TVD fluxes, two Runge–Kutta stages."""

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.twin import Array, Device
from tumorsim.grid import Grid
from tumorsim.operators.advect import LIMITERS, advect


def face_rates(
    grid: Grid, velocity: tuple[np.ndarray, np.ndarray, np.ndarray], retardation: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """f u/h on the faces along z, y, x, 1/s, with f of the upwind voxel (physics.md I.1)."""
    rates = []
    for axis, (u, h) in enumerate(zip(velocity, grid.spacing, strict=True)):
        u = np.moveaxis(u, axis, 0)
        f = np.moveaxis(np.broadcast_to(retardation, grid.shape), axis, 0)
        low, high = np.concatenate([f[:1], f]), np.concatenate([f, f[-1:]])
        rates.append(np.ascontiguousarray(np.moveaxis(u * np.where(u > 0, low, high) / h, 0, axis)))
    return rates[0], rates[1], rates[2]


class Advection:
    """ε ∂C/∂t = −∇·(f u C) on one grid, by SSP-RK2 (Heun) with a flux limiter.

    Positive for steps up to half of ``step_limit``: a limited face value is at most twice the upwind C, so a
    stage takes at most ``2 dt Σ_out f u/h ≤ ε`` of a voxel.
    """

    def __init__(
        self,
        device: Device,
        grid: Grid,
        *,
        velocity: tuple[np.ndarray, np.ndarray, np.ndarray],
        retardation: np.ndarray,
        available_fraction: np.ndarray,
        boundaries: Boundaries,
        limiter: str,
        real: type,
    ):
        rates = face_rates(grid, velocity, retardation)
        self.step_limit = outflow_limit(rates, available_fraction)
        self._device = device
        self._outside = tuple(value or 0.0 for value in boundaries.values)
        self._limiter = LIMITERS[limiter]
        self._rates = [device.upload(rate, real) for rate in reversed(rates)]
        self._epsilon = device.upload(available_fraction, real)
        self._booked = device.empty(grid.shape[:2], np.float64)
        self._voxel_volume = grid.voxel_volume

    def advance(self, concentration: Array, scratch: Array, dt: float) -> float:
        """Take C over ``dt``, in place; returns the amount that left through the box. ``scratch`` is like C."""
        if self.step_limit == float("inf"):
            return 0.0
        self._booked[...] = 0
        self._stage(scratch, concentration, keep=0.0, dt=dt)
        self._stage(concentration, scratch, keep=0.5, dt=dt)
        return float(self._device.sum(self._booked)) * self._voxel_volume

    def _stage(self, result: Array, concentration: Array, *, keep: float, dt: float) -> None:
        advect(
            self._device,
            result,
            self._booked,
            concentration,
            *self._rates,
            self._epsilon,
            outside=self._outside,
            limiter=self._limiter,
            keep=keep,
            weight=0.5,  # each of the two stages has half a say in the result
            dt=dt,
        )


def outflow_limit(rates: tuple[np.ndarray, ...], available_fraction: np.ndarray) -> float:
    """The time in which the fastest voxel would be emptied, ``min ε/Σ_out f u/h``, s; infinite without flow."""
    total = np.zeros(available_fraction.shape)
    for axis, rate in enumerate(rates):
        faces = np.moveaxis(rate, axis, 0)
        total += np.moveaxis(np.maximum(faces[1:], 0) + np.maximum(-faces[:-1], 0), 0, axis)
    fastest = float((total / available_fraction).max())
    return 1 / fastest if fastest > 0 else float("inf")
