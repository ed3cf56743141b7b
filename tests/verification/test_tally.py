"""Exposure and peak in a result are those of all its steps, not of its outputs alone."""

import numpy as np
import pytest

import tumorsim
from tumorsim.errors import ConfigError
from tumorsim.resources import configs_directory

COARSE = ["domain.spacing=1 mm", "run.duration=2 h", "run.max_step=5 min"]
FIELDS = (
    'output.fields=["free", "bound", "free_exposure", "free_peak", "bound_exposure", "internalised_peak"]'
)
QUICKSTART, THERMODOX = (configs_directory() / f"{name}.toml" for name in ("quickstart", "thermodox"))


def coarse(path, *changes):
    return tumorsim.load(path, overrides=[*COARSE, *changes])


def test_they_are_those_of_every_step(tmp_path):
    dense = tumorsim.simulate(coarse(QUICKSTART, "output.every=5 min"), out=tmp_path / "dense.vtkhdf")
    sparse = tumorsim.simulate(coarse(QUICKSTART, "output.every=2 h", FIELDS), out=tmp_path / "sparse.vtkhdf")
    assert len(dense.times) == 25 and len(sparse.times) == 2
    free = np.array([dense.field("free", step=k).astype(float) for k in range(25)])
    last = len(sparse.times) - 1
    exposure, peak = (sparse.field(f"free_{kind}", step=last) for kind in ("exposure", "peak"))
    assert np.abs(exposure - np.trapezoid(free, dense.times, axis=0)).max() <= 1e-5 * exposure.max()
    assert (peak == free.max(axis=0).astype(np.float32)).all()
    outputs_alone = np.trapezoid(free[[0, -1]], dense.times[[0, -1]], axis=0)
    assert np.abs(exposure - outputs_alone).max() > 0.01 * exposure.max(), "else this shows nothing"
    assert sparse.unit("free_exposure") == "kg s/m^3"
    assert not sparse.field("bound_exposure", step=last).any(), "nothing can bind there"


def test_a_drug_is_counted_too(tmp_path):
    fields = 'output.fields=["drug_free", "drug_in_cells", "drug_free_exposure", "drug_in_cells_peak"]'
    changes = ["domain.spacing=0.6 mm", "output.every=5 min", fields]
    results = tumorsim.simulate(coarse(THERMODOX, *changes), out=tmp_path / "drug.vtkhdf")
    cells = np.array([results.field("drug_in_cells", step=k) for k in range(len(results.times))])
    assert (results.field("drug_in_cells_peak", step=len(cells) - 1) >= cells.max(axis=0)).all()
    course = [results.field("drug_free_exposure", step=k).sum() for k in range(len(cells))]
    assert course[0] == 0 and (np.diff(course) > 0).all()


def test_a_resumed_run_goes_on_counting(interrupted):
    interrupted(coarse(QUICKSTART, "output.every=1 h", FIELDS, "run.checkpoint_every=0.0001 s"), reports=9)


def test_a_steady_state_has_none(tmp_path):
    changes = ["run.mode=steady", 'dosing.plasma_concentration="1 mg/L"', FIELDS]
    with pytest.raises(ConfigError, match="no course in time"):
        coarse(QUICKSTART, *changes)
