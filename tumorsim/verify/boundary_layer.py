"""The boundary layer where a fluid meets a wall of held concentration, steady (physics.md V18).

``C = (e^{Pe x} − 1)/(e^{Pe} − 1)`` with C(0) = 0, C(1) = 1, Pe = vL/D. ``boundary_layer`` goes in steps ∝ h² and
is of second order. ``boundary_layer_long_steps`` takes the longest steps that the flow allows, ∝ h: the value beside
the wall, which advection and diffusion set in turn, then lags by a part of the step. A split step is of first order
where a face holds a value (Hundsdorfer, Verwer 2003, Numerical Solution of Time-Dependent
Advection-Diffusion-Reaction Equations, ch. IV).
"""

from functools import partial

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.twin import Device
from tumorsim.transport.stepper import TransportProperties
from tumorsim.verify.convergence import VerificationCase
from tumorsim.verify.marching import line, march, stepper, uniform_flow

PECLET, UNTIL = 5.0, 2.0


def run(device: Device, voxels: int, *, long_steps: bool) -> float:
    grid = line(voxels)
    transport = stepper(
        device,
        grid,
        flow=uniform_flow(device, grid, (0.0, 0.0, 1.0)),
        properties=TransportProperties(1.0, 1 / PECLET, 0.0, 0.0),
        boundaries=Boundaries(x_low=0.0, x_high=1.0),
    )
    x = grid.centers[2]
    exact = np.expm1(PECLET * x) / np.expm1(PECLET)
    longest = float("inf") if long_steps else PECLET * grid.spacing[2] ** 2
    c = march(transport, until=UNTIL, free=exact, longest_step=longest)["free"]
    return float(np.abs(c - exact).mean())


def case(name: str, *, long_steps: bool, expected_order: float, tolerance: float) -> VerificationCase:
    return VerificationCase(
        name=name,
        group="advection and diffusion",
        equation="V18",
        run=partial(run, long_steps=long_steps),
        resolutions=(20, 40, 80),
        quick=(20, 30, 40),
        expected_order=expected_order,
        tolerance=tolerance,
        norm="mean |C − exact|",
    )


CASES = (
    case("boundary_layer", long_steps=False, expected_order=1.9, tolerance=1e-3),
    case("boundary_layer_long_steps", long_steps=True, expected_order=0.9, tolerance=6e-3),
)
