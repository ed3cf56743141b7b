"""Survival after drug exposure and after radiation given over time."""

import numpy as np
import pytest
from scipy.integrate import dblquad

from tumorsim.readouts.effect import (
    exposure_survival,
    hill_effect,
    linear_quadratic_survival,
    peak_survival,
    protraction_factor,
    saturating_kill,
)


def test_half_the_effect_at_the_half_concentration():
    found = hill_effect(np.array([0.0, 2.0, 1e9]), half=2.0, exponent=1.7, most=0.9)
    np.testing.assert_allclose(found, [0.0, 0.45, 0.9], rtol=1e-9)
    low = hill_effect(np.array([1e-6, 2e-6]), half=2.0, exponent=2.0)
    assert low[1] / low[0] == pytest.approx(4.0)


def test_survival_by_peak_and_by_exposure():
    assert peak_survival(0.0, sensitivity=3.0, exponent=0.5) == 1
    assert peak_survival(np.log(2) / 3, sensitivity=3.0, exponent=1.0) == pytest.approx(0.5)
    assert exposure_survival(2.0, sensitivity=0.5) == pytest.approx(np.exp(-1))


def test_kill_in_steps_is_kill_at_once():
    half_way = saturating_kill(1.0, 4.0, 50.0, fastest=1e-3, half=1.0)
    assert saturating_kill(half_way, 4.0, 50.0, fastest=1e-3, half=1.0) == pytest.approx(np.exp(-0.08))


@pytest.mark.parametrize(
    ("decay", "repair"), [(1e-5, 1e-4), (1e-4, 1e-5), (1e-4, 1e-4), (0.0, 1e-4), (3e-5, 0.0)]
)
@pytest.mark.parametrize("duration", [10.0, 1e4, 3e5])
def test_protraction_is_the_double_integral(decay, repair, duration):
    """In units of the duration, by quadrature."""
    x, y = decay * duration, repair * duration
    double = dblquad(
        lambda w, t: np.exp(-x * t - x * w - y * (t - w)), 0, 1, 0, lambda t: t, epsabs=0, epsrel=1e-10
    )[0]
    dose = -np.expm1(-x) / x if x else 1.0
    expected = 2 * double / dose**2
    found = protraction_factor(dose_decay=decay, repair=repair, duration=duration)
    assert found == pytest.approx(expected, rel=1e-8)  # of the quadrature


def test_protraction_in_closed_form():
    assert protraction_factor(dose_decay=2e-6, repair=1e-4) == pytest.approx(2e-6 / 1.02e-4)
    long = protraction_factor(dose_decay=2e-6, repair=1e-4, duration=1e9)
    assert long == pytest.approx(2e-6 / 1.02e-4, rel=1e-12)
    x = 1.44
    constant = protraction_factor(dose_decay=0.0, repair=1e-4, duration=1.44e4)
    assert constant == pytest.approx(2 * (x - 1 + np.exp(-x)) / x**2)
    assert protraction_factor(dose_decay=1e-5, repair=1e-4, duration=0.0) == 1
    assert protraction_factor(dose_decay=1e-5, repair=1e-4, duration=1e-6) == pytest.approx(1, rel=1e-9)


def test_slow_doses_spare_cells():
    acute = linear_quadratic_survival(10.0, alpha=0.3, beta=0.03)
    assert acute == pytest.approx(np.exp(-6.0))
    slow = linear_quadratic_survival(10.0, alpha=0.3, beta=0.03, protraction=0.02)
    assert slow == pytest.approx(np.exp(-3.06))
