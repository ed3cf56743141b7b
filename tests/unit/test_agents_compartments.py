"""The closed body and the two-compartment model against their differential equations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from tumorsim.agents.compartments import Body
from tumorsim.agents.plasma import PlasmaCurve
from tumorsim.errors import NumericsError

HOUR = 3600.0
MICRO = {"elimination": 2e-4, "outward": 5e-4, "inward": 1e-4}


def integrated(body: Body, bolus: float, uptake: float, infusion: float, end: float):
    """Amounts at ``end`` by an integrator that knows nothing of exponentials."""
    n = len(body.outward)

    def slope(t, x):
        plasma, rest = x[0], x[1 : n + 1]
        back, out = np.dot(body.inward, rest), plasma * np.array(body.outward)
        loss = (body.elimination + body.decay_rate) * plasma
        return [
            infusion - uptake - loss - out.sum() + back,
            *(out - rest * np.array(body.inward) - body.decay_rate * rest),
            body.elimination * plasma,
            body.decay_rate * (plasma + rest.sum()),
            plasma,
        ]

    begin = [bolus, *([0.0] * n), 0.0, 0.0, 0.0]
    return solve_ivp(slope, (0, end), begin, method="DOP853", rtol=1e-12, atol=1e-14).y[:, -1]


@pytest.mark.parametrize("infusion", [0.0, 2 * HOUR])
def test_two_phases_are_the_two_compartments(infusion):
    curve = PlasmaCurve.two_compartment(1.0, "mol", volume=2.0, infusion=infusion, **MICRO)
    body = Body(2.0, MICRO["elimination"], (MICRO["outward"],), (MICRO["inward"],))
    times = (0.3 * HOUR, 2 * HOUR)
    for end in times:
        bolus, rate = (1.0, 0.0) if infusion == 0 else (0.0, 1 / infusion)
        found = integrated(body, bolus, 0.0, rate, end)
        assert curve.concentration(end) == pytest.approx(found[0] / 2.0, rel=1e-10)  # of the integrator
        assert curve.auc(end) == pytest.approx(found[-1] / 2.0, rel=1e-10)


@given(
    elimination=st.floats(1e-7, 1e-2), outward=st.floats(1e-9, 1e-2), inward=st.floats(1e-9, 1e-2)
)
def test_macro_constants_satisfy_vieta(elimination, outward, inward):
    curve = PlasmaCurve.two_compartment(
        1.0, "mol", volume=1.0, elimination=elimination, outward=outward, inward=inward
    )
    (a, b), (alpha, beta) = curve.fractions, curve.rates
    assert alpha + beta == pytest.approx(elimination + outward + inward, rel=1e-14)
    assert alpha * beta == pytest.approx(elimination * inward, rel=1e-14)
    assert a * alpha + b * beta == pytest.approx(elimination + outward, rel=1e-13)  # −dC/dt at 0
    assert curve.auc() == pytest.approx(1 / elimination, rel=1e-13)


def test_without_exchange_there_is_one_phase():
    curve = PlasmaCurve.two_compartment(1.0, "mol", volume=1.0, elimination=1e-4, outward=0.0, inward=1e-4)
    assert (curve.fractions, curve.rates) == ((1.0,), (1e-4,))


@pytest.mark.parametrize(
    ("fractions", "rates"),
    [((1.0,), (1e-4,)), ((0.1, 0.9), (1.4e-4, 4e-6)), ((0.6, 0.3, 0.1), (1e-3, 1e-4, 1e-6)), ((0.5, 0.5), (1e-4, 0.0))],
)
def test_a_body_without_tissue_follows_the_phases_it_was_made_of(fractions, rates):
    curve = PlasmaCurve(3.0, "mol", 2.0, fractions, rates, decay_rate=2e-6)
    body = Body.from_phases(2.0, fractions=fractions, rates=rates, decay_rate=2e-6)
    state = body.start(3.0)
    assert body.elimination >= 0 and min(body.outward, default=0) >= 0
    for step in (100.0, 900.0, 3 * HOUR, 50 * HOUR):
        begin = state.total
        mean = body.mean_concentration(state, step)
        state, before = body.advance(state, step, 0.0), state
        elapsed = step + (0 if before.decayed == 0 else clock)
        assert mean == pytest.approx(curve.mean(elapsed - step, elapsed), rel=1e-11)
        assert state.plasma == pytest.approx(curve.amount(elapsed), rel=1e-11)
        assert state.total == pytest.approx(begin, rel=1e-14)
        clock = elapsed


def test_uptake_and_infusion_follow_the_differential_equation():
    body = Body(3e-3, 3e-4, (2e-4, 1e-5), (1e-4, 2e-6), decay_rate=1e-5)
    uptake, infusion = 2e-5, 1e-4
    state = body.advance(body.start(1.0), HOUR, uptake, infusion_rate=infusion)
    found = integrated(body, 1.0, uptake, infusion, HOUR)
    assert [state.plasma, *state.peripheral, state.eliminated, state.decayed] == pytest.approx(
        found[:-1].tolist(), rel=1e-10
    )
    mean = body.mean_concentration(body.start(1.0), HOUR, uptake, infusion_rate=infusion)
    assert mean == pytest.approx(found[-1] / HOUR / 3e-3, rel=1e-10)


@settings(deadline=None, max_examples=30)
@given(steps=st.lists(st.tuples(st.floats(0, 1e5), st.floats(-1e-7, 1e-7)), min_size=1, max_size=20))
def test_every_part_of_the_dose_stays_accounted_for(steps):
    body = Body.from_phases(1.0, fractions=(0.3, 0.7), rates=(1e-3, 1e-7), decay_rate=1e-8)
    state = body.start(1.0)
    for dt, uptake in steps:
        state = body.advance(state, dt, uptake)
    assert state.total == pytest.approx(1.0, abs=1e-13)  # a few roundings a step


def test_two_steps_are_one_where_the_uptake_stays():
    body = Body.from_phases(1.0, fractions=(0.3, 0.7), rates=(1e-3, 1e-5))
    once = body.advance(body.start(1.0), 1000.0, 1e-4)
    half = body.advance(body.start(1.0), 500.0, 1e-4)
    assert body.advance(half, 500.0, 1e-4).plasma == pytest.approx(once.plasma, rel=1e-13)


def test_a_tissue_cannot_take_what_is_not_there():
    body = Body(1.0, 1e-4)
    with pytest.raises(NumericsError, match="shorter steps"):
        body.advance(body.start(1.0), 10.0, 1.0)
