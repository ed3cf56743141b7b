"""Uptake into a sphere whose surface is held at C_0, without and with a first-order loss (physics.md V4, V5).

With x = r/R, Fo = Dt/R², φ² = kR²/D and λ = nπ

    C/C_0 = sinh(φx)/(x sinh φ) + (2/x) Σ_n (−1)ⁿ λ/(λ² + φ²) sin(λx) e^{−(λ² + φ²)Fo}

where the first term is 1 for φ = 0. Sources: Crank 1975, The Mathematics of Diffusion, ch. 6; with loss Danckwerts
1951, Trans Faraday Soc 47:1014.

``crank_sphere`` and ``danckwerts_sphere`` solve it as a slab, which is exact: v = rC obeys ∂v/∂t = D ∂²v/∂r² − kv
with v(0) = 0 and v(R) = RC_0. Smooth data, second order; the march starts from the exact profile at a first
time, and goes in steps ∝ h², because the loss, split from diffusion, moves the value beside the held surface.

``crank_sphere_voxels`` has the sphere in cubes, an octant with closed faces as planes of symmetry, in a well stirred
bath: voxels whose available volume is so large that C stays. The surface is a staircase, displaced from
the true one by up to half a voxel: first order, stated as 0.9 for the scatter.
"""

from functools import partial
from math import pi

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.twin import Device
from tumorsim.transport.reactions import Kinetics
from tumorsim.transport.stepper import TransportProperties
from tumorsim.verify.convergence import VerificationCase
from tumorsim.verify.marching import cube, line, march, stepper
from tumorsim.verify.staircase import over_neighbouring_grids

MODES = 40
"""Terms of the series: at the earliest Fourier number here, 0.02, the last is below e^{−300}."""
FIRST, LAST = 0.02, 0.1
RADIUS, AVAILABLE, BATH = 0.8, 0.3, 1e9


def concentration(x: np.ndarray, fourier: float, thiele: float) -> np.ndarray:
    """C/C_0 at x = r/R > 0."""
    steady = np.sinh(thiele * x) / (x * np.sinh(thiele)) if thiele else np.ones_like(x)
    for n in range(1, MODES + 1):
        mode, rate = n * pi, (n * pi) ** 2 + thiele**2
        steady += 2 / x * (-1) ** n * mode / rate * np.sin(mode * x) * np.exp(-rate * fourier)
    return steady


def as_slab(device: Device, voxels: int, *, thiele: float) -> float:
    grid = line(voxels)
    transport = stepper(
        device,
        grid,
        properties=TransportProperties(1.0, 1.0, 0.0, 0.0, kinetics=Kinetics(decay=thiele**2)),
        boundaries=Boundaries(x_low=0.0, x_high=1.0),
    )
    x = grid.centers[2]
    start = x * concentration(x, FIRST, thiele)
    v = march(transport, until=LAST - FIRST, free=start, longest_step=0.2 * grid.spacing[2] ** 2)["free"]
    return float(np.abs(v - x * concentration(x, LAST, thiele)).max())


def in_voxels(device: Device, voxels: int) -> float:
    grid = cube(voxels)
    inside = grid.distance((0.0, 0.0, 0.0)) < RADIUS
    epsilon = np.where(inside, AVAILABLE, BATH)
    # beside the bath a face conducts 2εD/h², as at a surface that is held: the harmonic mean with 1e4 εD
    diffusivity = np.where(inside, 1.0, 1e4 * AVAILABLE / BATH)
    transport = stepper(device, grid, properties=TransportProperties(epsilon, diffusivity, 0.0, 0.0))
    until = LAST * RADIUS**2
    free = march(transport, until=until, free=np.where(inside, 0.0, BATH), steps=2 * voxels)["free"]
    x = grid.distance((0.0, 0.0, 0.0))[inside] / RADIUS
    return float(np.abs(free[inside] / AVAILABLE - concentration(x, LAST, 0.0)).mean())


def slab(name: str, equation: str, *, thiele: float, tolerance: float) -> VerificationCase:
    return VerificationCase(
        name=name,
        group="diffusion",
        equation=equation,
        run=partial(as_slab, thiele=thiele),
        resolutions=(20, 40, 80),
        quick=(20, 40, 80),
        expected_order=1.9,
        tolerance=tolerance,
        norm="max |rC − exact|/RC_0",
    )


CASES = (
    slab("crank_sphere", "V4", thiele=0.0, tolerance=1e-4),
    slab("danckwerts_sphere", "V5", thiele=3.0, tolerance=5e-4),
    VerificationCase(
        name="crank_sphere_voxels",
        group="diffusion",
        equation="V4",
        run=over_neighbouring_grids(in_voxels),
        resolutions=(12, 24, 48),
        quick=(10, 20, 30),
        expected_order=0.9,
        tolerance=5e-3,
        norm="mean |C − exact|/C_0, rms over 5 grids",
    ),
)
