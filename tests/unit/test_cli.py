"""The command line: what it prints, where, and with which exit status."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

import tumorsim
from tumorsim.cli import main
from tumorsim.cli.printing import progress_line, shown, span
from tumorsim.config.load import load_config
from tumorsim.errors import DeviceError, NumericsError, RenderError, StorageError
from tumorsim.render.view import Look

GOOD = """\
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
HEAVY = ("numpy", "scipy", "h5py", "pint", "pydantic", "pyvista", "vtk", "vtkmodules", "matplotlib", "cupy")


@pytest.fixture
def command(monkeypatch, capsys, tmp_path):
    """Run the command line in an empty folder: exit status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["tumorsim", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return call


@pytest.fixture
def case(monkeypatch):
    """Stands in for ``tumorsim.case``: the config alone."""
    module = ModuleType("tumorsim.case")
    module.load = lambda path, overrides=(), device="auto": load_config(path, overrides=overrides)
    monkeypatch.setitem(sys.modules, "tumorsim.case", module)
    limits = ModuleType("tumorsim.limits")
    limits.limits = lambda case: {
        "voxels": (1000, "1", "in the box"),
        "memory": (2 * 2**30, "B", "of all arrays"),
        "advective step": (12.5, "s", "cfl × spacing / velocity"),
    }
    limits.notes = lambda case: ["something to know"]
    monkeypatch.setitem(sys.modules, "tumorsim.limits", limits)
    return module


@pytest.fixture
def simulation(monkeypatch, case):
    """Stands in for ``tumorsim.simulation``: what ``simulate`` was called with is in ``calls``."""
    module = ModuleType("tumorsim.simulation")
    module.calls = []

    def simulate(case, **keywords):
        module.calls.append(keywords)
        for step in (1, 2, 3, 4):
            keywords["progress"](Step(time=step * 21600.0, step=step, wall_seconds=step * 1.0))
        return SimpleNamespace(path=keywords["out"] or Path("case.vtkhdf"))

    module.simulate = simulate
    monkeypatch.setitem(sys.modules, "tumorsim.simulation", module)
    return module


@dataclass
class Step:
    time: float
    step: int
    wall_seconds: float
    duration: float = 86400.0
    dt: float = 30.0
    ledger_error: float = 3.2e-9


# help -------------------------------------------------------------------------------------------------------


def test_help_names_the_commands(command):
    status, out, _ = command("--help")
    assert status == 0
    for name in ("validate", "run", "info", "render", "agents", "devices"):
        assert name in out


def test_the_version_is_printed(command):
    assert command("--version") == (0, f"tumorsim {tumorsim.__version__}\n", "")


def test_help_imports_nothing_heavy():
    """Half a second is the limit; the machine's mood aside, that is a matter of what is imported."""
    root = Path(tumorsim.__file__).parents[1]
    code = (
        "import sys\n"
        "from tumorsim.cli import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        f"sys.stderr.write(' '.join(set(sys.modules) & {set(HEAVY)!r}))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert ran.stderr == ""


def test_the_package_is_light_and_its_rooms_open_when_asked():
    root = Path(tumorsim.__file__).parents[1]
    code = f"import sys, tumorsim; print(set(sys.modules) & {set(HEAVY)!r})"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert ran.stdout.strip() == "set()"
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        tumorsim.lod  # noqa: B018


# validate ---------------------------------------------------------------------------------------------------


def test_a_valid_config_shows_its_limits(command, case, tmp_path):
    (tmp_path / "case.toml").write_text(GOOD)
    status, out, _ = command("validate", "case.toml")
    assert status == 0
    assert "case.toml is valid" in out
    for text in ("1,000", "2.00 GiB", "12.5 s", "cfl × spacing / velocity", "note: something to know"):
        assert text in out


def test_all_problems_are_printed_with_status_2_and_no_traceback(command, case, tmp_path):
    (tmp_path / "case.toml").write_text(GOOD.replace('"24 h"', '"0 h"').replace("Doxil", "Doxill"))
    status, out, err = command("validate", "case.toml", "--set", "domain.spacing=[1]", "--set", "run.cfk=1")
    assert (status, out) == (2, "")
    assert err.startswith("error: 4 problems\n")
    assert "  domain.spacing = [1]\n    three values were expected\n    → Write x, y and z" in err
    assert '  run.duration = "0 h"\n    must be greater than 0\n    → Give for example "24 h"\n' in err
    assert '  agent.name = "Doxill"\n' in err
    assert 'Did you mean "cfl"?' in err
    assert "Traceback" not in err


def test_a_config_that_is_not_there_has_status_2(command, simulation):
    status, _, err = command("run", "nowhere.toml")
    assert status == 2
    assert "no such file" in err


# run --------------------------------------------------------------------------------------------------------


def test_a_run_passes_its_options_on_and_prints_the_file(command, simulation, tmp_path):
    (tmp_path / "case.toml").write_text(GOOD)
    status, out, err = command(
        "run", "case.toml", "--out", "x.vtkhdf", "--device", "numpy", "--resume", "--set", "run.cfl=0.2"
    )
    assert (status, out) == (0, "x.vtkhdf\n")
    (call,) = simulation.calls
    assert (call["out"], call["device"], call["resume"]) == (Path("x.vtkhdf"), "numpy", True)
    assert "Device numpy" in err


def test_without_a_terminal_progress_is_a_line_now_and_then(command, simulation, tmp_path):
    (tmp_path / "case.toml").write_text(GOOD)
    _, _, err = command("run", "case.toml", "--device", "numpy")
    lines = [line for line in err.splitlines() if "ledger" in line]
    assert len(lines) == 2  # the first, then the last; those between came within 10 s
    assert lines[1] == "24 h of 24 h, dt 30 s, took 4 s, ledger 3.2e-09"
    _, _, err = command("run", "case.toml", "--device", "numpy", "--no-progress")
    assert "ledger" not in err


def test_the_time_to_go_follows_the_pace_of_this_part_of_the_run():
    """A resumed run began at 12 h: a quarter of the 12 h left took 10 s, so 30 s remain."""
    now = Step(time=54000.0, step=9, wall_seconds=15.0)
    assert "30 s to go" in progress_line(now, first=(43200.0, 5.0))
    assert "..." in progress_line(now, first=(54000.0, 15.0))


def test_an_unknown_device_has_status_2(command, simulation, tmp_path):
    (tmp_path / "case.toml").write_text(GOOD)
    status, _, err = command("run", "case.toml", "--device", "gpu")
    assert status == 2
    assert 'device = "gpu"' in err


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NumericsError("pressure: no convergence at step 3"), 3),
        (DeviceError("no GPU"), 3),
        (StorageError("x.vtkhdf: disk full"), 4),
        (RenderError("no display"), 4),
        (MemoryError("Unable to allocate 3 TiB"), 3),
        (KeyboardInterrupt(), 130),
    ],
)
def test_expected_errors_have_their_status_and_no_traceback(command, simulation, tmp_path, error, status):
    def fail(*_, **__):
        raise error

    simulation.simulate = fail
    (tmp_path / "case.toml").write_text(GOOD)
    code, out, err = command("run", "case.toml", "--device", "numpy")
    assert (code, out) == (status, "")
    assert f"error: {error}" in err or status in (3, 130)
    assert "error: " in err
    assert "Traceback" not in err


def test_a_fault_of_ours_shows_its_traceback_and_asks_for_a_report(command, simulation, tmp_path):
    def fail(*_, **__):
        raise ZeroDivisionError("in the middle")

    simulation.simulate = fail
    (tmp_path / "case.toml").write_text(GOOD)
    status, _, err = command("run", "case.toml", "--device", "numpy")
    assert status == 1
    assert "ZeroDivisionError: in the middle" in err
    assert "please report" in err.lower()
    assert tumorsim.__version__ in err


def test_the_end_of_a_slurm_job_is_an_interrupt(command, simulation, tmp_path):
    def ended(*_, **__):
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    simulation.simulate = ended
    (tmp_path / "case.toml").write_text(GOOD)
    assert command("run", "case.toml", "--device", "numpy")[0] == 130
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_wrong_option_has_status_2(command):
    assert command("run")[0] == 2
    assert command("run", "x.toml", "--no-such")[0] == 2


# the rest ---------------------------------------------------------------------------------------------------


@pytest.fixture
def results(monkeypatch):
    """Stands in for ``tumorsim.results``."""
    module = ModuleType("tumorsim.results")
    number = {"value": 2.5e-6, "unit": "mol", "long_name": "agent in plasma"}
    module.Results = lambda path: SimpleNamespace(path=path)
    module.summary = lambda results: {
        "title": "a case",
        "made_by": {"tumorsim": "0.1.0", "git_commit": None},
        "ledger": {"plasma": number, "lymph": number | {"value": None}},
        "statistics": {},
        "vessels": {"segments": 3, "notes": ["lumen: 4 voxels count as full"]},
    }
    monkeypatch.setitem(sys.modules, "tumorsim.results", module)
    return module


def test_info_is_a_table_or_json(command, results):
    status, out, _ = command("info", "x.vtkhdf")
    assert status == 0
    assert "made by  tumorsim 0.1.0\n" in out
    assert "2.5e-06 mol" in out
    assert "agent in plasma" in out
    assert "vessels  lumen: 4 voxels count as full\n" in out
    assert "unknown" in out
    status, out, _ = command("info", "x.vtkhdf", "--json")
    assert json.loads(out)["ledger"]["plasma"]["value"] == 2.5e-6


@pytest.fixture
def drawn(results, monkeypatch):
    """What ``render`` asks to be drawn."""
    module, calls = ModuleType("tumorsim.render.scene"), []
    module.render_scene = lambda results, **keywords: calls.append(keywords) or keywords["out"]
    monkeypatch.setitem(sys.modules, "tumorsim.render.scene", module)
    return calls


def test_render_passes_its_options_on_and_prints_the_picture(command, drawn):
    options = ("--scene", "slices", "--time", "24 h", "--size", "400x300", "--cut", "0.5,0.4,1", "--log")
    status, out, _ = command("render", "run/x.vtkhdf", *options)
    assert (status, out) == (0, "x_slices.png\n")
    look = Look(scene="slices", time="24 h", size=(400, 300), cut=(0.5, 0.4, 1.0), log=True)
    assert drawn == [{"out": Path("x_slices.png"), "look": look, "other": None}]


def test_options_have_the_last_word_over_a_look(command, drawn, tmp_path):
    (tmp_path / "paper.toml").write_text('background = "light"\nazimuth = 30\n')
    assert command("render", "x.vtkhdf", "--look", str(tmp_path / "paper.toml"), "--azimuth", "10")[0] == 0
    assert drawn[0]["look"] == Look(background="light", azimuth=10.0)


@pytest.mark.parametrize(("option", "wrong"), [("--size", "large"), ("--cut", "0.5"), ("--limits", "1,2,3")])
def test_numbers_that_are_none_are_told(command, drawn, option, wrong):
    status, _, err = command("render", "x.vtkhdf", option, wrong)
    assert status == 2 and option in err and "numbers were expected" in err


def test_agents_are_listed_and_described(command):
    status, out, _ = command("agents")
    assert status == 0
    assert "Doxil" in out
    assert "85 nm" in out
    assert "doxorubicin" in command("agents", "Doxil")[1]
    status, _, err = command("agents", "Doxl")
    assert status == 2
    assert "Did you mean" in err


def test_agents_are_found_by_class_size_payload_and_status(command):
    _, out, err = command("agents", "--class", "liposome", "--payload", "doxo", "--smaller-than", "120 nm")
    assert "Doxil" in out and "ThermoDox" in out and "DaunoXome" not in out and "Myocet" not in out
    assert "2 agents" in err
    assert "Abraxane" in command("agents", "--status", "approved", "--larger-than", "100 nm")[1]
    assert command("agents", "--class", "submarine")[::2] == (0, "0 agents\n")
    assert json.loads(command("agents", "--class", "submarine", "--json")[1]) == []
    status, _, err = command("agents", "--smaller-than", "5 kg")
    assert status == 2 and "--smaller-than" in err


def test_agents_come_as_json_and_csv_with_what_follows_in_a_tissue(command):
    made = json.loads(command("agents", "Doxil", "--json")[1])
    assert made["values"]["diameter"]["quality"] == "recalled"
    assert made["derived"]["wall_permeability"]["value"] > 0
    every = json.loads(command("agents", "--derived", "--json")[1])
    assert len(every) == 77 and all(agent["derived"]["diffusivity"]["value"] > 0 for agent in every)
    rows = list(csv.DictReader(io.StringIO(command("agents", "--derived", "--csv", "--tissue", "normal")[1])))
    doxil = next(row for row in rows if row["name"] == "Doxil")
    assert float(doxil["derived wall_permeability [m/s]"]) == 0  # pores of 5 nm
    assert doxil["molar_mass [kg/mol]"] == ""


def test_moduli_of_binding_take_sites_and_a_dose(command):
    out = command("agents", "trastuzumab", "--binding-sites", "0.5 uM", "--dose", "1 umol")[1]
    assert "thiele vessels" in out
    status, _, err = command("agents", "trastuzumab", "--dose", "1 umol")
    assert status == 2 and "need sites, a dose" in err
    Path("case.toml").write_text(GOOD.replace('"tumour"\n', '"tumour"\nregions.tumour.binding_sites = "0.5 uM"\n')
        .replace('"Doxil"', '"trastuzumab"').replace("50 mg", "1 umol"))  # fmt: skip
    assert command("agents", "--config", "case.toml", "--dose", "1 umol")[1] == out


def test_agents_of_ones_own_file_and_of_a_case(command, tmp_path):
    (tmp_path / "own.toml").write_text(
        '[mine]\nclass = "x"\ndiameter = "60 nm"\nplasma_half_lives = ["9 h"]\n'
    )
    assert "mine" in command("agents", "--file", "own.toml")[1]
    assert "60 nm" in command("agents", "mine", "--file", "own.toml")[1]
    (tmp_path / "case.toml").write_text(GOOD.replace('name = "Doxil"', 'name = "mine"\nfile = "own.toml"'))
    assert "60 nm" in command("agents", "--config", "case.toml")[1]
    status, _, err = command("agents", "Doxil", "--tissue", "tumor")
    assert status == 2 and '"tumour"' in err


def test_devices_say_whether_they_can_be_used(command):
    status, out, _ = command("devices")
    assert status == 0
    assert [line.split()[1] for line in out.splitlines() if line.split()[:1] == ["numpy"]] == ["yes"]


def test_python_m_tumorsim_is_the_command_line():
    root = Path(tumorsim.__file__).parents[1]
    ran = subprocess.run(
        [sys.executable, "-m", "tumorsim", "--version"], capture_output=True, text=True, cwd=root, check=True
    )
    assert ran.stdout == f"tumorsim {tumorsim.__version__}\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.01234, "0.0123 s"), (90, "90 s"), (150, "2.5 min"), (7200, "2 h"), (86400, "24 h"), (259200, "3 d")],
)
def test_times_are_shown_in_a_unit_of_their_size(seconds, text):
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1234567, "1", "1,234,567"),
        (0.5, "1", "0.5"),
        (None, "m", "unknown"),
        (8.5e-8, "m", "85 nm"),
        (1536 * 2**10, "B", "1.5 MiB"),
        (3.1e-14, "m^2/(Pa s)", "3.1e-14 m^2/(Pa s)"),
    ],
)
def test_numbers_are_shown_with_their_unit(value, unit, text):
    assert shown(value, unit) == text
