"""Release laws: retained fraction, rate and what a step releases belong together."""

from math import gamma

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from tumorsim.agents.agent import Agent
from tumorsim.agents.catalogue import agent_names, load_agent
from tumorsim.agents.release import (
    Biphasic,
    FirstOrder,
    ReleaseLaws,
    Switch,
    Weibull,
    Window,
    ZeroOrder,
    acidic,
    mean_rate,
    release_laws,
    released,
    retained,
    thermal,
)
from tumorsim.errors import ConfigError

HOUR = 3600.0
LAWS = {
    "first order": FirstOrder(1e-4),
    "biphasic": Biphasic(0.3, 8e-4, 1e-5),
    "slow Weibull": Weibull(2e4, 1.7),
    "bursting Weibull": Weibull(2e4, 0.6),
    "zero order": ZeroOrder(5e4),
}
CLOSED = {
    "first order": lambda t: np.exp(-1e-4 * t),
    "biphasic": lambda t: 0.3 * np.exp(-8e-4 * t) + 0.7 * np.exp(-1e-5 * t),
    "slow Weibull": lambda t: np.exp(-((t / 2e4) ** 1.7)),
    "bursting Weibull": lambda t: np.exp(-((t / 2e4) ** 0.6)),
    "zero order": lambda t: 1 - t / 5e4,
}


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("age", [0.0, 1.0, 1e3, 4e4])
def test_the_retained_fraction_is_the_closed_form(name, age):
    assert retained(LAWS[name], age) == pytest.approx(CLOSED[name](age), rel=1e-13)


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("age", [10.0, 1e3, 2e4])
def test_the_rate_is_the_logarithmic_slope(name, age):
    h = 1e-3 * age
    slope = -np.log(CLOSED[name](age + h) / CLOSED[name](age - h)) / (2 * h)
    assert LAWS[name].rate(age) == pytest.approx(slope, rel=1e-5)  # (h/t)² times a few


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize(("start", "end"), [(0.0, 1e-6), (0.0, 600.0), (1e4, 1e4 + 1e-4), (1e4, 3e4)])
def test_a_step_releases_exactly_what_the_law_does(name, start, end):
    law = LAWS[name]
    area = quad(law.rate, start, end, epsabs=0, epsrel=1e-10)[0]
    # quadrature meets an integrable singularity where the Weibull law starts with a burst
    assert law.hazard(start, end) == pytest.approx(area, rel=1e-7)
    assert released(law, start, end) == pytest.approx(-np.expm1(-area), rel=1e-7)
    assert mean_rate(law, start, end) == pytest.approx(area / (end - start), rel=1e-7)


@pytest.mark.parametrize("name", LAWS)
@given(cut=st.floats(0.0, 1.0))
def test_steps_compose(name, cut):
    law, start, end = LAWS[name], 500.0, 3e4
    middle = start + cut * (end - start)
    assert law.hazard(start, middle) + law.hazard(middle, end) == pytest.approx(
        law.hazard(start, end), rel=1e-12
    )


@pytest.mark.parametrize("name", LAWS)
def test_the_mean_time_is_the_area_under_the_retained_fraction(name):
    law = LAWS[name]
    end = 5e4 if name == "zero order" else 3e6
    area = quad(lambda t: retained(law, t), 0, end, limit=300, points=[1e3, 1e4, 4e4])[0]
    assert law.mean_time == pytest.approx(area, rel=1e-6)


def test_mean_times_in_closed_form():
    assert FirstOrder(1e-4).mean_time == 1e4
    assert Weibull(2e4, 2.0).mean_time == pytest.approx(2e4 * gamma(1.5))
    assert ZeroOrder(5e4).mean_time == 2.5e4
    assert Biphasic(0.3, 8e-4, 1e-5).mean_time == pytest.approx(0.3 / 8e-4 + 0.7 / 1e-5)


def test_weibull_of_shape_1_is_first_order():
    weibull, first = Weibull(1e4, 1.0), FirstOrder(1e-4)
    for age in (0.0, 1.0, 1e5):
        assert weibull.rate(age) == pytest.approx(first.rate(age))
        assert retained(weibull, age) == pytest.approx(retained(first, age), rel=1e-14)
    assert weibull.memoryless and first.memoryless
    assert not Weibull(1e4, 1.1).memoryless


def test_two_memoryless_populations_are_biphasic():
    law = LAWS["biphasic"]
    for age in (0.0, 3e3, 1e6):
        parts = sum(share * retained(part, age) for share, part in law.populations)
        assert retained(law, age) == pytest.approx(parts, rel=1e-13)
    assert law.rate(1e7) == pytest.approx(1e-5)  # the burst is over
    assert Biphasic(1.0, 8e-4, 1e-5).rate(1e7) == 8e-4


def test_zero_order_ends():
    law = ZeroOrder(100.0)
    assert released(law, 50.0, 100.0) == 1
    assert released(law, 50.0, 75.0) == pytest.approx(0.5)
    assert law.rate(100.0) == np.inf
    assert released(law, 100.0, 100.0) == 0


# laws of place ----------------------------------------------------------------------------------------------


def test_thermosensitive_liposomes_hold_at_37_and_open_at_42():
    law = thermal()
    degrees = 273.15 + np.array([37.0, 40.8, 42.0, 45.0])
    rates = law.rate(degrees)
    assert 1 - np.exp(-rates[0] * HOUR) < 0.06  # "at most 5 % per hour"
    assert rates[1] == pytest.approx((1.4e-5 + 0.08) / 2)
    assert 1 - np.exp(-20 * rates[2]) == pytest.approx(0.8, abs=0.05)  # "about 80 % in 20 s"
    assert np.all(np.diff(rates) > 0)


def test_acid_opens_and_blood_does_not():
    law = acidic(1e-6, 1e-4)
    assert law.rate(7.4) == pytest.approx(1e-6, rel=0.1)
    assert law.rate(6.0) == pytest.approx(1e-4, rel=0.01)
    assert law.rate(np.full((2, 3), 6.7)).shape == (2, 3)


def test_a_switch_far_from_its_midpoint_overflows_nothing():
    assert Switch(0.0, 1.0, 0.0, 1e-3).rate(np.array([-1e3, 1e3])).tolist() == [0.0, 1.0]


def test_a_window_acts_within_itself_only():
    window = Window(600.0, 1800.0)
    assert window.mean_rate(1.0, 3.0, start=0, end=600) == 1.0
    assert window.mean_rate(1.0, 3.0, start=700, end=710) == 3.0
    assert window.mean_rate(1.0, 3.0, start=500, end=700) == 2.0
    assert window.mean_rate(1.0, 3.0, start=600, end=600) == 3.0
    assert window.landmarks == (600.0, 1800.0)


# agents -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", agent_names())
def test_every_agent_of_the_catalogue_has_its_law(name):
    agent = load_agent(name)
    laws = release_laws(agent)
    assert (laws == ReleaseLaws()) == (agent.release_model == "none")
    if agent.release_model != "none":
        assert agent.quality("release_rate")


def test_doxil_and_thermodox_and_polymer_conjugates():
    doxil = release_laws(load_agent("Doxil"))
    assert doxil.outside == doxil.inside
    assert doxil.outside.constant == pytest.approx(0.004 / HOUR)
    hot = release_laws(load_agent("ThermoDox")).outside
    assert hot.rate(315.15) == pytest.approx(290 / HOUR, rel=0.04)
    linked = release_laws(load_agent("PK1"))
    assert linked.outside is None
    assert linked.inside.constant == pytest.approx(0.05 / HOUR)
    burst = release_laws(load_agent("PEG-PLGA nanoparticle")).outside
    assert released(burst, 0, HOUR) == pytest.approx(0.3 * 0.95 + 0.7 * 0.05, abs=0.01)


def test_nonsense_is_refused():
    with pytest.raises(ConfigError, match="is not known"):
        release_laws(Agent(name="x", release_model="magic"))
    with pytest.raises(ConfigError, match="release_rate"):
        release_laws(Agent(name="x", release_model="first-order"))
    for wrong in (
        lambda: FirstOrder(-1.0),
        lambda: Weibull(0.0, 1.0),
        lambda: ZeroOrder(0.0),
        lambda: Biphasic(0.3, 1e-6, 1e-5),
        lambda: Switch(1.0, 1.0, 0.0, 0.0),
    ):
        with pytest.raises(ConfigError, match="must be"):
            wrong()
