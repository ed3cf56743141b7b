"""A point that gives off q into tissue with first-order loss, steady (physics.md V9).

``C = q e^{−mr}/(4πDr)``, m = √(k/D) (Carslaw, Jaeger 1959, Conduction of Heat in Solids, ch. 10; with loss it is the
Yukawa potential). An octant of the box, whose closed faces are planes of symmetry; the source fills the corner voxel,
and so with its images a cube of two voxels' edge around the point. Its second moment is of the order h²: second
order at distances of 1/m to 2.5/m. The box ends 7/m away, where what it cuts off is 1e-4 of C at the far end of these.
"""

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.twin import Device
from tumorsim.verify.convergence import VerificationCase
from tumorsim.verify.marching import cube
from tumorsim.verify.steady import screened_poisson

DIFFUSIVITY, LOSS, STRENGTH = 1.0, 1.0, 1.0
NEAR, FAR = 1.0, 2.5


def concentration(r: np.ndarray) -> np.ndarray:
    return STRENGTH * np.exp(-r * np.sqrt(LOSS / DIFFUSIVITY)) / (4 * np.pi * DIFFUSIVITY * r)


def run(device: Device, voxels: int) -> float:
    grid = cube(voxels, 7.0)
    source = np.zeros(grid.shape)
    source[0, 0, 0] = STRENGTH / 8 / grid.voxel_volume
    boundaries = Boundaries(z_high=0.0, y_high=0.0, x_high=0.0)
    c = screened_poisson(
        device, grid, conductivity=DIFFUSIVITY, loss=LOSS, source=source, boundaries=boundaries
    )
    r = grid.distance((0.0, 0.0, 0.0))
    shell = (r > NEAR) & (r < FAR)
    return float(np.abs(c - concentration(r))[shell].mean() / concentration(r[shell]).mean())


CASES = (
    VerificationCase(
        name="point_source",
        group="diffusion",
        equation="V9",
        run=run,
        resolutions=(32, 48, 64),
        quick=(24, 36, 48),
        expected_order=1.9,
        tolerance=6e-3,
        norm="mean |C − exact|/mean C over mr in 1–2.5",
    ),
)
