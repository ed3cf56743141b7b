"""Reading a result: what was written, at the time that was asked for, or an error that says what to do."""

import json
import subprocess
import sys

import h5py
import numpy as np
import pytest

from tumorsim.errors import ConfigError, StorageError
from tumorsim.fields import FIELDS, Field
from tumorsim.grid import Grid
from tumorsim.results import Results, summary, time_text
from tumorsim.sinks.fields import ResultFile
from tumorsim.vessels.network import Network

GRID = Grid((2, 3, 4), (3e-4, 2e-4, 1e-4), (0.0, 1e-3, 2e-3))
CONFIG = {
    "title": "Doxil in a test",
    "dosing": {"dose": {"value": 5e-5, "unit": "kg"}},
    "run": {"duration": 86400.0},
}
HOURS = (0.0, 3600.0, 43200.0, 86400.0)
NETWORK = Network(
    nodes=np.array([[0.0, 1e-3, 2e-3], [1e-4, 1e-3, 2e-3], [2e-4, 1e-3, 2.1e-3]]),
    segments=np.array([[0, 1], [1, 2]]),
    radius=np.array([5e-6, 4e-6]),
    pressure=np.array([3000.0, 2500.0, 2000.0]),
    source="tumour.vtp",
)


def free_at(time):
    return np.full(GRID.shape, time, np.float32)


def write(path, *, times=HOURS, network=None, config=CONFIG):
    file = ResultFile.create(
        path,
        grid=GRID,
        fields=[FIELDS["region"], FIELDS["free"]],
        amount_unit="kg",
        title="Doxil in a test",
        config_given='title = "Doxil in a test"  # ♥',
        config_resolved=config,
        provenance={"tumorsim": "0.1.0", "device": "numpy", "date": "2026-01-01T00:00:00+00:00", "seed": 0},
        region_names=["normal", "tumour"],
        statistics=[
            Field("tumour/mean_free", "{amount}/m^3", "mean"),
            Field("tumour/cv_free", "1", "variation"),
        ],
        ledger=[Field("injected", "{amount}", "dose given so far"), Field("free", "{amount}", "free in all")],
        network=network,
    )
    with file:
        for time in times:
            file.append(
                time,
                {"region": np.ones(GRID.shape, np.uint8), "free": free_at(time)},
                statistics={"tumour/mean_free": time, "tumour/cv_free": float("nan")},
                ledger={"injected": 2 * time, "free": time},
            )
    return path


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "doxil.vtkhdf")


@pytest.fixture
def results(path):
    return Results(path)


def test_it_tells_what_it_holds(results):
    assert results.title == "Doxil in a test"
    assert results.grid == GRID
    assert results.fields == ("region", "free")
    assert results.region_names == ("normal", "tumour")
    assert results.regions == {"normal": 0, "tumour": 1}
    assert results.amount_unit == "kg" and results.dose == 5e-5
    assert results.unit("free") == results.unit("tumour/mean_free") == "kg/m^3"
    assert results.unit("injected") == results.unit("free", of="ledger") == "kg"
    assert results.long_name("region") == "tissue region label"
    assert results.config == CONFIG
    assert results.config_text == 'title = "Doxil in a test"  # ♥'
    assert results.provenance["device"] == "numpy" and results.provenance["resumed"] == []
    np.testing.assert_array_equal(results.times, HOURS)
    assert list(results.steps) == [0, 1, 2, 3]
    assert results.network is None


@pytest.mark.parametrize(
    "asked, stored",
    [
        (None, 86400.0),
        (0.0, 0.0),
        (3600, 3600.0),
        ("1 h", 3600.0),
        ("0.5 day", 43200.0),
        ("20 min", 0.0),
        ("40 min", 3600.0),
        (86400.0 * (1 + 1e-9), 86400.0),  # a time computed by the caller may be off by rounding
    ],
)
def test_a_field_is_that_of_the_nearest_output(results, asked, stored):
    np.testing.assert_array_equal(results.field("free", time=asked), free_at(stored))


def test_a_field_by_step(results):
    np.testing.assert_array_equal(results.field("free", step=1), free_at(3600.0))
    np.testing.assert_array_equal(results.field("free", step=-1), free_at(86400.0))
    assert results.field("region", step=3).dtype == np.uint8


@pytest.mark.parametrize("time", [-1.0, "25 h", 1e9])
def test_a_time_beyond_the_outputs_is_refused(results, time):
    with pytest.raises(ConfigError, match=r"no output near this time\. The outputs go from 0 s to 24 h"):
        results.field("free", time=time)


@pytest.mark.parametrize("time", ["noon", "5", "5 m"])
def test_a_time_that_is_none_is_refused(results, time):
    with pytest.raises(ConfigError, match="24 h"):
        results.field("free", time=time)


@pytest.mark.parametrize("step", [4, -5])
def test_a_step_that_is_not_there_is_refused(results, step):
    with pytest.raises(ConfigError, match="the file holds 4 outputs"):
        results.field("free", step=step)


def test_the_total_is_the_sum_of_the_pools(results):
    assert (results.total(step=1) == results.field("free", step=1)).all()
    assert results.total().dtype == np.float64


def test_an_unknown_name_gets_a_hint(results):
    with pytest.raises(ConfigError, match=r"fre.*Did you mean free\?"):
        results.field("fre")
    with pytest.raises(ConfigError, match="There are region, free"):
        results.field("xyz")
    with pytest.raises(ConfigError, match=r"Did you mean tumour/mean_free\?"):
        results.unit("tumor/mean_free")


def test_series_have_one_number_per_output(results):
    np.testing.assert_array_equal(results.statistics["tumour/mean_free"], HOURS)
    np.testing.assert_array_equal(results.ledger["injected"], 2 * np.array(HOURS))
    assert set(results.ledger) == {"injected", "free"}


def test_the_network_comes_back_in_array_order(tmp_path):
    found = Results(write(tmp_path / "a.vtkhdf", network=NETWORK)).network
    for name in ("nodes", "segments", "radius", "pressure"):
        np.testing.assert_array_equal(getattr(found, name), getattr(NETWORK, name))
    assert found.flow is None and found.source == "tumour.vtp"
    with h5py.File(tmp_path / "a.vtkhdf") as file:
        np.testing.assert_array_equal(file["tumorsim/vessels/nodes"][2], [2.1e-3, 1e-3, 2e-4])  # x, y, z


def test_a_run_is_complete_when_it_reached_its_duration(tmp_path, results):
    assert results.complete
    assert not Results(write(tmp_path / "short.vtkhdf", times=HOURS[:2])).complete


def test_it_is_a_pleasure_at_the_prompt(tmp_path, results):
    shown = repr(results)
    assert "Doxil in a test" in shown and "4 × 3 × 2 voxels" in shown
    assert "4, 0 s to 24 h\n" in shown and "region, free" in shown and "normal, tumour" in shown
    assert "2, 0 s to 60 min (not complete)" in repr(Results(write(tmp_path / "b.vtkhdf", times=HOURS[:2])))


@pytest.mark.parametrize(
    "seconds, text",
    [(0, "0 s"), (90, "90 s"), (180, "3 min"), (3600, "60 min"), (86400, "24 h"), (259200, "3 d")],
)
def test_times_are_shown_in_a_fitting_unit(seconds, text):
    assert time_text(seconds) == text


def test_the_summary_is_fit_for_json(results):
    found = json.loads(json.dumps(summary(results), allow_nan=False))
    assert found["grid"]["shape"] == [4, 3, 2] and found["grid"]["spacing"] == [1e-4, 2e-4, 3e-4]
    assert found["outputs"] == 4 and found["complete"] is True
    assert found["statistics"]["tumour/mean_free"] == {
        "value": 86400.0,
        "unit": "kg/m^3",
        "long_name": "mean",
    }
    assert found["statistics"]["tumour/cv_free"]["value"] is None
    assert found["ledger"]["injected"]["value"] == 172800.0
    assert found["vessels"] is None or found["vessels"]["notes"] == list(results.network.notes)
    assert found["made_by"]["device"] == "numpy" and found["bytes"] > 0


def test_in_a_with_block_the_file_stays_open(results):
    with results as same:
        assert same is results
        np.testing.assert_array_equal(results.field("free", step=1), free_at(3600.0))
    np.testing.assert_array_equal(results.field("free", step=0), free_at(0.0))


def test_a_result_at_hand_does_not_stand_in_the_way_of_a_new_run(path, results):
    write(path, times=HOURS[:2])
    assert len(Results(path).times) == 2


def test_the_same_file_may_be_open_in_h5py_too(path, results):
    with h5py.File(path) as file:
        np.testing.assert_array_equal(results.field("free", step=1), file["VTKHDF/CellData/free"][1])


def test_without_outputs_there_is_nothing_to_read(tmp_path):
    results = Results(write(tmp_path / "empty.vtkhdf", times=()))
    assert len(results.times) == 0 and not results.complete
    assert "outputs  0 (not complete)" in repr(results)
    assert summary(results)["statistics"] == {}
    with pytest.raises(StorageError, match="holds no output"):
        results.field("free")


def test_a_missing_file_gets_a_hint(path):
    with pytest.raises(StorageError, match=r"no such file\. Did you mean doxil\.vtkhdf\?"):
        Results(path.with_name("doxl.vtkhdf"))
    with pytest.raises(StorageError, match="no such file"):
        Results(path.parent / "none" / "doxil.vtkhdf")
    with pytest.raises(StorageError, match="no such file"):
        Results(path.parent)


@pytest.mark.parametrize("content", [b"", b"plain text"])
def test_a_file_of_another_kind_is_refused(tmp_path, content):
    (tmp_path / "other.vtkhdf").write_bytes(content)
    with pytest.raises(StorageError, match="is not a tumorsim result"):
        Results(tmp_path / "other.vtkhdf")


def test_other_hdf5_files_are_refused(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1.0
    with pytest.raises(StorageError, match="is an HDF5 file, but not a tumorsim result"):
        Results(tmp_path / "other.h5")


def test_a_file_of_a_newer_kind_is_refused(path):
    with h5py.File(path, "r+") as file:
        file["tumorsim"].attrs["format"] = 99
    with pytest.raises(StorageError, match="newer tumorsim: update"):
        Results(path)


@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_a_truncated_file_is_called_damaged(path, part):
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(StorageError, match=r"is damaged.*copy it again"):
        Results(path)


def test_damage_inside_shows_when_it_is_read(path):
    with h5py.File(path) as file:
        chunk = file["VTKHDF/CellData/free"].id.get_chunk_info(1)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + chunk.size] = bytes(chunk.size)
    path.write_bytes(content)
    results = Results(path)
    np.testing.assert_array_equal(results.field("free", step=0), free_at(0.0))
    with pytest.raises(StorageError, match="is damaged"):
        results.field("free", step=1)


def test_reading_needs_neither_vtk_nor_pydantic_nor_pint(path):
    code = """if True:
        import sys
        from tumorsim.results import Results
        Results(sys.argv[1]).field("free", time=0.0)
        heavy = {"vtkmodules", "pyvista", "pydantic", "pint", "scipy", "matplotlib", "cupy"} & set(sys.modules)
        assert not heavy, heavy
    """
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
