"""A line that gives off q per length into tissue with first-order loss (physics.md V9, V10).

Steady, m = √(k/D): ``C = q K_0(mr)/(2πD)``; since it began at t = 0

    C = ∫_0^t q e^{−r²/4Ds − ks}/(4πDs) ds.

Sources: Carslaw, Jaeger 1959, Conduction of Heat in Solids, ch. 10; Hantush, Jacob 1955, Trans AGU 36:95. The line
is one row of voxels, as a thin vessel is in a run. By symmetry the voxel acts like the line itself up to its second
moment, so the error beyond a few voxels is of second order; it is measured at distances of 1/m to 3/m. The steady
box ends 10/m away, where what it cuts off is below 1e-6 of C there; the transient box 6/m away, out of reach
within the time. Its steps are ∝ h² and short: a source in one voxel is as rough as can be.
"""

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.twin import Device
from tumorsim.grid import Grid
from tumorsim.transport.stepper import TransportProperties
from tumorsim.verify.convergence import VerificationCase
from tumorsim.verify.marching import TRICKLE, FallingPlasma, march, square, stepper
from tumorsim.verify.steady import screened_poisson

DIFFUSIVITY, LOSS, STRENGTH, AVAILABLE = 1.0, 1.0, 1.0, 0.4
NEAR, FAR = 1.0, 3.0
LAST = 1.0


def steady(r: np.ndarray) -> np.ndarray:
    from scipy.special import k0

    return STRENGTH * k0(r * np.sqrt(LOSS / DIFFUSIVITY)) / (2 * np.pi * DIFFUSIVITY)


def since_start(r: np.ndarray, t: float) -> np.ndarray:
    """By Gauss–Legendre in ln s, where the integrand is smooth and vanishes at the lower end, r²/(4D·60)."""
    nodes, weights = np.polynomial.legendre.leggauss(80)
    low = np.log(r**2 / (240 * DIFFUSIVITY))
    half = (np.log(t) - low) / 2
    s = np.exp(low[..., None] + half[..., None] * (nodes + 1))
    integrand = np.exp(-(r[..., None] ** 2) / (4 * DIFFUSIVITY * s) - LOSS * s)
    return STRENGTH * half * (integrand * weights).sum(axis=-1) / (4 * np.pi * DIFFUSIVITY)


def around_line(voxels: int, length: float) -> tuple[Grid, np.ndarray, np.ndarray]:
    """A square of an odd number of voxels, the distance from its middle, and q per tissue volume in the one there."""
    grid = square(voxels, length)
    source = np.zeros(grid.shape)
    source[0, voxels // 2, voxels // 2] = STRENGTH * grid.spacing[0] / grid.voxel_volume
    z, y, x = grid.center
    return grid, grid.distance((z, y, x)), source


def relative_error(c: np.ndarray, exact: np.ndarray) -> float:
    return float(np.abs(c - exact).mean() / exact.mean())


def run_steady(device: Device, voxels: int) -> float:
    grid, r, source = around_line(voxels, 20.0)
    boundaries = Boundaries(y_low=0.0, y_high=0.0, x_low=0.0, x_high=0.0)
    c = screened_poisson(
        device, grid, conductivity=DIFFUSIVITY, loss=LOSS, source=source, boundaries=boundaries
    )
    ring = (r > NEAR) & (r < FAR)
    return relative_error(c[ring], steady(r[ring]))


def run_since_start(device: Device, voxels: int) -> float:
    """The line as a wall that gives and takes nothing back: P(S/V) → 0 while P(S/V) C_p stays."""
    grid, r, source = around_line(voxels, 12.0)
    transport = stepper(
        device,
        grid,
        properties=TransportProperties(
            AVAILABLE, DIFFUSIVITY, TRICKLE * AVAILABLE * source, 0.0, uptake_rate=LOSS
        ),
    )
    plasma = FallingPlasma(1 / TRICKLE)
    pools = march(transport, until=LAST, plasma=plasma, longest_step=0.2 * grid.spacing[2] ** 2 / DIFFUSIVITY)
    ring = (r > NEAR) & (r < FAR)
    return relative_error(pools["free"][ring] / AVAILABLE, since_start(r[ring], LAST))


CASES = (
    VerificationCase(
        name="line_source",
        group="diffusion",
        equation="V9",
        run=run_steady,
        resolutions=(81, 161, 321),
        quick=(61, 121, 181),
        expected_order=1.9,
        tolerance=3e-3,
        norm="mean |C − exact|/mean C over mr in 1–3",
    ),
    VerificationCase(
        name="line_source_transient",
        group="diffusion",
        equation="V10",
        run=run_since_start,
        resolutions=(41, 81, 121),
        quick=(31, 47, 61),
        expected_order=1.9,
        tolerance=0.012,
        norm="mean |C − exact|/mean C over mr in 1–3",
    ),
)
