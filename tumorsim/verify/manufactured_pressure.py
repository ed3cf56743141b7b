"""A manufactured solution of the pressure equation in a box without flux (physics.md V15).

``K = K_0(1 + e cos bx cos by cos bz)``, ``p = cos bx cos by cos bz``, which need the source

    s = 3b²Kp − K_0 e Σ_i (∂_i p)² + Gp

(method of manufactured solutions: Roache 2002, J Fluids Eng 124:4). Smooth, on voxels that are not cubes: second order.
"""

import numpy as np

from tumorsim.device.twin import Device
from tumorsim.grid import Grid
from tumorsim.verify.convergence import VerificationCase
from tumorsim.verify.steady import screened_poisson

B, CONDUCTIVITY, CONTRAST, ABSORPTION = np.pi, 2.0, 0.6, 3.0


def run(device: Device, voxels: int) -> float:
    shape = voxels // 2, voxels * 3 // 4, voxels
    grid = Grid(shape, (1 / shape[0], 1 / shape[1], 1 / shape[2]))
    cosines, sines = ([f(B * x) for x in grid.centers] for f in (np.cos, np.sin))
    p = cosines[0] * cosines[1] * cosines[2]
    slopes = [B * sines[i] * cosines[i - 1] * cosines[i - 2] for i in range(3)]
    k = CONDUCTIVITY * (1 + CONTRAST * p)
    squares = slopes[0] ** 2 + slopes[1] ** 2 + slopes[2] ** 2
    source = 3 * B**2 * k * p - CONDUCTIVITY * CONTRAST * squares + ABSORPTION * p
    found = screened_poisson(device, grid, conductivity=k, loss=ABSORPTION, source=source)
    return float(np.abs(found - p).max())


CASES = (
    VerificationCase(
        name="manufactured_pressure",
        group="pressure",
        equation="V15",
        run=run,
        resolutions=(24, 48, 96),
        quick=(16, 32, 64),
        expected_order=1.9,
        tolerance=2e-3,
        norm="max |p − exact|/max p",
    ),
)
