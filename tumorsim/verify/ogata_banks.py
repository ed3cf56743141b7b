"""A step of concentration at the inlet of a moving fluid, with decay (physics.md V1).

``C/C_0 = ½[e^{(v−w)x/2D} erfc((x − wt)/2√(Dt)) + e^{(v+w)x/2D} erfc((x + wt)/2√(Dt))]``, ``w = √(v² + 4kD)``.

Source: Ogata, Banks 1961, USGS Professional Paper 411-A; with decay van Genuchten, Alves 1982, USDA Technical
Bulletin 1661. Second order: the profile is smooth and has no maximum, so the limiter stays passive. The march
starts from the exact profile at a first time, since the step itself is not smooth, and goes in steps ∝ h²: beside
a face that holds a value, longer ones cost an order (boundary_layer.py).
"""

from math import sqrt

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.twin import Device
from tumorsim.transport.reactions import Kinetics
from tumorsim.transport.stepper import TransportProperties
from tumorsim.verify.convergence import VerificationCase
from tumorsim.verify.marching import line, march, stepper, uniform_flow

LENGTH, VELOCITY, DIFFUSIVITY, DECAY, AVAILABLE = 2.0, 0.5, 0.1, 0.8, 0.5
FIRST, LAST = 0.1, 0.6


def concentration(x: np.ndarray, t: float) -> np.ndarray:
    """C/C_0, with e^p erfc(b) as e^{p − b²} erfcx(b), which does not overflow."""
    from scipy.special import erfc, erfcx

    w, spread = sqrt(VELOCITY**2 + 4 * DECAY * DIFFUSIVITY), 2 * sqrt(DIFFUSIVITY * t)
    a, b = (x - w * t) / spread, (x + w * t) / spread
    growth = (VELOCITY + w) * x / (2 * DIFFUSIVITY) - b**2
    return 0.5 * (np.exp((VELOCITY - w) * x / (2 * DIFFUSIVITY)) * erfc(a) + np.exp(growth) * erfcx(b))


def run(device: Device, voxels: int) -> float:
    grid = line(voxels, LENGTH)
    transport = stepper(
        device,
        grid,
        flow=uniform_flow(device, grid, (0.0, 0.0, AVAILABLE * VELOCITY)),
        properties=TransportProperties(AVAILABLE, DIFFUSIVITY, 0.0, 0.0, kinetics=Kinetics(decay=DECAY)),
        boundaries=Boundaries(x_low=1.0),
    )
    x = grid.centers[2]
    start = AVAILABLE * concentration(x, FIRST)
    longest = grid.spacing[2] ** 2 / DIFFUSIVITY
    free = march(transport, until=LAST - FIRST, free=start, longest_step=longest)["free"]
    return float(np.abs(free / AVAILABLE - concentration(x, LAST)).mean())


CASES = (
    VerificationCase(
        name="ogata_banks",
        group="advection and diffusion",
        equation="V1",
        run=run,
        resolutions=(80, 160, 320),
        quick=(80, 160, 320),
        expected_order=1.9,
        tolerance=1e-4,
        norm="mean |C − exact|/C_0",
    ),
)
