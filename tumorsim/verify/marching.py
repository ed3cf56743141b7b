"""Given flows and given plasma levels, and taking the transport through time in equal steps."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, exp

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.twin import Array, Device
from tumorsim.grid import Grid
from tumorsim.transport.stepper import Plasma, Stepper, TransportProperties

TRICKLE = 1e-12
"""Wall exchange rate, 1/s, of a prescribed source: C returns to the plasma at this rate, else nothing happens."""


@dataclass(frozen=True, eq=False)
class GivenFlow:
    """Face velocities (z, y, x), φ_v and φ_L, on the device."""

    velocity: tuple[Array, Array, Array]
    filtration: Array
    lymph_drainage: Array


@dataclass(frozen=True)
class FallingPlasma:
    """C_p = ``start`` e^{−``rate`` t}."""

    start: float = 0.0
    rate: float = 0.0

    def mean(self, start: float, end: float) -> float:
        if self.rate == 0:
            return self.start
        lost = exp(-self.rate * start) - exp(-self.rate * end)
        return self.start * lost / (self.rate * (end - start))


NO_PLASMA = FallingPlasma()


def given_flow(
    device: Device,
    grid: Grid,
    velocity: Callable[[int], np.ndarray | float] | None = None,
    *,
    filtration: float = 0.0,
    lymph_drainage: float = 0.0,
) -> GivenFlow:
    """A flow whose face velocity along ``axis`` is ``velocity(axis)``; at rest without one."""
    faces = [
        device.upload(np.broadcast_to(velocity(axis) if velocity else 0.0, grid.face_shape(axis)), np.float64)
        for axis in range(3)
    ]
    filtered, drained = (
        device.upload(np.full(grid.shape, rate), np.float64) for rate in (filtration, lymph_drainage)
    )
    return GivenFlow((faces[0], faces[1], faces[2]), filtered, drained)


def uniform_flow(device: Device, grid: Grid, velocity: tuple[float, float, float]) -> GivenFlow:
    """The same Darcy velocity (z, y, x) everywhere."""
    return given_flow(device, grid, lambda axis: velocity[axis])


def stepper(
    device: Device,
    grid: Grid,
    *,
    flow: GivenFlow | None = None,
    properties: TransportProperties,
    boundaries: Boundaries | None = None,
    limiter: str = "van_leer",
) -> Stepper:
    """A stepper in float64 whose step only the flow limits."""
    return Stepper(
        device,
        grid,
        flow=flow or given_flow(device, grid),
        properties=properties,
        boundaries=boundaries or Boundaries(),
        limiter=limiter,
        precision="float64",
        max_step=float("inf"),
    )


def march(
    stepper: Stepper,
    *,
    until: float,
    free: np.ndarray | None = None,
    steps: int | None = None,
    longest_step: float = float("inf"),
    plasma: Plasma = NO_PLASMA,
) -> dict[str, np.ndarray]:
    """The pools at time ``until`` (amounts per tissue volume), from ``free`` at time 0, in equal steps."""
    count = steps or ceil(until / min(stepper.step_size, longest_step) * (1 - 1e-12))
    state = stepper.start({} if free is None else {"free": free})
    for step in range(count):
        stepper.step(state, step * until / count, until / count, plasma)
    return stepper.pools(state)


def line(voxels: int, length: float = 1.0) -> Grid:
    """A grid of one row along x."""
    return Grid((1, 1, voxels), (1.0, 1.0, length / voxels))


def cube(voxels: int, length: float = 1.0) -> Grid:
    """A cube of ``voxels`` along each edge."""
    return Grid((voxels,) * 3, (length / voxels,) * 3)


def square(voxels: int, length: float = 1.0) -> Grid:
    """One layer of ``voxels`` × ``voxels``."""
    return Grid((1, voxels, voxels), (1.0, length / voxels, length / voxels))
