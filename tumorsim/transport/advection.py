"""Advection by the interstitial fluid: TVD fluxes, two Runge–Kutta stages."""

from math import inf

from tumorsim.boundaries import Boundaries
from tumorsim.device.twin import Array, Device
from tumorsim.operators.advect import LIMITERS, advect


class Advection:
    """ε ∂C/∂t = −∇·(f u C) on one grid, by SSP-RK2 (Heun) with a flux limiter.

    ``rates`` are f u/h on the faces across x, y and z, 1/s, halves over ``rate_scale`` (transport.half_precision)
    or of the precision of C, ``epsilon`` is ε, all on the device. ``step_limit`` is
    ``emptying_time``, the time in which the fastest voxel would be emptied, ``min ε/Σ_out f u/h``, s. Positive for
    steps up to half of it: a limited face value is at most twice the upwind C, so a stage takes at most
    ``2 dt Σ_out f u/h ≤ ε`` of a voxel.
    """

    def __init__(
        self,
        device: Device,
        *,
        rates: tuple[Array, Array, Array],
        rate_scale: float = 1.0,
        epsilon: Array,
        boundaries: Boundaries,
        limiter: str,
        emptying_time: float,
    ):
        self._device = device
        self._rates, self._rate_scale, self._epsilon = rates, rate_scale, epsilon
        self._outside = boundaries.outside
        self._limiter = LIMITERS[limiter]
        self.step_limit = emptying_time

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
            rate_scale=self._rate_scale,
        )
