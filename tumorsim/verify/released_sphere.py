"""A uniform sphere of agent, released at once into an infinite medium (physics.md V3, H).

With the spread s = √(2Dt)

    C/C_0 = ½[erf((R − r)/√2 s) + erf((R + r)/√2 s)] − s/(r√(2π)) [e^{−(R−r)²/2s²} − e^{−(R+r)²/2s²}]

(Crank 1975, The Mathematics of Diffusion, ch. 3). An octant; closed faces are planes of symmetry. The march
starts from the exact profile at a first time, as the sharp edge is not smooth: second order.
"""

from math import pi, sqrt

import numpy as np

from tumorsim.device.twin import Device
from tumorsim.transport.stepper import TransportProperties
from tumorsim.verify.convergence import VerificationCase
from tumorsim.verify.marching import cube, march, stepper

DIFFUSIVITY, RADIUS, LENGTH, FIRST, LAST, AVAILABLE = 1.0, 0.4, 1.8, 0.01, 0.04, 0.3


def concentration(r: np.ndarray, t: float) -> np.ndarray:
    from scipy.special import erf

    spread = sqrt(2 * DIFFUSIVITY * t)
    inner, outer = (RADIUS - r) / (sqrt(2) * spread), (RADIUS + r) / (sqrt(2) * spread)
    bells = np.exp(-(inner**2)) - np.exp(-(outer**2))
    return 0.5 * (erf(inner) + erf(outer)) - spread / (r * sqrt(2 * pi)) * bells


def run(device: Device, voxels: int) -> float:
    grid = cube(voxels, LENGTH)
    r = grid.distance((0.0, 0.0, 0.0))
    transport = stepper(device, grid, properties=TransportProperties(AVAILABLE, DIFFUSIVITY, 0.0, 0.0))
    start = AVAILABLE * concentration(r, FIRST)
    free = march(transport, until=LAST - FIRST, free=start, steps=voxels // 2)["free"]
    return float(np.abs(free / AVAILABLE - concentration(r, LAST)).max())


CASES = (
    VerificationCase(
        name="released_sphere",
        group="diffusion",
        equation="V3",
        run=run,
        resolutions=(16, 32, 64),
        quick=(16, 24, 40),
        expected_order=1.9,
        tolerance=2.5e-3,
        norm="max |C − exact|/C_0",
    ),
)
