"""Plasma curves: exact means, areas and balances."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from tumorsim.agents.agent import Agent
from tumorsim.agents.body_size import half_life_factor, plasma_volume
from tumorsim.agents.plasma import Curve, PlasmaCurve, Superposition, dose_times, plasma_curve, repeated
from tumorsim.errors import ConfigError, NumericsError

HOUR = 3600.0


def doxil(infusion: float = 0.0, decay_rate: float = 0.0) -> PlasmaCurve:
    return PlasmaCurve.from_half_lives(
        50e-6,
        "kg",
        volume=plasma_volume("human"),
        half_lives=(1.4 * HOUR, 45.9 * HOUR),
        fractions=(0.1, 0.9),
        infusion=infusion,
        decay_rate=decay_rate,
    )


def integral(curve: PlasmaCurve, start: float, end: float) -> float:
    """∫ C_p dt by adaptive quadrature, split where the infusion ends."""
    stop = min(max(curve.infusion, start), end)
    parts = [(start, stop), (stop, end)]
    return sum(quad(curve.concentration, a, b, epsabs=0, epsrel=1e-13)[0] for a, b in parts if b > a)


def test_a_bolus_starts_at_dose_over_plasma_volume_and_halves():
    curve = PlasmaCurve.from_half_lives(6e-6, "mol", volume=3e-3, half_lives=(2 * HOUR,))
    assert curve.concentration(0.0) == pytest.approx(2e-3)
    assert curve.concentration(2 * HOUR) == pytest.approx(1e-3)
    assert curve.concentration(-1.0) == 0


def test_phases_superpose():
    times = np.linspace(0, 100 * HOUR, 50)
    fast = PlasmaCurve.from_half_lives(0.1 * 50e-6, "kg", volume=3e-3, half_lives=(1.4 * HOUR,))
    slow = PlasmaCurve.from_half_lives(0.9 * 50e-6, "kg", volume=3e-3, half_lives=(45.9 * HOUR,))
    together = fast.concentration(times) + slow.concentration(times)
    np.testing.assert_allclose(doxil().concentration(times), together, rtol=1e-14)


def test_an_infusion_is_many_small_boluses():
    curve, bolus, count = doxil(infusion=2 * HOUR), doxil(), 4000
    given_at = (np.arange(count) + 0.5) * 2 * HOUR / count
    for time in (0.5 * HOUR, 2 * HOUR, 30 * HOUR):
        boluses = np.sum(bolus.concentration(time - given_at)) / count
        assert curve.concentration(time) == pytest.approx(boluses, rel=1e-6)  # midpoint rule, 1/count²


def test_a_short_infusion_tends_to_a_bolus():
    assert doxil(infusion=1e-3).concentration(HOUR) == pytest.approx(doxil().concentration(HOUR), rel=1e-7)


@pytest.mark.parametrize("decay_rate", [0.0, 1e-6, 1e-4])
@pytest.mark.parametrize("infusion", [0.0, HOUR])
@pytest.mark.parametrize(
    ("start", "end"), [(0, 1), (0, 600), (1000, 4000), (3599, 3601), (3600, 4200), (1e5, 1e6), (0, 1e6)]
)
def test_the_mean_is_exact(start, end, infusion, decay_rate):
    curve = doxil(infusion, decay_rate)
    expected = integral(curve, start, end) / (end - start)
    assert curve.mean(start, end) == pytest.approx(expected, rel=1e-12)  # of the quadrature


def exact_mean(start: float, end: float, *, infusion: float, rate: float, decay_rate: float) -> float:
    """The mean of a unit dose in a unit volume over [start, end], with 80 digits."""
    with localcontext() as context:
        context.prec = 80
        begin, stop, end_, k, decay = (Decimal(x) for x in (start, infusion, end, rate, decay_rate))

        def decaying(r: Decimal, a: Decimal, b: Decimal) -> Decimal:
            return ((-r * a).exp() - (-r * b).exp()) / r if r else b - a

        total = Decimal(0)
        if begin < stop:
            until = min(end_, stop)
            total += (decaying(decay, begin, until) - decaying(k + decay, begin, until)) / (k * stop)
        if end_ > stop:
            risen = ((k * stop).exp() - 1) / (k * stop) if stop else Decimal(1)
            total += risen * decaying(k + decay, max(begin, stop), end_)
        return float(total / (end_ - begin))


@settings(deadline=None)
@given(
    start=st.one_of(st.just(0.0), st.floats(1e-6, 2 * HOUR)),
    length=st.floats(-9, 6).map(lambda exponent: 10**exponent),
    infusion=st.sampled_from([0.0, 1e-3, HOUR]),
    rate=st.floats(-15, -2).map(lambda exponent: 10**exponent),
    decay_rate=st.one_of(st.just(0.0), st.floats(-15, -2).map(lambda exponent: 10**exponent)),
)
def test_the_mean_loses_nothing_to_cancellation(start, length, infusion, rate, decay_rate):
    end = start + length
    assume(end > start)
    curve = PlasmaCurve(1.0, "mol", 1.0, (1.0,), (rate,), infusion=infusion, decay_rate=decay_rate)
    expected = exact_mean(start, end, infusion=infusion, rate=rate, decay_rate=decay_rate)
    # exp(−x) carries x roundings, and x is at most 0.02/s · 2 h = 144.
    assert curve.mean(start, end) == pytest.approx(expected, rel=5e-14)


@settings(deadline=None)
@given(
    cut=st.floats(0.01, 0.99), infusion=st.sampled_from([0.0, HOUR]), decay_rate=st.sampled_from([0.0, 1e-5])
)
def test_means_of_parts_make_the_mean_of_the_whole(cut, infusion, decay_rate):
    curve, end = doxil(infusion, decay_rate), 5 * HOUR
    parts = cut * curve.mean(0, cut * end) + (1 - cut) * curve.mean(cut * end, end)
    assert parts == pytest.approx(curve.mean(0, end), rel=1e-13)


def test_mean_at_an_instant_and_before_the_dose():
    curve = doxil(infusion=HOUR)
    assert curve.mean(100.0, 100.0) == curve.concentration(100.0)
    assert curve.mean(-200.0, -100.0) == 0
    assert curve.mean(-100.0, 100.0) == pytest.approx(curve.mean(0, 100.0) / 2)
    with pytest.raises(NumericsError):
        curve.mean(2.0, 1.0)


@pytest.mark.parametrize("infusion", [0.0, HOUR])
def test_the_whole_area_is_dose_over_clearance(infusion):
    curve = doxil(infusion)
    expected = 50e-6 / 3e-3 * (0.1 * 1.4 + 0.9 * 45.9) * HOUR / np.log(2)
    assert curve.auc() == pytest.approx(expected, rel=1e-14)
    assert curve.auc(1e9) == pytest.approx(expected, rel=1e-14)
    assert curve.auc(-5.0) == 0


def test_decay_multiplies_the_curve():
    times, decay_rate = np.linspace(0, 50 * HOUR, 20), 3e-6
    for infusion in (0.0, HOUR):
        cold, hot = doxil(infusion), doxil(infusion, decay_rate)
        expected = cold.concentration(times) * np.exp(-decay_rate * times)
        np.testing.assert_allclose(hot.concentration(times), expected, rtol=1e-14)


@pytest.mark.parametrize("infusion", [0.0, HOUR])
@pytest.mark.parametrize("time", [0.0, 10.0, HOUR, 20 * HOUR, 1e7])
def test_the_dose_is_accounted_for(infusion, time):
    """injected = in plasma + cleared by the rates + decayed, with the last two integrated independently."""
    decay_rate = 1e-5
    curve = doxil(infusion, decay_rate)
    phases = [
        PlasmaCurve(fraction * curve.dose, "kg", curve.volume, (1.0,), (rate,), infusion, decay_rate)
        for fraction, rate in zip(curve.fractions, curve.rates, strict=True)
    ]
    end = min(time, 3e6)  # by then all is gone, and quadrature over more would miss the start
    cleared = sum(phase.rates[0] * curve.volume * integral(phase, 0, end) for phase in phases)
    assert curve.decayed(time) == pytest.approx(
        decay_rate * curve.volume * integral(curve, 0, end), rel=1e-11
    )
    assert curve.cleared(time) == pytest.approx(cleared, rel=1e-11, abs=1e-16 * curve.dose)
    balance = curve.amount(time) + cleared + curve.decayed(time)
    assert curve.injected(time) == pytest.approx(balance, rel=1e-11, abs=1e-16 * curve.dose)


def test_injection():
    times = np.array([-1.0, 0.0, 0.5 * HOUR, HOUR, 2 * HOUR])
    np.testing.assert_allclose(doxil().injected(times), 50e-6 * np.array([0, 1, 1, 1, 1]))
    np.testing.assert_allclose(doxil(HOUR).injected(times), 50e-6 * np.array([0, 0, 0.5, 1, 1]))
    decayed_in_syringe = doxil(HOUR, decay_rate=1e-4).injected(HOUR)
    assert decayed_in_syringe == pytest.approx(50e-6 * (1 - np.exp(-0.36)) / 0.36)


def test_an_agent_without_clearance_stays():
    curve = PlasmaCurve(1.0, "mol", 1.0, (1.0,), (0.0,), infusion=HOUR)
    assert curve.concentration(5 * HOUR) == 1
    assert curve.mean(0, 2 * HOUR) == pytest.approx(0.75)
    assert curve.cleared(5 * HOUR) == 0


def test_all_faults_of_a_curve_are_named_at_once():
    with pytest.raises(ConfigError) as caught:
        PlasmaCurve(-1.0, "mol", 0.0, (0.5, 0.4), (1e-4,), infusion=-1.0, decay_rate=-1.0)
    keys = [problem.key for problem in caught.value.problems]
    assert keys == [
        "dosing.dose",
        "dosing.plasma_volume",
        "agent.plasma_fractions",
        "agent.plasma_fractions",
        "agent.plasma_half_lives",
        "dosing.infusion",
    ]


def test_the_curve_of_an_agent():
    agent = Agent(name="tracer", plasma_half_lives=(HOUR,), decay_half_life=2 * HOUR)
    curve = plasma_curve(agent, 1e6, amount_unit="Bq", volume=1e-6)
    assert curve.concentration(2 * HOUR) == pytest.approx(1e12 / 8)  # two half-lives of blood, one of decay
    with pytest.raises(ConfigError, match="plasma_half_lives"):
        plasma_curve(Agent(name="unknown"), 1.0, amount_unit="mol", volume=1e-6)
    with pytest.raises(ConfigError, match="plasma_fractions"):
        plasma_curve(agent.with_values(plasma_half_lives=(1.0, 2.0)), 1.0, amount_unit="mol", volume=1e-6)


# repeated doses ---------------------------------------------------------------------------------------------


def test_doses_superpose_in_any_order():
    """A late infusion, an early bolus and a dose of another size between them."""
    parts = ((50 * HOUR, doxil(2 * HOUR)), (0.0, doxil()), (20 * HOUR, doxil(HOUR)))
    curve, times = Superposition(parts), np.linspace(0, 100 * HOUR, 300)
    expected = sum(part.concentration(times - start) for start, part in parts)
    np.testing.assert_allclose(curve.concentration(times), expected, rtol=1e-15)
    assert Superposition(parts[::-1]).concentration(60 * HOUR) == pytest.approx(curve.concentration(60 * HOUR))
    assert curve.landmarks == (0.0, 20 * HOUR, 21 * HOUR, 50 * HOUR, 52 * HOUR)
    assert curve.dose == pytest.approx(150e-6)


@pytest.mark.parametrize("decay_rate", [0.0, 1e-5])
@pytest.mark.parametrize(("start", "end"), [(0, 10), (86399, 86401), (0, 5e5), (89990, 90010), (1e5, 2e6)])
def test_the_mean_over_repeated_infusions_is_exact(start, end, decay_rate):
    curve = repeated(doxil(HOUR, decay_rate), dose_times(every=24 * HOUR, count=3))
    inside = [moment for moment in curve.landmarks if start < moment < end]
    edges = [start, *inside, end]
    area = sum(quad(curve.concentration, a, b, epsabs=0, epsrel=1e-13, limit=200)[0]
               for a, b in zip(edges[:-1], edges[1:], strict=True))  # fmt: skip
    assert curve.mean(start, end) == pytest.approx(area / (end - start), rel=1e-12)


def test_repeated_doses_are_accounted_for():
    single = doxil(HOUR, 1e-5)
    curve = repeated(single, (0.0, 24 * HOUR))
    for time in (0.5 * HOUR, 24.5 * HOUR, 100 * HOUR):
        parts = single.cleared(time) + (single.cleared(time - 24 * HOUR) if time > 24 * HOUR else 0.0)
        assert curve.cleared(time) == pytest.approx(parts, rel=1e-12)
    assert curve.injected(23 * HOUR) == pytest.approx(single.injected(23 * HOUR))
    assert curve.injected(30 * HOUR) == pytest.approx(2 * single.injected(23 * HOUR))
    assert curve.auc() == pytest.approx(2 * single.auc(), rel=1e-14)


def test_many_doses_accumulate_to_the_plateau():
    """Just before the dose after many, C = (Dose/V) Σ a_i e^{−k_i τ}/(1 − e^{−k_i τ})."""
    interval = 24 * HOUR
    curve = repeated(doxil(), dose_times(every=interval, count=60))
    before = curve.concentration(60 * interval - 1e-6)
    left = [np.exp(-rate * interval) for rate in doxil().rates]
    expected = 50e-6 / 3e-3 * sum(a * x / (1 - x) for a, x in zip((0.1, 0.9), left, strict=True))
    assert before == pytest.approx(expected, rel=1e-8)  # e^{−60 · 0.36} is left of the first


def test_dose_times():
    assert dose_times() == (0.0,)
    assert dose_times(every=10.0, count=3) == (0.0, 10.0, 20.0)
    assert dose_times(times=(5.0, 7.0)) == (5.0, 7.0)
    single = doxil()
    assert repeated(single, (0.0,)) is single


def test_doses_that_differ_in_kind_are_refused():
    other = PlasmaCurve(1.0, "mol", 3e-3, (1.0,), (1e-4,))
    with pytest.raises(ConfigError, match="differ in volume, unit or decay"):
        Superposition(((0.0, doxil()), (1.0, other)))
    with pytest.raises(ConfigError, match="before the start"):
        Superposition(((-1.0, doxil()),))


# steps ------------------------------------------------------------------------------------------------------


def worst_bend(curve: Curve, tolerance: float, until: float) -> float:
    """The largest distance of C_p from its chord over a step, relative to the mean of the step or 1e-4 of the peak."""
    worst, start, peak = 0.0, 0.0, curve.concentration(np.linspace(0, until, 2000)).max()
    for end, step in curve.step_limits(tolerance):
        end = min(end, until)
        while start < end * (1 - 1e-12):
            stop = min(start + step, end)
            t = np.linspace(start, stop * (1 - 1e-14), 21)
            c = curve.concentration(t)
            chord = c[0] + (c[-1] - c[0]) * (t - t[0]) / (t[-1] - t[0])
            worst = max(worst, np.abs(c - chord).max() / (c.mean() + 1e-4 * peak))
            start = stop
    return worst


SHAPES = {
    "bolus": doxil(),
    "fast then slow": PlasmaCurve(1.0, "mol", 1.0, (0.9, 0.1), (2.75e-3, 2.2e-5)),
    "infusion": doxil(HOUR, 1e-6),
    "repeated": repeated(doxil(HOUR), (0.0, 24 * HOUR, 30 * HOUR)),
}


@pytest.mark.parametrize("name", SHAPES)
def test_within_the_longest_step_the_curve_is_straight(name):
    curve = SHAPES[name]
    for tolerance in (1e-2, 1e-3):
        # The bound is taken at the points looked at, within which it changes by less than twofold.
        assert worst_bend(curve, tolerance, 60 * HOUR) < 1.5 * tolerance


@pytest.mark.parametrize("name", SHAPES)
def test_steps_are_powers_of_two_that_pieces_follow(name):
    pieces = SHAPES[name].step_limits(1e-2)
    ends = [end for end, _ in pieces]
    assert ends == sorted(ends) and ends[-1] == np.inf
    for (begin, _), (end, step) in zip([(0.0, 1.0), *pieces], pieces, strict=False):
        assert np.log2(step) == round(np.log2(step))
        if end not in (*SHAPES[name].landmarks, np.inf):
            assert (end - begin) % step == 0
    assert {moment for moment in SHAPES[name].landmarks if moment > 0} <= set(ends)


def test_one_phase_has_one_step_until_it_is_gone():
    """√(8 tol)/k for an exponential: 0.283/1e-4 s = 2828 s."""
    curve = PlasmaCurve(1.0, "mol", 1.0, (1.0,), (1e-4,))
    (until, step), *later = curve.step_limits(1e-2)
    assert step == 2048.0
    assert curve.concentration(until) < 1e-3
    assert all(longer > step for _, longer in later)


def test_steps_shorten_again_after_each_dose():
    fast = PlasmaCurve(1.0, "mol", 1.0, (0.9, 0.1), (2.75e-3, 2.2e-5))
    pieces = repeated(fast, (0.0, 10 * HOUR)).step_limits(1e-2)
    steps = {end: step for end, step in pieces}
    first_after = next(step for end, step in pieces if end > 10 * HOUR)
    assert steps[10 * HOUR] > 4 * first_after


def test_a_constant_level_limits_no_step():
    assert PlasmaCurve(1.0, "mol", 1.0, (1.0,), (0.0,)).step_limits(1e-2) == ((np.inf, np.inf),)
    with pytest.raises(NumericsError, match="positive"):
        doxil().step_limits(0.0)


@pytest.mark.parametrize("name", SHAPES)
def test_slope_and_curvature_are_those_of_the_curve(name):
    curve, h = SHAPES[name], 1.0
    for t in (900.0, 5000.0, 50000.0, 130000.0):
        value, slope, bend = curve.derivatives(np.array(t))
        low, high = curve.concentration(t - h), curve.concentration(t + h)
        assert slope == pytest.approx((high - low) / (2 * h), rel=1e-4, abs=1e-12 * value)  # (kh)²/6 of it
        assert bend == pytest.approx((high - 2 * value + low) / h**2, rel=1e-3, abs=1e-12 * curve.concentration(0.1))


# bodies -----------------------------------------------------------------------------------------------------


def test_kinetics_scale_with_body_mass():
    assert half_life_factor("mouse", "human") == pytest.approx((70 / 0.025) ** 0.25)
    assert half_life_factor("rat", "rat") == 1
    assert half_life_factor("human", "mouse", mass=0.02) == pytest.approx((0.02 / 70) ** 0.25)
    assert plasma_volume("mouse", mass=0.03) == pytest.approx(1.2e-6)
    with pytest.raises(ConfigError, match="Did you mean"):
        plasma_volume("mouze")
