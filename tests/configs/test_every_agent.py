"""Every agent of the catalogue runs, in every mode of the wall and with every model of the matrix, or names the
value that it lacks."""

import numpy as np
import pytest

import tumorsim
from tumorsim.agents.catalogue import agent_names, load_agent
from tumorsim.agents.interstitium import MATRIX_MODELS, PARTITION_MODELS, RETARDATION_MODELS
from tumorsim.agents.release import release_laws
from tumorsim.errors import ConfigError
from tumorsim.sinks.ledger import TOLERANCE, closure
from tumorsim.vessels.hindrance import PORE_MODELS

CASE = """
[domain]
size = ["0.4 mm", "0.3 mm", "0.2 mm"]
spacing = "100 um"
[tissue]
background = "tumour"
[agent]
name = '{name}'
[dosing]
dose = "{dose}"
[run]
duration = "1 h"
max_step = "10 min"
[output]
fields = ["free"]
"""


@pytest.fixture
def run(tmp_path):
    def hour(name, *overrides, dose="1 umol"):
        path = tmp_path / "hour.toml"
        path.write_text(CASE.format(name=name, dose=dose))
        case = tumorsim.load(path, overrides=overrides)
        results = tumorsim.simulate(case, out=tmp_path / "hour.vtkhdf", device="numpy")
        return case, np.asarray(results.field("free", time="1 h"))

    return hour


@pytest.mark.parametrize("name", agent_names())
def test_every_agent_runs_for_an_hour(run, name):
    case, free = run(name)
    assert np.all(free > 0)
    assert free.max() < case.plasma.dose / case.plasma.volume


def carriers():
    """Agents that let go of a drug which the catalogue knows."""
    agents = [load_agent(name) for name in agent_names()]
    return [a.name for a in agents if a.release_model != "none" and a.payload in agent_names()]


@pytest.mark.parametrize("name", carriers())
def test_every_carrier_and_its_drug_run_for_an_hour_and_their_books_close(run, name):
    drug = load_agent(name).payload
    uptake = ["drug.cell_uptake.efflux=0 1/s"] if drug == "doxorubicin" else []
    case, free = run(name, f"drug.name={drug}", *uptake)
    assert np.all(free > 0)
    ledger = tumorsim.open(case.config.path.parent / "hour.vtkhdf").ledger
    entries = {term: float(values[-1]) for term, values in ledger.items()}
    assert closure(entries) <= TOLERANCE["float32"]
    if release_laws(case.agent).outside is not None:  # else inside cells, where these particles do not get
        assert entries["drug_free"] > 0


@pytest.mark.parametrize(
    ("model", "values"),
    [
        ("weibull", {"release_time": "10 h", "release_shape": "0.6"}),
        ("zero-order", {"release_time": "0.5 h"}),
        ("biphasic", {"burst_fraction": "0.3", "burst_rate": "2 1/h", "release_rate": "0.01 1/h"}),
        ("pH", {"release_rate": "0.01 1/h", "triggered_release_rate": "1 1/h"}),
    ],
)
def test_a_carrier_releases_by_the_law_it_is_given(run, model, values):
    given = [f"agent.release_model={model}", *(f"agent.{key}={value}" for key, value in values.items())]
    case, _ = run("Doxil", "drug.name=doxorubicin", *given)
    ledger = tumorsim.open(case.config.path.parent / "hour.vtkhdf").ledger
    assert ledger["released"][-1] > 0
    if model == "zero-order":
        assert ledger["free"][-1] < 1e-3 * ledger["released"][-1]  # after half an hour nothing is left


MODES = [
    *({"matrix_model": model} for model in MATRIX_MODELS),
    *({"partition_model": model} for model in PARTITION_MODELS),
    *({"retardation_model": model} for model in RETARDATION_MODELS),
    *({"wall_mode": "pores", "pore_model": model} for model in PORE_MODELS),
    {"diameter_log_sd": 0.2},
    {"polydispersity_index": 0.1, "diameter_basis": "z_average", "wall_mode": "pores"},
    {"charge_factor": 0.5},
]


@pytest.mark.parametrize("models", MODES, ids=lambda models: "-".join(map(str, models.values())))
@pytest.mark.parametrize("name", ["Doxil", "trastuzumab", "free doxorubicin"])
def test_every_model_runs_or_names_what_is_missing(run, name, models):
    overrides = [f"agent.{key}={value}" for key, value in models.items()]
    if models.get("matrix_model") == "power_law" and not _knows_a_diffusivity(name):
        with pytest.raises(ConfigError) as caught:
            run(name, *overrides)
        assert [problem.key for problem in caught.value.problems] == ["agent.molar_mass"]
        return
    _, free = run(name, *overrides)
    assert np.all(free > 0)


def _knows_a_diffusivity(name):
    agent = load_agent(name)
    return agent.molar_mass is not None or agent.interstitial_diffusivity is not None


LACKING = {"diameter": "plasma_half_lives = ['12 h']", "plasma_half_lives": "diameter = '60 nm'"}


@pytest.mark.parametrize("missing", LACKING)
def test_an_agent_that_lacks_a_value_names_it(run, tmp_path, missing):
    (tmp_path / "own.toml").write_text(f'[mine]\nclass = "x"\n{LACKING[missing]}\n')
    with pytest.raises(ConfigError) as caught:
        run("mine", f"agent.file={tmp_path / 'own.toml'}")
    assert [problem.key for problem in caught.value.problems] == [f"agent.{missing}"]


def test_an_agent_of_ones_own_runs(run, tmp_path):
    (tmp_path / "own.toml").write_text(
        '[mine]\nclass = "liposome"\ndiameter = "60 nm"\nplasma_half_lives = ["12 h"]\n'
    )
    case, free = run("mine", f"agent.file={tmp_path / 'own.toml'}")
    assert np.all(free > 0)
    assert case.input_files == [tmp_path / "own.toml"]
    assert case.config.resolved()["agent"]["name"] == "mine"


def test_size_classes_add_up_to_the_mixture(run, tmp_path):
    """Each class runs with its own coefficients; the mixture with their means, at first the same flux out of blood."""
    mixture, free = run("Doxil", "agent.diameter_log_sd=0.15")
    total = 0.0
    for k, (case, weight) in enumerate(mixture.size_classes(3)):
        results = tumorsim.simulate(case, out=tmp_path / f"{k}.vtkhdf", device="numpy")
        total = total + weight * np.asarray(results.field("free", time="1 h"))
    # Filtration and diffusion share the flux, so the means are not exact, and three classes are few.
    np.testing.assert_allclose(total, free, rtol=0.02)
