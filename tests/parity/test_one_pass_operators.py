"""Two stages in one pass over memory are, bit for bit, the two stages one after the other."""

import ctypes
import ctypes.util

import numpy as np
import pytest

from tumorsim.device.native import NativeDevice, find_compiler
from tumorsim.device.numpy import NumpyDevice
from tumorsim.operators.transport_stage import transport_stage

pytestmark = pytest.mark.skipif(find_compiler() is None, reason="no C++ compiler")

SCALARS = {
    "outside": (0.5, 0.0, 2.0, 0.0, 1.0, 0.3), "rate": 0.11, "start_weight": 0.15, "part": 0.7, "plasma": 1.3,
    "weight": 0.6, "seed": 7,
}  # fmt: skip


@pytest.fixture(params=[1, 2, 3, 7])
def threads(request):
    """So many threads share the slabs, whatever the machine has."""
    name = ctypes.util.find_library("gomp")
    if name is None:
        pytest.skip("OpenMP is not GCC's")
    openmp = ctypes.CDLL(name)
    before = openmp.omp_get_max_threads()
    openmp.omp_set_num_threads(request.param)
    yield request.param
    openmp.omp_set_num_threads(before)


def two_stages(shape, *, first):
    """Arguments of a stage and of the next one, which writes over what the first reads."""
    random = np.random.default_rng(list(shape))
    nz, ny, nx = shape
    field = {
        name: random.uniform(0.3, 1, shape).astype(np.float32)
        for name in ("one", "other", "start_rate", "extravasation", "reabsorption", "available_fraction")
    }
    faces = {
        f"{kind}_{axis}": random.uniform(0, size, box).astype(np.float32)
        for kind, size in (("conductance", 1.0), ("rate", 0.2))
        for axis, box in (("x", (nz, ny, nx + 1)), ("y", (nz, ny + 1, nx)), ("z", (nz + 1, ny, nx)))
    }
    arrays = {"booked": np.ones((3, nz, ny)), "negative": np.zeros((nz, ny)), "captured": field["one"] * 0}
    one, other = field.pop("one"), field.pop("other")
    common = {**field, **faces, **arrays, **SCALARS, "lymph_drainage": None, "source": None}
    common |= {"capture": common["reabsorption"]}
    stage = {
        **common,
        "result": one,
        "last": other,
        "start": None,
        "first": first,
        "again": 0.4 * (not first),
    }
    after = {**common, "result": other, "last": one, "start": None, "first": False, "again": 0.4}
    return stage, after, (one, other, *arrays.values(), field["start_rate"])


@pytest.mark.parametrize("shape", [(1, 91, 97), (2, 70, 65), (5, 40, 45), (31, 17, 19)], ids=str)
@pytest.mark.parametrize("first", [True, False], ids=["from the start", "on the way"])
def test_one_pass_on_native_is_the_same_as_two(shape, first, threads):
    device = NativeDevice()
    stage, after, apart = two_stages(shape, first=first)
    transport_stage(device, **stage)
    transport_stage(device, **after)
    stage, after, together = two_stages(shape, first=first)
    transport_stage.twice(device, stage, after)
    for expected, found in zip(apart, together, strict=True):
        assert (expected == found).all()


def test_other_devices_take_one_after_the_other():
    results = []
    for device in (NumpyDevice(), NativeDevice()):
        stage, after, arrays = two_stages((3, 4, 5), first=True)
        transport_stage.twice(device, stage, after)
        results.append(arrays)
    for expected, found in zip(*results, strict=True):
        assert np.abs(expected - found).max() <= 4e-6  # two stages of terms of order 1, each to 1e-6
