"""Agent across the vessel wall with and against the fluid (physics.md V12, B.3).

``J_s = P[B(−Pe)C_p − B(Pe)C]``, Pe = J_v(1 − σ)/P, B(x) = x/(eˣ − 1) (Patlak, Goldstein, Hoffman 1963, J Theor
Biol 5:426). Where the filtered fluid leaves with C, C settles at ``C/C_p = (1 − σ)/(1 − σe^{−Pe})``. Without outflow
it is ``C/C_p = e^{Pe}(1 − e^{−bt/ε})``, b = P(S/V)B(Pe).

``patlak_lumped`` is steady in a fluid that expands as it is filtered (u = φ_v x), which the split step treats in two
parts. ``patlak_membrane`` has no flow. Both are of second order in the step.
"""

from math import exp, expm1

import numpy as np

from tumorsim.device.twin import Device
from tumorsim.grid import Grid
from tumorsim.transport.stepper import TransportProperties
from tumorsim.verify.convergence import VerificationCase
from tumorsim.verify.marching import FallingPlasma, GivenFlow, given_flow, line, march, stepper

FILTRATION, PERMEABILITY, REFLECTION, AVAILABLE, VOXELS = 0.2, 0.15, 0.5, 0.5, 8
PECLET = FILTRATION * (1 - REFLECTION) / PERMEABILITY
PROPERTIES = TransportProperties(AVAILABLE, 0.0, PERMEABILITY, REFLECTION)
ROUNDING = 1e-12


def expanding_flow(device: Device, grid: Grid, filtration: float) -> GivenFlow:
    """Fluid filtered everywhere, which leaves along x: u = φ_v x."""
    x = grid.spacing[2] * np.arange(grid.shape[2] + 1)
    return given_flow(device, grid, lambda axis: filtration * x if axis == 2 else 0.0, filtration=filtration)


def lumped(device: Device, steps: int) -> float:
    """From the steady state itself, over ten times of renewal; NaN unless C stays uniform."""
    grid = line(VOXELS)
    exact = (1 - REFLECTION) / (1 - REFLECTION * exp(-PECLET))
    transport = stepper(device, grid, flow=expanding_flow(device, grid, FILTRATION), properties=PROPERTIES)
    free = march(
        transport,
        until=10 * AVAILABLE / FILTRATION,
        free=np.full(grid.shape, AVAILABLE * exact),
        steps=steps,
        plasma=FallingPlasma(1.0),
    )["free"]
    uniform = np.ptp(free) < ROUNDING
    return abs(float(free.mean()) / AVAILABLE / exact - 1) if uniform else float("nan")


def membrane(device: Device, steps: int) -> float:
    grid, until = line(1), 1.7
    transport = stepper(
        device, grid, flow=given_flow(device, grid, filtration=FILTRATION), properties=PROPERTIES
    )
    free = march(transport, until=until, steps=steps, plasma=FallingPlasma(1.0))["free"]
    back = PERMEABILITY * PECLET / expm1(PECLET)
    exact = exp(PECLET) * -expm1(-back * until / AVAILABLE)
    return abs(float(free[0, 0, 0]) / AVAILABLE / exact - 1)


CASES = (
    VerificationCase(
        name="patlak_lumped",
        group="exchange and reactions",
        equation="V12",
        run=lumped,
        resolutions=(200, 400, 800),
        quick=(200, 400, 800),
        expected_order=1.9,
        tolerance=5e-5,
        norm="|C/exact − 1|",
        refines="steps",
    ),
    VerificationCase(
        name="patlak_membrane",
        group="exchange and reactions",
        equation="V12",
        run=membrane,
        resolutions=(4, 8, 16),
        quick=(4, 8, 16),
        expected_order=1.9,
        tolerance=1e-4,
        norm="|C/exact − 1|",
        refines="steps",
    ),
)
