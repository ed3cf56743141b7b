"""The result file: what is written is read back by h5py and by VTK, whatever ends the writing."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from tumorsim.errors import StorageError
from tumorsim.fields import FIELDS, Field
from tumorsim.grid import Grid
from tumorsim.results import Results
from tumorsim.sinks.fields import ResultFile, recover
from tumorsim.vessels.network import Network

GRID = Grid((3, 4, 5), (3e-4, 2e-4, 1e-4), (0.3, 0.2, 0.1))
NAMES = ("region", "velocity", "pressure", "free")
STATISTICS = [Field("tumour/mean_free", "{amount}/m^3", "mean"), Field("tumour/volume", "m^3", "volume")]
LEDGER = [Field("injected", "{amount}", "dose given so far")]


def fields_at(step, grid=GRID):
    """What output ``step`` holds: the region, pressure and velocity are the same at all."""
    fixed, moving = np.random.default_rng(99), np.random.default_rng(step)
    return {
        "region": fixed.integers(0, 3, grid.shape).astype(np.uint8),
        "velocity": fixed.standard_normal((*grid.shape, 3)),
        "pressure": fixed.random(grid.shape),
        "free": moving.random(grid.shape),
    }


def create(path, *, grid=GRID, **options):
    return ResultFile.create(
        path,
        grid=grid,
        fields=[FIELDS[name] for name in NAMES],
        amount_unit="mol",
        title="a test",
        config_given='title = "a test"',
        config_resolved={"title": "a test", "run": {"duration": 20.0}},
        provenance={"tumorsim": "0.1.0", "kernels": {"diffusion": "ab"}},
        region_names=["normal", "tumour", "necrosis"],
        statistics=STATISTICS,
        ledger=LEDGER,
        **options,
    )


def append(file, step, grid=GRID, fields=None):
    numbers = {"tumour/mean_free": step + 0.5, "tumour/volume": 1e-9}
    given = fields_at(step, grid) if fields is None else fields
    file.append(step * 10.0, given, statistics=numbers, ledger={"injected": step * 2.0})


def written(path, outputs, **options):
    with create(path, **options) as file:
        for step in range(outputs):
            append(file, step)
    return path


def read_by_vtk(path):
    """Times, and at each all arrays and the geometry, from ``vtkHDFReader``; fails on any complaint."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkCommonExecutionModel import vtkStreamingDemandDrivenPipeline
    from vtkmodules.vtkIOHDF import vtkHDFReader

    complaints = []
    reader = vtkHDFReader()
    for event in ("ErrorEvent", "WarningEvent"):
        reader.AddObserver(event, lambda *_: complaints.append("complaint"))
    reader.SetFileName(str(path))
    reader.UpdateInformation()
    times = reader.GetOutputInformation(0).Get(vtkStreamingDemandDrivenPipeline.TIME_STEPS())
    steps = []
    for moment in times or ():
        reader.UpdateTimeStep(moment)
        image = reader.GetOutput()
        cells = image.GetCellData()
        names = [cells.GetArrayName(k) for k in range(cells.GetNumberOfArrays())]
        geometry = (image.GetExtent(), image.GetOrigin(), image.GetSpacing())
        steps.append(({name: vtk_to_numpy(cells.GetArray(name)).copy() for name in names}, geometry))
    assert not complaints
    return times, steps


@pytest.mark.parametrize("compression", ["gzip", "none"])
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("outputs", [1, 2, 4])
def test_vtk_reads_every_field_at_every_step_bit_for_bit(tmp_path, outputs, precision, compression):
    path = written(tmp_path / "a.vtkhdf", outputs, precision=precision, compression=compression)
    times, steps = read_by_vtk(path)
    assert list(dict.fromkeys(times)) == [10.0 * k for k in range(outputs)]
    for k in range(outputs):
        arrays, (extent, origin, spacing) = steps[k]
        assert (extent, origin, spacing) == ((0, 5, 0, 4, 0, 3), (0.1, 0.2, 0.3), (1e-4, 2e-4, 3e-4))
        assert set(arrays) == set(NAMES)
        for name, expected in fields_at(k).items():
            dtype = np.uint8 if name == "region" else precision
            assert arrays[name].dtype == dtype
            shape = (GRID.voxels, 3) if name == "velocity" else (GRID.voxels,)
            np.testing.assert_array_equal(arrays[name], expected.astype(dtype).reshape(shape))


def test_vtk_needs_two_steps_so_a_single_output_is_listed_twice_without_a_second_copy(tmp_path):
    path = written(tmp_path / "a.vtkhdf", 1)
    assert read_by_vtk(path)[0] == (0.0, 0.0)
    with h5py.File(path) as file:
        assert file["VTKHDF/CellData/free"].shape[0] == 1
    assert len(Results(path).times) == 1


def test_pyvista_opens_it(tmp_path):
    import pyvista

    image = pyvista.read(written(tmp_path / "a.vtkhdf", 2))
    assert image.dimensions == (6, 5, 4)
    assert image.cell_data["free"].size == GRID.voxels


def test_h5py_reads_every_output_bit_for_bit(tmp_path):
    results = Results(written(tmp_path / "a.vtkhdf", 3))
    for k in range(3):
        for name, expected in fields_at(k).items():
            dtype = np.uint8 if name == "region" else np.float32
            np.testing.assert_array_equal(results.field(name, step=k), expected.astype(dtype))
    np.testing.assert_array_equal(results.times, [0.0, 10.0, 20.0])
    np.testing.assert_array_equal(results.statistics["tumour/mean_free"], [0.5, 1.5, 2.5])
    np.testing.assert_array_equal(results.ledger["injected"], [0.0, 2.0, 4.0])


def test_a_field_that_does_not_change_is_stored_once(tmp_path):
    with h5py.File(written(tmp_path / "a.vtkhdf", 4)) as file:
        slabs = {name: data.shape[0] for name, data in file["VTKHDF/CellData"].items()}
        offsets = {name: list(data) for name, data in file["VTKHDF/Steps/CellDataOffsets"].items()}
    assert slabs == {"region": 1, "velocity": 1, "pressure": 1, "free": 4}
    assert offsets["pressure"] == [0, 0, 0, 0] and offsets["free"] == [0, 1, 2, 3]


def test_a_field_left_out_keeps_its_values(tmp_path):
    with create(tmp_path / "a.vtkhdf") as file:
        append(file, 0)
        append(file, 1, fields={"free": fields_at(1)["free"]})
        append(file, 2, fields={})
    times, steps = read_by_vtk(tmp_path / "a.vtkhdf")
    assert len(times) == 3
    np.testing.assert_array_equal(steps[2][0]["pressure"], fields_at(0)["pressure"].astype("f4").ravel())
    np.testing.assert_array_equal(steps[2][0]["free"], fields_at(1)["free"].astype("f4").ravel())


def test_every_dataset_has_units_and_a_long_name(tmp_path):
    network = Network(np.array([[0.3, 0.2, 0.1], [0.301, 0.2, 0.1]]), np.array([[0, 1]]), np.array([5e-6]))
    path = written(tmp_path / "a.vtkhdf", 2, network=network)
    seen = {}

    def look(name, item):
        if isinstance(item, h5py.Dataset):
            seen[name] = item.attrs["units"]
            assert isinstance(item.attrs["long_name"], str) and item.attrs["long_name"]

    with h5py.File(path) as file:
        file.visititems(look)
    assert seen["VTKHDF/Steps/Values"] == seen["tumorsim/ledger/time"] == "s"
    assert seen["VTKHDF/CellData/free"] == seen["tumorsim/statistics/tumour/mean_free"] == "mol/m^3"
    assert seen["VTKHDF/CellData/region"] == "1"
    assert seen["tumorsim/vessels/nodes"] == "m"


def test_the_header_is_that_of_vtkhdf(tmp_path):
    with h5py.File(written(tmp_path / "a.vtkhdf", 2)) as file:
        attributes = file["VTKHDF"].attrs
        assert list(attributes["Version"]) == [2, 2]
        kind = attributes.get_id("Type").get_type()
        assert not kind.is_variable_str() and kind.get_cset() == h5py.h5t.CSET_ASCII
        assert attributes["Type"] == b"ImageData"
        assert file["VTKHDF/Steps"].attrs["NSteps"] == 2
        assert file["VTKHDF/CellData/velocity"].shape[1:] == (*GRID.shape, 3)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 7, 1), (2, 1, 9)])
def test_flat_and_tiny_grids(tmp_path, shape):
    grid = Grid(shape, (1e-4, 1e-4, 1e-4))
    with create(tmp_path / "a.vtkhdf", grid=grid) as file:
        for k in range(2):
            append(file, k, grid)
    _, steps = read_by_vtk(tmp_path / "a.vtkhdf")
    np.testing.assert_array_equal(steps[1][0]["free"], fields_at(1, grid)["free"].astype("f4").ravel())


def test_wrong_calls_are_refused_and_change_nothing(tmp_path):
    with create(tmp_path / "a.vtkhdf") as file:
        with pytest.raises(ValueError, match="missing are region, velocity, pressure"):
            append(file, 0, fields={"free": fields_at(0)["free"]})
        append(file, 0)
        with pytest.raises(ValueError, match="cannot follow"):
            append(file, 0)
        with pytest.raises(ValueError, match=r"free of shape \(2, 2, 2\)"):
            append(file, 1, fields={"free": np.ones((2, 2, 2))})
        with pytest.raises(ValueError, match="was not declared"):
            append(file, 1, fields={"oxygen": np.ones(GRID.shape)})
        with pytest.raises(ValueError, match="ledger differ from those declared: injected"):
            file.append(10.0, {}, statistics={"tumour/mean_free": 1.0, "tumour/volume": 1.0})
        append(file, 1)
    assert len(Results(tmp_path / "a.vtkhdf").times) == 2


# while it is being written ----------------------------------------------------------------------------------


def test_it_can_be_viewed_while_it_grows(tmp_path):
    with create(tmp_path / "a.vtkhdf") as file:
        for k in range(3):
            append(file, k)
            times, steps = read_by_vtk(tmp_path / "a.vtkhdf")
            assert len(set(times)) == k + 1
            np.testing.assert_array_equal(steps[k][0]["free"], fields_at(k)["free"].astype("f4").ravel())


def run_python(code, *arguments, **options):
    """Run ``code`` in a process of its own, with this file's functions at hand."""
    start = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); from test_sinks_fields import *\n"
    )
    command = [sys.executable, "-c", start + code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def test_a_second_writer_is_refused_while_the_first_lives(tmp_path):
    with create(tmp_path / "a.vtkhdf") as file:
        append(file, 0)
        other = run_python("ResultFile.resume(Path(sys.argv[1]), 1)", tmp_path / "a.vtkhdf")
        assert "is open in another program" in other.communicate()[1]
        assert other.returncode != 0
        append(file, 1)
    assert len(Results(tmp_path / "a.vtkhdf").times) == 2


# killed, and resumed ----------------------------------------------------------------------------------------

ENDLESS = """
grid = Grid((12, 12, 12), (1e-4,) * 3)
file = create(Path(sys.argv[1]), grid=grid)
for step in range(10**6):
    append(file, step, grid)
    if step == 0:
        print("ready", flush=True)
"""


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_run_leaves_every_finished_output(tmp_path, seed):
    grid, path = Grid((12, 12, 12), (1e-4,) * 3), tmp_path / "a.vtkhdf"
    child = run_python(ENDLESS, path)
    assert child.stdout.readline() == "ready\n"
    time.sleep(random.Random(seed).uniform(0.0, 0.25))
    child.send_signal(signal.SIGKILL)
    child.communicate()
    with Results(path) as results:
        outputs = len(results.times)
        assert outputs > 0
        for k in {0, 1, outputs - 1} & set(range(outputs)):
            expected = fields_at(k, grid)
            for name in NAMES:
                wanted = expected[name].astype(results.field(name, step=k).dtype)
                np.testing.assert_array_equal(results.field(name, step=k), wanted)
        np.testing.assert_array_equal(results.ledger["injected"], 2.0 * np.arange(outputs))
    recover(path)  # does nothing but when the kill fell into the moment in which an output is listed
    times, steps = read_by_vtk(path)  # VTK crashes when there are more times than steps
    assert len(set(times)) == outputs
    np.testing.assert_array_equal(
        steps[outputs - 1][0]["free"], fields_at(outputs - 1, grid)["free"].astype("f4").ravel()
    )


MARKED = """
from tumorsim.sinks import fields as module
grid = Grid((16, 16, 16), (1e-4,) * 3)
file = create(Path(sys.argv[1]), grid=grid)
append(file, 0, grid)
module.release = lambda descriptor: False
append(file, 1, grid)
os._exit(0)
"""


def test_killed_while_the_mark_is_set_results_reads_it_and_vtk_after_recovery(tmp_path):
    path = tmp_path / "a.vtkhdf"
    run_python(MARKED, path).communicate(timeout=60)
    with pytest.raises(OSError, match="already open for write"):  # so does the HDF5 in VTK
        h5py.File(path)
    free = fields_at(1, Grid((16, 16, 16), (1e-4,) * 3))["free"].astype("f4")
    np.testing.assert_array_equal(Results(path).field("free"), free)
    assert recover(path)
    assert read_by_vtk(path)[0] == (0.0, 10.0)


@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_a_resumed_file_equals_an_uninterrupted_one(tmp_path, kept):
    whole = written(tmp_path / "whole.vtkhdf", 5)
    path = written(tmp_path / "a.vtkhdf", 3)
    with ResultFile.resume(path, kept, provenance={"device": "other"}) as file:
        assert file.outputs == kept
        if kept:
            assert len(set(read_by_vtk(path)[0])) == kept
        for k in range(kept, 5):
            append(file, k)
    a, b = Results(path), Results(whole)
    for k in range(5):
        for name in NAMES:
            assert a.field(name, step=k).tobytes() == b.field(name, step=k).tobytes()
    np.testing.assert_array_equal(a.times, b.times)
    np.testing.assert_array_equal(a.statistics["tumour/mean_free"], b.statistics["tumour/mean_free"])
    assert a.provenance["resumed"] == [{"device": "other"}] and a.provenance["tumorsim"] == "0.1.0"
    np.testing.assert_array_equal(read_by_vtk(path)[1][4][0]["free"], read_by_vtk(whole)[1][4][0]["free"])
    with h5py.File(path) as file:
        assert file["VTKHDF/CellData/pressure"].shape[0] == 1  # still stored once


def test_a_killed_run_can_be_resumed(tmp_path):
    path = tmp_path / "a.vtkhdf"
    dying = "file = create(Path(sys.argv[1])); [append(file, k) for k in range(3)]; os.kill(os.getpid(), 9)"
    child = run_python(dying, path)
    child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL
    with ResultFile.resume(path, 2) as file:
        append(file, 2)
        append(file, 3)
    assert len(read_by_vtk(path)[0]) == 4


def test_a_checkpoint_that_is_ahead_of_the_result_is_refused(tmp_path):
    path = written(tmp_path / "a.vtkhdf", 2)
    with pytest.raises(StorageError, match="holds 2 outputs, but the checkpoint was made after 3"):
        ResultFile.resume(path, 3)
    assert len(Results(path).times) == 2


def test_a_missing_result_cannot_be_resumed(tmp_path):
    with pytest.raises(StorageError, match=r"gone\.vtkhdf cannot be opened"):
        ResultFile.resume(tmp_path / "gone.vtkhdf", 1)


LISTING = """
from tumorsim.sinks import layout
file = create(Path(sys.argv[1]))
[append(file, k) for k in range(int(sys.argv[2]))]
number = layout._set_number

def killed(*arguments):
    if sys.argv[3] == "after":
        number(*arguments)
    os.kill(os.getpid(), 9)

layout._set_number = killed
append(file, int(sys.argv[2]))
"""


@pytest.mark.parametrize("outputs", [0, 1, 3])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_while_an_output_is_listed(tmp_path, moment, outputs):
    path = tmp_path / "a.vtkhdf"
    child = run_python(LISTING, path, outputs, moment)
    child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL
    assert len(Results(path).times) == outputs
    recover(path)
    assert not recover(path)  # nothing is left to mend
    times, _ = read_by_vtk(path) if outputs else ([], [])
    assert list(dict.fromkeys(times)) == [10.0 * k for k in range(outputs)]


# when the disk is full --------------------------------------------------------------------------------------

FULL = """
import resource
from tumorsim.sinks import fields as module
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
abandon = module._abandon

def with_the_limit_lifted(path, file):  # it stands for one full disk; scratch memory is elsewhere
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    abandon(path, file)

module._abandon = with_the_limit_lifted
grid = Grid((16, 16, 16), (1e-4,) * 3)
file = create(Path(sys.argv[1]), grid=grid)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    for step in range(10**6):
        append(file, step, grid)
except StorageError as error:
    print(step)
    print(error)
file.close()
"""


@pytest.mark.parametrize("room", [150_000, 163_840, 200_001])
def test_a_full_disk_ends_in_an_error_that_says_so_and_a_readable_file(tmp_path, room):
    path = tmp_path / "a.vtkhdf"
    child = run_python(FULL, path, room)
    printed, complaints = child.communicate(timeout=60)
    assert child.returncode == 0 and complaints == ""  # HDF5 on its own crashes here
    stored, message = printed.split("\n", 1)
    assert str(path) in message and "File too large" in message
    assert "needs up to" in message and "--resume" in message
    times, steps = read_by_vtk(path)
    assert len(set(times)) == int(stored) > 0
    last = int(stored) - 1
    expected = fields_at(last, Grid((16, 16, 16), (1e-4,) * 3))["free"].astype("f4").ravel()
    np.testing.assert_array_equal(steps[last][0]["free"], expected)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(StorageError, match=r"none/a\.vtkhdf cannot be opened for writing: No such file"):
        create(tmp_path / "none" / "a.vtkhdf")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="Permission denied"):
        create(tmp_path / "a.vtkhdf")
