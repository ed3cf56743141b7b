"""Delivery: amounts, ratios, curves, heterogeneity, penetration, and the tables they go into."""

import csv
import json
import sys

import numpy as np
import pytest

from tumorsim.cli import main
from tumorsim.errors import ConfigError, StorageError
from tumorsim.grid import Grid
from tumorsim.readouts import course, heterogeneity
from tumorsim.readouts.blood import blood_volume_fraction
from tumorsim.readouts.delivery import (
    chosen_region,
    forms,
    reached_fraction,
    threshold_amount,
    uptake,
)
from tumorsim.readouts.exposure import curves, exposure, voxel_time_above
from tumorsim.readouts.penetration import depth_from_rim, penetration_depth, profile, vessel_distance
from tumorsim.readouts.report import delivery_report
from tumorsim.readouts.table import tabulate, write_csv
from tumorsim.vessels.network import Network

HOUR = 3600.0


# amounts and ratios -----------------------------------------------------------------------------------------


def test_uptake_of_a_uniform_tumour(make_result):
    normal, tumour = uptake(make_result(), threshold=1.0)
    assert tumour.mean == tumour.median == tumour.maximum == pytest.approx(2.0)
    assert tumour.amount == pytest.approx(2.0 * tumour.volume)
    assert tumour.percent_dose == pytest.approx(100 * 2.0 * tumour.volume)
    # 1 %ID/g is 1e4 of the dose per m³ at 1 g/mL
    assert tumour.percent_dose_per_gram == pytest.approx(2.0 / 1e4)
    assert tumour.to_host == pytest.approx(4.0)
    assert tumour.to_blood == pytest.approx(2.0 / 0.55)  # C_p = 1, blood 45 % cells
    assert (normal.reached, tumour.reached) == (0.0, 1.0)
    assert tumour.cv == pytest.approx(0, abs=1e-12)
    assert np.isnan(normal.to_host)


def test_percent_dose_per_gram_falls_with_density(make_result):
    light, heavy = (uptake(make_result(), density=rho)[1].percent_dose_per_gram for rho in (1000.0, 1250.0))
    assert heavy == pytest.approx(light / 1.25)


def test_volumes_of_regions_fill_the_box(make_result):
    results = make_result()
    assert sum(row.volume for row in uptake(results)) == pytest.approx(results.grid.volume)


def test_curves_are_the_statistics(make_result):
    points = [point for point in curves(make_result()) if point.region == "tumour"]
    assert [point.mean for point in points] == pytest.approx([0, 0.5, 1, 2])
    assert points[-1].to_blood == pytest.approx(2 / 0.55)


def test_exposure_to_a_linear_rise(make_result):
    results = make_result()
    tumour = exposure(results, threshold=0.5)[1]
    assert tumour.auc == pytest.approx(24 * HOUR)  # ½ · 2 · 24 h
    assert (tumour.peak, tumour.peak_time) == pytest.approx((2.0, 24 * HOUR))
    assert tumour.arrival_time == pytest.approx(2.4 * HOUR)
    assert tumour.time_above == tumour.voxel_time_above == pytest.approx(18 * HOUR)
    assert voxel_time_above(results, 0.5)[0, 0, 0] == 0


def test_forms_add_up(make_result):
    rows = forms(make_result())
    assert [(row.region, row.form, row.share) for row in rows] == [
        ("normal", "free", 1.0),
        ("tumour", "free", 1.0),
    ]
    assert rows[1].auc == pytest.approx(24 * HOUR)


def test_reached_fraction_may_count_cells():
    values, cells = np.array([0.0, 1.0, 2.0, 3.0]), np.array([5.0, 3.0, 1.0, 1.0])
    assert reached_fraction(values, 0.5) == 0.75
    assert reached_fraction(values, 0.5, weights=cells) == 0.5
    assert np.isnan(reached_fraction(values, 0.5, weights=0 * cells))


def test_thresholds_in_the_units_of_the_field(make_result):
    assert threshold_amount(make_result(), "1 uM") == pytest.approx(1e-3)
    assert threshold_amount(make_result(), "0.01 %/g") == pytest.approx(100.0)  # dose 1
    by_mass = make_result(amount_unit="kg", agent={"molar_mass": 0.5})
    assert threshold_amount(by_mass, "2 mM") == pytest.approx(1.0)
    assert threshold_amount(by_mass, "2 ug/mL") == pytest.approx(2e-3)
    with pytest.raises(ConfigError, match="threshold"):
        threshold_amount(make_result(), "2 ug/mL")


def test_tumour_is_the_default_region(make_result):
    assert chosen_region(make_result()) == "tumour"
    with pytest.raises(ConfigError, match='Did you mean "tumour"'):
        chosen_region(make_result(), "tumor")


def test_blood_volume_of_capillaries(make_result):
    # cylinders: volume over wall is r/2
    assert blood_volume_fraction(make_result(area_density=2e4)) == pytest.approx(0.05)


# curves -----------------------------------------------------------------------------------------------------


def test_time_above_is_exact_for_straight_lines():
    times, values = np.array([0.0, 1.0, 3.0, 4.0]), np.array([0.0, 2.0, 2.0, 0.0])
    assert course.time_above(times, values, 1.0) == pytest.approx(3.0)
    assert course.time_above(times, values, 2.0) == 0.0
    assert course.time_above(times, values, -1.0) == 4.0
    assert course.area(times, values) == pytest.approx(6.0)


def test_arrival_of_nothing_is_never():
    assert np.isnan(course.arrival_time(np.array([0.0, 1.0]), np.zeros(2)))
    assert course.arrival_time(np.array([5.0, 6.0]), np.array([1.0, 2.0])) == 5.0


# heterogeneity ----------------------------------------------------------------------------------------------


def test_even_and_concentrated_fields():
    even, single = np.ones(1000), np.eye(1, 1000)[0]
    assert heterogeneity.gini(even) == pytest.approx(0, abs=1e-12)
    assert heterogeneity.gini(single) == pytest.approx(1 - 1e-3)
    assert heterogeneity.entropy_deficit(even) == pytest.approx(0, abs=1e-12)
    assert heterogeneity.entropy_deficit(single) == pytest.approx(np.log(1000))
    assert heterogeneity.coefficient_of_variation(single) == pytest.approx(np.sqrt(999))


def test_exponential_distribution():
    """CV 1, Gini ½ and entropy deficit 1 − γ of an exponential distribution, by its quantiles."""
    values = -np.log1p(-(np.arange(200_000) + 0.5) / 200_000)
    # the midpoint quantiles miss a part ~ ln n / n of the tail
    assert heterogeneity.coefficient_of_variation(values) == pytest.approx(1, abs=1e-4)
    assert heterogeneity.gini(values) == pytest.approx(0.5, abs=1e-4)
    assert heterogeneity.entropy_deficit(values) == pytest.approx(1 - np.euler_gamma, abs=1e-4)


@pytest.mark.parametrize("measure", [heterogeneity.gini, heterogeneity.coefficient_of_variation])
def test_heterogeneity_does_not_depend_on_the_dose(measure):
    values = np.random.default_rng(1).gamma(2.0, size=100)
    assert measure(7 * values) == pytest.approx(measure(values))
    assert np.isnan(measure(np.zeros(4)))


# penetration ------------------------------------------------------------------------------------------------


def test_profile_of_an_exponential_decline():
    grid = Grid((1, 1, 4000), (1e-6,) * 3)
    distance = np.broadcast_to(grid.centers[2], grid.shape)
    falling = np.exp(-distance / 100e-6)
    shells = profile(falling, distance, inside=np.ones(grid.shape, bool), grid=grid, width=5e-6)
    assert shells.mean == pytest.approx(np.exp(-shells.middles / 100e-6), rel=1e-3)  # (width/λ)²/24
    # half of the first shell's value, which lies 2.5 µm deep
    assert penetration_depth(shells) == pytest.approx(2.5e-6 + 100e-6 * np.log(2), rel=1e-3)
    assert shells.volume.sum() == pytest.approx(grid.volume)


def test_no_half_depth_without_a_fall():
    grid = Grid((1, 1, 10), (1e-6,) * 3)
    distance = np.broadcast_to(grid.centers[2], grid.shape)
    flat = profile(np.ones(grid.shape), distance, inside=distance > 3e-6, grid=grid)
    assert np.isnan(penetration_depth(flat))
    assert np.isnan(flat.mean[0])  # no voxel so near


def test_depth_of_a_slab_is_exact():
    grid = Grid((4, 5, 20), (1e-4, 1e-4, 1e-5))
    x = np.broadcast_to(grid.centers[2], grid.shape)
    inside = x > 5e-5
    assert depth_from_rim(inside, grid)[inside] == pytest.approx((x - 5e-5)[inside])
    assert np.isinf(depth_from_rim(np.ones(grid.shape, bool), grid)).all()


def test_depth_of_a_sphere_ignores_its_core():
    grid = Grid((40, 40, 40), (5e-5,) * 3)
    r = grid.distance(grid.center)
    shell = (r < 0.8e-3) & (r > 0.3e-3)
    depth = depth_from_rim(shell, grid)
    # a staircase: within half a voxel
    assert np.abs(depth - (0.8e-3 - r))[shell].max() < 0.51 * 5e-5
    assert (depth[~shell] == 0).all()


def test_distance_to_a_vessel(make_result):
    line = Network(
        nodes=np.array([[0.0, 1e-3, 1e-3], [2e-3, 1e-3, 1e-3]]),
        segments=np.array([[0, 1]]),
        radius=np.array([5e-5]),
    )
    results = make_result(network=line)
    distance = vessel_distance(results)
    assert distance[10, 0, 10] == pytest.approx(np.hypot(9.5e-4, 0.5e-4) - 5e-5, abs=2.5e-5)
    assert vessel_distance(make_result(name="without")) is None


# tables and the command -------------------------------------------------------------------------------------


def test_report_has_agent_pressure_and_speed_along_the_radius(make_result):
    shells = delivery_report(make_result()).table("profiles").as_dict()["rows"]
    for name, value in (("agent", 2.0), ("pressure", 1500.0), ("speed", 2e-8 * np.sqrt(3))):
        means = [shell["mean"] for shell in shells if shell["field"] == name]
        assert len(means) > 5
        assert means == pytest.approx([value] * len(means))


def test_csv_names_units_and_leaves_missing_numbers_empty(make_result, tmp_path):
    table = tabulate("uptake", uptake(make_result()), amount_unit="mol")
    write_csv(table, tmp_path / "uptake.csv")
    with (tmp_path / "uptake.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert float(rows[1]["mean [mol/m^3]"]) == pytest.approx(2.0)
    assert rows[0]["to_host"] == ""
    with pytest.raises(StorageError, match="nowhere"):
        write_csv(table, tmp_path / "nowhere" / "uptake.csv")


@pytest.fixture
def command(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["tumorsim", "readouts", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return call


def test_command_writes_tables_and_figures(command, make_result, tmp_path):
    status, out, _ = command(make_result().path, "--threshold", "1 M")
    assert status == 0 and "tumour" in out and out.endswith("run_readouts\n")
    made = {path.name for path in (tmp_path / "run_readouts").iterdir()}
    assert {"uptake.csv", "curves.csv", "curves.png", "profiles_rim.png", "readouts.json"} <= made
    tables = json.loads((tmp_path / "run_readouts" / "readouts.json").read_text())
    assert tables["uptake"]["rows"][1]["reached"] == 0
    assert tables["uptake"]["columns"]["amount"]["unit"] == "mol"


def test_command_prints_json_and_names_faults(command, make_result, tmp_path):
    path = make_result().path
    status, out, _ = command(path, "--json")
    assert status == 0 and json.loads(out)["exposure"]["rows"][1]["peak"] == pytest.approx(2.0)
    assert not (tmp_path / "run_readouts").exists()
    status, _, err = command(path, "--region", "tumor")
    assert status == 2 and "tumour" in err


def test_a_steady_state_has_no_dose(make_result):
    steady = make_result(times=(0.0,), free=lambda time, labels: labels, mode="steady")
    _, tumour = uptake(steady)
    assert np.isnan(tumour.percent_dose) and np.isnan(tumour.percent_dose_per_gram)
    assert tumour.mean == 1.0 and tumour.to_blood == pytest.approx(1 / (0.55 * 4.0))
    with pytest.raises(ConfigError, match="kg"):
        threshold_amount(make_result(amount_unit="kg", mode="steady", times=(0.0,)), "0.01 %/g")


def test_a_single_output_has_no_curves(make_result):
    report = delivery_report(make_result(times=(0.0,), free=lambda time, labels: labels))
    assert "curves" not in report.figures
    assert report.table("exposure").rows[1][1] == 0
