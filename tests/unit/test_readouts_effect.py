"""Survival after drug exposure."""

import numpy as np
import pytest

from tumorsim.readouts.effect import (
    exposure_survival,
    hill_effect,
    peak_survival,
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
