"""Fluid injected into a ball of radius r_0 at the rate Q, and what it carries (physics.md A.5; transport.injection).

Pressure, in endless tissue without vessels and with vessels that take fluid at G p, m = √(G/K) [C]::

    p = Q/(4πKr), within the ball Q (3r_0² − r²)/(8πKr_0³);     with vessels ∝ e^{−mr}/r, the form of A.3

solved for rp, which obeys the equation of a slab. Agent of concentration C_in, without diffusion and vessels: fluid
that left the ball at a time t' is at r³ = r_0³ + 3fQ(t − t')/(4πε), and the ball fills as 1 − e^{−fQt/(εV)}, so

    C = (C_in/f) (1 − e^{−(v_f − v)/V}),     v = max(4πr³/3, V),     v_f = V + fQt/ε

up to the front at v_f. An octant in cubes, with the flow of the pressure solver, in a ball of tissue within voxels that
conduct 1e5 times better. The balls of needle and tissue are staircases, and C has an edge at the front, so it is not of
second order.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.twin import Device
from tumorsim.flow.pressure import FluidProperties, solve_flow
from tumorsim.transport.injection import InjectionStepper
from tumorsim.transport.stepper import Stepper, TransportProperties
from tumorsim.verify.baxter_jain import SphericalTumour, Tissue
from tumorsim.verify.convergence import VerificationCase
from tumorsim.verify.marching import NO_PLASMA, cube, line
from tumorsim.verify.staircase import over_neighbouring_grids

CONDUCTIVITY, RADIUS, RATE = 1.0, 1.0, 1.0
SCREENING = 0.5
"""1/m with vessels, m."""


def pressure(device: Device, voxels: int, *, vessels: bool) -> float:
    """Without vessels up to 4 r_0, where p is known; with them to 16/m."""
    length = 16 * SCREENING if vessels else 4 * RADIUS
    grid = line(round(voxels * length), length)
    r = grid.centers[2]
    volume = 4 / 3 * np.pi * RADIUS**3
    filtration = CONDUCTIVITY / SCREENING**2 * vessels
    flow = solve_flow(
        device,
        grid,
        FluidProperties(CONDUCTIVITY, filtration, injection=np.where(r < RADIUS, r * RATE / volume, 0.0)),
        Boundaries(x_low=0.0, x_high=0.0 if vessels else RATE / (4 * np.pi * CONDUCTIVITY)),
        tolerance=1e-11,
        precision="float64",
    )
    if vessels:
        ball, rest = (Tissue(CONDUCTIVITY, filtration, p) for p in (RATE / volume / filtration, 0.0))
        exact = SphericalTumour(RADIUS, tumour=ball, surroundings=rest).pressure(r)
    else:
        within = (3 * RADIUS**2 - r**2) / (2 * RADIUS**3)
        exact = RATE / (4 * np.pi * CONDUCTIVITY) * np.where(r < RADIUS, within, 1 / r)
    return float(np.abs(device.download(flow.pressure) - r * exact).max() / (RADIUS * exact.max()))


AVAILABLE, RETARDATION, REACH, OUTER = 0.3, 0.8, 1.8, 2.1
"""ε, f, the front's radius and that of the tissue over r_0."""


def spread(device: Device, voxels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """r, C f/C_in when the front is at REACH, and what that should be."""
    grid = cube(voxels, 1.1 * OUTER * RADIUS)
    r = grid.distance((0.0, 0.0, 0.0))
    ball = r < RADIUS
    volume = ball.sum() * grid.voxel_volume
    fluid = FluidProperties(
        CONDUCTIVITY * np.where(r < OUTER * RADIUS, 1.0, 1e5), injection=ball * (RATE / 8 / volume)
    )
    open_faces = Boundaries(z_high=0.0, y_high=0.0, x_high=0.0)
    flow = solve_flow(device, grid, fluid, open_faces, tolerance=1e-10, precision="float64")
    still = solve_flow(device, grid, FluidProperties(CONDUCTIVITY), open_faces, precision="float64")
    properties = TransportProperties(AVAILABLE, 0.0, 0.0, 0.0, retardation=RETARDATION)
    during, after = (
        Stepper(device, grid, flow=f, properties=properties, boundaries=Boundaries(), precision="float64", max_step=9e9)
        for f in (flow, still)
    )  # fmt: skip
    whole = 4 / 3 * np.pi * RADIUS**3
    lasts = (REACH**3 - 1) * whole * AVAILABLE / (RETARDATION * RATE)
    stepper = InjectionStepper(during, after, source=ball * (RATE / 8 / volume), duration=lasts)
    state = stepper.start()
    stepper.step(state, 0.0, 2 * lasts, NO_PLASMA)  # and then as long at rest
    found = RETARDATION * stepper.pools(state)["free"] / AVAILABLE
    passed = (REACH * RADIUS) ** 3 - np.maximum(r, RADIUS) ** 3
    return r, found, np.maximum(-np.expm1(-passed / RADIUS**3), 0.0)


def front(device: Device, voxels: int) -> float:
    """By the mean of r³ over all that was injected."""
    r, found, exact = spread(device, voxels)
    mean, expected = (float((c * r**3).sum() / c.sum()) for c in (found, exact))
    return abs((mean / expected) ** (1 / 3) - 1)


def profile(device: Device, voxels: int) -> float:
    _, found, exact = spread(device, voxels)
    return float(np.abs(found - exact).sum() / exact.sum())


def radial(name: str, run: partial[float], tolerance: float) -> VerificationCase:
    return VerificationCase(
        name=name,
        group="injection",
        equation="A.5",
        run=run,
        resolutions=(16, 32, 64),
        quick=(16, 32, 64),
        expected_order=1.9,
        tolerance=tolerance,
        norm="max |rp − exact|/r_0p(0)",
        refines="voxels to r_0",
    )


def voxels(
    name: str, run: Callable[[Device, int], float], order: float, tolerance: float, norm: str
) -> VerificationCase:
    return VerificationCase(
        name=name,
        group="injection",
        equation="A.5",
        run=over_neighbouring_grids(run),
        resolutions=(14, 22, 32),
        quick=(11, 16, 24),
        expected_order=order,
        tolerance=tolerance,
        norm=f"{norm}, rms over 5 grids",
    )


CASES = (
    radial("injection_pressure", partial(pressure, vessels=False), 1e-4),
    radial("injection_pressure_vessels", partial(pressure, vessels=True), 3e-4),
    voxels("injection_front", front, 1.5, 5e-3, "|r − exact|/r of the mean r³"),
    voxels("injection_profile", profile, 1.2, 5e-2, "Σ|C − exact|/ΣC"),
)
