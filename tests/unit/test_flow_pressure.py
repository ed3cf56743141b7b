"""Interstitial pressure and flow of a tissue: fluid balance, lymph that only drains, and inputs that make no sense."""

import dataclasses

import numpy as np
import pytest

from tumorsim.boundaries import Boundaries
from tumorsim.constants import MMHG
from tumorsim.device.select import describe_devices, select_device
from tumorsim.errors import ConfigError, NumericsError
from tumorsim.flow import pressure as module
from tumorsim.flow.medium import make_medium
from tumorsim.flow.pressure import FluidProperties, solve_flow, solve_pressure
from tumorsim.flow.velocity import velocity_divergence
from tumorsim.grid import Grid

DEVICES = [name for name, here, _ in describe_devices() if here and name != "cuda"]
GRID = Grid((13, 16, 21), (1e-4, 0.8e-4, 0.6e-4))
INSIDE = GRID.distance(GRID.center) < 0.4e-3
TISSUE = FluidProperties(
    hydraulic_conductivity=np.where(INSIDE, 3.1e-14, 6.4e-15),
    vessel_filtration=np.where(INSIDE, 4.2e-7, 1.9e-8),
    vascular_effective_pressure=np.where(INSIDE, 11.5, 6.5) * MMHG,
    lymphatic_filtration=np.where(INSIDE, 0.0, 1.0e-7),
)


@pytest.fixture(params=DEVICES)
def device(request):
    return select_device(request.param)[0]


def without(**changes):
    return dataclasses.replace(TISSUE, **changes)


def test_the_divergence_of_the_velocity_is_filtration_less_lymph(device):
    flow = solve_flow(device, GRID, TISSUE, Boundaries.uniform(0.0), tolerance=1e-10, precision="float64")
    gained = device.download(flow.filtration) - device.download(flow.lymph_drainage)
    lost = device.download(velocity_divergence(device, GRID, flow.velocity))
    source = TISSUE.vessel_filtration * TISSUE.vascular_effective_pressure
    # the residual is what is left of the balance of every voxel, in the norm of the sources
    assert np.linalg.norm(lost - gained) <= 1.01e-10 * np.linalg.norm(source)
    assert abs(flow.balance) < 1e-8
    assert flow.residual <= 1e-10


def test_single_precision_changes_the_velocity_by_its_rounding_only(device):
    boundaries = Boundaries.uniform(0.0)
    fine = solve_flow(device, GRID, TISSUE, boundaries, precision="float64")
    coarse = solve_flow(device, GRID, TISSUE, boundaries)
    assert coarse.pressure.dtype == np.float64
    for u, v in zip((*fine.velocity, fine.filtration), (*coarse.velocity, coarse.filtration), strict=True):
        assert v.dtype == np.float32
        assert device.download(v) == pytest.approx(device.download(u), rel=2**-23, abs=1e-30)


def test_no_fluid_crosses_a_face_without_flux(device):
    boundaries = Boundaries(z_low=0.0, x_high=100.0)
    flow = solve_flow(device, GRID, TISSUE, boundaries)
    z, y, x = (device.download(u) for u in flow.velocity)
    for closed in (z[-1], y[:, 0], y[:, -1], x[..., 0]):
        assert not closed.any()
    assert (z[0] < 0).all()


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 40), (1, 7, 1), (31, 2, 1), (1, 40, 37)])
def test_flat_and_thin_boxes(device, shape):
    """p is a mean of what surrounds it: between the boundary and p_e."""
    flow = solve_flow(
        device, Grid(shape, (1e-4,) * 3), FluidProperties(1e-14, 1e-6, 1500.0), Boundaries(x_low=0.0)
    )
    pressure = device.download(flow.pressure)
    assert (pressure > 0).all()
    assert (pressure <= 1500 * (1 + 1e-8)).all()  # the tolerance of the solver


def test_a_closed_tissue_comes_to_its_own_equilibrium(device):
    """No flux through the box and one tissue: p_e = (G_v p_e^v + G_L p_L)/(G_v + G_L), and nothing moves."""
    fluid = FluidProperties(1e-14, 2e-8, 900.0, 6e-8, 100.0)
    flow = solve_flow(device, GRID, fluid, Boundaries())
    expected = (2e-8 * 900 + 6e-8 * 100) / 8e-8
    assert device.download(flow.pressure) == pytest.approx(expected, rel=1e-7)
    assert max(device.maximum(abs(u)) for u in flow.velocity) < 1e-7 * 1e-14 * expected / 6e-5


def test_without_sources_and_pressures_nothing_moves(device):
    flow = solve_flow(device, GRID, FluidProperties(1e-14, 0.0, 900.0), Boundaries.uniform(0.0))
    assert not device.download(flow.pressure).any()
    assert flow.iterations == 0
    assert flow.balance == 0


def test_flow_without_vessels_is_balanced_too(device):
    flow = solve_flow(
        device, GRID, FluidProperties(TISSUE.hydraulic_conductivity), Boundaries(x_low=500.0, x_high=0.0)
    )
    assert device.download(flow.velocity[2]).min() > 0
    assert abs(flow.balance) < 1e-6


def test_a_first_guess_changes_the_work_and_not_the_answer(device):
    conductivity, absorption, source = (
        device.upload(np.broadcast_to(values, GRID.shape), np.float64)
        for values in (TISSUE.hydraulic_conductivity, TISSUE.vessel_filtration, 1e-4)
    )
    boundaries = Boundaries.uniform(0.0)
    medium = make_medium(device, GRID, conductivity, absorption, boundaries, dtype=np.float64)
    cold, first = solve_pressure(device, GRID, medium, source, boundaries=boundaries, tolerance=1e-10)
    warm, second = solve_pressure(
        device, GRID, medium, source, boundaries=boundaries, tolerance=1e-10, pressure=cold * 1.001
    )
    assert second.iterations < first.iterations
    assert device.download(warm) == pytest.approx(device.download(cold), rel=1e-8)


# lymph ------------------------------------------------------------------------------------------------------


def test_lymph_drains_and_never_fills(device):
    """Fluid drawn to a face of low pressure leaves part of the tissue below p_L: there lymph is idle."""
    fluid = without(lymphatic_filtration=1e-7, lymphatic_pressure=300.0)
    flow = solve_flow(device, GRID, fluid, Boundaries(x_low=-2000.0), tolerance=1e-10, precision="float64")
    pressure, drained = device.download(flow.pressure), device.download(flow.lymph_drainage)
    below = pressure < 300.0
    assert below.any()
    assert not below.all()
    assert not drained[below].any()
    assert drained[~below] == pytest.approx(1e-7 * (pressure[~below] - 300.0))
    assert abs(flow.balance) < 1e-8


def test_the_set_of_draining_voxels_does_not_depend_on_where_it_starts(device):
    """The complementarity problem has one solution: p solves the equation with the lymph that p itself switches."""
    fluid = without(lymphatic_filtration=1e-7, lymphatic_pressure=300.0)
    flow = solve_flow(device, GRID, fluid, Boundaries(x_low=-2000.0), tolerance=1e-10, precision="float64")
    drains = device.download(flow.pressure) >= 300.0
    fixed = dataclasses.replace(fluid, lymphatic_filtration=np.where(drains, 1e-7, 0.0))
    again = solve_flow(device, GRID, fixed, Boundaries(x_low=-2000.0), tolerance=1e-10, precision="float64")
    assert device.download(again.pressure) == pytest.approx(device.download(flow.pressure), rel=1e-7)


def test_lymph_at_its_own_pressure_is_not_switched_by_rounding(device):
    """Far from any source p = p_L up to rounding, on either side of it: one pass is enough."""
    fluid = FluidProperties(1e-16, np.where(INSIDE, 1e-6, 0.0), 1500.0, 1e-5, 200.0)
    once = solve_flow(device, GRID, dataclasses.replace(fluid, lymphatic_pressure=200.0), Boundaries())
    assert once.iterations < 30


def test_lymph_alone_in_a_closed_box_holds_its_pressure(device):
    flow = solve_flow(device, GRID, FluidProperties(1e-14, 0.0, 0.0, 1e-7, 250.0), Boundaries())
    assert device.download(flow.pressure) == pytest.approx(250.0)


# boxes that nothing fixes -----------------------------------------------------------------------------------


def closed_medium(device):
    conductivity = device.upload(np.broadcast_to(TISSUE.hydraulic_conductivity, GRID.shape))
    return make_medium(
        device, GRID, conductivity, device.zeros(GRID.shape, np.float64), Boundaries(), dtype=np.float64
    )


def test_a_closed_box_with_balanced_sources_has_mean_zero(device):
    source = np.random.default_rng(1).standard_normal(GRID.shape)
    source -= source.mean()
    pressure, convergence = solve_pressure(
        device, GRID, closed_medium(device), device.upload(source), boundaries=Boundaries()
    )
    found = device.download(pressure)
    assert convergence.residual <= 1e-8
    assert abs(found.mean()) < 1e-12 * np.abs(found).max()


def test_a_closed_box_with_sources_left_over_says_how_much(device):
    source = np.zeros(GRID.shape)
    source[0, 0, :4] = 1.0, 1.0, 1.0, -1.0
    with pytest.raises(NumericsError, match=r"do not sum to zero: 0\.5 of their absolute sum"):
        solve_pressure(device, GRID, closed_medium(device), device.upload(source), boundaries=Boundaries())


def test_a_tissue_without_any_pressure_is_refused(device):
    with pytest.raises(ConfigError, match="nothing sets the pressure"):
        solve_flow(device, GRID, FluidProperties(1e-14), Boundaries())


# inputs -----------------------------------------------------------------------------------------------------


def bad_voxel(value, name):
    values = np.broadcast_to(getattr(TISSUE, name), GRID.shape).copy()
    values[2, 3, 4] = value
    return {name: values}


@pytest.mark.parametrize("value", [0.0, -1e-15, np.nan, np.inf])
def test_a_conductivity_that_is_not_positive_is_named_with_its_voxel(device, value):
    with pytest.raises(ConfigError, match=r"hydraulic_conductivity.* in 1 voxels, first in x=4 y=3 z=2"):
        solve_flow(
            device, GRID, without(**bad_voxel(value, "hydraulic_conductivity")), Boundaries.uniform(0.0)
        )


@pytest.mark.parametrize("name", ["vessel_filtration", "lymphatic_filtration"])
def test_negative_filtration_is_refused(device, name):
    with pytest.raises(ConfigError, match=name):
        solve_flow(device, GRID, without(**bad_voxel(-1.0, name)), Boundaries.uniform(0.0))


def test_all_faults_are_told_at_once(device):
    fluid = without(hydraulic_conductivity=-1.0, lymphatic_pressure=np.nan, vessel_filtration=np.ones((2, 2)))
    with pytest.raises(ConfigError) as caught:
        solve_flow(device, GRID, fluid, Boundaries.uniform(0.0))
    keys = {problem.key for problem in caught.value.problems}
    assert keys == {"hydraulic_conductivity", "lymphatic_pressure", "vessel_filtration"}


def test_fluid_at_rest_is_balanced(device):
    """No flux, and the same p_e everywhere: p = p_e, and all that moves is rounding."""
    grid = Grid((5, 6, 7), (1e-4,) * 3)
    still = FluidProperties(1e-15, 1e-9 * (1 + np.random.default_rng(0).random(grid.shape)), 1500.0)
    flow = solve_flow(device, grid, still, Boundaries())
    assert abs(device.download(flow.pressure) - 1500.0).max() < 1e-4
    assert abs(flow.balance) < 1e-5


def test_a_balance_that_does_not_close_is_an_error(device, monkeypatch):
    monkeypatch.setattr(module, "box_outflow", lambda *_: (1e-3, 1e-3))
    with pytest.raises(NumericsError, match="does not balance"):
        solve_flow(device, GRID, TISSUE, Boundaries.uniform(0.0))


def test_lymph_that_never_settles_is_an_error(device, monkeypatch):
    monkeypatch.setattr(module, "MOST_PASSES", 1)
    fluid = without(lymphatic_filtration=1e-7, lymphatic_pressure=300.0)
    with pytest.raises(NumericsError, match="still switches"):
        solve_flow(device, GRID, fluid, Boundaries(x_low=-2000.0))
