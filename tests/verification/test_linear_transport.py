"""Super-time-stepped linear transport: of second order, stable, and never below zero, whatever the medium."""

from math import inf

import numpy as np
import pytest
from fibers import FibersDevice

from tumorsim.boundaries import Boundaries
from tumorsim.device.native import find_compiler
from tumorsim.device.numpy import NumpyDevice
from tumorsim.device.select import select_device
from tumorsim.grid import Grid
from tumorsim.operators.harmonic_conductance import harmonic_conductance
from tumorsim.transport.gegenbauer import INDEX, gegenbauer_stages, stability_limit, stages_for, stages_needed
from tumorsim.transport.linear import LinearTransport, line_through

DEVICE, _ = select_device("auto")
COUNTS = [3, 4, 5, 7, 10, 14]
TWO_STAGES = stages_for(1.0)


def polynomial(stages, z, *, one=1.0, times=np.multiply):
    """What the stages make of 1 where the operator is ``z`` = dt L; also for matrices."""
    start_rate = None if stages is TWO_STAGES else times(z, one)
    before, last = 0 * one, stages[0].rate * times(z, one)
    for stage in stages[1:]:
        gain = stage.again * (last - before) + stage.rate * times(z, last)
        if start_rate is not None:
            gain = gain + stage.start_weight * start_rate
        before, last = last, last + gain
    return one + stages[-1].part * last


def of_matrix(stages, matrix):
    return polynomial(stages, matrix, one=np.eye(len(matrix)), times=np.matmul)


@pytest.mark.parametrize("index", [0.5, INDEX, inf])
@pytest.mark.parametrize("count", COUNTS)
def test_stages_are_of_second_order_and_stable_to_their_limit(count, index):
    stages = gegenbauer_stages(count, index=index)
    z = np.array([-1e-3, -2e-3])
    error = polynomial(stages, z) - np.exp(z)
    assert np.log2(error[1] / error[0]) == pytest.approx(3, abs=0.01)
    whole_range = np.linspace(-2 * stability_limit(count, index=index), 0, 1000)
    assert np.abs(polynomial(stages, whole_range)).max() <= 1 + 1e-12


@pytest.mark.parametrize("index", [INDEX, inf])
def test_no_more_stages_than_needed(index):
    for ratio in (1.1, 2.0, 7.3, 40.0, 373.0):
        count = stages_needed(ratio, index=index)
        assert stability_limit(count - 1, index=index) < ratio <= stability_limit(count, index=index)


def point_spread(stages, spacing, ratio):
    """The weights that one filled voxel of a uniform medium spreads over the others in ``ratio`` explicit steps."""
    share = np.array(spacing) ** -2.0
    share /= share.sum()
    waves = np.cos(2 * np.pi * np.arange(2 * len(stages) + 4) / (2 * len(stages) + 4)) - 1
    z = share[0] * waves[:, None, None] + share[1] * waves[:, None] + share[2] * waves
    return np.fft.ifftn(polynomial(stages, ratio * z)).real


@pytest.mark.parametrize("spacing", [(1, 1, 1), (1, 1, 4), (3, 1, 1), (1, 1.4, 2.2)], ids=str)
@pytest.mark.parametrize("count", COUNTS)
def test_a_filled_voxel_spreads_without_negative_weights_in_three_dimensions(count, spacing):
    stages = gegenbauer_stages(count)
    for part in (0.3, 0.6, 0.8, 1.0):
        assert point_spread(stages, spacing, part * stability_limit(count)).min() > -1e-13  # rounding


def test_legendre_stages_would_not():
    """RKL2, λ = ½: at its limit of stability a fifth of the dose and more comes out with the wrong sign."""
    for count in (5, 7, 10, 14):
        weights = point_spread(
            gegenbauer_stages(count, index=0.5), (1, 1, 1), stability_limit(count, index=0.5)
        )
        assert weights[weights < 0].sum() < -0.2


def rough_medium(random, shape, *, exchange=0.0, peclet=0.0, device=DEVICE):
    """A box with ε and D that jump from voxel to voxel, open on three faces: its grid, ε and linear transport.

    ``exchange`` is the size of the rates of wall and lymph, 1/s, and ``peclet`` that of the cell Péclet numbers.
    """
    grid = Grid(shape, (1.0, 0.6, 1.5))
    epsilon, d = np.exp(1.5 * random.normal(size=(2, *shape)))
    epsilon /= epsilon.max()
    boundaries = Boundaries(z_low=0.0, y_high=0.0, x_low=0.0)
    velocity = []
    conductance = [np.empty(grid.face_shape(axis)) for axis in (2, 1, 0)]
    squares = tuple(h**2 for h in grid.spacing)
    harmonic_conductance.body(*conductance, epsilon * d, fixed=(True,) * 6, spacing=squares)
    for h, g in zip(grid.spacing, conductance[::-1], strict=True):
        velocity.append(device.upload(peclet * h * g * random.uniform(-1, 1, g.shape)))
    permeability, filtration, lymph = exchange * random.random((3, *shape))
    transport = LinearTransport(
        device, grid, velocity=tuple(velocity), retardation=np.ones(shape), diffusivity=d,
        permeability_density=permeability, reflection=np.full(shape, 0.3), filtration=device.upload(filtration),
        lymph_drainage=device.upload(lymph), available_fraction=epsilon, epsilon=device.upload(epsilon),
        boundaries=boundaries,
    )  # fmt: skip
    return grid, epsilon, transport


def after(transport, start, dt, plasma=(0.0, 0.0), device=DEVICE):
    """C after ``dt``, and what passed: entered, returned, lymph, boundary, per voxel volume."""
    passed = device.zeros((4, *start.shape[:2]), np.float64)
    scratch = device.empty(start.shape, np.float64)
    c, _ = transport.advance(device.upload(start), scratch, dt, plasma=plasma, booked=passed)
    return device.download(c).copy(), device.download(passed).sum(axis=(1, 2))


def filled(voxel, shape):
    c = np.zeros(shape)
    c[voxel] = 1
    return c


@pytest.mark.skipif(find_compiler() is None, reason="no C++ compiler")
@pytest.mark.parametrize("steps", [0.7, 1.5, 4.0, 7.0, 12.0])
def test_stages_side_by_side_make_the_step_of_stages_one_after_the_other(steps):
    results, dt = [], None
    for device in (NumpyDevice(), FibersDevice()):
        random = np.random.default_rng(5)
        _, _, transport = rough_medium(random, (5, 7, 6), exchange=0.4, peclet=0.5, device=device)
        dt = steps * transport.explicit_limit
        results.append(after(transport, random.random((5, 7, 6)), dt, (1.3, 0.4), device))
    (c, passed), (other, others) = results
    assert stages_needed(steps) == {0.7: 2, 1.5: 3, 4.0: 5, 7.0: 6, 12.0: 9}[steps]
    assert np.abs(c - other).max() <= 1e-13 * np.abs(c).max()
    assert np.abs(passed - others).max() <= 1e-12 * np.abs(passed).max()


def matrix_of(transport, shape, dt):
    """dt L, column by column, from steps so short that they are linear in dt."""
    columns, short = [], 1e-9 * transport.explicit_limit
    for voxel in np.ndindex(shape):
        c, _ = after(transport, filled(voxel, shape), short)
        c[voxel] -= 1
        columns.append(c.ravel() / short * dt)
    return np.array(columns).T


MEDIA = pytest.mark.parametrize("medium", [{}, {"exchange": 3.0}, {"exchange": 3.0, "peclet": 0.9}], ids=str)


@MEDIA
@pytest.mark.parametrize("ratio", [0.7, 1.0, 2.0, 9.0, 30.0])
def test_any_medium_stays_positive_and_keeps_its_amount(ratio, medium):
    shape = (4, 3, 5)
    for seed in range(3):
        _, epsilon, transport = rough_medium(np.random.default_rng(seed), shape, **medium)
        assert transport.convects is ("peclet" in medium)
        for voxel in np.ndindex(shape):
            c, passed = after(transport, filled(voxel, shape), ratio * transport.explicit_limit)
            assert c.min() >= 0
            assert (epsilon * c).sum() + passed.sum() == pytest.approx(epsilon[voxel], rel=1e-12)


@MEDIA
@pytest.mark.parametrize("ratio", [0.7, 2.0, 9.0, 30.0])
def test_whatever_plasma_does_the_step_stays_positive_and_keeps_its_amount(ratio, medium):
    shape = (4, 3, 5)
    for seed in range(3):
        _, epsilon, transport = rough_medium(np.random.default_rng(seed), shape, **medium)
        for plasma in ((1.0, 0.0), (0.0, 1.0), (1.0, 0.9)):
            c, passed = after(transport, np.zeros(shape), ratio * transport.explicit_limit, plasma)
            assert c.min() >= 0
            assert (epsilon * c).sum() + passed[1:].sum() == pytest.approx(passed[0], rel=1e-12)


def test_stages_and_plasma_together_are_of_second_order():
    """Vessels, lymph and flow that differ from voxel to voxel, and plasma that falls by 60 %, against the matrix
    exponential; from 40 explicit steps at once."""
    from scipy.linalg import expm

    shape = (2, 3, 4)
    _, epsilon, transport = rough_medium(np.random.default_rng(2), shape, exchange=3.0, peclet=0.5)
    n, fall = epsilon.size, 0.02 / transport.explicit_limit
    whole = np.zeros((n + 1, n + 1))  # C, and C_p = e^{−fall t}, of which a/ε C_p flows in
    whole[:n, :n] = matrix_of(transport, shape, 1.0)
    whole[n, n] = -fall
    short = 1e-9 * transport.explicit_limit
    whole[:n, n] = after(transport, np.zeros(shape), short, (1.0, 1.0))[0].ravel() / short
    end, start = 40 * transport.explicit_limit, np.random.default_rng(3).random(shape)
    exact = (expm(whole * end) @ np.r_[start.ravel(), 1.0])[:n].reshape(shape)
    errors = []
    for steps in (1, 2, 4, 8):
        c, dt = start, end / steps
        for k in range(steps):
            halves = np.exp(-fall * np.array([k, k + 0.5, k + 1]) * dt)
            c, _ = after(transport, c, dt, tuple(-np.diff(halves) / (fall * dt / 2)))
        errors.append(np.abs(c - exact).max())
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert orders.mean() >= 1.9, errors


def test_in_a_steep_fall_the_plasma_line_keeps_its_mean_and_stays_positive():
    for halves in ((1.0, 0.0), (1.0, 0.2), (0.0, 1.0), (1.0, 1.0), (0.4, 0.7)):
        level, rise = line_through(halves)
        assert level + rise / 2 == pytest.approx(sum(halves) / 2)
        assert min(level, level + 1.3 * rise) >= 0
    latest = max(stage.time for ratio in (1.5, 10, 100, 1000) for stage in stages_for(ratio))
    assert latest <= 1.3


def test_flow_that_rules_is_left_to_advection():
    _, _, transport = rough_medium(np.random.default_rng(0), (4, 3, 5), peclet=3.0)
    assert not transport.convects and transport.cell_peclet > 1 and transport.step_limit == inf


@pytest.mark.parametrize("peclet", [0.03, 0.2, 0.9])
def test_the_longest_step_with_convection_is_stable(peclet):
    """A wave along the diagonal in a closed loop of steps: the polynomial of its eigenvalue stays within 1."""
    grid = Grid((4, 4, 4), (1.0, 1.0, 1.0))
    velocity = tuple(DEVICE.upload(np.full(grid.face_shape(axis), peclet)) for axis in range(3))
    zero, one = np.zeros(grid.shape), np.ones(grid.shape)
    transport = LinearTransport(
        DEVICE, grid, velocity=velocity, retardation=one, diffusivity=one, permeability_density=zero, reflection=zero,
        filtration=DEVICE.upload(zero), lymph_drainage=DEVICE.upload(zero), available_fraction=one,
        epsilon=DEVICE.upload(one), boundaries=Boundaries(),
    )  # fmt: skip
    assert transport.step_limit <= 1.1 / peclet**2  # D/v²
    wave = np.linspace(0, np.pi, 2001)
    z = transport.step_limit * (-6 * (1 - np.cos(wave)) + 3j * peclet * np.sin(wave))
    stages = stages_for(transport.step_limit / transport.explicit_limit)
    assert len(stages) > 2 / peclet and np.abs(polynomial(stages, z)).max() <= 1 + 1e-12


def test_steps_that_would_leave_negative_values_are_taken_again():
    """There are such media; in them the result is that of the stages that are safe everywhere."""
    shape, ratio = (4, 3, 5), 9.0
    _, _, transport = rough_medium(np.random.default_rng(0), shape)
    dt = ratio * transport.explicit_limit
    matrix = matrix_of(transport, shape, dt)
    tried = of_matrix(gegenbauer_stages(stages_needed(ratio)), matrix)
    safe = of_matrix(gegenbauer_stages(stages_needed(ratio, index=inf), index=inf), matrix)
    assert safe.min() > -1e-9  # the matrix is known to 1e-8
    bad = [k for k in range(len(matrix)) if tried[:, k].min() < -1e-6]
    assert bad
    for k in range(len(matrix)):
        expected = safe if k in bad else tried
        if k in bad or tried[:, k].min() > 1e-9:
            c, _ = after(transport, filled(np.unravel_index(k, shape), shape), dt)
            assert c.ravel() == pytest.approx(expected[:, k], abs=1e-6)


@pytest.mark.parametrize("ratio", [0.5, 1.0])
def test_two_stages_are_safe_in_any_medium(ratio):
    for seed in range(20):
        _, _, transport = rough_medium(np.random.default_rng(seed), (3, 2, 3))
        matrix = matrix_of(transport, (3, 2, 3), ratio * transport.explicit_limit)
        assert of_matrix(TWO_STAGES, matrix).min() > -1e-8  # as above
