"""Dose of a result: as transported and as if evenly taken up, its files, and the command."""

import json
import sys
from math import exp

import nibabel
import numpy as np
import pytest

from tumorsim.cli import main
from tumorsim.readouts.activity import label
from tumorsim.readouts.dose_kernels import electron_kernel
from tumorsim.readouts.dose_report import dose_report
from tumorsim.readouts.dose_response import Radiobiology
from tumorsim.readouts.dosimetry import chosen_emissions, local, sphere_fraction
from tumorsim.readouts.nuclides import nuclide

LUTETIUM = nuclide("Lu-177")


@pytest.fixture
def stored(make_result):
    return make_result(free=lambda time, labels: 1.0 * labels, voxels=16, radius=0.5e-3)


def test_dose_of_a_result_that_is_even(stored):
    """Then transport-derived and uniform uptake agree, and the mean is A E φ/(λρ) with the sphere's φ."""
    of = label(stored, LUTETIUM, injected=1e12)
    report = dose_report(stored, of, region="tumour")
    rows = {(row.region, row.uptake): row for row in report.doses}
    transported, uniform = rows["tumour", "transported"], rows["tumour", "uniform"]
    assert transported.mean == pytest.approx(uniform.mean)
    kept = sphere_fraction(electron_kernel(LUTETIUM), 0.5e-3)
    # voxels of a fifth of the radius: see the orders in verify
    assert transported.mean == pytest.approx(19.65 * kept, rel=0.05)
    assert report.accounts.tail == pytest.approx(exp(-LUTETIUM.decay_rate * 86400), rel=1e-9)
    g = LUTETIUM.decay_rate / (LUTETIUM.decay_rate + Radiobiology().repair_rate)
    assert transported.bed == pytest.approx(transported.mean + g * _mean_square(report) / 10, rel=1e-3)


def _mean_square(report):
    inside = report.labels == 1
    return float((report.transported.total[inside] ** 2).mean())


def test_uneven_uptake_leaves_more_alive(make_result):
    def halves(time, labels):
        return np.where(np.indices(labels.shape)[2] < 8, 1.9, 0.1) * labels

    uneven = make_result(free=halves, voxels=16, radius=0.5e-3, spacing=3e-4)
    report = dose_report(
        uneven, label(uneven, LUTETIUM, injected=1e12), region="tumour", emitted=local(LUTETIUM)
    )
    transported, uniform = (row for row in report.doses if row.region == "tumour")
    assert transported.mean == pytest.approx(uniform.mean)
    assert transported.survival > 10 * uniform.survival
    assert transported.uniform_bed < uniform.uniform_bed


def test_kernels_are_chosen_by_name(tmp_path):
    assert chosen_emissions(LUTETIUM, "local")[0].kernel.reach == 0
    assert chosen_emissions(LUTETIUM, "nuclide")[0].kernel.reach > 1e-3
    (tmp_path / "k.txt").write_text("0.1 0.5\n0.2 1.0\n")
    assert chosen_emissions(LUTETIUM, str(tmp_path / "k.txt"))[0].kernel.reach == pytest.approx(2e-4)


@pytest.fixture
def command(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["tumorsim", "dose", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return call


def test_command_writes_maps_histogram_and_table(command, stored, tmp_path):
    status, out, _ = command(stored.path, "--nuclide", "Lu-177", "--activity", "1 TBq", "--no-tail")
    assert status == 0 and "uniform_bed" in out and "0 % of the decays come after" in out
    folder = tmp_path / "run_dose"
    maps = nibabel.load(folder / "dose.nii.gz").get_fdata()
    table = json.loads((folder / "dose.json").read_text())
    assert maps.max() == pytest.approx(max(row["maximum"] for row in table["doses"]["rows"]), rel=1e-6)
    assert {"dose.png", "dose_volume_histogram.png", "doses.csv", "energy.csv"} <= {
        path.name for path in folder.iterdir()
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--nuclide", "Lu177", "--activity", "1 GBq"), "Lu-177"),
        (("--nuclide", "Lu-177"), "activity"),
        (("--activity", "1 GBq"), "--nuclide"),
        (("--nuclide", "Lu-177", "--activity", "1 GBq", "--kernel", "nowhere.txt"), "kernel"),
        (("--nuclide", "Lu-177", "--activity", "0 GBq"), "above zero"),
    ],
)
def test_command_names_what_is_wrong(command, stored, arguments, said):
    status, _, err = command(stored.path, *arguments)
    assert status == 2 and said in err


def test_command_takes_the_nuclide_of_the_run(command, make_result, tmp_path):
    agent = {"decay_half_life": LUTETIUM.half_life, "radionuclide": "Lu-177"}
    path = make_result(agent=agent, amount_unit="Bq").path
    assert command(path)[0] == 0
    assert command(path, "--nuclide", "Lu-177", "--out", "named")[0] == 0
    assert (tmp_path / "named" / "doses.csv").read_text() == (tmp_path / "run_dose" / "doses.csv").read_text()
