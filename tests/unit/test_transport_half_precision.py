"""Coefficients of 16 bits: each to 2^-11, what that does to concentrations, and what it leaves exactly as it was."""

from types import SimpleNamespace

import numpy as np
import pytest

import tumorsim
from tumorsim.boundaries import Boundaries
from tumorsim.device.select import select_device
from tumorsim.errors import NumericsError
from tumorsim.grid import Grid
from tumorsim.resources import configs_directory
from tumorsim.sinks.ledger import TOLERANCE, closure
from tumorsim.transport.half_precision import HALF, ROUNDING, stored_as
from tumorsim.transport.stepper import Stepper, TransportProperties

DEVICE, _ = select_device("auto")
NO_PLASMA = SimpleNamespace(mean=lambda start, end: 0.0)


def uploaded(values):
    return DEVICE.upload(np.asarray(values, np.float32).reshape(1, 1, -1))


def stored_and_read(*kind):
    stored, scale = stored_as(HALF, DEVICE, [uploaded(values) for values in kind])
    return [DEVICE.download(halves).astype(np.float64).ravel() * scale for halves in stored], scale


@pytest.mark.parametrize("size", [1e-25, 3e-7, 1.0, 40.0, 1e9])
def test_values_are_stored_to_one_in_2048_over_28_binades(size):
    values = size * np.logspace(0, -28, 1000, base=2) * np.where(np.arange(1000) % 2, 1, -1)
    (found,), scale = stored_and_read(values)
    assert np.log2(scale) % 1 == 0
    exact = values.astype(np.float32).astype(np.float64)
    assert np.abs(found / exact - 1).max() <= ROUNDING


def test_smaller_values_are_stored_to_2_39_of_the_largest_of_their_kind():
    largest, small = [5.0, 0.0], 5.0 * np.logspace(-28, -60, 100, base=2)
    (_, found), _ = stored_and_read(largest, small)
    assert np.abs(found - small).max() <= 5 * 2.0**-39
    assert found[-1] == 0


@pytest.mark.parametrize("size", [1.1e9, np.inf, np.nan])
def test_what_halves_cannot_hold_is_refused(size):
    with pytest.raises(NumericsError, match="too fast for coefficients of 16 bits"):
        stored_as(HALF, DEVICE, [uploaded([1.0, size])])


def test_zeros_stay_zeros_and_what_is_not_given_stays_away():
    stored, scale = stored_as(HALF, DEVICE, (uploaded([0.0, 0.0]), None))
    assert scale > 0
    assert stored[1] is None
    assert not DEVICE.download(stored[0]).any()
    assert stored_as(HALF, DEVICE, (None, None))[0] == (None, None)


def test_coefficients_as_the_state_are_the_same_arrays():
    a = uploaded([1.0])
    assert stored_as(np.dtype(np.float32), DEVICE, (a, None)) == ((a, None), 1.0)


def closed_flow(random, grid):
    """A random flow without sources: what passes the faces of every voxel is the curl of a potential on its edges."""
    nz, ny, nx = grid.shape
    along_z, along_y, along_x = (
        random.normal(size=shape)
        for shape in ((nz, ny + 1, nx + 1), (nz + 1, ny, nx + 1), (nz + 1, ny + 1, nx))
    )
    velocity = (
        np.diff(along_y, axis=2) - np.diff(along_x, axis=1),
        np.diff(along_x, axis=0) - np.diff(along_z, axis=2),
        np.diff(along_z, axis=1) - np.diff(along_y, axis=0),
    )
    none = np.zeros(grid.shape)
    upload = [DEVICE.upload(field, np.float32) for field in (*velocity, none, none)]
    return SimpleNamespace(velocity=tuple(upload[:3]), filtration=upload[3], lymph_drainage=upload[4])


def tissue(grid, flow, diffusivity, **more):
    properties = TransportProperties(
        available_fraction=0.25, diffusivity=diffusivity, wall_permeability_density=0.0, wall_reflection=0.0
    )
    return Stepper(DEVICE, grid, flow=flow, properties=properties, coefficients="float16", **more)


def turnover(grid, flow):
    """Σ_faces |f u/h|/ε, 1/s, with the retardation f = 1 and voxels of edge 1."""
    sums = np.zeros(grid.shape)
    for axis, u in enumerate(flow.velocity):
        through = np.abs(np.moveaxis(DEVICE.download(u), axis, 0))
        sums += np.moveaxis(through[:-1] + through[1:], 0, axis)
    return sums / 0.25


UNIFORM = Boundaries(**dict.fromkeys(("z_low", "z_high", "y_low", "y_high", "x_low", "x_high"), 1.0))


@pytest.mark.parametrize("diffusivity", [0.0, 40.0], ids=["advection", "central convection"])
def test_what_is_uniform_stays_so_to_the_rounding_of_the_flow_that_passes(diffusivity):
    """dC/dt = −C Σ ±r(1 + δ)/ε with |δ| ≤ 2^-11 and Σ ±r = 0: at most 2^-11 of the turnover in a step; float32 adds
    some 1e-6. In the long run what leaves a voxel is what came in, C Σ_out r = Σ_in r C, so the error of its own
    coefficients counts, not those on the way: with 2^-9 the bound of two voxels' worth of errors holds."""
    grid, random = Grid((7, 6, 9), (1.0, 1.0, 1.0)), np.random.default_rng(3)
    flow = closed_flow(random, grid)
    stepper = tissue(grid, flow, diffusivity, boundaries=UNIFORM, max_step=1.0)
    assert stepper.convects == (diffusivity > 0)
    state, dt = stepper.start({"free": np.full(grid.shape, 0.25)}), stepper.step_size
    stepper.step(state, 0.0, dt, NO_PLASMA)
    off = np.abs(DEVICE.download(state.concentration) - 1)
    assert off.max() > 1e-5, "the coefficients are rounded"
    assert off.max() <= ROUNDING * dt * turnover(grid, flow).max() + 1e-6
    for k in range(1, 200):
        stepper.step(state, k * dt, dt, NO_PLASMA)
    assert np.abs(DEVICE.download(state.concentration) - 1).max() <= 4 * ROUNDING


def test_diffusion_leaves_what_is_uniform_as_it_is():
    grid, random = Grid((5, 6, 7), (1.0, 1.0, 1.0)), np.random.default_rng(4)
    flow = SimpleNamespace(
        velocity=tuple(DEVICE.zeros(grid.face_shape(axis), np.float32) for axis in range(3)),
        filtration=DEVICE.zeros(grid.shape, np.float32),
        lymph_drainage=DEVICE.zeros(grid.shape, np.float32),
    )
    stepper = tissue(grid, flow, np.exp(random.normal(size=grid.shape)), boundaries=UNIFORM)
    state = stepper.start({"free": np.full(grid.shape, 0.25)})
    stepper.step(state, 0.0, 5.0, NO_PLASMA)
    assert (DEVICE.download(state.concentration) == 1).all()


COARSE = {
    "quickstart": ["domain.spacing=300 um", "run.duration=12 h"],
    "intratumoural_infusion": ["domain.spacing=500 um", "run.duration=12 h", "output.every=12 h"],
    "thermodox": ["domain.spacing=300 um", "run.duration=2 h", "output.every=2 h"],
}
"""Vessels that leak at random, a flow that is imposed, and a drug that needs many stages."""


@pytest.mark.parametrize("name", COARSE)
def test_a_run_differs_by_no_more_than_stated_and_its_books_close(name, tmp_path):
    """docs/numerics.md: 2^-8 in any voxel, 2^-10 in the mean square, 2^-11 in all that entered; books as in float32."""
    runs = []
    for kept in ("as state", "float16"):
        case = tumorsim.load(
            configs_directory() / f"{name}.toml", overrides=[*COARSE[name], f"run.coefficients={kept}"]
        )
        runs.append(tumorsim.simulate(case, out=tmp_path / f"{kept}.vtkhdf"))
    exact, rounded = (run.field("free", step=run.steps[-1]).astype(np.float64) for run in runs)
    there = exact > 1e-3 * exact.max()
    off = np.abs(rounded / np.where(there, exact, 1) - 1)[there]
    assert 1e-6 < off.max() <= 2.0**-8
    assert np.sqrt((off**2).mean()) <= 2.0**-10
    entries = [{term: float(values[-1]) for term, values in run.ledger.items()} for run in runs]
    assert closure(entries[1]) <= TOLERANCE["float32"]
    assert abs(entries[1]["entered"] - entries[0]["entered"]) <= ROUNDING * entries[0]["entered"]
