"""A Gaussian carried around once by a rotating fluid (physics.md V16).

``u = 2π(−(y − y_0), x − x_0)``: after the time 1 the exact solution is the start. The flow crosses the voxels at
every angle. Order as in translation: 1.6 at least with a limiter, 0.7 upwind. The error is infinite if C leaves [0, 1].
"""

from functools import partial
from math import pi

import numpy as np

from tumorsim.device.twin import Device
from tumorsim.grid import Grid
from tumorsim.transport.stepper import TransportProperties
from tumorsim.verify.convergence import VerificationCase
from tumorsim.verify.marching import given_flow, march, square, stepper

WIDTH = 0.08


def rotation(grid: Grid, axis: int) -> np.ndarray | float:
    """The velocity on the faces along ``axis``; free of divergence voxel by voxel."""
    _, y, x = grid.centers
    if axis == 0:
        return 0.0
    return 2 * pi * (x - 0.5) if axis == 1 else -2 * pi * (y - 0.5)


def run(device: Device, voxels: int, *, limiter: str) -> float:
    grid = square(voxels)
    _, y, x = grid.centers
    start = np.exp(-((x - 0.5) ** 2 + (y - 0.72) ** 2) / (2 * WIDTH**2))
    transport = stepper(
        device,
        grid,
        flow=given_flow(device, grid, lambda axis: rotation(grid, axis)),
        properties=TransportProperties(1.0, 0.0, 0.0, 0.0),
        limiter=limiter,
    )
    c = march(transport, until=1.0, free=start)["free"]
    bounded = c.min() >= 0 and c.max() <= 1
    return float(np.abs(c - start).sum() / start.sum()) if bounded else float("inf")


def case(limiter: str, *, expected_order: float, tolerance: float) -> VerificationCase:
    return VerificationCase(
        name=f"rotating_gaussian_{limiter}",
        group="advection",
        equation="V16",
        run=partial(run, limiter=limiter),
        resolutions=(48, 96, 192),
        quick=(32, 64, 96),
        expected_order=expected_order,
        tolerance=tolerance,
        norm="Σ|C − exact|/Σ exact",
    )


CASES = (
    case("van_leer", expected_order=1.6, tolerance=0.06),
    case("koren", expected_order=1.6, tolerance=0.02),
)
