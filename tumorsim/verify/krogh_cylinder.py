"""Tissue around one capillary: radius R_c with a wall of permeability P, no flux at R_t (physics.md V7, V8).

Zero-order consumption M:

    C = C_w + M(r² − R_c²)/4D − (M R_t²/2D) ln(r/R_c),   C_w = C_p − M(R_t² − R_c²)/(2 P R_c)

and first-order loss k, m = √(k/D):

    C = C_p P g(r)/(P g(R_c) − D g'(R_c)),   g = I_0(mr) K_1(mR_t) + K_0(mr) I_1(mR_t).

Source: Krogh 1919, J Physiol 52:409; the first-order form follows from the same balance.

``krogh_*`` solve it along the radius, −(rDC')' + rkC = −rM, which is the same operator with K = rD: the
harmonic mean of r at a face is exact to h², so second order. The wall is one voxel in front of R_c whose
conductance is that of the wall, P R_c. ``krogh_voxels`` has the capillary in square voxels as a run has it: a
continuum of wall area S/V, here the arc of the circle within each voxel, that exchanges P(S/V)(C_p − C). Lumen
and outer radius are staircases: first order, stated as 0.9 for the scatter.
"""

from functools import partial

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.twin import Device
from tumorsim.grid import Grid
from tumorsim.verify.convergence import VerificationCase
from tumorsim.verify.marching import square
from tumorsim.verify.staircase import over_neighbouring_grids
from tumorsim.verify.steady import screened_poisson

CAPILLARY, TISSUE, DIFFUSIVITY, PERMEABILITY, PLASMA = 0.2, 1.0, 1.0, 3.0, 2.0
CONSUMPTION, LOSS = 0.5, 4.0
INSULATION = 1e-7
"""Conductivity of what is not tissue, against that of tissue: not zero, for the solver."""


def zero_order(r: np.ndarray) -> np.ndarray:
    wall = PLASMA - CONSUMPTION * (TISSUE**2 - CAPILLARY**2) / (2 * PERMEABILITY * CAPILLARY)
    fall = TISSUE**2 / 2 * np.log(r / CAPILLARY) - (r**2 - CAPILLARY**2) / 4
    return wall - CONSUMPTION / DIFFUSIVITY * fall


def first_order(r: np.ndarray) -> np.ndarray:
    from scipy.special import i0, i1, k0, k1

    m = np.sqrt(LOSS / DIFFUSIVITY)
    g = i0(m * r) * k1(m * TISSUE) + k0(m * r) * i1(m * TISSUE)
    wall = i0(m * CAPILLARY) * k1(m * TISSUE) + k0(m * CAPILLARY) * i1(m * TISSUE)
    slope = m * (i1(m * CAPILLARY) * k1(m * TISSUE) - k1(m * CAPILLARY) * i1(m * TISSUE))
    return PLASMA * PERMEABILITY * g / (PERMEABILITY * wall - DIFFUSIVITY * slope)


def along_radius(device: Device, voxels: int, *, zero: bool) -> float:
    h = (TISSUE - CAPILLARY) / voxels
    grid = Grid((1, 1, voxels + 1), (1.0, 1.0, h), origin=(0.0, 0.0, CAPILLARY - h))
    r = grid.centers[2]
    wall = np.arange(voxels + 1) == 0
    c = screened_poisson(
        device,
        grid,
        conductivity=np.where(wall, CAPILLARY * PERMEABILITY * h, r * DIFFUSIVITY),
        loss=np.where(wall | zero, 0.0, r * LOSS),
        source=np.where(wall | (not zero), 0.0, -r * CONSUMPTION),
        boundaries=Boundaries(x_low=PLASMA),
    )
    exact = (zero_order if zero else first_order)(r[..., 1:])
    return float(np.abs(c[..., 1:] - exact).max()) / PLASMA


def wall_area_density(grid: Grid) -> np.ndarray:
    """S/V of a quarter circle of radius R_c around the origin, 1/m: its arc within each voxel."""
    angle = (np.arange(100_000) + 0.5) / 100_000 * np.pi / 2
    edges = [np.arange(n + 1) * h for n, h in zip(grid.shape[1:], grid.spacing[1:], strict=True)]
    points, *_ = np.histogram2d(CAPILLARY * np.sin(angle), CAPILLARY * np.cos(angle), bins=edges)
    arc = points[None] * CAPILLARY * np.pi / 2 / len(angle)
    return arc * grid.spacing[0] / grid.voxel_volume


def in_voxels(device: Device, voxels: int) -> float:
    grid = square(voxels, TISSUE)
    r = grid.distance((grid.center[0], 0.0, 0.0))
    exchange = PERMEABILITY * wall_area_density(grid)
    tissue = (r < TISSUE) & ((r > CAPILLARY) | (exchange > 0))
    c = screened_poisson(
        device,
        grid,
        conductivity=np.where(tissue, DIFFUSIVITY, INSULATION),
        loss=np.where(tissue, LOSS, 1.0) + exchange,
        source=exchange * PLASMA,
    )
    away = tissue & (r > 1.5 * CAPILLARY)
    return float(np.abs(c - first_order(r))[away].mean()) / PLASMA


def radial(name: str, equation: str, *, zero: bool) -> VerificationCase:
    return VerificationCase(
        name=name,
        group="diffusion",
        equation=equation,
        run=partial(along_radius, zero=zero),
        resolutions=(40, 80, 160),
        quick=(40, 80, 160),
        expected_order=1.9,
        tolerance=3e-5,
        norm="max |C − exact|/C_p",
    )


CASES = (
    radial("krogh_zero_order", "V7", zero=True),
    radial("krogh_first_order", "V8", zero=False),
    VerificationCase(
        name="krogh_voxels",
        group="diffusion",
        equation="V8",
        run=over_neighbouring_grids(in_voxels),
        resolutions=(32, 64, 128),
        quick=(16, 32, 64),
        expected_order=0.9,
        tolerance=2e-3,
        norm="mean |C − exact|/C_p beyond 1.5 R_c, rms over 5 grids",
    ),
)
