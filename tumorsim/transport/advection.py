"""Advection by the interstitial fluid: TVD fluxes, two Runge–Kutta stages."""

from math import inf

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.twin import Array, Device
from tumorsim.grid import Grid
from tumorsim.operators.advect import LIMITERS, advect
from tumorsim.transport.faces import face_rates


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

    def advance(
        self, concentration: Array, scratch: Array, dt: float, *, booked: Array, seed: int = 0
    ) -> None:
        """Take C over ``dt``, in place, and add what left through the box to ``booked``, amount per voxel volume.

        ``scratch`` is like C.
        """
        if self.step_limit == inf:
            return
        first = 2 * seed % 2**31  # kernels take 32 bits
        self._stage(scratch, concentration, booked, keep=0.0, dt=dt, seed=first)
        self._stage(concentration, scratch, booked, keep=0.5, dt=dt, seed=first + 1)

    def _stage(
        self, result: Array, concentration: Array, booked: Array, *, keep: float, dt: float, seed: int
    ) -> None:
        advect(
            self._device,
            result,
            booked,
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
