"""A Gaussian puff, carried off obliquely while it spreads and decays (physics.md V2).

``C = e^{−kt} Π_i exp(−(x_i − x0_i − v_i t)²/2s_i²)/√(2π s_i²)``, ``s_i² = σ_0² + 2 D t``.

The textbook solution (Crank 1975, The Mathematics of Diffusion, ch. 2) in a moving frame. Second order is expected,
where convection is taken with diffusion (cell Péclet number below 1) and where it is split off and limited.
"""

from functools import partial
from math import exp, pi, sqrt

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.twin import Device
from tumorsim.grid import Grid
from tumorsim.transport.reactions import Kinetics
from tumorsim.transport.stepper import TransportProperties
from tumorsim.verify.convergence import VerificationCase
from tumorsim.verify.marching import march, stepper, uniform_flow

VELOCITY = (0.3, -0.2, 0.4)
CENTER = (0.7, 1.1, 0.65)
WIDTH, DECAY, AVAILABLE, LAST = 0.14, 0.5, 0.4, 0.5
LONGEST_STEP = 0.5  # of a grid of one voxel: the flow crosses a third of a voxel


def concentration(grid: Grid, t: float, diffusivity: float) -> np.ndarray:
    c = np.full(grid.shape, exp(-DECAY * t))
    square = WIDTH**2 + 2 * diffusivity * t
    for x, start, v in zip(grid.centers, CENTER, VELOCITY, strict=True):
        c = c * np.exp(-((x - start - v * t) ** 2) / (2 * square)) / sqrt(2 * pi * square)
    return c


def run(device: Device, voxels: int, *, diffusivity: float, convects: bool) -> float:
    """Voxels that are not cubes; the box is open, and the puff stays clear of its faces."""
    grid = Grid((voxels, voxels * 5 // 4, voxels), (1.7 / voxels, 2.0 / (voxels * 5 // 4), 1.7 / voxels))
    vz, vy, vx = (AVAILABLE * v for v in VELOCITY)
    transport = stepper(
        device,
        grid,
        flow=uniform_flow(device, grid, (vz, vy, vx)),
        properties=TransportProperties(AVAILABLE, diffusivity, 0.0, 0.0, kinetics=Kinetics(decay=DECAY)),
        boundaries=Boundaries.uniform(0.0),
        limiter="koren",
    )
    start = AVAILABLE * concentration(grid, 0.0, diffusivity)
    free = march(transport, until=LAST, free=start, longest_step=LONGEST_STEP / voxels)["free"]
    exact = concentration(grid, LAST, diffusivity)
    error = float(np.abs(free / AVAILABLE - exact).sum() / exact.sum())
    return error if transport.convects is convects else float("nan")


CASES = (
    VerificationCase(
        name="gaussian_puff",
        group="advection and diffusion",
        equation="V2",
        run=partial(run, diffusivity=0.03, convects=True),
        resolutions=(24, 40, 64),
        quick=(24, 32, 48),
        expected_order=1.9,
        tolerance=0.01,
        norm="Σ|C − exact|/Σ exact",
    ),
    VerificationCase(
        name="gaussian_puff_limited",
        group="advection and diffusion",
        equation="V2",
        run=partial(run, diffusivity=0.02, convects=False),
        resolutions=(12, 20, 32),
        quick=(12, 20, 32),
        expected_order=1.9,
        tolerance=0.01,
        norm="Σ|C − exact|/Σ exact",
    ),
)
