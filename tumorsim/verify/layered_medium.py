"""Steady flow through layers whose conductivities differ a thousandfold (physics.md I.1).

Layers in series: the drop over each is its share of Σ d_i/K_i. Harmonic means on faces give pressure at the voxel
centres and flux exactly, whatever the number of voxels in a layer; what is left is the tolerance of the solver.
"""

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.twin import Device
from tumorsim.verify.convergence import VerificationCase
from tumorsim.verify.marching import line
from tumorsim.verify.steady import screened_poisson

LAYERS = (1.0, 1e-3, 0.05)


def run(device: Device, voxels: int) -> float:
    """``voxels`` in each layer; pressure 1 at the low end and 0 at the high one."""
    k = np.repeat(LAYERS, voxels)
    p = screened_poisson(
        device,
        line(len(k)),
        conductivity=k[None, None],
        boundaries=Boundaries(x_low=1.0, x_high=0.0),
    )
    passed = np.cumsum(1 / k) - 0.5 / k
    return float(np.abs(p[0, 0] - (1 - passed / (1 / k).sum())).max())


CASES = (
    VerificationCase(
        name="layered_medium",
        group="pressure",
        equation="I.1",
        run=run,
        resolutions=(3, 10, 50),
        quick=(3, 10, 50),
        expected_order=None,
        tolerance=1e-9,
        norm="max |p − exact|",
        refines="voxels a layer",
    ),
)
