"""Drug released from circulating carriers."""

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp

from tumorsim.agents.circulating_release import ReleasedDrug, encapsulated
from tumorsim.agents.plasma import PlasmaCurve
from tumorsim.errors import ConfigError

HOUR = 3600.0


def drug(infusion: float = 0.0, decay_rate: float = 0.0, **changed) -> ReleasedDrug:
    carrier = PlasmaCurve(50e-6, "kg", 3e-3, (0.1, 0.9), (1.4e-4, 4e-6), infusion, decay_rate)
    given = {"volume": 0.02, "fractions": (0.7, 0.3), "rates": (2.7e-3, 2e-5), "release_rate": 1e-5}
    return ReleasedDrug(carrier, **given | changed)


def integrated(curve: ReleasedDrug, end: float) -> np.ndarray:
    """Free drug, its area, what became free and what was cleared, by an integrator."""
    r, b, q = curve.release_rate, np.array(curve.fractions), np.array(curve.rates)
    inside = encapsulated(curve.carrier, release_rate=r, unencapsulated=curve.unencapsulated)
    stop, decay = curve.carrier.infusion, curve.decay_rate

    def slope(t, x):
        drip = curve.unencapsulated * curve.dose / stop * np.exp(-decay * t) if t < stop else 0.0
        source = r * inside.amount(t) + drip
        free = x[:2]
        return [*(b * source - (q + decay) * free), free.sum(), source, (q * free).sum()]

    bolus = curve.unencapsulated * curve.dose * (stop == 0)
    x = np.array([*(b * bolus), 0.0, bolus, 0.0])
    for start, finish in ((0.0, min(stop, end)), (min(stop, end), end)):
        if finish > start:
            x = solve_ivp(slope, (start, finish), x, method="DOP853", rtol=1e-11, atol=1e-18).y[:, -1]
    return np.array([x[:2].sum(), *x[2:]])


@pytest.mark.parametrize("infusion", [0.0, HOUR])
@pytest.mark.parametrize("decay_rate", [0.0, 1e-5])
@pytest.mark.parametrize("unencapsulated", [0.0, 0.05])
def test_free_drug_follows_its_balance(infusion, decay_rate, unencapsulated):
    curve = drug(infusion, decay_rate, unencapsulated=unencapsulated)
    for end in (0.4 * HOUR, 5 * HOUR):
        amount, area, entered, cleared = integrated(curve, end)
        assert curve.amount(end) == pytest.approx(amount, rel=1e-8)  # of the integrator
        assert curve.auc(end) * curve.volume == pytest.approx(area, rel=1e-8)
        assert curve.injected(end) == pytest.approx(entered, rel=1e-8)
        assert curve.cleared(end) == pytest.approx(cleared, rel=1e-6, abs=1e-15)


def test_a_bolus_gives_the_bateman_function():
    carrier = PlasmaCurve(1.0, "mol", 1.0, (1.0,), (1e-4,))
    curve = ReleasedDrug(carrier, release_rate=2e-4, volume=2.0, fractions=(1.0,), rates=(1e-3,))
    t = np.array([0.0, 10.0, 1e3, 1e5])
    expected = 2e-4 / 2.0 * (np.exp(-3e-4 * t) - np.exp(-1e-3 * t)) / 7e-4
    np.testing.assert_allclose(curve.concentration(t), expected, rtol=1e-13)


def test_equal_rates_do_no_harm():
    carrier = PlasmaCurve(1.0, "mol", 1.0, (1.0,), (1e-4,))
    for apart in (0.0, 1e-14):
        curve = ReleasedDrug(carrier, release_rate=2e-4, volume=1.0, fractions=(1.0,), rates=(3e-4 * (1 + apart),))
        assert curve.concentration(5e3) == pytest.approx(2e-4 * 5e3 * np.exp(-1.5), rel=1e-12)


def test_all_of_it_comes_free_that_is_not_cleared_inside():
    curve = drug()
    r = curve.release_rate
    expected = curve.dose * (0.1 * r / (1.4e-4 + r) + 0.9 * r / (4e-6 + r))
    assert curve.injected(1e9) == pytest.approx(expected, rel=1e-12)
    mean_time = 0.7 / 2.7e-3 + 0.3 / 2e-5
    assert curve.auc() == pytest.approx(expected * mean_time / curve.volume, rel=1e-12)
    assert drug(infusion=HOUR).auc() == pytest.approx(curve.auc(), rel=1e-12)


@pytest.mark.parametrize(("start", "end"), [(0, 1e-3), (100, 101), (3599, 3601), (3600, 7200), (1e5, 3e5)])
def test_the_mean_is_exact(start, end):
    curve = drug(infusion=HOUR, unencapsulated=0.02)
    middle = [HOUR] if start < HOUR < end else []
    edges = [start, *middle, end]
    area = sum(quad(curve.concentration, a, b, epsabs=0, epsrel=1e-12)[0] for a, b in zip(edges, edges[1:], strict=False))
    assert curve.mean(start, end) == pytest.approx(area / (end - start), rel=1e-11)


def test_slope_and_curvature_are_those_of_the_curve():
    curve, h = drug(infusion=HOUR, unencapsulated=0.02), 1.0
    for t in (600.0, 3000.0, 4000.0, 40000.0):
        value, slope, bend = curve.derivatives(np.array(t))
        low, high = curve.concentration(t - h), curve.concentration(t + h)
        assert slope == pytest.approx((high - low) / (2 * h), rel=1e-5)  # h² k²/6
        assert bend == pytest.approx((high - 2 * value + low) / h**2, rel=1e-3, abs=1e-12 * value)  # rounding/h²


def test_encapsulated_drug_falls_faster_than_its_carrier():
    curve = drug().carrier
    inside = encapsulated(curve, release_rate=1e-5, unencapsulated=0.1)
    t = np.array([0.0, 1e4, 1e5])
    np.testing.assert_allclose(inside.concentration(t), 0.9 * curve.concentration(t) * np.exp(-1e-5 * t), rtol=1e-13)


def test_nonsense_is_refused():
    with pytest.raises(ConfigError, match="zero or more"):
        drug(release_rate=-1.0)
    with pytest.raises(ConfigError, match="add up to 1"):
        drug(fractions=(0.7, 0.7))
