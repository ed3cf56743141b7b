"""How values are read, what defaults there are, and that the schema agrees with the physics it feeds."""

import json
import math
from typing import get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from tumorsim.config import values as v
from tumorsim.config.schema import PATH_KEYS, Config, Region, Table
from tumorsim.config.validate import validate
from tumorsim.fields import FIELDS
from tumorsim.tissue import shapes
from tumorsim.tissue.properties import LIMITS, PRESETS, UNITS

SMALLEST = {
    "domain": {"size": ["1 mm", "2 mm", "3 mm"], "spacing": "50 um"},
    "agent": {"name": "Doxil"},
    "dosing": {"dose": "50 mg"},
    "run": {"duration": "24 h"},
}


def config(**tables) -> Config:
    made, problems = validate(SMALLEST | tables)
    assert problems == []
    return made


def fault(annotation, raw) -> tuple[str, str]:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(annotation).validate_python(raw)
    context = caught.value.errors()[0]["ctx"]
    return context["fault"], context["cure"]


@pytest.mark.parametrize(
    ("annotation", "raw", "si"),
    [
        (v.Length, "50 um", 5e-5),
        (v.Length, "1e-3mm", 1e-6),
        (v.Duration, "72 h", 259200.0),
        (v.Pressure, "-2 mmHg", -266.644),
        (v.AreaDensity, "200 1/cm", 2e4),
        (v.TissueConductivity, "4.13e-8 cm^2/(mmHg s)", 4.13e-8 * 1e-4 / 133.322),
        (v.WallConductivity, "2.8e-7 cm/(mmHg s)", 2.8e-7 * 1e-2 / 133.322),
        (v.Association, "1e5 1/(M s)", 100.0),
        (v.MolarMass, "580 g/mol", 0.58),
        (v.Concentration, "1 uM", 1e-3),
        (v.Volume, "3 L", 3e-3),
        (v.LengthUnit, "um", 1e-6),
    ],
)
def test_text_with_a_unit_becomes_si(annotation, raw, si):
    # pint's mmHg is 133.322387 Pa, 3e-6 above the rounded constant
    assert TypeAdapter(annotation).validate_python(raw) == pytest.approx(si, rel=4e-6)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (50, "the unit is missing"),
        ("50", "the unit is missing"),
        ("um", "the number is missing"),
        ("50 mmHg", "a quantity in m was expected"),
        ("50 flobs", "not a quantity"),
        ("-50 um", "must be greater than 0"),
        ("0 um", "must be greater than 0"),
        ("nan m", "the number is missing"),
        ("1e999 m", "not a finite number"),
        ("2*3 m", "not a number followed by a unit"),
        ("9**9**9**9 m", "not a number followed by a unit"),
        (["50 um"], "text with a unit was expected"),
        (True, "text with a unit was expected"),
    ],
)
def test_a_length_that_is_none_is_refused_with_an_example(raw, said):
    found, cure = fault(v.Length, raw)
    assert said in found
    assert '"50 um"' in cure


@pytest.mark.parametrize("raw", ["0.4", True, 1.5, -0.1, math.nan, math.inf, [0.4]])
def test_a_fraction_is_a_plain_number_from_0_to_1(raw):
    found, cure = fault(v.Fraction, raw)
    assert found
    assert cure.endswith("at least 0 and at most 1")


def test_a_whole_number_too_large_for_a_float_is_refused():
    assert fault(v.Count, 10**400)[0] == "is too large"


@pytest.mark.parametrize(
    ("raw", "value", "unit"),
    [("50 mg", 5e-5, "kg"), ("2 umol", 2e-6, "mol"), ("37 MBq", 3.7e7, "Bq"), ("1 mCi", 3.7e7, "Bq")],
)
def test_the_unit_of_the_dose_is_that_of_all_amounts(raw, value, unit):
    assert config(dosing={"dose": raw}).dosing.dose == v.Amount(value, unit)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("50 mL", "an amount in kg or mol or Bq was expected"),
        ("50", "the unit is missing"),
        (50, "the unit is missing"),
        ("-50 mg", "must be at least 0"),
        ("50 mg/kg", "the unit is missing"),
    ],
)
def test_a_dose_that_is_none_is_refused(raw, said):
    assert fault(v.Dose, raw)[0] == said


def test_triples_are_x_y_z_in_the_file_and_z_y_x_inside():
    sphere = {"region": "tumour", "kind": "sphere", "radius": "1 mm", "center": ["1 mm", "2 mm", "3 mm"]}
    given = config(tissue={"shapes": [sphere]})
    assert given.domain.size == (3e-3, 2e-3, 1e-3)
    assert given.tissue.shapes[0].center == (3e-3, 2e-3, 1e-3)
    assert given.resolved()["domain"]["size"] == [1e-3, 2e-3, 3e-3]
    assert given.resolved()["tissue"]["shapes"][0]["center"] == [1e-3, 2e-3, 3e-3]


def test_one_spacing_serves_all_axes():
    assert config().domain.spacing == (5e-5, 5e-5, 5e-5)
    each = config(domain={"shape": [4, 3, 2], "spacing": ["1 um", "2 um", "3 um"]}).domain
    assert each.spacing == (3e-6, 2e-6, 1e-6)
    assert each.shape == (2, 3, 4)


def test_shapes_become_the_shapes_of_the_tissue():
    kinds = [
        {"kind": "ellipsoid", "region": "a", "radii": ["1 mm", "2 mm", "3 mm"]},
        {"kind": "lobed", "region": "a", "radius": "2 mm"},
        {"kind": "lobed", "region": "a", "radius": "2 mm", "seed": 7},
        {"kind": "core", "region": "b", "of": "a", "fraction": 0.5},
        {"kind": "margin", "region": "c", "of": "a", "thickness": "0.2 mm"},
    ]
    given = [shape.painted(seed=3) for shape in config(tissue={"shapes": kinds}).tissue.shapes]
    assert given == [
        shapes.Ellipsoid("a", radii=(3e-3, 2e-3, 1e-3)),
        shapes.Lobed("a", radius=2e-3, seed=3),
        shapes.Lobed("a", radius=2e-3, seed=7),
        shapes.Core("b", of="a", fraction=0.5),
        shapes.Margin("c", of="a", thickness=2e-4),
    ]


def test_the_config_is_frozen():
    with pytest.raises(ValidationError):
        config().run.cfl = 0.1


def test_the_resolved_config_is_json_with_everything_filled_in():
    tables = json.loads(json.dumps(config().resolved()))
    assert tables["run"]["precision"] == "float32"
    assert tables["dosing"]["dose"] == {"value": 5e-5, "unit": "kg"}
    assert tables["agent"]["plasma_fractions"] == [0.1, 0.9]
    assert tables["tissue"]["regions"]["normal"]["pore_radius"] == PRESETS["normal"].pore_radius
    assert tables["pressure"]["boundary"]["x_low"] == 0.0


def test_every_key_and_default_has_its_place_in_the_resolved_config():
    assert list(config().resolved()) == list(Config.model_fields)


# boundaries -------------------------------------------------------------------------------------------------


def test_a_boundary_holds_on_all_faces_or_per_face():
    assert config(pressure={"boundary": "no-flux"}).pressure.boundaries.values == (None,) * 6
    one = config(pressure={"boundary": {"default": "no-flux", "x_low": "10 Pa"}}).pressure.boundaries
    assert (one.x_low, one.x_high, one.z_low) == (10.0, None, None)
    rest = config(pressure={"boundary": {"default": "10 Pa", "x_low": "no-flux"}}).pressure.boundaries
    assert (rest.x_low, rest.x_high, rest.z_low) == (None, 10.0, 10.0)


def test_the_agent_leaves_through_open_faces_only():
    assert config().transport.boundaries.values == (None,) * 6
    assert config(transport={"boundary": "open"}).transport.boundaries.values == (0.0,) * 6
    bath = config(transport={"boundary": {"x_low": "1 uM"}}).transport
    assert bath.boundaries.x_low == 1e-3
    assert bath.boundaries.x_high is None
    assert v.Amount(1e-3, "mol") in bath.conditions


# regions and agents -----------------------------------------------------------------------------------------


def test_a_region_is_its_preset_with_what_its_table_changes():
    regions = {"rim": {"preset": "tumour", "pore_radius": "100 nm"}, "tumour": {"uptake_rate": "1e-4 1/s"}}
    tissue = config(tissue={"regions": regions}).tissue
    assert tissue.properties("rim").pore_radius == 1e-7
    assert tissue.properties("rim").vessel_area_density == PRESETS["tumour"].vessel_area_density
    assert tissue.properties("tumour").uptake_rate == 1e-4
    assert tissue.properties("necrotic") == PRESETS["necrotic"]


def test_regions_are_in_the_order_of_their_appearance():
    ball = {"kind": "sphere", "radius": "1 mm"}
    painted = [ball | {"region": name} for name in ("rim", "tumour", "rim")]
    assert config(tissue={"shapes": painted}).tissue.region_names == ("normal", "rim", "tumour")
    image = {"file": "x.npy", "labels": {"tumour": 1, "necrosis": 2}}
    assert config(tissue={"image": image}).tissue.region_names == ("normal", "tumour", "necrosis")


def test_a_region_has_the_properties_of_the_tissue_with_their_units_and_limits():
    readers = {name: _reader(field) for name, field in Region.model_fields.items() if name != "preset"}
    assert readers.keys() == LIMITS.keys() - {"leakiness"}
    for name, reader in readers.items():
        low, high, positive = LIMITS[name]
        assert getattr(reader, "unit", "1") == UNITS[name], name
        assert max(reader.bounds.least, reader.bounds.above) == low, name
        assert reader.bounds.most == high, name
        assert (reader.bounds.above == 0) == positive, name


def test_what_is_given_goes_before_the_catalogue():
    agent = config(agent={"name": "doxil", "diameter": "100 nm"}).agent.chosen()
    assert (agent.name, agent.diameter) == ("Doxil", 1e-7)
    assert agent.quality("diameter") == "given"
    assert agent.quality("plasma_half_lives") != "given"


def test_an_agent_can_be_described_without_the_catalogue():
    given = {"diameter": "10 nm", "plasma_half_lives": ["5 h"], "dissociation_constant": "1 nM"}
    agent = config(agent=given | {"binding_on": "1e5 1/(M s)"}).agent.chosen()
    assert agent.plasma_fractions == (1.0,)
    assert agent.binding_off == pytest.approx(1e-4, rel=1e-12)  # 1e5 1/(M s) × 1 nM


def test_a_map_without_a_unit_is_in_si():
    maps = {"vessel_area_density": "sv.npy", "pore_radius": {"file": "r.npy", "unit": "nm"}}
    given = config(tissue={"maps": maps}).tissue.maps
    assert given["vessel_area_density"].unit == "1/m"
    assert given["pore_radius"].unit == "nm"


# the schema itself ------------------------------------------------------------------------------------------


def test_every_path_is_anchored_where_it_is_written():
    found = {key for key, field in _keys(Config, "") if "Path" in str(field.annotation)}
    assert found == {key for key in PATH_KEYS if key not in ("tissue.maps.*", "dosing.plasma_table")}


def test_the_fields_of_the_output_exist():
    assert set(config().output.fields) <= FIELDS.keys()


def _reader(field):
    """What reads an optional number."""
    number, _ = get_args(field.annotation)
    return number.__metadata__[0]


def _keys(table: type[Table], prefix: str):
    """Every key of the schema, with * for names that the user chooses."""
    for name, field in table.model_fields.items():
        yield prefix + name, field
        for inner in _tables(field.annotation):
            star = "*." if "dict" in str(field.annotation) else ""
            yield from _keys(inner, f"{prefix}{name}.{star}")


def _tables(annotation):
    if isinstance(annotation, type) and issubclass(annotation, Table):
        yield annotation
    for part in get_args(annotation):
        yield from _tables(part)
