"""A device that runs kernels as a GPU does, thread by thread, on the host: slow, and without a GPU (see fibers.hpp)."""

import ctypes
import hashlib
import os
import subprocess
import tempfile
from functools import cache
from math import prod
from pathlib import Path

import numpy as np

from tumorsim.device.cuda import compile_options, scalars_of_two, tiles_and_parts
from tumorsim.device.native import find_compiler
from tumorsim.device.numpy import NumpyDevice
from tumorsim.device.twin import scalar_values

THREADS = 64
"""Of a block: two warps."""
TILE_THREADS = 128
"""Of a block that takes two calls: tiles of four rows, rim included."""
MARGIN = 4096
"""Bytes on either side of an array, all of them 255: reals there are NaN."""


class FibersDevice(NumpyDevice):
    """Launches every kernel twice, with threads and blocks in order and the other way round: the bits must agree.

    What a kernel reads beyond an array and uses makes NaN; what it writes there is noticed.
    """

    name = "fibers"
    in_place = False

    def empty(self, shape, dtype):
        size = prod(shape) * np.dtype(dtype).itemsize
        memory = np.full(size + 2 * MARGIN, 255, np.uint8)
        return memory[MARGIN : MARGIN + size].view(dtype).reshape(shape)

    def upload(self, host, dtype=None):
        host = np.asarray(host, dtype)
        array = self.empty(host.shape, host.dtype)
        array[...] = host
        return array

    def prepare(self, operator, arguments):
        launch = operator.check(arguments)
        nz, ny = launch.rows
        return self._launcher(launch, (ny, nz), THREADS)

    def prepare_twice(self, operator, *arguments):
        launch = operator.check_twice(*arguments)
        grid, smaller = tiles_and_parts(launch, TILE_THREADS), f"-DTHREADS={TILE_THREADS}"
        call = self._launcher(launch, grid, TILE_THREADS, smaller)
        return scalars_of_two(launch, call)

    def _launcher(self, launch, grid, threads, *more):
        parameters, name = launch.source.parameters, launch.source.name
        options = (*compile_options(launch.variant), *more)
        kernel = fiber_kernel(launch.source.text, name, options)
        types = {p.name: p.dtype(launch.real).type for p in parameters}
        written = [launch.fixed[p.name] for p in parameters if p.written and launch.fixed[p.name] is not None]

        def call(given):
            scalars = zip(launch.scalars, scalar_values(launch.scalars, given), strict=True)
            values = {n: _plain(v) for n, v in launch.fixed.items()} | {n: types[n](v) for n, v in scalars}
            packed = kernel.packed([values[p.name] for p in parameters])
            before = [array.copy() for array in written]
            outcomes = []
            for backwards in (False, True):
                for array, old in zip(written, before, strict=True):
                    array[...] = old
                kernel.run((*grid, 1), threads, packed, backwards=backwards)
                outcomes.append([array.tobytes() for array in written])
                assert all(map(_margins_are_whole, written)), f"{name} writes beyond an array"
            assert outcomes[0] == outcomes[1], f"{name} depends on the order of its threads"

        return call


def _margins_are_whole(array):
    memory = array.base
    if memory is None or memory.dtype != np.uint8:  # made by NumPy, or a part of that
        return True
    return memory[:MARGIN].min() == 255 and memory[memory.size - MARGIN :].min() == 255


def _plain(value):
    if isinstance(value, np.ndarray):
        return np.intp(value.ctypes.data)
    return np.intp(0) if value is None else np.int32(value)


class FiberKernel:
    """A kernel on the host, launched as one is launched on a GPU. ``kinds`` says what its parameters are."""

    def __init__(self, name, library):
        self.name, self._library = name, library
        self.kinds = library.parameter_kinds().decode()

    def packed(self, values):
        """The arguments as bytes: as many NumPy scalars as there are parameters, each of the very type."""
        found = "".join("P" if isinstance(value, np.intp) else np.dtype(type(value)).char for value in values)
        assert found == self.kinds, f"{self.name} takes {self.kinds}, not {found}"
        return b"".join(value.tobytes().ljust(8, b"\0") for value in values)

    def run(self, grid, threads, packed, *, backwards=False):
        """Every thread of every block, the last one first where ``backwards``."""
        fault = self._library.launch(packed, *grid, threads, backwards)
        assert not fault, f"{self.name}: {fault.decode()}"


@cache
def fiber_kernel(text, name, options):
    """The kernel ``name`` of a text, compiled between the fibers and a function that launches it."""
    unit = f"""#include "fibers.hpp"
{text}
static void one_thread() {{ call({name}); }}
extern "C" const char* parameter_kinds() {{ return kinds({name}); }}
extern "C" const char* launch(const char* arguments, int x, int y, int z, int threads, int backwards)
{{
    work = one_thread;
    return run_grid(arguments, {{x, y, z}}, threads, backwards);
}}
"""
    folder = Path(tempfile.gettempdir(), f"tumorsim-fibers-{os.getuid()}")
    folder.mkdir(exist_ok=True)
    shim = Path(__file__).with_suffix(".hpp").read_text()
    digest = hashlib.sha256("\0".join((unit, shim, *options)).encode()).hexdigest()[:16]
    library = folder / f"{name}-{digest}.so"
    if not library.exists():
        source, built = library.with_suffix(f".{os.getpid()}.cpp"), library.with_suffix(f".{os.getpid()}")
        source.write_text(unit)
        flags = ["-O1", "-march=native", "-ffp-contract=fast", "-fPIC", "-shared", "-w"]
        flags += [f"-I{Path(__file__).parent}", *options]
        subprocess.run([find_compiler(), *flags, str(source), "-o", str(built)], check=True)
        built.rename(library)
        source.unlink()
    loaded = ctypes.CDLL(str(library))
    loaded.launch.restype = loaded.parameter_kinds.restype = ctypes.c_char_p
    loaded.launch.argtypes = [ctypes.c_char_p, *[ctypes.c_int] * 5]
    return FiberKernel(name, loaded)
