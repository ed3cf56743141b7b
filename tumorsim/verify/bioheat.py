"""Steady temperature of perfused tissue in closed form (physics.md D.5; flow.bioheat), θ = T − T_a, m = √(w/k).

- A slab between faces at θ = 0, heated evenly: ``θ = q/w (1 − cosh m(x − L/2)/cosh(mL/2))``.
- A sphere heated evenly, in endless tissue of another perfusion: the equation of the pressure of a tumour in normal
  tissue (A.3), whose closed form serves, with q/w for p_e. Solved for rθ, which obeys the equation of a slab.
- A Gaussian focus of standard deviation a in endless tissue, the Yukawa potential of every point of it [C]::

      θ = P e^{m²a²/2}/(8πkr) [e^{−mr} erfc((ma² − r)/(a√2)) − e^{mr} erfc((ma² + r)/(a√2))]

  An octant in cubes; the power of a voxel is exact, and there is no edge: second order in three dimensions.
"""

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.twin import Device
from tumorsim.flow.bioheat import (
    BLOOD_HEAT_CAPACITY,
    FULL_WIDTH,
    ThermalProperties,
    gaussian_power,
    solve_temperature,
)
from tumorsim.grid import Grid
from tumorsim.verify.baxter_jain import SphericalTumour, Tissue
from tumorsim.verify.convergence import VerificationCase
from tumorsim.verify.marching import cube, line

CONDUCTIVITY, PERFUSION, WARM = 0.5, 2e-3, 310.15
SCREENING = float(np.sqrt(CONDUCTIVITY / (BLOOD_HEAT_CAPACITY * PERFUSION)))
"""1/m, 8.1 mm."""


def rise(
    device: Device,
    grid: Grid,
    power: np.ndarray,
    *,
    faces: tuple[str, ...],
    perfusion: np.ndarray | float = PERFUSION,
) -> np.ndarray:
    """θ, K; ``faces`` are held at the temperature of blood."""
    heat = solve_temperature(
        device,
        grid,
        ThermalProperties(CONDUCTIVITY, perfusion),
        power=power,
        boundaries=Boundaries(**dict.fromkeys(faces, WARM)),
        blood_temperature=WARM,
        tolerance=1e-11,
    )
    return heat.temperature - WARM


def slab(device: Device, voxels: int) -> float:
    length, most = 4 * SCREENING, 10.0
    grid = line(voxels, length)
    power = np.full(grid.shape, most * BLOOD_HEAT_CAPACITY * PERFUSION)
    theta = rise(device, grid, power, faces=("x_low", "x_high"))[0, 0]
    x = (grid.centers[2].ravel() - length / 2) / SCREENING
    return float(np.abs(theta / most - (1 - np.cosh(x) / np.cosh(2))).max())


def sphere(device: Device, voxels: int) -> float:
    """A tumour perfused a quarter as well as what is around it."""
    radius, most = SCREENING, 10.0
    w = BLOOD_HEAT_CAPACITY * PERFUSION
    form = SphericalTumour(
        radius, tumour=Tissue(CONDUCTIVITY, w / 4, most), surroundings=Tissue(CONDUCTIVITY, w, 0.0)
    )
    grid = line(16 * voxels, 16 * radius)
    r = grid.centers[2]
    inside = r < radius
    product = rise(
        device,
        grid,
        np.where(inside, r * most * w / 4, 0.0),
        faces=("x_low", "x_high"),
        perfusion=np.where(inside, PERFUSION / 4, PERFUSION),
    )
    return float(np.abs(product - r * form.pressure(r)).max() / (radius * form.pressure(np.zeros(1))[0]))


def focus(device: Device, voxels: int) -> float:
    """The box ends eight screening lengths away."""
    deviation, power = SCREENING, 1.0
    grid = cube(voxels, 8 * SCREENING)
    density = gaussian_power(grid, center=(0, 0, 0), full_width=(FULL_WIDTH * deviation,) * 3, power=power)
    theta = rise(device, grid, density, faces=("z_high", "y_high", "x_high"))
    r = grid.distance((0.0, 0.0, 0.0))
    near, exact = r < 3 * SCREENING, focus_rise(r, deviation, power)
    return float(np.abs(theta - exact)[near].max() / exact.max())


def focus_rise(r: np.ndarray, deviation: float, power: float) -> np.ndarray:
    """θ at the distances ``r`` > 0 from a Gaussian focus."""
    from scipy.special import erfc

    m, root = 1 / SCREENING, np.sqrt(2) * deviation
    outward = np.exp(-m * r) * erfc((m * deviation**2 - r) / root)
    inward = np.exp(m * r) * erfc((m * deviation**2 + r) / root)
    return power * np.exp((m * deviation) ** 2 / 2) / (8 * np.pi * CONDUCTIVITY * r) * (outward - inward)


CASES = (
    VerificationCase(
        name="bioheat_slab",
        group="heat",
        equation="D.5",
        run=slab,
        resolutions=(20, 40, 80),
        quick=(20, 40, 80),
        expected_order=1.9,
        tolerance=5e-4,
        norm="max |θ − exact| w/q",
    ),
    VerificationCase(
        name="bioheat_sphere",
        group="heat",
        equation="D.5",
        run=sphere,
        resolutions=(16, 32, 64),
        quick=(16, 32, 64),
        expected_order=1.9,
        tolerance=3e-4,
        norm="max |rθ − exact|/Rθ(0)",
        refines="voxels to R",
    ),
    VerificationCase(
        name="bioheat_focus",
        group="heat",
        equation="D.5",
        run=focus,
        resolutions=(16, 24, 48),
        quick=(16, 24, 32),
        expected_order=1.9,
        tolerance=2e-2,
        norm="max |θ − exact|/θ(0) within 3/m",
    ),
)
