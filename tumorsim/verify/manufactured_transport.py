"""A manufactured solution of the whole transport equation in a closed box (physics.md V14).

``u = U(sin kx cos ky, −cos kx sin ky, 0)``, ``C = e^{−λt}(1 + a cos kx cos ky cos kz)``, which need the source

    S = (k_d − λ)C − ½aUk e^{−λt} cos kz (cos 2ky − cos 2kx) + 3Dk²a e^{−λt} cos kx cos ky cos kz

(method of manufactured solutions: Roache 2002, J Fluids Eng 124:4). S/e^{−λt} is positive here and does not depend
on time, so it enters as a wall that gives and takes nothing back: P(S/V) → 0 while P(S/V)C_p stays, with
C_p ∝ e^{−λt}. All of it is of second order but the flux in the voxels beside the faces of the box, which is upwind:
1.6 at least in the mean norm.
"""

import numpy as np

from tumorsim.device.twin import Device
from tumorsim.grid import Grid
from tumorsim.transport.reactions import Kinetics
from tumorsim.transport.stepper import TransportProperties
from tumorsim.verify.convergence import VerificationCase
from tumorsim.verify.marching import TRICKLE, FallingPlasma, cube, given_flow, march, stepper

K, SPEED, AMPLITUDE, DIFFUSIVITY, LOSS, FALL, AVAILABLE = np.pi, 0.3, 0.3, 0.05, 2.5, 0.5, 0.5
LAST = 0.5


def vortex(grid: Grid, axis: int) -> np.ndarray | float:
    """Darcy velocity εu on the faces along ``axis``; its discrete divergence vanishes."""
    faces = [x.copy() for x in grid.centers]
    faces[axis] = (np.arange(grid.shape[axis] + 1) * grid.spacing[axis]).reshape(
        [-1 if a == axis else 1 for a in range(3)]
    )
    _, y, x = faces
    if axis == 2:
        return AVAILABLE * SPEED * np.sin(K * x) * np.cos(K * y)
    return -AVAILABLE * SPEED * np.cos(K * x) * np.sin(K * y) if axis == 1 else 0.0


def profile(grid: Grid) -> np.ndarray:
    """cos kx cos ky cos kz."""
    z, y, x = grid.centers
    return np.cos(K * x) * np.cos(K * y) * np.cos(K * z)


def source(grid: Grid) -> np.ndarray:
    """S e^{λt} per available volume."""
    z, y, x = grid.centers
    carried = AMPLITUDE * SPEED * K / 2 * np.cos(K * z) * (np.cos(2 * K * y) - np.cos(2 * K * x))
    spread = 3 * DIFFUSIVITY * K**2 * AMPLITUDE * profile(grid)
    return (LOSS - FALL) * (1 + AMPLITUDE * profile(grid)) - carried + spread


def run(device: Device, voxels: int) -> float:
    grid = cube(voxels)
    transport = stepper(
        device,
        grid,
        flow=given_flow(device, grid, lambda axis: vortex(grid, axis)),
        properties=TransportProperties(
            AVAILABLE,
            DIFFUSIVITY,
            TRICKLE * AVAILABLE * source(grid),
            0.0,
            kinetics=Kinetics(decay=LOSS),
        ),
    )
    start = 1 + AMPLITUDE * profile(grid)
    plasma = FallingPlasma(1 / TRICKLE, FALL)
    pools = march(transport, until=LAST, free=AVAILABLE * start, plasma=plasma, longest_step=1 / voxels)
    return float(np.abs(pools["free"] / AVAILABLE - np.exp(-FALL * LAST) * start).mean())


CASES = (
    VerificationCase(
        name="manufactured_transport",
        group="advection and diffusion",
        equation="V14",
        run=run,
        resolutions=(16, 32, 64),
        quick=(16, 24, 32),
        expected_order=1.6,
        tolerance=5e-4,
        norm="mean |C − exact|",
    ),
)
