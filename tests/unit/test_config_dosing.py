"""The plasma curve of a config: doses, tables, compartments, bodies and nuclides, and that a run follows it."""

import numpy as np
import pytest

import tumorsim
from tumorsim.agents.plasma import PlasmaCurve
from tumorsim.errors import ConfigError

HOUR = 3600.0
CONFIG = """
[domain]
size = ["0.4 mm", "0.4 mm", "0.3 mm"]
spacing = "100 um"
[tissue]
background = "tumour"
[agent]
{agent}
[dosing]
{dosing}
[run]
duration = "50 h"
max_step = "2 h"
precision = "float64"
"""
TRACER = 'diameter = "10 nm"\nplasma_half_lives = ["5 h"]'


@pytest.fixture
def make(tmp_path):
    def case(dosing, *, agent=TRACER, table=None):
        if table is not None:
            (tmp_path / "curve.csv").write_text(table)
        path = tmp_path / "dosed.toml"
        path.write_text(CONFIG.format(agent=agent, dosing=dosing))
        return tumorsim.load(path)

    return case


def problems(make, *given, **more):
    with pytest.raises(ConfigError) as caught:
        make(*given, **more)
    return {problem.key: problem for problem in caught.value.problems}


# curves -----------------------------------------------------------------------------------------------------


def test_doses_repeat_by_interval_or_by_list(make):
    counted = make('dose = "1 umol"\nevery = "10 h"\ncount = 3\ninfusion = "1 h"').plasma
    listed = make('dose = "1 umol"\ntimes = ["0 h", "20 h", "10 h"]\ninfusion = "1 h"').plasma
    times = np.linspace(0, 60 * HOUR, 77)
    np.testing.assert_allclose(counted.concentration(times), listed.concentration(times), rtol=1e-13)
    assert counted.landmarks == tuple(HOUR * t for t in (0, 1, 10, 11, 20, 21))
    assert counted.dose == pytest.approx(3e-6)


def test_a_table_stands_in_for_half_lives(make):
    table = "time [h], plasma [%ID/L]\n0, 30\n10, 3\n"
    case = make('dose = "1 umol"\nplasma_table = "curve.csv"', agent='diameter = "10 nm"', table=table)
    assert case.plasma.concentration(0.0) == pytest.approx(0.3 * 1e-6 / 1e-3)
    assert case.plasma.concentration(5 * HOUR) == pytest.approx(0.3e-3 * 10**-0.5)
    assert "curve.csv" in {path.name for path in case.input_files}


def test_a_decay_corrected_table_decays_again(make):
    table = "time [h], plasma [%ID/L]\n0, 30\n10, 30.0\n20, 15\n"
    dosing = 'dose = "1 MBq"\n[dosing.plasma_table]\nfile = "curve.csv"\ndecay_corrected = true'
    agent = 'diameter = "10 nm"\ndecay_half_life = "10 h"'
    curve = make(dosing, agent=agent, table=table).plasma
    np.testing.assert_allclose(curve.concentration(np.array([0, 10, 20]) * HOUR), [3e8, 1.5e8, 3.75e7], rtol=1e-12)


@pytest.mark.parametrize(
    "keys",
    [
        'clearance = "0.6 L/h"\nexchange = "0.3 L/h"\nperipheral_volume = "10 L"',
        'elimination = "0.2 1/h"\noutward = "0.1 1/h"\ninward = "0.03 1/h"',
    ],
)
def test_two_compartments_are_rates_or_clearances(make, keys):
    case = make(f'dose = "1 umol"\n[dosing.two_compartment]\n{keys}', agent='diameter = "10 nm"')
    expected = PlasmaCurve.two_compartment(
        1e-6, "mol", volume=3e-3, elimination=0.2 / HOUR, outward=0.1 / HOUR, inward=0.03 / HOUR
    )
    assert case.plasma.concentration(7 * HOUR) == pytest.approx(expected.concentration(7 * HOUR), rel=1e-12)


def test_half_lives_of_a_mouse_are_longer_in_a_human(make):
    curve = make('dose = "1 umol"\nhalf_lives_of = "mouse"').plasma
    half_life = 5 * HOUR * (70 / 0.025) ** 0.25
    assert curve.concentration(half_life) == pytest.approx(curve.concentration(0.0) / 2)


def test_a_heavier_body_has_more_plasma(make):
    assert make('dose = "1 umol"\nbody = "mouse"\nbody_mass = "30 g"').plasma.volume == pytest.approx(1.2e-6)


def test_a_radionuclide_gives_the_half_life_of_decay(make):
    case = make('dose = "1 MBq"\nwaiting = "219.54 min"', agent=f'{TRACER}\nradionuclide = "F-18"')
    assert case.agent.decay_half_life == pytest.approx(109.77 * 60)
    assert case.transport.kinetics.decay == pytest.approx(np.log(2) / (109.77 * 60))
    assert case.plasma.dose == pytest.approx(0.25e6)  # two half-lives in the vial


# faults -----------------------------------------------------------------------------------------------------

DOSE = 'dose = "1 umol"\n'


@pytest.mark.parametrize(
    ("dosing", "agent", "key", "said"),
    [
        ('times = ["0 h"]\ncount = 2', TRACER, "dosing.times", "given too"),
        ("count = 2", TRACER, "dosing.every", "required for 2 doses"),
        ('every = "1 h"', TRACER, "dosing.count", "no interval"),
        ("times = []", TRACER, "dosing.times", "no dose"),
        ('every = "1 d"\ncount = 4', TRACER, "dosing", "the last dose comes at 259200 s"),
        ('times = ["-1 h"]', TRACER, "dosing.times[0]", "at least 0"),
        ('two_compartment = { clearance = "1 L/h" }', 'diameter = "10 nm"', "dosing.two_compartment", "clearance is"),
        ('plasma_table = "none.csv"', 'diameter = "10 nm"', "dosing.plasma_table.file", "no such file"),
        ('plasma_table = "curve.csv"', TRACER, "agent.plasma_half_lives", "gives the plasma curve too"),
        ('plasma_table = "curve.csv"\nhalf_lives_of = "rat"', 'name = "Doxil"', "dosing.half_lives_of", "no half-lives"),
        ('half_lives_of = "cat"', TRACER, "dosing.half_lives_of", "unknown choice"),
        ('waiting = "1 h"', TRACER, "dosing.waiting", "nothing of this agent decays"),
        ("", f'{TRACER}\nradionuclide = "F-19"', "agent.radionuclide", "unknown choice"),
        ("", f'{TRACER}\nradionuclide = "F-18"\ndecay_half_life = "2 h"', "agent.decay_half_life", "its own"),
    ],
)
def test_a_fault_is_told_by_its_key_alone(make, dosing, agent, key, said):
    found = problems(make, DOSE + dosing, agent=agent, table="t [h], c [uM]\n0, 0.1\n1, 0.05\n")
    assert said in found[key].fault
    assert len(found) == 1


def test_a_faulty_line_of_a_table_is_named(make):
    table = "t [h], c [uM]\n0, 0.1\n1, high\n2, 0.05\n"
    found = problems(make, DOSE + 'plasma_table = "curve.csv"', agent='diameter = "10 nm"', table=table)
    assert "two numbers" in found["curve.csv, line 3"].fault


def test_a_table_that_holds_more_than_the_dose_is_refused(make):
    table = "t [h], c [uM]\n0, 10\n1, 5\n"
    found = problems(make, DOSE + 'plasma_table = "curve.csv"', agent='diameter = "10 nm"', table=table)
    assert "would hold 3e-05 mol" in found["dosing.plasma_table"].fault
    assert '"0.1 L" or less' in found["dosing.plasma_table"].cure


# runs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dosing", "agent", "table"),
    [
        ('dose = "1 umol"\nevery = "20 h"\ncount = 2\ninfusion = "1.5 h"', TRACER, None),
        ('dose = "1 umol"\nplasma_table = "curve.csv"', 'diameter = "10 nm"', "t [h], c [nM]\n0, 200\n9, 40\n"),
        (
            'dose = "1 umol"\n[dosing.two_compartment]\nelimination = "0.2 1/h"\noutward = "0.1 1/h"\n'
            'inward = "0.03 1/h"',
            'diameter = "10 nm"\nradionuclide = "Zr-89"',
            None,
        ),
    ],
)
def test_a_run_follows_the_curve(make, tmp_path, dosing, agent, table):
    """Its ledger holds what the curve says, and the tissue a part of it."""
    case = make(dosing, agent=agent, table=table)
    results = tumorsim.simulate(case, out=tmp_path / "run.vtkhdf", device="numpy")
    end = {name: float(values[-1]) for name, values in results.ledger.items()}
    for name in ("injected", "amount", "decayed"):
        stored = {"amount": "plasma", "decayed": "plasma_decayed"}.get(name, name)
        assert end[stored] == pytest.approx(float(getattr(case.plasma, name)(50 * HOUR)), rel=1e-12)
    assert 0 < end["free"] < end["injected"]
