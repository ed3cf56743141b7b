"""The stand-in notices what goes wrong between host and GPU: else that nothing is noticed would mean nothing."""

import threading

import cupy_stand_in as cupy
import numpy as np
import pytest
from cupy_stand_in import CUDARuntimeError, cupyx

from tumorsim.device.native import find_compiler

DOUBLED = 'extern "C" __global__ void doubled(double* a, int n)'
needs_compiler = pytest.mark.skipif(find_compiler() is None, reason="no C++ compiler")


@pytest.fixture(autouse=True)
def nothing_in_line():
    cupy.idle()
    yield
    cupy.idle()


def ones():
    return cupy.asarray(np.ones((2, 3)))


@pytest.mark.parametrize(
    "mixed",
    [
        lambda a, host: a + host,
        lambda a, host: host + a,
        lambda a, host: np.maximum(a, host),
        lambda a, host: a.__iadd__(host),
        lambda a, host: a.__setitem__(..., host),
        lambda a, host: np.asarray(a),
        lambda a, host: host.__setitem__(..., a),
    ],
)
def test_arrays_of_host_and_gpu_do_not_mix(mixed):
    with pytest.raises(TypeError, match=r"Unsupported type|Implicit conversion"):
        mixed(ones(), np.ones((2, 3)))


def test_a_number_keeps_float32_unless_it_is_a_float64_of_numpy():
    a = cupy.zeros(3, np.float32)
    assert (a * 2.0).dtype == (np.float32(2) * a).dtype == np.float32
    assert (a * np.float64(2)).dtype == np.float64


def test_nothing_runs_before_something_waits():
    stream, host = cupy.cuda.Stream(non_blocking=True), cupyx.empty_pinned((2, 3), float)
    a = ones()
    cupy.cuda.Stream.null.synchronize()
    a.get(stream=stream, out=host, blocking=False)
    assert np.isnan(host).all()
    a += 1
    assert (a.get() == 2).all()
    assert np.isnan(host).all()
    stream.synchronize()
    assert (host == 2).all()  # too late: nothing held the other stream back


def test_an_event_orders_two_streams():
    stream, host = cupy.cuda.Stream(non_blocking=True), cupyx.empty_pinned((2, 3), float)
    a = ones()
    stream.wait_event(cupy.cuda.Stream.null.record())
    a.get(stream=stream, out=host, blocking=False)
    copied = stream.record()
    cupy.cuda.Stream.null.wait_event(copied)
    a += 1
    assert not copied.done
    assert (a.get() == 2).all()
    assert (host == 1).all()


def test_a_copy_that_does_not_wait_for_the_values_misses_them():
    stream, host = cupy.cuda.Stream(non_blocking=True), cupyx.empty_pinned((2, 3), float)
    ones().get(stream=stream, out=host, blocking=False)
    stream.synchronize()
    assert not (host == 1).any()


def test_memory_that_is_let_go_serves_the_next_array():
    a = ones()
    view, place = a[1:], a.data.ptr
    del a
    assert ones().data.ptr != place
    del view
    assert np.isnan(cupy.empty((2, 3)).get()).all()
    assert cupy.empty((2, 3)).data.ptr == place


def test_a_thread_begins_on_the_first_gpu():
    with cupy.cuda.Device(1):
        a = ones()
        assert (a + 1).device.id == 1
    with pytest.raises(ValueError, match="current device"):
        a + 1
    found = []
    cupy.cuda.Device(1).use()
    thread = threading.Thread(target=lambda: found.append(cupy.cuda.runtime.getDevice()))
    thread.start()
    thread.join()
    cupy.cuda.Device(0).use()
    assert found == [0]


@needs_compiler
def test_a_kernel_is_given_the_very_types():
    kernel = cupy.RawModule(code=DOUBLED + "{ if (threadIdx.x < n) a[threadIdx.x] *= 2; }").get_function(
        "doubled"
    )
    a = ones()
    kernel((1,), (32,), (np.intp(a.data.ptr), np.int32(3)))
    assert (a.get() == [[2, 2, 2], [1, 1, 1]]).all()
    for wrong in ((np.int32(3),), (np.intp(a.data.ptr), 3), (np.intp(a.data.ptr), np.float32(3))):
        with pytest.raises(AssertionError, match="doubled takes Pi"):
            kernel((1,), (32,), wrong)
    with pytest.raises(CUDARuntimeError, match="no array"):
        kernel((1,), (32,), (np.intp(64), np.int32(3)))
    with cupy.cuda.Device(1), pytest.raises(CUDARuntimeError, match="no array of this GPU"):
        kernel((1,), (32,), (np.intp(a.data.ptr), np.int32(3)))


@needs_compiler
def test_a_kernel_that_writes_beyond_an_array_is_found():
    kernel = cupy.RawModule(code=DOUBLED + "{ a[n] = 0; }").get_function("doubled")
    kernel((1,), (32,), (np.intp(cupy.zeros(64).data.ptr), np.int32(64)))
    with pytest.raises(AssertionError, match="writes beyond"):
        cupy.cuda.Device().synchronize()
    cupy.forget_memory()


def test_what_a_stream_captures_runs_with_the_graph():
    stream, a = cupy.cuda.Stream(non_blocking=True), ones()
    with stream:
        stream.begin_capture()
        a += 1
        for refused in (ones, a.get, stream.synchronize, lambda: a + 1, cupy.cuda.Device().synchronize):
            with pytest.raises(CUDARuntimeError, match="while a stream captures"):
                refused()
        graph = stream.end_capture()
    assert (a.get() == 1).all()
    graph.launch()
    graph.launch(cupy.cuda.Stream.null)
    assert (a.get() == 3).all()
    with pytest.raises(CUDARuntimeError, match="the null stream cannot capture"):
        cupy.cuda.Stream.null.begin_capture()
