"""The Patlak flux across the vessel wall and its Bernoulli function."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_bvp

from tumorsim.operators.wall_exchange_rates import bernoulli
from tumorsim.vessels.transvascular import transvascular_flux

SIGNED = st.floats(-1e-6, 1e-6)
CONCENTRATION = st.floats(0, 10)


def exact_bernoulli(x: float) -> float:
    """x/(eˣ − 1) with 60 digits, then rounded."""
    with localcontext() as context:
        context.prec = 60
        return float(Decimal(x) / (Decimal(x).exp() - 1)) if x else 1.0


def test_bernoulli_to_rounding_over_the_whole_range():
    decades = np.geomspace(1e-12, 700, 400)
    x = np.concatenate([-decades, [0.0], decades])
    exact = np.array([exact_bernoulli(value) for value in x])
    np.testing.assert_allclose(bernoulli(x), exact, rtol=5e-16)  # two roundings


@pytest.mark.parametrize("x", [0.0, 1e-6, 9.99e-6, 1e-5, 0.5, 30.0, 700.0, 1e4])
def test_bernoulli_of_both_signs(x):
    assert bernoulli(-x) == pytest.approx(x + bernoulli(x), rel=3e-16)


def test_bernoulli_ends():
    assert bernoulli(0.0) == 1
    assert bernoulli(1e-6) == pytest.approx(1 - 5e-7, abs=1e-12)  # next term x²/12
    assert bernoulli(701.0) == 0
    assert bernoulli(-1e300) == 1e300


def flux(volume_flux, permeability, reflection, plasma, tissue):
    return transvascular_flux(
        volume_flux=volume_flux,
        permeability=permeability,
        reflection_coefficient=reflection,
        plasma_concentration=plasma,
        interstitial_concentration=tissue,
    )


def test_without_filtration_it_is_diffusion():
    assert flux(0.0, 3e-9, 0.4, 5.0, 2.0) == pytest.approx(3e-9 * 3.0, rel=1e-15)


def test_without_permeability_it_is_upwind_convection():
    np.testing.assert_allclose(
        flux(np.array([2e-8, -2e-8]), 0.0, 0.25, 5.0, 2.0), [7.5e-8, -3e-8], rtol=1e-15
    )
    assert flux(0.0, 0.0, 0.25, 5.0, 2.0) == 0


def test_the_switch_to_pure_convection_is_seamless():
    peclet = np.array([699.999, 700.0, 700.001])
    ratios = flux(peclet * 1e-10, 1e-10, 0.0, 5.0, 2.0) / (peclet * 1e-10 * 5.0)
    np.testing.assert_allclose(ratios, 1, rtol=4e-16)


def test_strong_filtration_does_not_depend_on_the_tissue():
    assert flux(1e-6, 1e-9, 0.0, 5.0, 0.0) == pytest.approx(flux(1e-6, 1e-9, 0.0, 5.0, 100.0), rel=1e-15)


def test_a_fully_reflected_particle_only_diffuses():
    assert flux(1e-6, 1e-9, 1.0, 5.0, 2.0) == pytest.approx(3e-9)


@settings(deadline=None)
@given(volume_flux=SIGNED, permeability=st.floats(0, 1e-6), reflection=st.floats(0, 1), plasma=CONCENTRATION)
def test_clean_tissue_never_gives_back(volume_flux, permeability, reflection, plasma):
    assert flux(volume_flux, permeability, reflection, plasma, 0.0) >= 0
    assert flux(volume_flux, permeability, reflection, 0.0, plasma) <= 0


@settings(deadline=None)
@given(volume_flux=SIGNED, permeability=st.floats(1e-12, 1e-6), reflection=st.floats(0, 1))
def test_equal_concentrations_leave_only_convection(volume_flux, permeability, reflection):
    carried = volume_flux * (1 - reflection) * 3.0
    # B(−Pe) − B(Pe) = Pe; where P is the larger, each of the two products 3 P is rounded twice.
    rounding = 4 * 3.0 * permeability * np.finfo(float).eps / 2
    assert flux(volume_flux, permeability, reflection, 3.0, 3.0) == pytest.approx(
        carried, rel=1e-14, abs=rounding
    )


@pytest.mark.parametrize("peclet", [-3.0, -0.5, 0.5, 3.0])
def test_the_flux_through_a_resolved_pore(peclet):
    """Steady convection and diffusion across a pore of unit length, solved numerically."""

    def steady(x, y):
        return np.array([peclet * y[0] - y[1], np.zeros_like(x)])  # y = c, J

    def ends(left, right):
        return np.array([left[0] - 5.0, right[0] - 2.0])

    solution = solve_bvp(steady, ends, np.linspace(0, 1, 11), np.full((2, 11), 3.0), tol=1e-8)
    assert solution.success
    assert flux(peclet, 1.0, 0.0, 5.0, 2.0) == pytest.approx(solution.y[1, 0], rel=1e-7)  # tol of solve_bvp


@pytest.mark.parametrize("reflection", [0.0, 0.2, 0.9])
@pytest.mark.parametrize("peclet", [0.01, 1.0, 20.0])
def test_lumped_steady_state(reflection, peclet):
    """Where the filtered fluid leaves with C, C/C_p = (1 − σ)/(1 − σ e^(−Pe))."""
    permeability = 1e-9
    volume_flux = peclet * permeability / (1 - reflection)
    ratio = (1 - reflection) / (1 - reflection * np.exp(-peclet))
    entering = flux(volume_flux, permeability, reflection, 1.0, ratio)
    assert entering == pytest.approx(volume_flux * ratio, rel=1e-12)
