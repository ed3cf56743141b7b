"""The energy that a uniformly radioactive sphere or cube keeps for itself (physics.md V17, G.5).

``φ = ∫_0^{2R} (1 − 3r/4R + r³/16R³) dF(r)`` for any point kernel F. The sphere is of voxels that hold the part of
them which lies inside, and the energy is spread by the voxel kernel and a Fourier transform. Activity and dose
count as even within a voxel: second order for a smooth kernel. Beta kernels leave as much energy between 0 and h as
between h and 2h, at distances where a voxel blurs the surface: then it is second order times ln h.

``cube_dose`` is the same for a cube, ``φ = ∫ γ(r/h) dF``. Voxels fill it exactly, so what is left is the spread of
the points from which a voxel kernel is made.

``full_decay_dose`` is 1 MBq/mL of Lu-177 that decays where it is, and checks energies, half-life and units:
``D = A E/(λρ)`` = 19.7 Gy, to the three figures of physics.md G.2 [C].
"""

from math import sqrt

import numpy as np

from tumorsim.device.twin import Device
from tumorsim.grid import Grid
from tumorsim.readouts.dose_kernels import PointKernel, electron_kernel
from tumorsim.readouts.dosimetry import cube_fraction, dose_map, local, sphere_fraction, spread
from tumorsim.readouts.nuclides import nuclide
from tumorsim.verify.convergence import VerificationCase

RADIUS, EDGE, SUBVOXELS = 0.5e-3, 1.2e-3, 6


def _gaussian(sigma: float) -> PointKernel:
    """Energy with a Gaussian density: ``F = erf(q) − (2q/√π) e^{−q²}``, q = r/√2σ."""
    from scipy.special import erf

    def cumulative(r: np.ndarray) -> np.ndarray:
        q = r / (sqrt(2) * sigma)
        return erf(q) - 2 / sqrt(np.pi) * q * np.exp(-(q**2))

    return PointKernel(cumulative, 6 * sigma, "Gaussian")


def cube(voxels: int) -> Grid:
    return Grid((voxels,) * 3, (EDGE / voxels,) * 3)


def filled_sphere(grid: Grid) -> np.ndarray:
    """The part of every voxel that lies inside the sphere, by points in it."""
    n = grid.shape[0]
    inside = cube(SUBVOXELS * n).distance((EDGE / 2,) * 3) < RADIUS
    return inside.reshape(n, SUBVOXELS, n, SUBVOXELS, n, SUBVOXELS).mean(axis=(1, 3, 5))


def kept(kernel: PointKernel, voxels: int) -> float:
    """Relative error of φ."""
    grid = cube(voxels)
    activity = filled_sphere(grid)
    energy = spread(activity, kernel, grid=grid)
    return abs(float((energy * activity).sum() / activity.sum()) / sphere_fraction(kernel, RADIUS) - 1)


def kept_of_gaussian(device: Device, voxels: int) -> float:
    return kept(_gaussian(RADIUS / 4), voxels)


def kept_of_beta(device: Device, voxels: int) -> float:
    return kept(electron_kernel(nuclide("Lu-177")), voxels)


def kept_of_cube(device: Device, voxels: int) -> float:
    kernel = electron_kernel(nuclide("Lu-177"))
    energy = spread(np.ones((voxels,) * 3), kernel, grid=cube(voxels))
    return abs(float(energy.mean()) / cube_fraction(kernel, EDGE) - 1)


def full_decay(device: Device, voxels: int) -> float:
    lutetium = nuclide("Lu-177")
    decays = np.full((voxels,) * 3, 1e12 / lutetium.decay_rate)
    dose = dose_map(decays, local(lutetium), grid=cube(voxels))
    return float(np.abs(dose.total / 19.7 - 1).max())


CASES = (
    VerificationCase(
        name="sphere_dose_gaussian",
        group="dosimetry",
        equation="V17",
        run=kept_of_gaussian,
        resolutions=(12, 24, 48),
        quick=(12, 16, 24),
        expected_order=1.9,
        tolerance=1.2e-2,
        norm="|φ/exact − 1|",
    ),
    VerificationCase(
        name="sphere_dose_beta",
        group="dosimetry",
        equation="V17",
        run=kept_of_beta,
        resolutions=(12, 24, 48),
        quick=(12, 16, 24),
        expected_order=1.4,
        tolerance=2.5e-2,
        norm="|φ/exact − 1|",
    ),
    VerificationCase(
        name="cube_dose",
        group="dosimetry",
        equation="V17",
        run=kept_of_cube,
        resolutions=(3, 9, 27),
        quick=(3, 9, 27),
        expected_order=None,
        tolerance=1e-4,
        norm="|φ/exact − 1|",
    ),
    VerificationCase(
        name="full_decay_dose",
        group="dosimetry",
        equation="V17",
        run=full_decay,
        resolutions=(1, 2, 3),
        quick=(1, 2, 3),
        expected_order=None,
        tolerance=3.2e-3,  # the last digits of 19.7 Gy and of the energies in MeV
        norm="|D/19.7 Gy − 1|",
    ),
)
