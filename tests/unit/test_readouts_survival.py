"""Survival of a result's cells: the models on curves that are known, and what a user has to say."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

import tumorsim
from tumorsim.errors import ConfigError
from tumorsim.readouts.effect import saturating_kill
from tumorsim.readouts.survival import MODELS, survival_report
from tumorsim.resources import configs_directory
from tumorsim.simulation import simulate

HOUR, FEMTOGRAM = 3600.0, 1e-18
GIVEN = {
    "peak": {"sensitivity": "50 1/fg", "exponent": "1.2"},
    "exposure": {"sensitivity": "20 1/(fg h)"},
    "saturating": {"fastest": "0.1 1/h", "half": "0.02 fg"},
    "hill": {"half": "0.02 fg", "exponent": "2", "most": "0.9"},
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Doxil in the quickstart, whose necrosis has no cells."""
    overrides = [
        "drug.name=doxorubicin",
        "drug.cell_uptake.dna_on=1e-3 1/s",
        "drug.cell_uptake.dna_off=1e-4 1/s",
    ]
    overrides += ["domain.spacing=500 um", "run.duration=2 h", "output.every=1 h"]
    case = tumorsim.load(configs_directory() / "quickstart.toml", overrides=overrides)
    return simulate(case, out=tmp_path_factory.mktemp("survival") / "doxil.vtkhdf")


@pytest.mark.parametrize("model", MODELS)
def test_every_voxel_follows_the_model(results, model):
    report = survival_report(results, model, GIVEN[model])
    z, y, x = np.argwhere(results.field("region") == results.regions["tumour"])[0]
    held = [results.field("drug_in_cells", step=k) + results.field("drug_on_dna", step=k) for k in range(3)]
    q = np.array([each[z, y, x] for each in held], np.float64) / 1e15 / FEMTOGRAM
    area = (q[0] / 2 + q[1] + q[2] / 2) * 1.0  # fg h
    if model == "saturating":
        slope = [
            quad(lambda s, a=a, b=b: 1 - 0.02 / (a + (b - a) * s + 0.02), 0, 1)[0] for a, b in pairwise(q)
        ]
        expected = np.exp(-0.1 * sum(slope))
    else:
        expected = {
            "peak": np.exp(-((50 * q.max()) ** 1.2)),
            "exposure": np.exp(-20 * area),
            "hill": 1 - 0.9 * q.max() ** 2 / (0.02**2 + q.max() ** 2),
        }[model]
    assert report.survival[z, y, x] == pytest.approx(expected, rel=1e-6)  # the file is in float32
    assert 0 < expected < 0.999


def test_regions_have_the_mean_over_their_cells(results):
    report = survival_report(results, "peak", GIVEN["peak"])
    rows = {row[0]: dict(zip(report.table.columns, row, strict=True)) for row in report.table.rows}
    tumour = results.field("region") == results.regions["tumour"]
    assert rows["tumour"]["survival"] == pytest.approx(report.survival[tumour].mean())
    assert rows["tumour"]["cells"] == pytest.approx(1e15 * tumour.sum() * results.grid.voxel_volume)
    assert rows["tumour"]["log_kill"] == pytest.approx(-np.log10(rows["tumour"]["survival"]))
    assert rows["necrosis"]["cells"] == 0 and rows["necrosis"]["survival"] is None
    assert np.isnan(report.survival[results.field("region") == results.regions["necrosis"]]).all()


def test_fewer_cells_hold_more_each(results):
    all_of_them, few = (
        survival_report(results, "peak", GIVEN["peak"], cell_density=density) for density in (1e15, 1e14)
    )
    tumour = results.field("region") == results.regions["tumour"]
    assert (few.survival[tumour] < all_of_them.survival[tumour]).all()


@pytest.mark.parametrize(
    ("model", "given", "keys"),
    [
        ("peak", {}, ["--sensitivity", "--exponent"]),
        ("exposure", {"sensitivity": "1 1/h"}, ["--sensitivity"]),
        ("hill", {**GIVEN["hill"], "most": "1.5"}, ["--most"]),
        ("saturating", {**GIVEN["saturating"], "exponent": "1"}, ["--exponent"]),
        ("shoulder", {}, ["--model"]),
    ],
)
def test_what_is_missing_wrong_or_not_read_is_named(results, model, given, keys):
    with pytest.raises(ConfigError) as caught:
        survival_report(results, model, given)
    assert [problem.key for problem in caught.value.problems] == keys


def test_what_is_written(results, tmp_path):
    report = survival_report(results, "hill", GIVEN["hill"])
    assert {path.suffix for path in report.write(tmp_path)} == {".gz", ".png", ".csv", ".json"}
    assert all(path.stat().st_size > 100 for path in tmp_path.iterdir())


def test_saturating_kill_on_a_line_is_its_integral():
    for a, b in ((0.0, 5.0), (5.0, 0.0), (2.0, 2.0), (2.0, 2.0 + 1e-9)):
        mean, _ = quad(lambda s, a=a, b=b: (c := a + (b - a) * s) / (c + 0.7), 0, 1)
        found = saturating_kill(1.0, a, 3.0, fastest=0.4, half=0.7, end=b)
        assert found == pytest.approx(np.exp(-0.4 * 3 * mean), rel=1e-12)
