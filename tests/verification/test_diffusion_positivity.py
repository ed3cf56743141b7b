"""Super-time-stepped diffusion: of second order, stable, and never below zero, whatever the medium."""

from math import inf

import numpy as np
import pytest

from tumorsim.boundaries import Boundaries
from tumorsim.device.select import select_device
from tumorsim.grid import Grid
from tumorsim.transport.diffusion import (
    INDEX,
    TWO_STAGES,
    Diffusion,
    gegenbauer_stages,
    stability_limit,
    stages_needed,
)

DEVICE, _ = select_device("auto")
COUNTS = [3, 4, 5, 7, 10, 14]


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


def rough_medium(random, shape):
    """A box with ε and D that jump from voxel to voxel, open on three faces."""
    grid = Grid(shape, (1.0, 0.6, 1.5))
    epsilon, d = np.exp(1.5 * random.normal(size=(2, *shape)))
    boundaries = Boundaries(z_low=0.0, y_high=0.0, x_low=0.0)
    epsilon /= epsilon.max()
    diffusion = Diffusion(
        DEVICE,
        grid,
        diffusivity=d,
        available_fraction=epsilon,
        epsilon=DEVICE.upload(epsilon),
        boundaries=boundaries,
    )
    return grid, epsilon, diffusion


def spread_from(diffusion, voxel, shape, dt):
    """C after ``dt`` from a single voxel of C = 1, and the amount that left."""
    c = np.zeros(shape)
    c[voxel] = 1
    c, _, left = diffusion.advance(DEVICE.upload(c), DEVICE.empty(shape, np.float64), dt)
    return DEVICE.download(c), left


def matrix_of(diffusion, shape, dt):
    """dt L, column by column, from steps so short that they are linear in dt."""
    columns, short = [], 1e-9
    for voxel in np.ndindex(shape):
        c, _ = spread_from(diffusion, voxel, shape, short * diffusion.explicit_limit)
        c[voxel] -= 1
        columns.append(c.ravel() / (short * diffusion.explicit_limit) * dt)
    return np.array(columns).T


@pytest.mark.parametrize("ratio", [0.7, 1.0, 2.0, 9.0, 30.0])
def test_any_medium_stays_positive_and_keeps_its_amount(ratio):
    shape = (4, 3, 5)
    for seed in range(4):
        grid, epsilon, diffusion = rough_medium(np.random.default_rng(seed), shape)
        for voxel in np.ndindex(shape):
            c, left = spread_from(diffusion, voxel, shape, ratio * diffusion.explicit_limit)
            assert c.min() >= 0
            kept = (epsilon * c).sum() * grid.voxel_volume
            assert kept + left == pytest.approx(epsilon[voxel] * grid.voxel_volume, rel=1e-12)


def test_steps_that_would_leave_negative_values_are_taken_again():
    """There are such media; in them the result is that of the stages that are safe everywhere."""
    shape, ratio = (4, 3, 5), 9.0
    _, _, diffusion = rough_medium(np.random.default_rng(0), shape)
    dt = ratio * diffusion.explicit_limit
    matrix = matrix_of(diffusion, shape, dt)
    tried = of_matrix(gegenbauer_stages(stages_needed(ratio)), matrix)
    safe = of_matrix(gegenbauer_stages(stages_needed(ratio, index=inf), index=inf), matrix)
    assert safe.min() > -1e-9  # the matrix is known to 1e-8
    bad = [k for k in range(len(matrix)) if tried[:, k].min() < -1e-6]
    assert bad
    for k in range(len(matrix)):
        expected = safe if k in bad else tried
        if k in bad or tried[:, k].min() > 1e-9:
            c, _ = spread_from(diffusion, np.unravel_index(k, shape), shape, dt)
            assert c.ravel() == pytest.approx(expected[:, k], abs=1e-6)


@pytest.mark.parametrize("ratio", [0.5, 1.0])
def test_two_stages_are_safe_in_any_medium(ratio):
    for seed in range(20):
        _, _, diffusion = rough_medium(np.random.default_rng(seed), (3, 2, 3))
        matrix = matrix_of(diffusion, (3, 2, 3), ratio * diffusion.explicit_limit)
        assert of_matrix(TWO_STAGES, matrix).min() > -1e-8  # as above
