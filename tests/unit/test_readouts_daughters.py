"""Daughters that stay on the agent: their dose and photons grow in by Bateman's equations from the labelling on."""

import numpy as np
import pytest

from tumorsim.agents.radionuclide import (
    chain_activities,
    chain_decays,
    chain_remaining,
    decay_chain,
    equilibrium_yields,
)
from tumorsim.readouts.activity import Label, frame_weights, grown_in, label, time_integrated_activity
from tumorsim.readouts.dose_report import dose_report
from tumorsim.readouts.imaging import SCANNERS, emission_image
from tumorsim.readouts.nuclides import nuclide

HOUR = 3600.0
ACTINIUM, RADIUM = nuclide("Ac-225"), nuclide("Ra-223")


@pytest.mark.parametrize("name", ["Ac-225", "Ra-223"])
def test_what_is_counted_and_what_remains_is_the_whole(name):
    chain = decay_chain(name)
    whole = np.array(list(equilibrium_yields(chain).values())) / chain[0].decay_rate
    for time in (0.0, 600.0, 30 * HOUR):
        counted = chain_decays(chain, 1.0, time) + chain_remaining(chain, 1.0, time)
        np.testing.assert_allclose(counted, whole, rtol=1e-9, atol=1e-9)  # of 1e6 decays


def test_what_leaves_soon_decays_no_more():
    """Of the parent, λ/(λ + μ)."""
    chain = decay_chain("Ac-225")
    rate = chain[0].decay_rate
    left = chain_remaining(chain, 1.0, 0.0, leaving=3 * rate)
    assert left[0] == pytest.approx(1 / (4 * rate))
    assert left[-1] < left[0] * equilibrium_yields(chain)[chain[-1].name]  # on its way, too


@pytest.mark.parametrize("age", [0.0, 2 * HOUR])
@pytest.mark.parametrize("of", [ACTINIUM, RADIUM], ids=lambda of: of.name)
def test_weights_of_a_constant_amount_are_batemans_decays(of, age):
    """Every member of the chain over a day of outputs 6 h apart, the microseconds of polonium among them."""
    end = 24 * HOUR
    for member in range(len(of.chain)):
        shares = tuple(float(k == member) for k in range(len(of.chain)))
        labelled = Label(of, 1.0, 1.0, age)
        weights = frame_weights(
            np.arange(5) * 6 * HOUR, 0.0, end, decay_rate=of.decay_rate,
            factor=grown_in(labelled, shares), age=age,
        )  # fmt: skip
        before = np.exp(of.decay_rate * age)
        exact = chain_decays(of.chain, before, end + age) - chain_decays(of.chain, before, age)
        assert weights.sum() == pytest.approx(exact[member], rel=1e-7)  # 1e-9 but for an hour's difference


def constant(make_result):
    return make_result(free=lambda time, labels: 1.0 + labels)


def test_all_decays_of_an_agent_that_stays_are_those_of_equilibrium(make_result):
    """What daughters lack at first is what they have in hand at the end."""
    results = constant(make_result)
    of = label(results, ACTINIUM, injected=5e6)
    assert of.age == 0
    decays = time_integrated_activity(results, of)
    for shares in (ACTINIUM.alpha_shares, ACTINIUM.electron_shares):
        assert time_integrated_activity(results, of, shares=shares) == pytest.approx(decays, rel=1e-8)


def test_dose_of_a_fresh_label_lacks_what_has_not_grown_in(make_result):
    """Up to the last output, without the tail: the energy of the chain's decays by Bateman."""
    results = constant(make_result)
    end, counted = float(results.times[-1]), {}
    for age in (0.0, 1e6):
        of = label(results, ACTINIUM, injected=5e6, age=age)
        counted[age] = dose_report(results, of, region="tumour", tail=False).accounts
    decays = chain_decays(ACTINIUM.chain, 1.0, end)
    energy = sum(n.charged_energy * d for n, d in zip(ACTINIUM.chain, decays, strict=True))
    in_equilibrium = (ACTINIUM.electron_energy + ACTINIUM.alpha_energy) * decays[0]
    assert counted[0.0].grown_in == pytest.approx(energy / in_equilibrium, rel=1e-7)
    assert counted[0.0].grown_in < 0.99
    late = chain_activities(ACTINIUM.chain, 1.0, 1e6)
    transient = sum(n.charged_energy * a for n, a in zip(ACTINIUM.chain, late / late[0], strict=True))
    whole = ACTINIUM.electron_energy + ACTINIUM.alpha_energy
    assert counted[1e6].grown_in == pytest.approx(transient / whole, rel=1e-6)


def test_a_nuclide_without_daughters_needs_no_bateman(make_result):
    results = constant(make_result)
    report = dose_report(results, label(results, nuclide("Lu-177"), injected=5e6, age=HOUR), region="tumour")
    assert report.accounts.grown_in == 1 and nuclide("Lu-177").alpha_shares == ()
    assert "Daughters" not in report.remarks


def test_photons_of_daughters_are_fewer_in_an_early_frame(make_result):
    """Bi-213 has 46 min: in the first hour it emits half of what it will."""
    results, scanner = constant(make_result), SCANNERS["preclinical-spect"]
    assert ACTINIUM.photons == pytest.approx(0.114 + 0.261, rel=1e-3)
    fresh, old = (
        emission_image(
            results, label(results, ACTINIUM, injected=5e6, age=age), scanner, start=0.0, end=HOUR, seed=None
        )
        for age in (0.0, 24 * HOUR)
    )
    decays = chain_decays(ACTINIUM.chain, 1.0, HOUR)
    part = sum(s * d for s, d in zip(ACTINIUM.photon_shares, decays, strict=True)) / decays[0]
    assert 0.4 < part < 0.5
    late = 1.0023  # transient equilibrium: λ/(λ − λ_p) of the 46 min of Bi-213, of two photons in three
    assert fresh.expected / old.expected == pytest.approx(np.full_like(old.expected, part / late), rel=1e-3)
