"""What the host code of the cuda device hands to CuPy, seen from a stand-in for CuPy that only records it."""

import sys
import weakref
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from tumorsim.device.cuda import CudaDevice
from tumorsim.operators.advect import advect
from tumorsim.operators.chebyshev_step import chebyshev_step
from tumorsim.operators.total import total


class DeviceArray:
    """Has the attributes of cupy.ndarray that a launch looks at."""

    def __init__(self, shape, dtype, address):
        self.shape, self.ndim, self.dtype = shape, len(shape), np.dtype(dtype)
        self.flags = SimpleNamespace(c_contiguous=True)
        self.data = SimpleNamespace(ptr=address)


class Recording:
    """A stream that takes down what is launched while it records, instead of letting it happen."""

    def __init__(self, launches, non_blocking):
        assert non_blocking, "the default stream would wait for it"
        self.launches = launches

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def begin_capture(self):
        self.before = self.launches[:]

    def end_capture(self):
        taken = self.launches[len(self.before) :]
        self.launches[:] = self.before
        return SimpleNamespace(launch=lambda: self.launches.append(("graph", taken)))


@pytest.fixture
def launches(monkeypatch):
    """Makes a stand-in for CuPy, and collects what is launched through it."""
    found = []

    class RuntimeFault(Exception):
        pass

    runtime = SimpleNamespace(
        CUDARuntimeError=RuntimeFault,
        getDeviceProperties=lambda index: {"name": b"Recorder"},
        driverGetVersion=lambda: 13000,
    )
    gpu = SimpleNamespace(id=0, use=lambda: None)
    module = SimpleNamespace(
        get_function=lambda name: lambda grid, block, values: found.append((name, grid, block, values))
    )
    cupy = SimpleNamespace(
        cuda=SimpleNamespace(Device=lambda index: gpu, runtime=runtime, Stream=partial(Recording, found)),
        RawModule=lambda code, options: module,
    )
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    return found


def advect_arguments():
    shapes = [(3, 4, 5), (3, 4), (3, 4, 5), (3, 4, 6), (3, 5, 5), (4, 4, 5), (3, 4, 5)]
    dtypes = ["f4", "f8", "f4", "f4", "f4", "f4", "f4"]
    return [DeviceArray(s, t, 2**40 + k) for k, (s, t) in enumerate(zip(shapes, dtypes, strict=True))]


def test_values_have_the_order_and_the_sizes_of_the_kernel(launches):
    device, arrays = CudaDevice(), advect_arguments()
    scalars = {"limiter": 1, "keep": 0.5, "weight": 0.25, "dt": 0.125}
    advect(device, *arrays, outside=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0), **scalars, seed=7)
    name, grid, block, values = launches[0]
    assert (name, grid, block) == ("advect", (4, 3, 1), (128, 1, 1))
    expected = [*(2**40 + k for k in range(7)), 1, 2, 3, 4, 5, 6, 1, 0.5, 0.25, 0.125, 7, 1, 3, 4, 5]
    assert list(values) == expected
    kinds = (
        "q" * 7 + "f" * 6 + "i" + "f" + "dd" + "i" + "f" + "iii"
    )  # pointer, six real, int, real, two double, int, float, three int
    assert [np.dtype(type(v)).itemsize for v in values] == [np.dtype(kind).itemsize for kind in kinds]
    assert [np.dtype(type(v)).kind for v in values] == [np.dtype(kind).kind for kind in kinds]


def test_a_prepared_launch_keeps_no_array_alive(launches):
    device, arrays = CudaDevice(), advect_arguments()
    scalars = {"limiter": 1, "keep": 0.5, "weight": 0.25, "dt": 0.125}
    advect(device, *arrays, outside=(0.0,) * 6, **scalars, seed=7)
    gone = weakref.ref(arrays.pop())
    assert gone() is None
    assert not device.calls._prepared


def test_a_repeated_launch_has_the_new_scalars_only(launches):
    device, arrays = CudaDevice(), advect_arguments()
    for dt in (0.125, 0.25):
        advect(device, *arrays, outside=(0.0,) * 6, limiter=0, keep=0.0, weight=0.5, dt=dt, seed=int(8 * dt))
    (_, _, _, first), (_, _, _, second) = launches
    assert [k for k, (a, b) in enumerate(zip(first, second, strict=True)) if a != b] == [16, 17]


def test_an_array_that_is_not_there_is_a_null_pointer(launches):
    shape, faces = (3, 4, 5), [(3, 4, 6), (3, 5, 5), (4, 4, 5)]
    voxels, *conductances = (DeviceArray(s, "f4", 64) for s in [shape, *faces])
    x, y, z = conductances
    chebyshev_step(
        CudaDevice(), voxels, None, None, voxels, conductance_x=x, conductance_y=y, conductance_z=z,
        absorption=voxels, spacing=(1.0, 1.0, 1.0), weight_newer=1.0, weight_older=0.0, step=1.0,
    )  # fmt: skip
    assert [int(address) for address in launches[0][3][:4]] == [64, 0, 0, 64]


def test_recorded_work_runs_once_as_it_is_and_then_as_one_launch(launches):
    device = CudaDevice()
    sums, values = DeviceArray((3, 1), "f8", 64), DeviceArray((3, 4), "f8", 128)

    def work():
        total(device, sums, None, values)
        total(device, sums, None, values)

    again = device.recorded(work)
    for _ in range(4):
        again()
    plain = launches[:2]
    assert [name for name, *_ in launches] == ["total", "total", "graph", "graph", "graph"]
    assert all(taken == plain for _, taken in launches[2:])


def test_recorded_work_keeps_its_arrays_and_the_device_does_not(launches):
    device = CudaDevice()
    sums, values = DeviceArray((3, 1), "f8", 64), DeviceArray((3, 4), "f8", 128)
    again, gone = device.recorded(partial(total, device, sums, None, values)), weakref.ref(values)
    del sums, values
    again()
    again()
    assert gone() is not None
    del again
    launches.clear()
    assert gone() is None
    assert not device.calls._prepared


def test_a_fault_while_recording_ends_the_recording(launches):
    device, calls = CudaDevice(), []
    again = device.recorded(lambda: calls.append(1 / (1 - len(calls))))
    again()
    with pytest.raises(ZeroDivisionError):
        again()
