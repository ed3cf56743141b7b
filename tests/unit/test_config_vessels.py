"""The keys of [vessels]: what they say, and what contradicts."""

import numpy as np
import pytest

import tumorsim
from tumorsim.errors import ConfigError
from tumorsim.vessels.repair import NAMES

SWC = "1 2 0 300 300 5 -1\n2 2 300 300 300 5 1\n3 2 300 300 300 5 2\n4 2 600 300 300 5 3\n"


@pytest.fixture
def case(tmp_path, doxil_text):
    def case(vessels, *overrides):
        (tmp_path / "net.swc").write_text(SWC)
        (tmp_path / "case.toml").write_text(doxil_text(vessels, spacing="100 um"))
        return tumorsim.load(tmp_path / "case.toml", overrides=overrides)

    return case


@pytest.mark.parametrize(
    ("written", "meant"),
    [("'all'", NAMES), ("'none'", ()), ("['spurs', 'islands']", ("spurs", "islands"))],
)
def test_repairs_are_all_none_or_some(case, written, meant):
    assert case(f"repair = {written}").config.vessels.repair == meant


def test_repairs_of_other_names_are_refused(case):
    with pytest.raises(ConfigError, match="spurs"):
        case("repair = ['spur']")


def test_a_repair_that_is_refused_is_told_before_the_run(case):
    network = 'model = "network"\nfile = "net.swc"\n'
    made = case(network)
    assert [repair.name for repair in made.network.repairs] == ["zero_length"]
    with pytest.raises(ConfigError, match=r"vessels\.repair does not allow"):
        case(network + 'repair = "none"')


def test_what_only_a_network_has_is_refused_without_one(case):
    with pytest.raises(ConfigError) as caught:
        case("two_way = true\nunresolved = true\nphase_separation = true")
    keys = {problem.key for problem in caught.value.problems}
    assert keys == {"vessels.two_way", "vessels.unresolved", "vessels.phase_separation"}


def test_a_generated_network_fills_the_box_and_must_fit_it(case):
    made = case('model = "generated"\ngenerated = { feeders = 1, segments = "1500 1/mm^3" }')
    assert made.network.bounding_box[1] == pytest.approx(np.full(3, 0.6e-3), rel=0.1)
    with pytest.raises(ConfigError, match="holds only"):
        case('model = "generated"\ngenerated = { branch_points = "40 1/mm^3" }')


def test_repairs_and_notes_are_in_the_result(case, tmp_path):
    made = case('model = "network"\nfile = "net.swc"\nhaematocrit = 0.3\nviscosity = "surface_layer_2005"')
    results = tumorsim.simulate(made, out=tmp_path / "r.vtkhdf", device="numpy")
    stored = tumorsim.open(results.path).network
    assert stored.repairs == made.network.repairs and stored.notes == made.network.notes
    assert stored.haematocrit == pytest.approx([0.3, 0.3])
    assert stored.flow == pytest.approx(made.network.flow)
