"""The whole split step in time: exchange, advection, diffusion, binding, uptake and decay together (physics.md I.2).

A step that reads the same backwards is of second order if every part is (Strang 1968, SIAM J Numer Anal 5:506); the
parts of the reaction have to be mirrored too. On one grid, against the same in twice as many steps: the difference
is 3/4 of the error. No face holds a value, which would cost an order (boundary_layer.py).
"""

import numpy as np

from tumorsim.device.twin import Device
from tumorsim.transport.reactions import Kinetics
from tumorsim.transport.stepper import Stepper, TransportProperties
from tumorsim.verify.convergence import VerificationCase
from tumorsim.verify.marching import FallingPlasma, line, march, stepper
from tumorsim.verify.patlak import expanding_flow

VOXELS, LAST = 24, 1.0
PLASMA = FallingPlasma(1.0, 0.7)


def everything(device: Device) -> Stepper:
    grid = line(VOXELS)
    x = grid.centers[2]
    return stepper(
        device,
        grid,
        flow=expanding_flow(device, grid, 0.5),
        properties=TransportProperties(
            available_fraction=0.3 + 0.1 * np.cos(3 * x),
            diffusivity=0.02 * (1 + 0.3 * np.sin(4 * x)),
            wall_permeability_density=0.4 * (1 + 0.5 * np.cos(2 * x)),
            wall_reflection=0.3,
            retardation=0.8,
            uptake_rate=0.1,
            binding_sites=0.2 * (1.5 - x),
            kinetics=Kinetics(
                binding_on=2.0, binding_off=0.3, internalisation=0.2, degradation=0.1, decay=0.1
            ),
        ),
    )


def run(device: Device, steps: int) -> float:
    transport = everything(device)
    found, reference = (
        march(transport, until=LAST, steps=count, plasma=PLASMA) for count in (steps, 2 * steps)
    )
    scale = reference["free"].mean()
    return max(float(np.abs(found[pool] - reference[pool]).mean() / scale) for pool in reference)


CASES = (
    VerificationCase(
        name="strang_splitting",
        group="exchange and reactions",
        equation="I.2",
        run=run,
        resolutions=(80, 160, 320),
        quick=(80, 120, 160),
        expected_order=1.9,
        tolerance=5e-5,
        norm="mean |N − N in half the step|/mean free, worst pool",
        refines="steps",
    ),
)
