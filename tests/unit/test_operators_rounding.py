"""Dithered rounding keeps the mean, which rounding to nearest does not."""

import numpy as np
import pytest

from tumorsim.operators.rounding import dither, rounded

SHAPE = (8, 16, 64)
UNIT = 2.0**-23  # between the floats from 1 to 2


@pytest.mark.parametrize("part", [0.0, 0.01, 0.25, 0.5, 0.9])
def test_a_part_of_the_last_digit_is_kept_on_average(part):
    found = rounded(np.full(SHAPE, 1.5 + part * UNIT), np.float32, seed=11)
    up = (found.astype(np.float64) - 1.5) / UNIT
    assert set(np.unique(up)) <= {0.0, 1.0}
    assert up.mean() == pytest.approx(
        part, abs=0.01
    )  # 8192 voxels spread more evenly than chance, 0.4 / √8192


def test_what_float32_can_hold_stays_as_it_is():
    exact = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    exact[0], exact[1], exact[2] = 0, 1, -(2.0**-20)
    assert (rounded(exact.astype(np.float64), np.float32, seed=3) == exact).all()


def test_nothing_moves_by_more_than_a_unit():
    exact = np.random.default_rng(1).lognormal(sigma=5, size=SHAPE)
    found = rounded(exact, np.float32, seed=3)
    assert (np.abs(found - exact) <= np.spacing(exact.astype(np.float32))).all()


def test_float64_is_left_alone():
    exact = np.random.default_rng(2).normal(size=SHAPE)
    assert rounded(exact, np.float64, seed=1) is exact


def test_seeds_and_rows_draw_differently():
    a, b = dither(SHAPE, 1), dither(SHAPE, 2)
    assert not np.intersect1d(a[..., 0], b[..., 0]).size
    assert len(np.unique(a[..., 0])) == SHAPE[0] * SHAPE[1]


def test_over_many_steps_a_voxel_follows_what_is_added_to_it():
    """1e-9 a step, a hundredth of the last digit, over 4000 steps: rounding to nearest would never move."""
    c = np.ones(SHAPE, np.float32)  # where the digits above and below differ in size
    for step in range(4000):
        c = rounded(c.astype(np.float64) + 1e-9, np.float32, seed=step)
    assert c.astype(np.float64).mean() - 1 == pytest.approx(4e-6, rel=0.02)
    assert c.std() < 4e-6  # each voxel by itself: √(4e-6 · 2⁻²³) = 7e-7 by chance
