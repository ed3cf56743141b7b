"""Interstitial pressure of a spherical tumour: five closed forms (physics.md V11, A.3; formulas in baxter_jain.py).

Isolated, embedded in normal tissue, in a finite shell of it, and the first two with a necrotic core; Baxter and Jain's
tissue of 2 mm radius (α = 7.4, β = 8.6). Along the radius the equation is −(r²Kp')' + r²Gp = r²Gp_e, the same
operator with r²K and r²G for K and G: the harmonic mean of r² at a face is exact to h², and the surfaces lie on
faces, so second order. Around r = 0 that mean is wrong, but so little flows there that it is not seen.

``*_voxels``: an octant in cubes. The surfaces are staircases, displaced by up to half a voxel: first order at least,
stated as 0.9 for the scatter. The isolated tumour stands in voxels that conduct 1e5 times better and so hold p_∞; the
embedded one in a box of 2R, at the faces of which p = p_e,N is wrong by e^{−β}, 2e-4 of p_e.
"""

from functools import partial

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.twin import Device
from tumorsim.flow.pressure import FluidProperties, solve_flow
from tumorsim.grid import Grid
from tumorsim.verify.baxter_jain import NORMAL, TUMOUR, SphericalTumour
from tumorsim.verify.convergence import VerificationCase
from tumorsim.verify.marching import cube, line
from tumorsim.verify.staircase import over_neighbouring_grids

RADIUS, NECROTIC, BATH = 2e-3, 1e-3, 1e5

FORMS = {
    "isolated": SphericalTumour(RADIUS),
    "embedded": SphericalTumour(RADIUS, surroundings=NORMAL),
    "shell": SphericalTumour(RADIUS, surroundings=NORMAL, outer_radius=2 * RADIUS, outer_pressure=500.0),
    "necrotic": SphericalTumour(RADIUS, necrotic_radius=NECROTIC),
    "necrotic_embedded": SphericalTumour(RADIUS, surroundings=NORMAL, necrotic_radius=NECROTIC),
}


def fluid(form: SphericalTumour, r: np.ndarray, *, weight: np.ndarray | float = 1.0) -> FluidProperties:
    """K, G and p_e at the distances ``r``; the first two times ``weight``. An isolated tumour stands in its bath."""
    normal = form.surroundings
    outer = (normal.conductivity, normal.filtration, normal.equilibrium) if normal else None
    conductivity, filtration, equilibrium = outer or (BATH * TUMOUR.conductivity, 0.0, 0.0)
    tumour = r < form.radius
    alive = tumour & (r > form.necrotic_radius)
    return FluidProperties(
        hydraulic_conductivity=weight * np.where(tumour, TUMOUR.conductivity, conductivity),
        vessel_filtration=weight * np.where(tumour, alive * TUMOUR.filtration, filtration),
        vascular_effective_pressure=np.where(tumour, TUMOUR.equilibrium, equilibrium),
    )


def pressure_error(
    device: Device, grid: Grid, form: SphericalTumour, fluid: FluidProperties, boundaries: Boundaries
) -> np.ndarray:
    """|p − exact|/p_e in every voxel, with r from the origin (a line along x begins there too)."""
    flow = solve_flow(device, grid, fluid, boundaries, tolerance=1e-10, precision="float64")
    return np.abs(device.download(flow.pressure) - form.pressure(distance(grid))) / TUMOUR.equilibrium


def distance(grid: Grid) -> np.ndarray:
    """r of every voxel centre, m."""
    return grid.centers[2] if grid.shape[:2] == (1, 1) else grid.distance((0.0, 0.0, 0.0))


def along_radius(device: Device, voxels: int, *, form: SphericalTumour) -> float:
    """Normal tissue is followed to 6R, where p = p_e,N to e^{−5β}, or to the end of the shell."""
    normal = form.surroundings
    outside = form.outer_pressure
    length = form.outer_radius
    if normal is None:
        length = form.radius
    elif not np.isfinite(length):
        length, outside = 6 * form.radius, normal.equilibrium
    grid = line(round(voxels * length / form.radius), length)
    r = distance(grid)
    given = fluid(form, r, weight=(r / form.radius) ** 2)
    return float(pressure_error(device, grid, form, given, Boundaries(x_high=outside)).max())


def in_voxels(device: Device, voxels: int, *, form: SphericalTumour) -> float:
    normal = form.surroundings
    outside = normal.equilibrium if normal else form.outer_pressure
    grid = cube(voxels, (2 if normal else 1.25) * form.radius)
    boundaries = Boundaries(z_high=outside, y_high=outside, x_high=outside)
    r = distance(grid)
    error = pressure_error(device, grid, form, fluid(form, r), boundaries)
    return float(error[r < 1.5 * form.radius].mean())


def radial(name: str) -> VerificationCase:
    return VerificationCase(
        name=f"tumour_pressure_{name}",
        group="pressure",
        equation="V11",
        run=partial(along_radius, form=FORMS[name]),
        resolutions=(64, 128, 256),
        quick=(64, 128, 256),
        expected_order=1.9,
        tolerance=3e-4,
        norm="max |p − exact|/p_e",
        refines="voxels to R",
    )


def voxels(name: str) -> VerificationCase:
    return VerificationCase(
        name=f"tumour_pressure_{name}_voxels",
        group="pressure",
        equation="V11",
        run=over_neighbouring_grids(partial(in_voxels, form=FORMS[name])),
        resolutions=(16, 32, 64),
        quick=(12, 20, 32),
        expected_order=0.9,
        tolerance=8e-3,
        norm="mean |p − exact|/p_e, rms over 5 grids",
    )


CASES = (
    *(radial(name) for name in FORMS),
    *(voxels(name) for name in ("isolated", "embedded", "necrotic_embedded")),
)
