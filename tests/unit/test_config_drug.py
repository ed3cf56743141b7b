"""[drug] and [heating] against the other tables: what does not fit is named, with its cure."""

import numpy as np
import pytest

import tumorsim
from tumorsim.errors import ConfigError
from tumorsim.resources import configs_directory

QUICKSTART = configs_directory() / "quickstart.toml"
DRUG = ["domain.spacing=500 um", "drug.name=doxorubicin"]
UPTAKE = "drug.cell_uptake.efflux=0 1/s"
HEAT = ["heating.temperature=42 degC", 'heating.regions=["tumour"]', "heating.duration=30 min"]
FOCUS = "kind='focus', full_width='3 mm'"
POWER = [
    "agent.name=ThermoDox",
    "heating.mode=power",
    "heating.duration=30 min",
    f"heating.sources=[{{{FOCUS}}}]",
    "heating.target.region=tumour",
    "heating.target.temperature=42 degC",
]
BLOODLESS = [f"tissue.regions.{name}.perfusion=0 1/s" for name in ("normal", "tumour", "necrotic")]
LIGHT = [
    "light.face=z_high",
    "light.release_rate=1 1/h",
    "light.penetration_depth=3 mm",
    "light.duration=10 min",
]


def faults(*overrides):
    """The keys of all problems, with their texts."""
    with pytest.raises(ConfigError) as error:
        tumorsim.load(QUICKSTART, overrides=[*DRUG, *overrides])
    return {problem.key: f"{problem.fault} {problem.cure}" for problem in error.value.problems}


@pytest.mark.parametrize(
    ("overrides", "key", "said"),
    [
        (["agent.release_model=none"], "agent.release_model", "never lets go"),
        (["agent.release_model=biphasic"], "agent.burst_fraction", "required"),
        (["run.mode=steady", 'dosing.plasma_concentration="1 kg/m^3"'], "run.mode", "no steady state"),
        (["drug.name=doxorubicine"], "drug.name", "doxorubicin"),
        (["drug.name=camptothecin", UPTAKE], "drug.cell_uptake.fastest", "those of doxorubicin"),
        (["dosing.dose=1 MBq", UPTAKE], "drug.cell_uptake", "activity"),
        (['dosing.times=["0 h", "5 h"]'], "dosing", "one dose"),
        (["dosing.closed_body=true"], "dosing.closed_body", "Remove one of the two"),
        (HEAT, "heating", "triggers nothing"),
        ([*HEAT, *LIGHT, "agent.name=ThermoDox"], "light", "[heating] is given too"),
        ([*HEAT, "agent.name=ThermoDox", 'heating.regions=["tumor"]'], "heating.regions", "tumour"),
        (["heating.duration=30 min", "agent.name=ThermoDox"], "heating.temperature", "required"),
        (["heating.duration=30 min", "agent.name=ThermoDox"], "heating.regions", "required"),
        ([*POWER, "heating.sources=[]"], "heating.sources", "required"),
        (
            [*POWER, f"heating.sources=[{{{FOCUS}, center=['9 mm', '0 mm', '0 mm']}}]"],
            "heating.sources[0].center",
            "outside",
        ),
        (
            [*POWER, "heating.sources=[{kind='region', region='core', power_density='1 W/cm^3'}]"],
            "heating.sources[0].region",
            "tumour",
        ),
        ([*POWER, "heating.target.region=tumor"], "heating.target.region", "tumour"),
        ([*POWER, "heating.target.temperature=37 degC"], "heating.target.temperature", "not above"),
        ([*POWER, "heating.boundary=no-flux", *BLOODLESS], "heating.boundary", "carries heat off"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_does_not_fit_is_named_with_its_cure(overrides, key, said):
    assert said in faults(*overrides)[key]


def test_the_drug_has_its_own_coefficients():
    """Doxorubicin, three quarters of it on albumin, against the liposome that brings it."""
    case = tumorsim.load(QUICKSTART, overrides=[*DRUG, UPTAKE])
    carrier, drug = case.transport, case._drug_transport
    free = 17 / 67
    assert drug.diffusivity.max() == pytest.approx(free * 7000e-12 / 60 + (1 - free) * 8.8e-12)
    assert drug.diffusivity.max() > 30 * carrier.diffusivity.max()
    assert drug.wall_permeability_density.max() > 1e3 * carrier.wall_permeability_density.max()
    assert case.pool_names == ("free", "bound", "internalised", "drug_free", "drug_in_cells", "drug_on_dna")


def test_what_is_in_carriers_and_what_is_free_in_blood_come_from_one_dose():
    case = tumorsim.load(QUICKSTART, overrides=[*DRUG, "drug.unencapsulated=0.1"])
    assert case.plasma.injected(3600.0) == pytest.approx(0.9 * case.dose)
    assert case.drug_plasma.amount(0.0) == pytest.approx(0.1 * case.dose)
    gone = case.drug_plasma.injected(1e7) / case.dose
    assert 0.1 < gone < 1  # the rest left the blood in its carriers


def test_without_a_drug_there_is_none():
    case = tumorsim.load(QUICKSTART)
    assert case.drug is None and case.drug_plasma is None and case.levels is case.plasma


def test_deposited_power_heats_unevenly_and_release_follows():
    """A focus that is scaled to 42 °C on the mean: hottest in the middle, warm around it."""
    case = tumorsim.load(QUICKSTART, overrides=[*DRUG, *POWER])
    tumour = case.regions.mask("tumour")
    assert case.temperature[tumour].mean() == pytest.approx(315.15, abs=1e-4)
    rate = case.release.triggered_rate
    assert rate[case.temperature > 316].min() > 0.95 * 0.08  # k_hi; the logistic is 0.97 there
    assert rate[case.temperature < 311].max() < 1e-3 * 0.08
    assert "temperature" in case.field_names


def test_prescribed_heat_has_a_temperature_too():
    case = tumorsim.load(QUICKSTART, overrides=[*DRUG, *HEAT, "agent.name=ThermoDox"])
    assert set(np.unique(case.temperature)) == {310.15, 315.15} and case.heat is None
    assert "temperature" not in tumorsim.load(QUICKSTART).field_names
