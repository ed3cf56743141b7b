"""``tumorsim verify``: every case keeps its order, and a wrong coefficient does not get through."""

import json
import sys
from dataclasses import replace
from functools import partial

import pytest

from tumorsim.cli import main
from tumorsim.device.select import select_device
from tumorsim.errors import ConfigError, NumericsError, StorageError
from tumorsim.transport.reactions import Kinetics
from tumorsim.verify import (
    binding_front,
    bioheat,
    boundary_layer,
    cases,
    crank_sphere,
    gaussian_puff,
    injection,
    krogh_cylinder,
    line_source,
    manufactured_pressure,
    manufactured_transport,
    ogata_banks,
    patlak,
    point_source,
    released_sphere,
    spherical_tumour,
    thiele_sphere,
    translating_advection,
)
from tumorsim.verify.cases import CASES, run_cases, select_cases
from tumorsim.verify.convergence import Convergence, VerificationCase, converge, observed_order
from tumorsim.verify.figure import write_figure
from tumorsim.verify.report import COLUMNS, as_dict, table_row

DEVICE, _ = select_device("auto")
BY_NAME = {case.name: case for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case_keeps_its_order(case):
    result = converge(case, DEVICE, quick=True)
    assert result.passed, table_row(result)


# a check that can fail --------------------------------------------------------------------------------------

FAULT = 1.05
"""A coefficient wrong by a twentieth."""


def with_wrong(name):
    """``marching.stepper`` whose transport has one coefficient wrong, which the closed form does not know of."""

    def wrong(original, device, grid, *, properties, **rest):
        if name in Kinetics.__dataclass_fields__:
            kinetics = replace(properties.kinetics, **{name: FAULT * getattr(properties.kinetics, name)})
            properties = replace(properties, kinetics=kinetics)
        else:
            properties = replace(properties, **{name: FAULT * getattr(properties, name)})
        return original(device, grid, properties=properties, **rest)

    return wrong


TRANSPORT_FAULTS = [
    (ogata_banks, "ogata_banks", "decay"),
    (gaussian_puff, "gaussian_puff", "retardation"),
    (boundary_layer, "boundary_layer_long_steps", "diffusivity"),
    (manufactured_transport, "manufactured_transport", "diffusivity"),
    (manufactured_transport, "manufactured_transport", "wall_permeability_density"),
    (translating_advection, "translating_gaussian_van_leer", "retardation"),
    (translating_advection, "translating_square_wave_van_leer", "retardation"),
    (released_sphere, "released_sphere", "diffusivity"),
    (crank_sphere, "danckwerts_sphere", "decay"),
    (line_source, "line_source_transient", "uptake_rate"),
    (patlak, "patlak_lumped", "wall_reflection"),
    (patlak, "patlak_membrane", "wall_permeability_density"),
    (binding_front, "binding_front", "binding_sites"),
]


@pytest.mark.parametrize(
    ("module", "name", "coefficient"), TRANSPORT_FAULTS, ids=[f"{n}-{c}" for _, n, c in TRANSPORT_FAULTS]
)
def test_a_wrong_coefficient_of_transport_fails(monkeypatch, module, name, coefficient):
    monkeypatch.setattr(module, "stepper", partial(with_wrong(coefficient), module.stepper))
    assert not converge(BY_NAME[name], DEVICE, quick=True).passed


STEADY_FAULTS = [
    (thiele_sphere, "thiele_sphere", "loss"),
    (thiele_sphere, "thiele_sphere_voxels", "loss"),
    (krogh_cylinder, "krogh_zero_order", "source"),
    (krogh_cylinder, "krogh_first_order", "conductivity"),
    (krogh_cylinder, "krogh_voxels", "loss"),
    (line_source, "line_source", "loss"),
    (point_source, "point_source", "conductivity"),
    (manufactured_pressure, "manufactured_pressure", "conductivity"),
]


@pytest.mark.parametrize(
    ("module", "name", "coefficient"), STEADY_FAULTS, ids=[f"{n}-{c}" for _, n, c in STEADY_FAULTS]
)
def test_a_wrong_coefficient_of_a_steady_balance_fails(monkeypatch, module, name, coefficient):
    original = module.screened_poisson

    def wrong(device, grid, **given):
        return original(device, grid, **given | {coefficient: FAULT * given[coefficient]})

    monkeypatch.setattr(module, "screened_poisson", wrong)
    assert not converge(BY_NAME[name], DEVICE, quick=True).passed


@pytest.mark.parametrize("name", ["tumour_pressure_necrotic_embedded", "tumour_pressure_embedded_voxels"])
def test_a_wrong_wall_of_the_tumour_vessels_fails(monkeypatch, name):
    original = spherical_tumour.fluid

    def wrong(form, r, **rest):
        given = original(form, r, **rest)
        return replace(given, vessel_filtration=1.2 * given.vessel_filtration)

    monkeypatch.setattr(spherical_tumour, "fluid", wrong)
    assert not converge(BY_NAME[name], DEVICE, quick=True).passed


@pytest.mark.parametrize("name", [case.name for case in injection.CASES])
def test_a_wrong_rate_of_injection_fails(monkeypatch, name):
    original = injection.FluidProperties

    def wrong(conductivity, filtration=0.0, *, injection=0.0):
        return original(conductivity, filtration, injection=FAULT * injection)

    monkeypatch.setattr(injection, "FluidProperties", wrong)
    assert not converge(BY_NAME[name], DEVICE, quick=True).passed


@pytest.mark.parametrize("name", [case.name for case in bioheat.CASES])
def test_a_wrong_heat_capacity_of_blood_fails(monkeypatch, name):
    original = bioheat.solve_temperature

    def wrong(device, grid, tissue, **given):
        return original(device, grid, replace(tissue, perfusion=FAULT * tissue.perfusion), **given)

    monkeypatch.setattr(bioheat, "solve_temperature", wrong)
    assert not converge(BY_NAME[name], DEVICE, quick=True).passed


# what counts as passed --------------------------------------------------------------------------------------


def outcome(errors, *, expected=1.9, tolerance=1.0):
    case = VerificationCase(
        name="a", group="g", equation="V0", run=lambda device, n: errors[n], resolutions=(0, 1, 2),
        quick=(0, 1), expected_order=expected, tolerance=tolerance, norm="max",
    )  # fmt: skip
    return Convergence(case, (10, 20, 40), tuple(errors), 0.1)


def test_observed_order_is_the_slope_of_the_logarithms():
    assert observed_order((10, 20, 80), (3.0, 0.75, 3 / 64)) == pytest.approx(2)
    assert observed_order((10, 30), (9.0, 3.0)) == pytest.approx(1)


def test_order_and_error_both_have_to_do():
    assert outcome([4e-2, 1e-2, 2.5e-3]).passed
    assert not outcome([4e-2, 2e-2, 1e-2]).passed
    assert not outcome([4e-2, 1e-2, 2.5e-3], tolerance=1e-3).passed


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("expected", [1.9, None])
def test_an_error_that_is_not_finite_fails(bad, expected):
    assert not outcome([4e-2, bad, 1e-4], expected=expected).passed


def test_an_exact_scheme_is_held_to_its_tolerance_everywhere():
    exact = outcome([0.0, 1e-15, 1e-14], expected=None, tolerance=1e-13)
    assert exact.passed
    assert exact.order is None
    assert not outcome([1e-12, 1e-15, 1e-14], expected=None, tolerance=1e-13).passed


def test_numerics_that_break_off_fail_the_case_and_say_why():
    def broken(device, resolution):
        raise NumericsError("no convergence")

    result = converge(replace(CASES[0], run=broken), DEVICE, quick=True)
    assert not result.passed
    assert "no convergence" in table_row(result)[-1]


# the list, the files, the command ---------------------------------------------------------------------------


def test_names_are_unique_and_resolutions_three():
    assert len(BY_NAME) == len(CASES)
    for case in CASES:
        assert len(case.resolutions) == len(case.quick) == 3
        assert list(case.resolutions) == sorted(set(case.resolutions))
        assert case.quick[-1] <= case.resolutions[-1]


def test_cases_are_chosen_by_name_or_beginning():
    assert [case.name for case in select_cases(["krogh", "ogata_banks", "krogh_voxels"])] == [
        "krogh_zero_order", "krogh_first_order", "krogh_voxels", "ogata_banks",
    ]  # fmt: skip
    assert select_cases() == CASES
    with pytest.raises(ConfigError, match="ogata_banks"):
        select_cases(["ogatta_banks"])


@pytest.fixture
def verify(monkeypatch, capsys, tmp_path):
    """Run ``tumorsim verify`` in an empty folder: exit status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["tumorsim", "verify", "--quick", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return call


def test_command_prints_a_table_and_writes_json_and_figure(verify, tmp_path):
    status, out, _ = verify(
        "--only", "patlak_l", "--only", "thiele", "--only", "layered", "--json", "v.json", "--figure", "v.png"
    )
    assert status == 0
    for text in (*filter(None, COLUMNS), "patlak_lumped", "thiele_sphere", "pass"):
        assert text in out
    report = json.loads((tmp_path / "v.json").read_text())
    assert report["passed"] and report["quick"]
    assert report["device"]["name"] == DEVICE.name
    lumped, thiele, _, layered = report["cases"]
    assert lumped["order"] >= lumped["expected_order"] == 1.9
    assert layered["order"] is None
    assert len(thiele["errors"]) == len(thiele["resolutions"]) == 3
    assert (tmp_path / "v.png").read_bytes().startswith(b"\x89PNG")


def test_command_ends_with_status_3_when_a_case_fails(verify, monkeypatch, tmp_path):
    """The files are written nonetheless."""
    wrong = tuple(
        replace(case, run=lambda device, n: 1.0) for case in select_cases(["layered_medium", "krogh_zero"])
    )
    monkeypatch.setattr(cases, "CASES", (*wrong, BY_NAME["thiele_sphere"]))
    status, out, err = verify("--json", "v.json", "--figure", "v.svg")
    assert status == 3
    assert "FAIL" in out
    assert "2 of 3 cases failed" in err and "krogh_zero_order" in err
    report = json.loads((tmp_path / "v.json").read_text())
    assert [case["passed"] for case in report["cases"]] == [False, False, True]
    assert "failed" in (tmp_path / "v.svg").read_text()


def test_unknown_case_is_an_error_of_the_user(verify):
    status, _, err = verify("--only", "krohg_voxels")
    assert status == 2
    assert 'Did you mean "krogh_voxels"?' in err


def test_files_that_cannot_be_written_are_named(verify, tmp_path):
    assert verify("--only", "patlak_membrane", "--json", "nowhere/v.json")[0] == 4
    results = run_cases(select_cases(["patlak_membrane"]), DEVICE, quick=True)
    for name in ("nowhere/v.png", "v.doc"):
        with pytest.raises(StorageError, match=name):
            write_figure(tmp_path / name, results)


def test_json_has_no_number_that_json_lacks():
    results = [outcome([1.0, float("nan"), float("inf")])]
    entry = as_dict(results, DEVICE, quick=False)["cases"][0]
    assert entry["errors"] == [1.0, None, None]
    assert entry["order"] is None
    json.dumps(entry, allow_nan=False)
