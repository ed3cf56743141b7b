"""Half-lives, clearance and volume of one source make one curve, and a guess that contradicts them is named."""

from dataclasses import replace

import pytest

import tumorsim
from tumorsim import limits
from tumorsim.agents.catalogue import agent_names, load_agent
from tumorsim.agents.clearance import contradiction, implied_clearance, two_phases
from tumorsim.agents.plasma import PlasmaCurve, plasma_curve
from tumorsim.resources import configs_directory

HOUR, LITRE = 3600.0, 1e-3


def test_the_two_phases_are_those_of_the_compartments_they_stand_for():
    """CL, V and half-lives of three rates give the rates back."""
    volume, k10, k12, k21 = 5e-3, 2e-4, 5e-4, 1e-4
    curve = PlasmaCurve.two_compartment(1.0, "mol", volume=volume, elimination=k10, outward=k12, inward=k21)
    half_lives = tuple(0.6931471805599453 / rate for rate in curve.rates)
    found = two_phases(half_lives, clearance=volume * k10, steady_volume=volume * (1 + k12 / k21))
    assert found.central_volume == pytest.approx(volume, rel=1e-9)
    assert found.fractions == pytest.approx(curve.fractions, rel=1e-9)


def test_numbers_of_no_two_compartments_make_none():
    assert two_phases((0.5 * HOUR, 9 * HOUR), clearance=1e-6, steady_volume=1.0) is None
    assert two_phases((0.5 * HOUR, 9 * HOUR), clearance=1e-4, steady_volume=1e-3) is None


def test_free_doxorubicin_clears_as_its_source_says():
    agent = load_agent("doxorubicin")
    found = two_phases(
        agent.plasma_half_lives, clearance=agent.clearance, steady_volume=agent.distribution_volume
    )
    assert agent.central_volume == pytest.approx(found.central_volume, rel=1e-3)  # four digits are stored
    assert agent.plasma_fractions == pytest.approx(found.fractions, rel=1e-3)
    curve = plasma_curve(agent, 1.0, amount_unit="kg", volume=agent.central_volume)
    assert 1 / curve.auc() == pytest.approx(45 * LITRE / HOUR, rel=1e-3)


def test_guessed_fractions_are_found_out_and_the_cure_cures():
    guessed = replace(load_agent("doxorubicin"), plasma_fractions=(0.9, 0.1), central_volume=None)
    assert "20.2 times" in contradiction(guessed, 3 * LITRE)
    assert "plasma_fractions = [0.99358, 0.00642]" in contradiction(guessed, 3 * LITRE)


def test_what_contradicts_its_clearance_is_known():
    """Of the agents with a clearance: micellar paclitaxel, whose abstract gives no volume."""
    of_plasma = {name: load_agent(name) for name in agent_names()}
    said = {
        name: contradiction(agent, agent.central_volume or 3 * LITRE) for name, agent in of_plasma.items()
    }
    assert [name for name, note in said.items() if note] == ["Paclical"]
    assert 'agent.central_volume = "73.6 L"' in said["Paclical"]
    cured = of_plasma["Paclical"]
    assert implied_clearance(cured, 73.6 * LITRE) == pytest.approx(cured.clearance, rel=2e-3)  # three digits
    assert sum(agent.clearance is not None for agent in of_plasma.values()) == 3


def notes(*overrides):
    path = configs_directory() / "quickstart.toml"
    return limits.notes(tumorsim.load(path, overrides=["domain.spacing=500 um", *overrides]))


def test_a_config_says_so_before_a_run():
    assert notes("drug.name=doxorubicin") == []
    (note,) = notes("drug.name=doxorubicin", "drug.plasma_fractions=[0.9, 0.1]")
    assert "drug.plasma_fractions" in note
    assert (
        len(notes("agent.name=Paclical")) == 1
        and notes("agent.name=Paclical", "agent.central_volume=74 L") == []
    )
    assert notes("agent.name=Paclical", "dosing.plasma_volume=74 L") == []


def test_a_free_drug_fills_its_own_volume_in_proportion_to_plasma():
    path = configs_directory() / "quickstart.toml"
    for body, plasma in (("human", 3 * LITRE), ("mouse", 1e-3 * LITRE)):
        case = tumorsim.load(
            path, overrides=["domain.spacing=500 um", "drug.name=doxorubicin", f"dosing.body={body}"]
        )
        assert case.plasma.volume == pytest.approx(plasma)
        assert case.drug_plasma.volume == pytest.approx(plasma * 8.139 / 3)
