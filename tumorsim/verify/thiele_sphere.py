"""Steady diffusion into a sphere with first-order loss (physics.md V6, D.1).

``C/C_0 = sinh(φx)/(x sinh φ)``, x = r/R, φ = R√(k/D). Source: Thiele 1939, Ind Eng Chem 31:916. Solved as the
steady balance −∇·(εD∇C) + εkC = 0.

``thiele_sphere`` solves the equivalent slab, v = rC, exactly: second order. ``thiele_sphere_voxels`` has an octant of
the sphere in cubes, within voxels that conduct so well that they hold C_0. Its surface is a staircase: first order,
stated as 0.9 for the scatter.
"""

from math import sinh

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.twin import Device
from tumorsim.verify.convergence import VerificationCase
from tumorsim.verify.marching import cube, line
from tumorsim.verify.staircase import over_neighbouring_grids
from tumorsim.verify.steady import screened_poisson

THIELE, RADIUS, BATH = 4.0, 0.8, 1e5


def concentration(x: np.ndarray) -> np.ndarray:
    """C/C_0 at x = r/R > 0."""
    return np.sinh(THIELE * x) / (x * sinh(THIELE))


def as_slab(device: Device, voxels: int) -> float:
    grid = line(voxels)
    boundaries = Boundaries(x_low=0.0, x_high=1.0)
    v = screened_poisson(device, grid, conductivity=1.0, loss=THIELE**2, boundaries=boundaries)
    x = grid.centers[2]
    return float(np.abs(v - x * concentration(x)).max())


def in_voxels(device: Device, voxels: int) -> float:
    grid = cube(voxels)
    inside = grid.distance((0.0, 0.0, 0.0)) < RADIUS
    c = screened_poisson(
        device,
        grid,
        conductivity=np.where(inside, 1.0, BATH),
        loss=np.where(inside, (THIELE / RADIUS) ** 2, 0.0),
        boundaries=Boundaries(z_high=1.0, y_high=1.0, x_high=1.0),
    )
    x = grid.distance((0.0, 0.0, 0.0))[inside] / RADIUS
    return float(np.abs(c[inside] - concentration(x)).mean())


CASES = (
    VerificationCase(
        name="thiele_sphere",
        group="diffusion",
        equation="V6",
        run=as_slab,
        resolutions=(40, 80, 160),
        quick=(40, 80, 160),
        expected_order=1.9,
        tolerance=2e-4,
        norm="max |rC − exact|/RC_0",
    ),
    VerificationCase(
        name="thiele_sphere_voxels",
        group="diffusion",
        equation="V6",
        run=over_neighbouring_grids(in_voxels),
        resolutions=(16, 32, 64),
        quick=(8, 16, 32),
        expected_order=0.9,
        tolerance=8e-3,
        norm="mean |C − exact|/C_0, rms over 5 grids",
    ),
)
