"""Iterations to a true relative residual of 1e-8: few, on any shape, and hardly more where tissue is rough."""

import numpy as np
import pytest

from tumorsim.boundaries import Boundaries
from tumorsim.device.select import select_device
from tumorsim.errors import NumericsError
from tumorsim.flow import conjugate_gradient as module
from tumorsim.flow.conjugate_gradient import conjugate_gradients
from tumorsim.flow.medium import make_medium
from tumorsim.flow.preconditioning import stages
from tumorsim.grid import Grid
from tumorsim.operators.pressure_operator import net_outflow

DEVICE, _ = select_device("auto")
OPEN = Boundaries.uniform(0.0)
THROUGH = Boundaries(x_low=1.0, x_high=0.0)


def solve(
    conductivity, absorption=0.0, *, spacing=(1.0, 1.0, 1.0), boundaries=OPEN, tolerance=1e-8, source=1.0
):
    """The pressure of sources everywhere, the convergence, and the residual worked out anew."""
    shape = conductivity.shape
    grid = Grid(shape, spacing)
    given = [
        DEVICE.upload(np.broadcast_to(values, shape), np.float64)
        for values in (conductivity, absorption, source)
    ]
    medium = make_medium(DEVICE, grid, given[0], given[1], boundaries, dtype=np.float64)
    pressure = DEVICE.zeros(shape, np.float64)
    convergence = conjugate_gradients(
        DEVICE, grid, medium, pressure=pressure, source=given[2], outside=boundaries.outside,
        stages=stages(DEVICE, medium.rounded(np.float32)), tolerance=tolerance,
    )  # fmt: skip
    coefficients = [DEVICE.download(t) for t in medium.conductance]
    z, y, x = coefficients
    left, whole = (
        np.asarray(np.broadcast_to(source, shape))
        - net_outflow(
            p, (z, y, x), DEVICE.download(medium.absorption), slice(0, shape[0]),
            spacing=spacing, outside=boundaries.outside,
        )
        for p in (DEVICE.download(pressure), np.zeros(shape))
    )  # fmt: skip
    return DEVICE.download(pressure), convergence, np.linalg.norm(left) / np.linalg.norm(whole)


def sphere(shape, inside, outside):
    """A sphere, or an ellipsoid as long as the box, in other tissue."""
    x = [(np.arange(n) + 0.5) / n - 0.5 for n in shape]
    r = np.sqrt(x[0][:, None, None] ** 2 + x[1][None, :, None] ** 2 + x[2][None, None, :] ** 2)
    return np.where(r < 0.3, inside, outside)


@pytest.mark.parametrize("jump", [100.0, 0.01])
@pytest.mark.parametrize("shape", [(32, 32, 32), (64, 64, 64), (53, 37, 29), (17, 64, 31)], ids=str)
def test_a_sphere_that_conducts_100_times_better_or_worse(shape, jump):
    """12 iterations whatever the size; 15 would do."""
    _, convergence, residual = solve(sphere(shape, jump, 1.0))
    assert convergence.iterations <= 12
    assert convergence.stage == 0
    assert residual == pytest.approx(convergence.residual, rel=1e-3)
    assert residual <= 1e-8


def vessels(shape, value):
    """Lines one voxel thick along all axes, in tissue of conductivity 1."""
    random, conductivity = np.random.default_rng(4), np.ones(shape)
    for line in range(30):
        where = [slice(None) if axis == line % 3 else random.integers(n) for axis, n in enumerate(shape)]
        conductivity[tuple(where)] = value
    return conductivity


CUBE = (40, 40, 40)
RANDOM = 10.0 ** np.random.default_rng(3).uniform(0, 4, CUBE)
LAYERS = np.where(np.indices(CUBE) % 2, 1e4, 1.0)
CORE = np.where(sphere(CUBE, 1.0, 0.0) > 0, 0.1, 0.0)
HARD = {
    "random over 1e4": {"conductivity": RANDOM},
    "random over 1e4, flow through": {"conductivity": RANDOM, "boundaries": THROUGH},
    "layers of 1e4 across z": {"conductivity": LAYERS[0]},
    "layers of 1e4 across x": {"conductivity": LAYERS[2], "boundaries": THROUGH},
    "vessels of 1e4": {"conductivity": vessels(CUBE, 1e4)},
    "vessels of 1e-4": {"conductivity": vessels(CUBE, 1e-4)},
    "absorption in the core only, no flux": {
        "conductivity": sphere(CUBE, 100.0, 1.0), "absorption": CORE, "boundaries": Boundaries(),
    },
    "voxels of 1:8 along z": {"conductivity": sphere(CUBE, 100.0, 1.0), "spacing": (8.0, 1.0, 1.0)},
    "voxels of 8:1 along x": {"conductivity": sphere(CUBE, 0.01, 1.0), "spacing": (8.0, 8.0, 1.0)},
    "random over 1e4, voxels of 1:8": {"conductivity": RANDOM, "spacing": (1.0, 1.0, 8.0)},
}  # fmt: skip


@pytest.mark.parametrize("problem", HARD.values(), ids=HARD.keys())
def test_hard_tissue_takes_30_iterations_at_most(problem):
    _, convergence, residual = solve(**problem)
    assert convergence.iterations <= 30
    assert residual <= 1e-8


def test_a_tolerance_near_rounding_is_reached_by_restarts():
    """The float32 cycle limits the rate, not the accuracy."""
    _, convergence, residual = solve(sphere((24, 24, 24), 100.0, 1.0), tolerance=1e-12)
    assert residual <= 1.01e-12
    assert convergence.iterations < 20


def test_what_rounding_of_the_pressure_hides_is_not_asked_for():
    """Fluid made everywhere leaves through a far face: p is so high that rounding it leaves more than 1e-14."""
    conductivity = np.random.default_rng(5).uniform(0.5, 2.0, (1, 1, 4000))
    pressure, convergence, residual = solve(conductivity, boundaries=Boundaries(x_low=0.0), tolerance=1e-14)
    assert 1e-14 < convergence.residual < 1e-8
    assert residual == pytest.approx(convergence.residual, rel=0.1)
    assert convergence.iterations < 60
    # the flux through every face is what is made beyond it
    resistance = 1 / conductivity[0, 0]
    inner = (resistance[1:] + resistance[:-1]) / 2
    drops = np.concatenate([[resistance[0] / 2], inner]) * (4000 - np.arange(4000))
    assert pressure[0, 0] == pytest.approx(np.cumsum(drops), rel=1e-7)


def test_failure_tells_how_far_it_came_and_where_the_residual_is(monkeypatch):
    monkeypatch.setattr(module, "MOST_ITERATIONS", 2)
    source = np.zeros((9, 10, 11))
    source[2, 3, 4] = 1.0
    with pytest.raises(NumericsError) as caught:
        solve(np.ones((9, 10, 11)), source=source, tolerance=1e-14)
    assert "after 2 iterations, wanted 1e-14" in str(caught.value)
    assert "largest in voxel x=" in str(caught.value)


def test_sources_that_are_not_numbers_are_an_error_and_not_an_answer():
    with pytest.raises(NumericsError, match="did not converge"):
        solve(np.ones((8, 8, 8)), source=np.nan)
