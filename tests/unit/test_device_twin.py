"""The twin checks what CuPy and C compilers do not: names, dtypes, shapes, contiguity."""

import weakref

import numpy as np
import pytest

from tumorsim.device.native import NativeDevice, find_compiler
from tumorsim.device.numpy import NumpyDevice
from tumorsim.device.select import describe_devices, select_device
from tumorsim.device.twin import KernelSource, Voxels, kernel_hashes, kernel_twin
from tumorsim.errors import ConfigError, DeviceError
from tumorsim.operators.darcy_velocity import darcy_velocity
from tumorsim.operators.wall_exchange_rates import wall_exchange_rates
from tumorsim.resources import kernels_directory

SHAPE = (3, 4, 5)
NO_PRESSURE = (0.0,) * 6


def arrays(dtype=np.float64):
    nz, ny, nx = SHAPE
    faces = [(nz, ny, nx + 1), (nz, ny + 1, nx), (nz + 1, ny, nx)]
    velocity = [np.zeros(shape, dtype) for shape in faces]
    conductance = [np.ones(shape, dtype) for shape in faces]
    return [*velocity, *conductance, np.ones(SHAPE, dtype)]


def test_wrong_shape_is_refused_by_name():
    bad = arrays()
    bad[1] = np.zeros(SHAPE)
    with pytest.raises(ValueError, match=r"velocity_y has shape \(3, 4, 5\), expected \(nz, ny\+1, nx\)"):
        darcy_velocity(NumpyDevice(), *bad, outside=NO_PRESSURE)


def test_mixed_precision_is_refused():
    rates = [np.ones(SHAPE, np.float32) for _ in range(5)]
    rates[3] = rates[3].astype(np.float64)
    with pytest.raises(TypeError, match="mix float32, float64"):
        wall_exchange_rates(NumpyDevice(), *rates)


def test_wrong_dtype_is_refused_by_name():
    bad = arrays()
    bad[-1] = bad[-1].astype(np.float32)
    with pytest.raises(TypeError, match="pressure is float32, expected float64"):
        darcy_velocity(NumpyDevice(), *bad, outside=NO_PRESSURE)


def test_strided_array_is_refused():
    bad = arrays()
    bad[-1] = np.ones((3, 4, 10))[:, :, ::2]
    with pytest.raises(ValueError, match="pressure must be C-contiguous"):
        darcy_velocity(NumpyDevice(), *bad, outside=NO_PRESSURE)


def test_missing_argument_is_refused():
    with pytest.raises(TypeError, match="outside"):
        darcy_velocity(NumpyDevice(), *arrays())


DEVICES = [NumpyDevice] + ([NativeDevice] if find_compiler() else [])


@pytest.mark.parametrize("make", DEVICES)
def test_a_repeated_call_takes_new_scalars(make):
    """The arrays were checked before; the scalars are those of this call."""
    device, (*velocity, pressure) = make(), arrays()
    for outside in (1.0, 3.0):
        darcy_velocity(device, *velocity, pressure, outside=(0.0, outside, 0.0, 0.0, 0.0, 0.0))
        assert (velocity[2][-1] == 1.0 - outside).all()


@pytest.mark.parametrize("make", DEVICES)
def test_another_array_is_checked_again(make):
    device, good = make(), arrays()
    darcy_velocity(device, *good, outside=NO_PRESSURE)
    with pytest.raises(TypeError, match="pressure is float32"):
        darcy_velocity(device, *good[:-1], good[-1].astype(np.float32), outside=NO_PRESSURE)


@pytest.mark.parametrize("make", DEVICES)
def test_a_repeated_call_is_still_a_call_of_the_signature(make):
    device, good = make(), arrays()
    darcy_velocity(device, *good, outside=NO_PRESSURE)
    with pytest.raises(TypeError, match="outside"):
        darcy_velocity(device, *good)
    with pytest.raises(TypeError, match="inside"):
        darcy_velocity(device, *good, outside=NO_PRESSURE, inside=NO_PRESSURE)
    with pytest.raises(TypeError, match="velocity_x"):
        darcy_velocity(device, *good, velocity_x=good[0], outside=NO_PRESSURE)


@pytest.mark.parametrize("make", DEVICES)
def test_a_prepared_call_keeps_no_array_alive(make):
    """And goes with it: a new array may get its place in memory and its identity."""
    device, good = make(), arrays()
    darcy_velocity(device, *good, outside=NO_PRESSURE)
    gone = weakref.ref(good.pop())
    assert gone() is None
    assert not device.calls._prepared


@pytest.mark.parametrize("path", sorted(kernels_directory().glob("*.cu")), ids=lambda path: path.stem)
def test_each_kernel_file_has_an_operator_of_its_name(path):
    import importlib

    of_two = path.stem.endswith("_twice")
    name = path.stem.removesuffix("_twice")
    operator = getattr(importlib.import_module(f"tumorsim.operators.{name}"), name)
    source = KernelSource.read(path.stem)
    names = {name + end for name in operator.signature.parameters for end in ("", "_2")[: 1 + of_two]}
    spread = {f"{name}_{s}" for name in names for s in ("z", "z_low")}
    dimensions = {symbol.partition("+")[0] for shape in operator.shapes.values() for symbol in shape}
    for parameter in source.parameters:
        stem = parameter.name.removesuffix("_low").removesuffix("_high")
        known = parameter.name in names or parameter.name in dimensions
        assert known or f"{stem[:-2]}_z" in spread, f"{path.name}: {parameter.name} has no argument"
    assert operator.__doc__, "the docstring is the discrete equation"


@pytest.mark.skipif(find_compiler() is None, reason="no C++ compiler")
def test_native_builds_into_the_cache_once(tmp_path, monkeypatch):
    monkeypatch.setenv("TUMORSIM_CACHE", str(tmp_path))
    for _ in range(2):
        device = NativeDevice()
        darcy_velocity(device, *arrays(), outside=NO_PRESSURE)
    assert len(list(tmp_path.rglob("*.so"))) == 1


@pytest.mark.skipif(find_compiler() is None, reason="no C++ compiler")
def test_each_set_of_given_arrays_has_a_kernel_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("TUMORSIM_CACHE", str(tmp_path))
    text = '#include "grid.cuh"\nextern "C" __global__ void fill(real* a, const real* b, int nz, int ny, int nx)\n'
    text += "{ ROW(z, y); FOR_X(x, 0, nx) a[row_start(z, y, ny, nx) + x] = GIVEN(b) ? b[x] : 7; }"
    folder = tmp_path / "kernels"
    folder.mkdir()
    (folder / "fill.cu").write_text(text)
    monkeypatch.setattr("tumorsim.device.twin.kernels_directory", lambda: folder)

    @kernel_twin
    def fill(a: Voxels, b: Voxels) -> None:
        a[...] = 7 if b is None else b

    device, a, b = NativeDevice(), np.zeros(SHAPE), np.full(SHAPE, 3.0)
    for given, expected in ((None, 7), (b, 3), (None, 7)):
        fill(device, a, given)
        assert (a == expected).all()
    assert fill.source.optional == ("b",)
    assert len(list(tmp_path.rglob("fill-*.so"))) == 2


@pytest.mark.skipif(find_compiler() is None, reason="no C++ compiler")
def test_large_arrays_of_the_native_device_begin_at_different_cache_lines():
    device = NativeDevice()
    arrays = [device.empty((64, 64, 64), np.float32) for _ in range(8)]
    addresses = [array.ctypes.data for array in arrays]
    assert all(address % 64 == 0 for address in addresses)
    assert len({address % 4096 for address in addresses}) == 8


def test_hashes_name_every_kernel():
    assert kernel_hashes().keys() == {path.stem for path in kernels_directory().glob("*.cu")}
    assert len(set(kernel_hashes().values())) == len(kernel_hashes())


def test_unknown_device_says_which_exist():
    with pytest.raises(ConfigError, match="auto, cuda, cuda:N"):
        select_device("gpu")


def test_native_without_compiler_says_what_to_install(monkeypatch):
    monkeypatch.setattr("tumorsim.device.native.find_compiler", lambda: None)
    with pytest.raises(DeviceError, match="apt-get install g"):
        NativeDevice()


def test_auto_gives_a_device_and_a_reason():
    device, reason = select_device("auto")
    assert device.name in {"cuda", "native", "numpy"} and reason
    assert ("numpy", True) in [(name, here) for name, here, _ in describe_devices()]
