"""A Gaussian puff, carried off obliquely while it spreads and decays (physics.md V2).

``C = e^{−kt} Π_i exp(−(x_i − x0_i − v_i t)²/2s_i²)/√(2π s_i²)``, ``s_i² = σ_0² + 2 D t``.

The textbook solution (Crank 1975, The Mathematics of Diffusion, ch. 2) in a moving frame. Diffusion rules (a cell
Péclet number below 2), so second order is expected, although the limiter clips the one maximum.
"""

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
DIFFUSIVITY, WIDTH, DECAY, AVAILABLE, LAST = 0.02, 0.14, 0.5, 0.4, 0.5


def concentration(grid: Grid, t: float) -> np.ndarray:
    c = np.full(grid.shape, exp(-DECAY * t))
    square = WIDTH**2 + 2 * DIFFUSIVITY * t
    for x, start, v in zip(grid.centers, CENTER, VELOCITY, strict=True):
        c = c * np.exp(-((x - start - v * t) ** 2) / (2 * square)) / sqrt(2 * pi * square)
    return c


def run(device: Device, voxels: int) -> float:
    """Voxels that are not cubes; the box is open, and the puff stays clear of its faces."""
    grid = Grid((voxels, voxels * 5 // 4, voxels), (1.7 / voxels, 2.0 / (voxels * 5 // 4), 1.7 / voxels))
    vz, vy, vx = (AVAILABLE * v for v in VELOCITY)
    transport = stepper(
        device,
        grid,
        flow=uniform_flow(device, grid, (vz, vy, vx)),
        properties=TransportProperties(AVAILABLE, DIFFUSIVITY, 0.0, 0.0, kinetics=Kinetics(decay=DECAY)),
        boundaries=Boundaries.uniform(0.0),
        limiter="koren",
    )
    free = march(transport, until=LAST, free=AVAILABLE * concentration(grid, 0.0))["free"]
    exact = concentration(grid, LAST)
    return float(np.abs(free / AVAILABLE - exact).sum() / exact.sum())


CASES = (
    VerificationCase(
        name="gaussian_puff",
        group="advection and diffusion",
        equation="V2",
        run=run,
        resolutions=(16, 32, 64),
        quick=(12, 20, 32),
        expected_order=1.9,
        tolerance=0.01,
        norm="Σ|C − exact|/Σ exact",
    ),
)
