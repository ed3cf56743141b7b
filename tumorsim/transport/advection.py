"""Advection by the interstitial fluid: TVD fluxes, two Runge–Kutta stages."""

from math import inf

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.twin import Array, Device
from tumorsim.grid import Grid
from tumorsim.operators.advect import LIMITERS, advect


def face_rates(grid: Grid, velocity: np.ndarray, retardation: np.ndarray, axis: int) -> np.ndarray:
    """f u/h on the faces along ``axis``, 1/s, with f of the upwind voxel (physics.md I.1)."""
    u, f = np.moveaxis(velocity, axis, 0), np.moveaxis(retardation, axis, 0)
    rates = np.empty(grid.face_shape(axis))
    r = np.moveaxis(rates, axis, 0)
    r[...] = u / grid.spacing[axis]
    r[1:-1] *= np.where(u[1:-1] > 0, f[:-1], f[1:])
    r[0] *= f[0]
    r[-1] *= f[-1]
    return rates


class Advection:
    """ε ∂C/∂t = −∇·(f u C) on one grid, by SSP-RK2 (Heun) with a flux limiter.

    ``step_limit`` is the time in which the fastest voxel would be emptied, ``min ε/Σ_out f u/h``, s; infinite without
    flow. Positive for steps up to half of it: a limited face value is at most twice the upwind C, so a stage takes
    at most ``2 dt Σ_out f u/h ≤ ε`` of a voxel. ``available_fraction`` is on the host, ``epsilon`` the same on the
    device.
    """

    def __init__(
        self,
        device: Device,
        grid: Grid,
        *,
        velocity: tuple[Array, Array, Array],
        retardation: np.ndarray,
        available_fraction: np.ndarray,
        epsilon: Array,
        boundaries: Boundaries,
        limiter: str,
    ):
        self._device = device
        self._outside = boundaries.outside
        self._limiter = LIMITERS[limiter]
        self._epsilon = epsilon
        outflow, rates = np.zeros(grid.shape), []
        for axis in range(3):  # one axis at a time: the float64 maps are large
            rate = face_rates(grid, device.download(velocity[axis]), retardation, axis)
            faces = np.moveaxis(rate, axis, 0)
            outflow += np.moveaxis(np.maximum(faces[1:], 0) - np.minimum(faces[:-1], 0), 0, axis)
            rates.append(device.upload(rate, epsilon.dtype))
        self._rates = rates[::-1]
        fastest = float((outflow / available_fraction).max())
        self.step_limit = 1 / fastest if fastest > 0 else inf
        self._booked = device.empty(grid.shape[:2], np.float64)
        self._voxel_volume = grid.voxel_volume

    def advance(self, concentration: Array, scratch: Array, dt: float, *, seed: int = 0) -> float:
        """Take C over ``dt``, in place; returns the amount that left through the box. ``scratch`` is like C."""
        if self.step_limit == inf:
            return 0.0
        self._booked[...] = 0
        self._stage(scratch, concentration, keep=0.0, dt=dt, seed=2 * seed)
        self._stage(concentration, scratch, keep=0.5, dt=dt, seed=2 * seed + 1)
        return float(self._device.sum(self._booked)) * self._voxel_volume

    def _stage(self, result: Array, concentration: Array, *, keep: float, dt: float, seed: int) -> None:
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
            seed=seed,
        )
