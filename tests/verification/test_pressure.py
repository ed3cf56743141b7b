"""Interstitial pressure and flow against closed forms (physics.md A.3, I.4: V11, V15), beside `tumorsim verify`."""

from math import pi

import numpy as np
import pytest

from tumorsim.boundaries import Boundaries
from tumorsim.constants import MMHG
from tumorsim.device.select import select_device
from tumorsim.flow.medium import make_medium
from tumorsim.flow.pressure import FluidProperties, solve_flow, solve_pressure
from tumorsim.grid import Grid
from tumorsim.verify.baxter_jain import NORMAL, TUMOUR, SphericalTumour
from tumorsim.verify.convergence import observed_order

DEVICE, _ = select_device("auto")


def solve_octant(voxels, edge, tumour):
    """One octant of a tumour, cut off by symmetry; an isolated one lies in voxels that conduct 1e4 times better."""
    grid = Grid((voxels,) * 3, (edge / voxels,) * 3)
    r = grid.distance((0.0, 0.0, 0.0))
    inside, core = r < tumour.radius, r < tumour.necrotic_radius
    normal = tumour.surroundings
    conductivity, filtration, equilibrium = (
        (normal.conductivity, normal.filtration, normal.equilibrium)
        if normal
        else (1e4 * TUMOUR.conductivity, 0.0, 0.0)
    )
    fluid = FluidProperties(
        np.where(inside, TUMOUR.conductivity, conductivity),
        np.where(inside, TUMOUR.filtration * ~core, filtration),
        np.where(inside, TUMOUR.equilibrium, equilibrium),
    )
    boundaries = Boundaries(z_high=equilibrium, y_high=equilibrium, x_high=equilibrium)
    flow = solve_flow(DEVICE, grid, fluid, boundaries, precision="float64")
    return grid, inside, flow


def test_an_isolated_tumour_of_4_mm_in_50_um_voxels():
    """A plateau of 11.5 mmHg (α = 15), and 0.163 µm/s out of the surface.

    The surface is a staircase of 1.5 times the sphere's area, so its velocity is taken from what the whole tumour
    filters, over the area of the sphere: 4πR² u(R).
    """
    tumour = SphericalTumour(4e-3)
    grid, inside, flow = solve_octant(84, 4.2e-3, tumour)
    assert DEVICE.download(flow.pressure)[0, 0, 0] / MMHG == pytest.approx(11.5, abs=0.01)
    filtered = 8 * DEVICE.download(flow.filtration)[inside].sum() * grid.voxel_volume
    assert tumour.surface_velocity == pytest.approx(0.163e-6, rel=0.002)  # three digits are given
    # the rim, R/α = 270 µm, is 5 voxels wide; the staircase is worth 1 %
    assert filtered / (4 * pi * tumour.radius**2) == pytest.approx(tumour.surface_velocity, rel=0.02)


TUMOURS = {
    "isolated": (SphericalTumour(2e-3), 2.4e-3),
    "embedded": (SphericalTumour(2e-3, surroundings=NORMAL), 4e-3),
    "necrotic": (SphericalTumour(2e-3, necrotic_radius=1.5e-3), 2.4e-3),
    "necrotic embedded": (SphericalTumour(2e-3, surroundings=NORMAL, necrotic_radius=1.5e-3), 4e-3),
}


@pytest.mark.parametrize(("tumour", "edge"), TUMOURS.values(), ids=TUMOURS.keys())
def test_voxels_converge_to_the_closed_form(tumour, edge):
    """The mean error falls with the spacing: first order or better, the order of a staircase surface.

    Each size is the root mean square of three neighbouring ones, for the staircase makes the error scatter.
    """
    sizes, errors = (12, 20, 36), []
    for size in sizes:
        squares = []
        for voxels in (size - 1, size, size + 1):
            grid, _, flow = solve_octant(voxels, edge, tumour)
            exact = tumour.pressure(grid.distance((0.0, 0.0, 0.0)))
            squares.append(np.abs(DEVICE.download(flow.pressure) - exact).mean() ** 2)
        errors.append(np.sqrt(np.mean(squares)) / TUMOUR.equilibrium)
    assert observed_order(sizes, errors) > 0.9
    assert errors[-1] < 0.003  # of p_e, at 56 or 110 µm


def test_the_pressure_at_the_surface_of_an_embedded_tumour():
    """p(R) = 9.0 mmHg for R = 2 mm (physics.md A.4), and p_eN at the faces of the box."""
    tumour = SphericalTumour(2e-3, surroundings=NORMAL)
    assert tumour.surface_pressure / MMHG == pytest.approx(9.0, abs=0.05)
    _, _, flow = solve_octant(40, 4e-3, tumour)
    pressure = DEVICE.download(flow.pressure)
    assert pressure[-1, -1, -1] == pytest.approx(NORMAL.equilibrium, rel=1e-3)
    # the surface passes between voxels 19 and 20 of the axis: the pressure there that makes the fluxes equal
    k = TUMOUR.conductivity, NORMAL.conductivity
    between = (k[0] * pressure[0, 0, 19] + k[1] * pressure[0, 0, 20]) / sum(k)
    assert between == pytest.approx(tumour.surface_pressure, rel=0.02)  # 2.7 voxels a screening length


def test_layers_in_a_flow_hold_one_velocity():
    """Fluid is pressed through layers across z: everywhere Δp/Σ(h/K), to the solver's tolerance."""
    grid = Grid((12, 3, 2), (2e-5, 1e-5, 3e-5))
    conductivity = np.where(np.arange(12) % 2, 1e-13, 1e-15)[:, None, None] * np.ones(grid.shape)
    boundaries = Boundaries(z_low=1000.0, z_high=200.0)
    flow = solve_flow(
        DEVICE, grid, FluidProperties(conductivity), boundaries, tolerance=1e-12, precision="float64"
    )
    expected = 800.0 / (2e-5 / conductivity[:, 0, 0]).sum()
    assert DEVICE.download(flow.velocity[0]) == pytest.approx(np.full((13, 3, 2), expected), rel=1e-9)
    assert np.abs(DEVICE.download(flow.velocity[2])).max() < 1e-9 * expected


@pytest.mark.parametrize("absorption", [0.0, 5.0])
def test_a_manufactured_pressure_in_a_closed_box_converges_at_second_order(absorption):
    """V15: p = cos πx cos πy cos πz, K = 2(1 + 0.6 p); with G = 0 the level of p is free, and its mean 0."""

    def error(n):
        grid = Grid((n,) * 3, (1 / n,) * 3)
        c, s = ([f(pi * x) for x in grid.centers] for f in (np.cos, np.sin))
        p = c[0] * c[1] * c[2]
        slopes = sum((pi * s[i] * c[i - 1] * c[i - 2]) ** 2 for i in range(3))
        k = 2 * (1 + 0.6 * p)
        source = 3 * pi**2 * k * p - 2 * 0.6 * slopes + absorption * p
        if not absorption:
            source -= source.mean()  # its integral is 0, the sum over the voxels nearly so
        given = [DEVICE.upload(values) for values in (k, np.full(grid.shape, absorption), source)]
        medium = make_medium(DEVICE, grid, given[0], given[1], Boundaries(), dtype=np.float64)
        found, _ = solve_pressure(DEVICE, grid, medium, given[2], boundaries=Boundaries())
        return float(np.sqrt(((DEVICE.download(found) - p) ** 2).mean()))

    sizes = (8, 16, 32)
    assert observed_order(sizes, [error(n) for n in sizes]) >= 1.9


def cubes(n):
    """Cubes of 5 voxels, each of its own conductivity."""
    values = 10.0 ** np.random.default_rng(1).uniform(0, 4, (-(-n // 5),) * 3)
    return np.kron(values, np.ones((5, 5, 5)))[:n, :n, :n]


def oblique_layers(n):
    """Layers four voxels thick across the diagonal of the box."""
    return np.where(np.indices((n,) * 3).sum(axis=0) // 4 % 2, 1e4, 1.0)


def leaky_walls(n):
    """Ten planes one voxel thick, with a hole in every fiftieth voxel."""
    random, conductivity = np.random.default_rng(2), np.ones((n,) * 3)
    for wall in range(10):
        np.moveaxis(conductivity, wall % 3, 0)[random.integers(n)] = 1e-4
    conductivity[random.random(conductivity.shape) < 0.02] = 1.0
    return conductivity


def half_and_half(n):
    """Every voxel poor or good by chance: both kinds percolate."""
    return np.where(np.random.default_rng(3).random((n,) * 3) < 0.5, 1.0, 1e4)


def iterations(conductivity, *, stage):
    """To 1e-8, sources everywhere, beginning with a stage of tumorsim.flow.preconditioning."""
    grid, boundaries = Grid(conductivity.shape, (1.0, 1.0, 1.0)), Boundaries.uniform(0.0)
    given = [np.broadcast_to(values, grid.shape) for values in (conductivity, 0.0, 1.0)]
    k, absorption, source = (DEVICE.upload(values, np.float64) for values in given)
    medium = make_medium(DEVICE, grid, k, absorption, boundaries, dtype=np.float64)
    _, convergence = solve_pressure(DEVICE, grid, medium, source, boundaries=boundaries, stage=stage)
    assert convergence.residual <= 1e-8
    return convergence.iterations


ROUGH = pytest.mark.parametrize("tissue", [cubes, oblique_layers, leaky_walls, half_and_half])


@ROUGH
def test_obstacles_and_channels_that_wind_through_voxels_take_30_iterations_at_most(tissue):
    """Those of the cheaper cycles that were tried first included; 20 were measured."""
    assert iterations(tissue(48), stage=0) <= 30


@ROUGH
def test_multigrid_on_parts_takes_no_more_iterations_in_a_larger_box(tissue):
    """Up to 18 iterations from 24³ to 128³; one cycle on whole blocks takes half as many again for twice the size."""
    small, large = (iterations(tissue(n), stage=2) for n in (24, 48))
    assert large <= min(20, small + 4)
