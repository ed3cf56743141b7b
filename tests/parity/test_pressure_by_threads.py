"""A whole solve of the pressure, every kernel thread by thread, is that of the NumPy bodies."""

import numpy as np
import pytest
from twins import WITHOUT, machine_called

from tumorsim.boundaries import Boundaries
from tumorsim.device.native import find_compiler
from tumorsim.flow.medium import make_medium
from tumorsim.flow.pressure import solve_pressure
from tumorsim.grid import Grid

pytestmark = pytest.mark.skipif(find_compiler() is None, reason=WITHOUT["fibers"])


@pytest.mark.parametrize(
    ("shape", "stage"),
    [((2, 3, 5), 0), ((7, 9, 13), 0), ((7, 9, 13), 2)],
    ids=["stored inverse", "blocks", "parts"],
)
def test_a_solve_is_that_of_the_bodies(shape, stage):
    """What no kernel wrote is NaN here, and so would be the pressure."""
    random, boundaries, grid = np.random.default_rng(3), Boundaries(x_low=1.0), Grid(shape, (1.0, 1.0, 2.0))
    conductivity, source = 10.0 ** random.uniform(-2, 0, shape), random.uniform(0, 1, shape)
    found = []
    for name in ("numpy", "fibers"):
        device = machine_called(name)
        absorption = device.upload(np.full(shape, 0.01))
        medium = make_medium(
            device, grid, device.upload(conductivity), absorption, boundaries, dtype=np.float64
        )
        found.append(
            solve_pressure(device, grid, medium, device.upload(source), boundaries=boundaries, stage=stage)
        )
    (expected, convergence), (pressure, same) = found
    assert (same.iterations, same.stage) == (convergence.iterations, convergence.stage)
    assert convergence.stage >= stage
    # both leave 1e-8 of the source, and differ by what float32 cycles round differently
    assert pressure == pytest.approx(expected, rel=1e-7)
