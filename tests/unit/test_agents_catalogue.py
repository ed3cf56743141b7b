"""The catalogue of agents: every number has a quality and a source, and means what its source says."""

import csv
import tomllib
from dataclasses import FrozenInstanceError
from importlib.resources import files
from pathlib import Path

import pytest

from tumorsim.agents.agent import QUALITIES, Agent
from tumorsim.agents.catalogue import QUANTITIES, agent_names, load_agent
from tumorsim.agents.description import describe, transport
from tumorsim.agents.interstitium import DIFFUSION_MODELS, PARTITION_MODELS, RETARDATION_MODELS
from tumorsim.agents.plasma import plasma_curve
from tumorsim.errors import ConfigError
from tumorsim.tissue.properties import PRESETS
from tumorsim.vessels.wall import WALL_MODES, schmidt_wittrup_permeability

HOUR = 3600.0
DATA = files("tumorsim.agents").joinpath("data")
TABLE = Path(__file__).parents[3] / "shared" / "data" / "nanomedicines.csv"
FILES = sorted(file.name for file in DATA.iterdir() if file.name.endswith(".toml"))


def tables(file: str) -> dict:
    return tomllib.loads(DATA.joinpath(file).read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", FILES)
def test_every_number_has_a_quality_and_a_source(file):
    for name, table in tables(file).items():
        for key in table.keys() & QUANTITIES.keys():
            entry = table[key]
            assert entry.keys() == {"value", "quality", "source"}, (name, key)
            assert entry["quality"] in QUALITIES, (name, key)
            assert len(entry["source"]) >= 4, (name, key)


@pytest.mark.parametrize("file", FILES)
def test_the_files_hold_nothing_that_is_not_read(file):
    known = {*Agent.__dataclass_fields__, "class", "aliases"} - {"name", "agent_class", "provenance"}
    for name, table in tables(file).items():
        assert table.keys() <= known, name


def test_no_name_or_alias_is_used_twice():
    spelled = [
        alias.lower()
        for file in FILES
        for name, table in tables(file).items()
        for alias in (name, *table.get("aliases", ()))
    ]
    assert len(spelled) == len(set(spelled))
    assert len(agent_names()) == sum(len(tables(file)) for file in FILES)


@pytest.mark.parametrize("name", agent_names())
def test_every_agent_can_be_simulated(name):
    agent = load_agent(name)
    assert 0.4e-9 <= agent.diameter <= 300e-9
    assert all(30 <= half_life <= 1000 * HOUR for half_life in agent.plasma_half_lives)
    assert list(agent.plasma_half_lives) == sorted(agent.plasma_half_lives)
    assert plasma_curve(agent, 1.0, amount_unit="mol", volume=3e-3).auc() > 0
    assert agent.wall_mode in WALL_MODES
    assert agent.matrix_model in DIFFUSION_MODELS
    assert agent.partition_model in PARTITION_MODELS
    assert agent.retardation_model in RETARDATION_MODELS
    moves = transport(agent, PRESETS["tumour"])
    assert 0 < moves.diffusivity < moves.free_diffusivity
    assert 0 < moves.available_fraction < PRESETS["tumour"].interstitial_fraction
    assert moves.wall.permeability > 0
    assert 0 <= moves.wall.reflection_coefficient < 1


def test_fractions_of_several_phases_are_never_passed_off_as_measured():
    for name in agent_names():
        agent = load_agent(name)
        expected = "computed" if len(agent.plasma_half_lives) == 1 else "assumed"
        assert agent.quality("plasma_fractions") == expected, name


def test_doxil():
    agent = load_agent("Doxil")
    assert agent.diameter == pytest.approx(85e-9)
    assert agent.plasma_half_lives == pytest.approx((1.4 * HOUR, 45.9 * HOUR))
    assert agent.plasma_fractions == (0.1, 0.9)
    assert agent.zeta_potential == pytest.approx(-5e-3)
    assert agent.release_rate == pytest.approx(0.004 / HOUR)
    assert agent.quality("plasma_half_lives") == "measured-in-human"
    assert agent.quality("diameter") == "recalled"
    assert "Drummond 1999" in agent.source("plasma_half_lives")


def test_free_doxorubicin_carries_the_published_transport_coefficients():
    agent = load_agent("doxorubicin")
    assert agent.plasma_half_lives == pytest.approx((0.07 * HOUR, 8.7 * HOUR))
    moves = transport(agent, PRESETS["tumour"])
    assert moves.diffusivity == pytest.approx(1.17e-10, rel=5e-3)  # printed with three digits
    assert moves.wall.permeability == pytest.approx(2.7e-6, rel=0.02)  # two digits


def test_an_antibody():
    agent = load_agent("trastuzumab")
    assert agent.diameter == pytest.approx(10.6e-9)
    assert agent.binding_off == pytest.approx(1e-6 * 100)  # 1 nM · 1e5 1/(M s)
    assert agent.quality("binding_off") == "computed"
    moves = transport(agent, PRESETS["tumour"])
    assert moves.diffusivity == pytest.approx(2.7e-11, rel=0.01)
    assert moves.wall.permeability == schmidt_wittrup_permeability(5.3e-9)


@pytest.mark.parametrize("name", ["doxil", "CAELYX", "Caelyx"])
def test_capitals_and_aliases(name):
    assert load_agent(name).name == "Doxil"


def test_an_unknown_agent_gets_a_hint():
    with pytest.raises(ConfigError) as caught:
        load_agent("Doxyl")
    (problem,) = caught.value.problems
    assert problem.key == "agent.name"
    assert "Did you mean Doxil" in problem.cure
    with pytest.raises(ConfigError, match="not in the catalogue"):
        load_agent("")


def test_unknown_values_stay_unknown():
    agent = load_agent("Genexol-PM")
    assert agent.dissociation_constant is None
    assert agent.decay_half_life is None
    assert agent.quality("decay_half_life") == agent.source("decay_half_life") == ""


def test_values_of_the_user_are_marked():
    agent = load_agent("Doxil").with_values(diameter=60e-9)
    assert agent.diameter == 60e-9
    assert agent.quality("diameter") == "given"
    assert agent.quality("plasma_half_lives") == "measured-in-human"
    with pytest.raises(FrozenInstanceError):
        agent.diameter = 1.0  # type: ignore[misc]


@pytest.mark.parametrize("name", agent_names())
def test_a_description_shows_each_value_with_its_quality(name):
    agent = load_agent(name)
    text = "\n".join(describe(agent))
    assert name in text
    assert "diffusivity D" in text
    for entry in agent.provenance.values():
        assert f"{entry.quality}: {entry.source}" in text


def test_a_description_shows_the_units_of_the_field():
    lines = describe(load_agent("Doxil"))
    assert any("85 nm" in line for line in lines)
    assert any("1.4, 45.9 h" in line for line in lines)
    assert describe(Agent(name="unnamed"))[0].startswith("unnamed")


@pytest.mark.skipif(not TABLE.exists(), reason="the table of nanomedicines is not beside the repository")
def test_the_catalogue_agrees_with_the_table_it_was_compiled_from():
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        agent = load_agent(row["name"])
        assert agent.diameter == pytest.approx(float(row["hydrodynamic_diameter_nm"]) * 1e-9), row["name"]
        half_lives = [float(value) * HOUR for value in row["plasma_halflives_h"].split(";")]
        assert agent.plasma_half_lives == pytest.approx(half_lives), row["name"]
        fractions = [float(value) for value in row["plasma_fractions"].split(";")]
        assert agent.plasma_fractions == pytest.approx(fractions), row["name"]
        zeta = row["zeta_mV"]
        assert agent.zeta_potential == (pytest.approx(float(zeta) * 1e-3) if zeta else None), row["name"]
        if "measured" in agent.quality("plasma_half_lives"):
            assert row["pk_verification"] == "read-in-source", row["name"]
