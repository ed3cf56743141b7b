"""Every shipped config runs, closes its ledger, stays positive, and writes a file that VTK and h5py read alike."""

from pathlib import Path

import h5py
import numpy as np
import pytest

import tumorsim
from tumorsim.resources import configs_directory
from tumorsim.results import Results
from tumorsim.sinks.ledger import TOLERANCE, closure

CONFIGS = sorted(configs_directory().glob("*.toml"))
COARSE = {
    "quickstart": ["domain.spacing=300 um"],
    "baxter_jain_sphere": ["domain.spacing=400 um"],
    "tumour_network": ["domain.spacing=20 um"],
    "capillary_bed": ["domain.spacing=20 um"],
    "tracer_washout": ["domain.spacing=20 um", "run.max_step=1 min"],
    "vessel_normalisation": ["domain.spacing=100 um"],
    "binding_site_barrier": ["domain.spacing=40 um"],
    "perivascular_antibody": ["domain.spacing=4 um"],
    "thermodox": ["domain.spacing=300 um"],
    "thermodox_focus": ["domain.spacing=2 mm"],
    "thermodox_capillary": ["domain.spacing=4 um"],
    "spheroid_on_chip": ["domain.spacing=50 um"],
    "intratumoural_infusion": ["domain.spacing=500 um"],
    "generated_tumour": [
        'domain.size=["0.6 mm", "0.6 mm", "0.6 mm"]',
        "domain.spacing=30 um",
        "vessels.generated.feeders=2",
    ],
}
"""A grid small enough for a test."""


@pytest.fixture
def run_coarse(tmp_path, fork):
    """Run a shipped config on its coarse grid for 2 h; networks are a hand-made fork of three vessels."""

    def run(path: Path, *overrides: str) -> Results:
        chosen = [*COARSE[path.stem], "run.duration=2 h", "output.every=1 h", *overrides]
        if 'model = "network"' in path.read_text():
            chosen.append(f"vessels.file={fork}")
        case = tumorsim.load(path, overrides=chosen)
        return tumorsim.simulate(case, out=tmp_path / f"{path.stem}.vtkhdf")

    return run


def test_every_shipped_config_is_tested():
    assert {path.stem for path in CONFIGS} == set(COARSE)


@pytest.mark.parametrize("precision", TOLERANCE)
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_conserves_and_stays_positive(path, precision, run_coarse):
    results = run_coarse(path, f"run.precision={precision}")
    assert list(results.times) == [0.0, 3600.0, 7200.0]
    for step in range(len(results.times)):
        entries = {name: float(values[step]) for name, values in results.ledger.items()}
        assert closure(entries) <= TOLERANCE[precision]
    came = entries["initial"] + entries["entered"] - entries["boundary"]
    assert came > 0, "something was injected, left the blood, or came in through a face"
    for name in ("free", "bound", "internalised"):
        assert results.field(name).min() >= 0


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_result_is_read_alike_by_vtk_and_h5py(path, run_coarse):
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOHDF import vtkHDFReader

    results = run_coarse(path)
    reader = vtkHDFReader()
    reader.SetFileName(str(results.path))
    reader.UpdateInformation()
    assert reader.GetNumberOfSteps() == len(results.times)
    for step in range(len(results.times)):
        reader.SetStep(step)
        reader.Update()
        image = reader.GetOutput()
        assert image.GetCellData().GetNumberOfArrays() == len(results.fields)
        for name in results.fields:
            expected = results.field(name, step=step)
            found = vtk_to_numpy(image.GetCellData().GetArray(name)).reshape(expected.shape)
            assert np.array_equal(found, expected), f"{name} at step {step}"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_dataset_has_a_unit_and_a_meaning(path, run_coarse):
    results = run_coarse(path)
    bare = []

    def look(name, item):
        if isinstance(item, h5py.Dataset) and not {"units", "long_name"} <= set(item.attrs):
            bare.append(name)

    with h5py.File(results.path) as file:
        file.visititems(look)
    assert not bare
