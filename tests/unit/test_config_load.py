"""TOML files, what they extend, what the command line sets, and how their errors are told."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tumorsim.config.checks import check
from tumorsim.config.load import load_config
from tumorsim.config.schema import Config
from tumorsim.config.validate import validate
from tumorsim.errors import ConfigError

SMALLEST = """\
[domain]
size = ["1 mm", "1 mm", "1 mm"]
spacing = "100 um"
[tissue]
background = "tumour"
[agent]
name = "Doxil"
[dosing]
dose = "50 mg"
[run]
duration = "24 h"
"""


@pytest.fixture
def write(tmp_path):
    def put(text, name="case.toml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return put


def problems(path, *overrides):
    with pytest.raises(ConfigError) as caught:
        load_config(path, overrides=overrides)
    assert caught.value.exit_status == 2
    return {problem.key: problem for problem in caught.value.problems}


def test_the_smallest_config_needs_little(write):
    path = write(SMALLEST)
    config = load_config(path)
    assert config.run.duration == 86400.0
    assert config.config_given == SMALLEST
    assert config.path == path


def test_a_byte_order_mark_does_no_harm(write):
    assert load_config(write("\ufeff" + SMALLEST)).run.duration == 86400.0


# extends ----------------------------------------------------------------------------------------------------


def test_a_config_extends_another_by_tables_and_replaces_lists(write):
    write(SMALLEST + "[output]\ntimes = ['1 h', '2 h']\ncompression = 'none'\n", "base.toml")
    write('extends = "base.toml"\n[run]\ncfl = 0.2\n[output]\ntimes = ["3 h"]\n', "middle.toml")
    config = load_config(write('extends = "middle.toml"\n[run]\nduration = "5 h"\n'))
    assert (config.run.cfl, config.run.duration) == (0.2, 18000.0)
    assert (config.output.times, config.output.compression) == ((10800.0,), "none")
    assert config.config_given.count("[run]") == 3


def test_paths_are_relative_to_the_file_that_names_them(write, tmp_path):
    write(SMALLEST + '[tissue.maps]\npore_radius = "pores.npy"\n', "shared/base.toml")
    path = write('extends = "shared/base.toml"\n[tissue.maps]\nuptake_rate = { file = "uptake.npy" }\n')
    found = problems(path)
    assert found["tissue.maps.pore_radius"].value == str(tmp_path / "shared/pores.npy")
    assert found["tissue.maps.uptake_rate"].value == str(tmp_path / "uptake.npy")


def test_files_that_extend_each_other_in_a_circle_are_refused(write):
    write('extends = "case.toml"', "other.toml")
    found = problems(write('extends = "other.toml"'))
    assert "case.toml extends other.toml extends case.toml" in found["extends"].fault


def test_a_base_that_is_missing_is_named_with_the_nearest_file(write):
    write(SMALLEST, "base.toml")
    found = problems(write('extends = "bse.toml"'))
    assert found["extends"].cure == "Did you mean base.toml?"


# --set ------------------------------------------------------------------------------------------------------


def test_values_can_be_set_as_toml_or_as_bare_text(write):
    shape = "[[tissue.shapes]]\nkind = 'sphere'\nregion = 'tumour'\nradius = '0.3 mm'\n"
    config = load_config(
        write(SMALLEST + shape),
        overrides=(
            "run.duration=2 h",
            'output.times = ["1 h"]',
            "run.cfl=0.3",
            "title=half a day = short",
            'tissue.shapes[0].radius="0.2 mm"',
            'tissue.regions."outer rim".preset=normal',
        ),
    )
    assert (config.run.duration, config.output.times, config.run.cfl) == (7200.0, (3600.0,), 0.3)
    assert config.title == "half a day = short"
    assert config.tissue.shapes[0].radius == 2e-4
    assert config.tissue.regions["outer rim"].preset == "normal"
    assert config.config_given.endswith('--set tissue.regions."outer rim".preset=normal')


def test_a_path_that_is_set_is_relative_to_the_working_directory(write, tmp_path, monkeypatch):
    path = write(SMALLEST, "configs/case.toml")
    monkeypatch.chdir(tmp_path)
    found = problems(path, "vessels.model=network", "vessels.file=net.vtp")
    assert found["vessels.file"].value == str(tmp_path / "net.vtp")


@pytest.mark.parametrize(
    ("override", "key", "said"),
    [
        ("run.duration", "--set", "not of the form"),
        ("=3", "--set", "not of the form"),
        ("run..cfl=3", "--set", "not of the form"),
        ("title.x=3", "title.x", "not a table"),
        ("tissue.shapes[2].radius=1 mm", "tissue.shapes[2].radius", "no entry [2]"),
        ("run.cfk=0.3", "run.cfk", "unknown key"),
    ],
)
def test_a_setting_that_fits_nowhere_is_refused(write, override, key, said):
    assert (
        said in problems(write(SMALLEST.replace("[domain]", "title = 'x'\n[domain]", 1)), override)[key].fault
    )


# what is wrong, and where -----------------------------------------------------------------------------------


def test_a_syntax_error_has_its_line_and_column(write):
    (found,) = problems(write(SMALLEST.replace('"24 h"', "24 h"))).values()
    assert found.key == "case.toml, line 11, column 15"
    assert found.value == "duration = 24 h"
    (found,) = problems(write("[domain")).values()
    assert "line 1" in found.key


def test_numbers_too_long_and_lists_too_deep_are_syntax_errors(write):
    for value in ("[" * 5000, "9" * 5000):
        (found,) = problems(write(f"title = {value}")).values()
        assert found.fault.startswith("not TOML")


def test_a_config_that_is_no_text_or_not_there_is_refused(write, tmp_path):
    (tmp_path / "binary.toml").write_bytes(b"\x89HDF\xff\xfe")
    assert "UTF-8" in problems(tmp_path / "binary.toml")["CONFIG"].fault
    write(SMALLEST)
    assert problems(tmp_path / "csae.toml")["CONFIG"].cure == "Did you mean case.toml?"
    assert "cannot be read" in problems(tmp_path)["CONFIG"].fault


def test_an_empty_config_names_all_that_is_required(write):
    required = {"domain.spacing", "domain.size", "agent.diameter", "dosing.dose", "run.duration"}
    assert problems(write("")).keys() == required | {"agent.plasma_half_lives"}


def test_a_misspelt_key_is_told_once_with_the_right_one(write):
    found = problems(write(SMALLEST.replace("duration", "duraton").replace("[dosing]", "[dozing]")))
    assert found["run.duraton"].cure == 'Did you mean "duration"?'
    assert found["dozing"].cure == 'Did you mean "dosing"?'
    assert found.keys() == {"run.duraton", "dozing", "dosing.dose"}


def test_a_key_in_the_wrong_table_is_sent_to_the_right_one(write):
    found = problems(write(SMALLEST + "limiter = 'upwind'\n"))
    assert found["run.limiter"].cure == "It is a key of [transport]"


@pytest.mark.parametrize(
    ("text", "key", "fault", "cure"),
    [
        ("[vessels]\nmodel = 'netwrk'", "vessels.model", "unknown choice", 'Did you mean "network"?'),
        ("[vessels]\nfit_domain = 1", "vessels.fit_domain", "true or false", "without quotes"),
        ("[pressure]\nboundary = 'noflux'", "pressure.boundary", "unknown choice", '"no-flux"'),
        ("[pressure.boundary]\nleft = '0 Pa'", "pressure.boundary.left", "unknown key", "x_low"),
        ("[transport]\nboundary = 0.0", "transport.boundary", "the unit is missing", '"closed" or "open"'),
        ("[output]\nfields = ['fre']", "output.fields[0]", "unknown choice", '"free"'),
        ("[output]\ntimes = '1 h'", "output.times", "a list was expected", "square brackets"),
        ("pressure = 3", "pressure", "a table was expected", "[pressure]"),
        (
            "[tissue.regions]\ntumour = 1",
            "tissue.regions.tumour",
            "a table was expected",
            "[tissue.regions.tumour]",
        ),
        ("[tissue.regions.'a b']\nx = 1", 'tissue.regions."a b".x', "unknown key", "preset"),
        ("[tissue.maps]\npore_radus = 'x'", "tissue.maps.pore_radus", "unknown key", '"pore_radius"'),
        ("[[tissue.shapes]]\nregion = 'a'", "tissue.shapes[0].kind", "is required", "sphere"),
        ("[[tissue.shapes]]\nkind = 'bal'", "tissue.shapes[0].kind", "unknown choice", "sphere"),
        ("[[tissue.shapes]]\nkind = 'sphere'", "tissue.shapes[0].radius", "is required", "radius = "),
        (
            "[[tissue.shapes]]\nkind = 'core'\nradius = '1 mm'",
            "tissue.shapes[0].radius",
            "unknown key",
            "depth",
        ),
        ("[tissue.image]\nfile = 'x.npy'", "tissue.image.labels", "is required", "{ tumour = 1 }"),
    ],
)
def test_a_fault_is_told_by_its_key_with_a_cure(write, text, key, fault, cure):
    text = text + "\n" + SMALLEST if text.startswith("pressure") else SMALLEST + text
    found = problems(write(text))[key]
    assert fault in found.fault
    assert cure in found.cure


# hostile input ----------------------------------------------------------------------------------------------

_NAMES = (
    "", "0", "size", "spacing", "shape", "shapes", "kind", "region", "regions", "normal", "preset", "image",
    "labels", "file", "maps", "boundary", "x_low", "every", "times", "diameter", "dose", "duration", "name",
)  # fmt: skip
_KEYS = st.sampled_from([*_NAMES, *Config.model_fields])
_VALUES = st.recursive(
    st.none().map(lambda _: "")
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["50 um", "-1 h", "network", "sphere", "tumour", "Doxil", "5 mg", "0 mmHg", "1e300 m"])
    | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(_KEYS, _VALUES, max_size=6))
def test_no_tables_whatever_raise_anything_but_problems(tables):
    config, found = validate(tables)
    for problem in found + check(config):
        assert problem.fault
        assert problem.cure
