"""Hindrance of a sphere in a pore: limits, published values, and agreement between theories."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tumorsim.vessels import hindrance
from tumorsim.vessels.hindrance import (
    PORE_MODELS,
    centre_line_convective_hindrance,
    centre_line_diffusive_hindrance,
    convective_hindrance,
    convective_lag,
    diffusive_hindrance,
)

ALL = [getattr(model, kind) for model in PORE_MODELS.values() for kind in ("diffusive", "convective")]
COEFFICIENTS = [hindrance._CYLINDER_H, hindrance._SLIT_H, hindrance._SLIT_W]


@pytest.mark.parametrize("factor", ALL)
def test_a_point_is_not_hindered(factor):
    assert factor(0.0) == pytest.approx(1, abs=1e-6)  # Bungay and Brenner's constants have 5 digits


@pytest.mark.parametrize("factor", ALL)
def test_a_particle_as_large_as_the_pore_is_excluded(factor):
    np.testing.assert_array_equal(factor(np.array([1.0, 1.0001, 2.0, np.inf])), 0)


@pytest.mark.parametrize("factor", ALL)
@settings(deadline=None)
@given(ratios=st.tuples(st.floats(0, 1.1), st.floats(0, 1.1)).map(sorted))
def test_larger_particles_are_hindered_more(factor, ratios):
    small, large = (factor(ratio) for ratio in ratios)
    # The published branches of H meet at 0.95 with a step of 9e-9; some thirty roundings of 1e-16
    # on terms up to 50 leave the polynomials uncertain by 1e-14, and their quotients by a few times that.
    assert 0 <= large <= small + (1e-8 if ratios[0] <= 0.95 <= ratios[1] else 1e-13)
    assert small <= 1 + 1e-15  # rounding


@pytest.mark.parametrize("coefficients", COEFFICIENTS)
def test_polynomials_vanish_where_the_particle_fills_the_pore(coefficients):
    assert sum(coefficients) == pytest.approx(0, abs=2e-15)  # rounding of eight terms of order one


def test_the_lubrication_branch_joins_the_polynomial():
    assert diffusive_hindrance(0.95 + 1e-12) == pytest.approx(diffusive_hindrance(0.95), rel=7e-3)
    assert diffusive_hindrance(0.95) == pytest.approx(1.554e-6, rel=1e-3)


def test_centre_line_values_of_bungay_and_brenner():
    assert centre_line_diffusive_hindrance(0.1) == pytest.approx(0.6412, abs=5e-5)
    assert centre_line_diffusive_hindrance(0.5) == pytest.approx(0.0420, abs=5e-5)
    assert centre_line_convective_hindrance(0.1) == pytest.approx(0.9574, abs=5e-5)
    assert centre_line_convective_hindrance(0.5) == pytest.approx(0.3673, abs=5e-5)


def test_centre_line_and_cross_section_theories_agree():
    ratios = np.linspace(0.02, 0.9, 500)
    diffusive = diffusive_hindrance(ratios) - centre_line_diffusive_hindrance(ratios)
    convective = convective_hindrance(ratios) - centre_line_convective_hindrance(ratios)
    assert np.abs(diffusive).max() < 0.054  # the gap that is known between the two
    assert np.abs(convective).max() < 0.0505


def test_renkin_equation_for_small_particles():
    ratios = np.linspace(0, 0.4, 100)
    renkin = (1 - ratios) ** 2 * (1 - 2.104 * ratios + 2.09 * ratios**3 - 0.95 * ratios**5)
    # Both are for the centre line; Renkin's series is cut off, by 1.5e-3 at its upper end.
    np.testing.assert_allclose(centre_line_diffusive_hindrance(ratios), renkin, atol=2e-3)


def test_a_particle_never_lags_behind_the_mean_flow_of_its_pore():
    lag = convective_lag(np.linspace(0, 1, 200))
    assert lag.min() >= 1
    assert lag.max() < 2  # the fluid on the axis


def test_a_slit_hinders_less_than_a_tube_of_the_same_half_width():
    ratios = np.linspace(0.01, 0.99, 100)
    assert np.all(PORE_MODELS["slit"].diffusive(ratios) > diffusive_hindrance(ratios))
    assert np.all(PORE_MODELS["slit"].convective(ratios) > convective_hindrance(ratios))
