"""The catalogue of agents: every number has a quality and a source, and means what its source says."""

import csv
import tomllib
from dataclasses import FrozenInstanceError
from importlib.resources import files
from pathlib import Path

import pytest

from tumorsim.agents.agent import QUALITIES, Agent
from tumorsim.agents.catalogue import CHOICES, QUANTITIES, agent_names, find_agents, load_agent, problems_of
from tumorsim.agents.description import Exposure, derived, describe, flat_row, record, transport
from tumorsim.agents.plasma import plasma_curve
from tumorsim.errors import ConfigError
from tumorsim.tissue.properties import PRESETS
from tumorsim.vessels.wall import schmidt_wittrup_permeability

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
    assert [problem for name, table in tables(file).items() for problem in problems_of(name, table)] == []


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
    assert all(getattr(agent, name) in names for name, names in CHOICES.items())
    moves = transport(agent, PRESETS["tumour"])
    assert 0 < moves.diffusivity < moves.free_diffusivity
    assert 0 < moves.available_fraction < PRESETS["tumour"].interstitial_fraction
    assert moves.wall.permeability > 0
    assert 0 <= moves.wall.reflection_coefficient < 1


def test_fractions_of_several_phases_are_never_passed_off_as_measured():
    for name in agent_names():
        agent = load_agent(name)
        expected = "computed" if len(agent.plasma_half_lives) == 1 or agent.central_volume else "assumed"
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
    text = "\n".join(describe(agent, PRESETS["tumour"], name="tumour"))
    assert name in text
    assert "wall permeability density" in text
    for entry in agent.provenance.values():
        assert f"{entry.quality}: {entry.source}" in text


def test_a_description_shows_the_units_of_the_field():
    lines = describe(load_agent("Doxil"), PRESETS["tumour"], name="tumour")
    assert any("85 nm" in line for line in lines)
    assert any("1.4, 45.9 h" in line for line in lines)
    assert describe(Agent(name="unnamed"), PRESETS["tumour"], name="tumour")[0].startswith("unnamed")


def test_a_description_has_the_size_classes_of_a_distributed_size():
    agent = load_agent("Doxil").with_values(diameter_log_sd=0.2)
    lines = describe(agent, PRESETS["tumour"], name="tumour")
    middle = next(line for line in lines if line.split()[:2] == ["85", "nm"] and "of the dose" in line)
    assert "53.333%" in middle  # the central weight of five Gauss–Hermite nodes, 8/15


# what follows -----------------------------------------------------------------------------------------------


def test_derived_numbers_are_those_of_transport_and_say_their_model():
    agent, moves = load_agent("Doxil"), transport(load_agent("Doxil"), PRESETS["tumour"])
    found = derived(agent, PRESETS["tumour"])
    assert found["wall_permeability"].value == moves.wall.permeability
    assert found["diffusivity"].value == moves.diffusivity
    assert found["diffusivity"].by == "effective_medium"
    assert found["accessible_part"].value == pytest.approx(moves.available_fraction / 0.4)
    assert found["wall_permeability_density"].value == pytest.approx(moves.wall.permeability * 2e4)
    measured = load_agent("doxorubicin")
    by = derived(measured, PRESETS["tumour"])["wall_permeability"].by
    assert by == f"{measured.quality('wall_permeability')} value"


def test_moduli_of_binding_of_an_antibody():
    exposure = Exposure(binding_sites=5e-4, dose=1e-6, plasma_volume=3e-3, radius=100e-6)
    agent, tissue = load_agent("trastuzumab"), PRESETS["tumour"]
    moves, found = transport(agent, tissue), derived(agent, tissue, exposure=exposure)
    demand = 1e-8 * 5e-4 / (moves.available_fraction * moves.diffusivity)
    auc = plasma_curve(agent, 1e-6, amount_unit="mol", volume=3e-3).auc()
    assert found["thiele_spheroid"].value == pytest.approx(agent.internalisation * demand / (1e-6 / 3e-3))
    assert found["clearance_spheroid"].value == pytest.approx(demand / auc)
    assert found["clearance_vessels"].value == pytest.approx(5e-4 / (moves.wall.permeability * 2e4 * auc))


def test_what_cannot_be_derived_says_what_is_missing():
    exposure = Exposure(binding_sites=5e-4, dose=1e-6, plasma_volume=3e-3)
    found = derived(load_agent("bevacizumab"), PRESETS["tumour"], exposure=exposure)
    assert found["thiele_vessels"].value is None
    assert found["thiele_vessels"].by == "needs internalisation"
    assert all(n.value is None for n in derived(Agent(name="x"), PRESETS["tumour"]).values())
    by_mass = load_agent("Doxil").with_values(matrix_model="power_law")
    assert "agent.molar_mass" in derived(by_mass, PRESETS["tumour"])["diffusivity"].by


def test_records_and_rows_hold_values_and_derived_numbers_in_si():
    agent = load_agent("Doxil")
    numbers = derived(agent, PRESETS["tumour"])
    made = record(agent, numbers)
    assert made["values"]["diameter"]["value"] == pytest.approx(85e-9)
    assert made["values"]["diameter"]["quality"] == "recalled"
    assert made["derived"]["diffusivity"]["unit"] == "m^2/s"
    flat = flat_row(agent, numbers)
    assert flat["diameter [m]"] == pytest.approx(85e-9)
    assert flat["plasma_half_lives [s]"] == "5040;165240"
    assert flat["decay_half_life [s]"] is None
    assert flat["derived diffusivity [m^2/s]"] == numbers["diffusivity"].value


# finding ----------------------------------------------------------------------------------------------------


def test_agents_are_found_by_class_payload_status_and_size():
    every = [load_agent(name) for name in agent_names()]
    names = {a.name for a in find_agents(every, agent_class="Liposome", payload="doxo", status="approved")}
    assert names == {"Doxil", "Myocet"}
    small = find_agents(every, smallest=4e-9, largest=11e-9)
    assert small and all(4e-9 <= agent.diameter <= 11e-9 for agent in small)
    assert "177Lu-PSMA-617" in {agent.name for agent in find_agents(every, payload="lu-177")}
    assert len(find_agents(every)) == len(every)


def test_an_agent_of_unknown_size_is_found_only_where_no_size_is_asked_for():
    unsized = Agent(name="unsized", agent_class="liposome")
    assert find_agents([unsized], agent_class="lipo") == [unsized]
    assert find_agents([unsized], largest=1e-3) == []


# a file of one's own ----------------------------------------------------------------------------------------

OWN = """["my liposome"]
aliases = ["LX-1"]
class = "liposome"
diameter = { value = "62 nm", quality = "measured", source = "our DLS, batch 7" }
polydispersity_index = 0.08
plasma_half_lives = ["12 h"]
wall_mode = "pores"
"""


@pytest.fixture
def own(tmp_path):
    def write(text):
        path = tmp_path / "my_agents.toml"
        path.write_text(text)
        return path

    return write


def test_an_agent_of_ones_own(own):
    file = own(OWN)
    assert agent_names(file) == ["my liposome"]
    agent = load_agent("lx-1", file=file)
    assert agent.diameter == pytest.approx(62e-9)
    assert agent.source("diameter") == "our DLS, batch 7"
    assert agent.quality("plasma_half_lives") == "given"
    assert agent.source("plasma_half_lives") == "my_agents.toml"
    assert agent.diameter_log_sd == pytest.approx(0.27742, abs=1e-5)  # √ln 1.08
    assert agent.plasma_fractions == (1.0,)
    assert load_agent("Doxil", file=file).name == "Doxil"


def test_a_radionuclide_brings_its_half_life(own):
    labelled = '[mine]\nclass = "x"\nradionuclide = "Lu-177"\n'
    assert (
        load_agent("mine", file=own(labelled)).decay_half_life == load_agent("177Lu-DOTATATE").decay_half_life
    )
    given = load_agent("mine", file=own(labelled + 'decay_half_life = "6 d"\n'))
    assert given.decay_half_life == 6 * 86400


def test_ones_own_agent_comes_before_that_of_the_catalogue(own):
    agent = load_agent("doxil", file=own('[DOXIL]\nclass = "mine"\n'))
    assert (agent.name, agent.agent_class, agent.diameter) == ("DOXIL", "mine", None)


FAULTS = {
    'class = "x"\ndiametre = "5 nm"': ("diametre", "unknown key", 'Did you mean "diameter"?'),
    'diameter = "5 nm"': ("class", "is missing", "class ="),
    'class = "x"\ndiameter = 5': ("diameter", "unit", '"50 um"'),
    'class = "x"\ndiameter = "5 mmHg"': ("diameter", "a quantity in m was expected", '"50 um"'),
    'class = "x"\ndiameter = "0 nm"': ("diameter", "is zero", "leave out"),
    'class = "x"\ndiameter = ["5 nm"]': ("diameter", "one value", ""),
    'class = "x"\nplasma_half_lives = "5 h"': ("plasma_half_lives", "a list was expected", '["24 h"]'),
    'class = "x"\nrelease_rate = "-1 1/h"': ("release_rate", "is negative", "1/h"),
    'class = "x"\ncharge_factor = true': ("charge_factor", "quantity", "0.1"),
    'class = "x"\nwall_mode = "pore"': ("wall_mode", "unknown choice", '"pores"'),
    'class = "x"\ntarget = 7': ("target", "text was expected", "quotes"),
    'class = "x"\naliases = "y"': ("aliases", "a list of texts", '["one", "another"]'),
    'class = "x"\ndiameter = { value = "5 nm" }': ("diameter", "quality and its source", "source ="),
    'class = "x"\ndiameter = { value = "5 nm", quality = "sure", source = "me" }': (
        "diameter", "unknown quality 'sure'", "measured-in-human",
    ),
    'class = "x"\ndiameter = { value = "5 nm", quality = "given", source = " " }': (
        "diameter", "source is empty", "source =",
    ),
    'class = "x"\ndiameter_log_sd = 0.1\npolydispersity_index = 0.1': (
        "polydispersity_index", "given twice", "diameter_log_sd",
    ),
    'class = "x"\nradionuclide = "Xx-1"': ("radionuclide", "no half-life is known", "decay_half_life"),
    'class = "x"\nwall_mode = "pores"\nwall_permeability = "1e-9 m/s"': (
        "wall_permeability", "not read in the wall mode pores", "empirical",
    ),
}  # fmt: skip


@pytest.mark.parametrize("text", FAULTS)
def test_a_fault_of_ones_own_file_is_told_by_agent_and_key(own, text):
    key, fault, cure = FAULTS[text]
    with pytest.raises(ConfigError) as caught:
        load_agent("mine", file=own(f"[mine]\n{text}\n"))
    (problem,) = caught.value.problems
    assert problem.key == f"my_agents.toml [mine] {key}"
    assert fault in problem.fault
    assert cure in problem.cure


def test_all_faults_of_a_file_come_out_together(own):
    with pytest.raises(ConfigError) as caught:
        load_agent("a", file=own('loose = 1\n[a]\nclass = "x"\ndiameter = 5\n[b]\nwall_mode = "x"\n'))
    keys = [problem.key.removeprefix("my_agents.toml ") for problem in caught.value.problems]
    assert keys == ["loose", "[a] diameter", "[b] class", "[b] wall_mode"]


def test_a_name_is_used_once(own):
    with pytest.raises(ConfigError, match=r"\[a\] has this name too"):
        load_agent("a", file=own('[a]\nclass = "x"\n[b]\nclass = "x"\naliases = ["A"]\n'))


@pytest.mark.parametrize(("text", "fault"), [(None, "no such file"), ("[a", "not TOML")])
def test_a_file_that_cannot_be_read(own, tmp_path, text, fault):
    with pytest.raises(ConfigError, match=fault):
        load_agent("a", file=tmp_path / "none.toml" if text is None else own(text))


def test_a_near_miss_finds_aliases_and_parts_of_names():
    for wrong, meant in (("caelix", "Doxil"), ("PSMA", "177Lu-PSMA-617"), ("trastuzumap", "trastuzumab")):
        with pytest.raises(ConfigError, match=f"Did you mean .*{meant}"):
            load_agent(wrong)


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
        if agent.central_volume is None:  # else they are computed, from more than the table has
            assert agent.plasma_fractions == pytest.approx(fractions), row["name"]
        zeta = row["zeta_mV"]
        assert agent.zeta_potential == (pytest.approx(float(zeta) * 1e-3) if zeta else None), row["name"]
        if "measured" in agent.quality("plasma_half_lives"):
            assert row["pk_verification"] == "read-in-source", row["name"]
