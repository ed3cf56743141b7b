"""A device that runs kernels as a GPU does, thread by thread, on the host: slow, and without a GPU (see fibers.hpp)."""

import ctypes
import hashlib
import os
import struct
import subprocess
import tempfile
from functools import cache
from math import prod
from pathlib import Path

import numpy as np

from tumorsim.device.cuda import scalars_of_two, tiles_and_parts
from tumorsim.device.native import find_compiler
from tumorsim.device.numpy import NumpyDevice
from tumorsim.device.twin import scalar_values
from tumorsim.resources import kernels_directory

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
        return self._launcher(operator.name, launch, launch.rows, _library(launch.variant))

    def prepare_twice(self, operator, *arguments):
        launch = operator.check_twice(*arguments)
        blocks, parts = tiles_and_parts(launch, TILE_THREADS)
        library = _library(launch.variant, TILE_THREADS)
        return scalars_of_two(launch, self._launcher(operator.name, launch, (parts, blocks), library))

    def _launcher(self, name, launch, grid, library):
        parameters = launch.source.parameters
        layout = struct.Struct("".join("P" if p.pointer else p.dtype(launch.real).char for p in parameters))
        written = [launch.fixed[p.name] for p in parameters if p.written and launch.fixed[p.name] is not None]

        def call(given):
            values = launch.fixed | dict(
                zip(launch.scalars, scalar_values(launch.scalars, given), strict=True)
            )
            packed = layout.pack(*(_plain(values[p.name]) for p in parameters))
            before = [array.copy() for array in written]
            outcomes = []
            for backwards in (0, 1):
                for array, old in zip(written, before, strict=True):
                    array[...] = old
                fault = library.launch(packed, *grid, backwards)
                assert not fault, f"{name}: {fault.decode()}"
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
        return value.ctypes.data
    return 0 if value is None else value


@cache
def _library(variant, threads=THREADS):
    """The kernel between the fibers and a function that launches it."""
    name, parameters = variant.source.name, variant.source.parameters
    fields = " ".join(f"{p.ctype}{'*' if p.pointer else ''} {p.name};" for p in parameters)
    macros = "\n".join(
        f"#define {key} {value}" for key, value in (variant.definitions | {"THREADS": threads}).items()
    )
    unit = f"""{macros}
#include "fibers.hpp"
{variant.source.text}
struct Arguments {{ {fields} }};
static const Arguments* given;
static void one_thread() {{ {name}({", ".join(f"given->{p.name}" for p in parameters)}); }}
extern "C" const char* launch(const Arguments* arguments, int rows_z, int rows_y, int backwards)
{{
    given = arguments, work = one_thread, gridDim = {{rows_y, rows_z, 1}};
    for (int k = 0; k < rows_z * rows_y; ++k) {{
        const int block = backwards ? rows_z * rows_y - 1 - k : k;
        blockIdx = {{block % rows_y, block / rows_y, 0}};
        if (const char* fault = run_block(backwards))
            return fault;
    }}
    return nullptr;
}}
"""
    folder = Path(tempfile.gettempdir(), f"tumorsim-fibers-{os.getuid()}")
    folder.mkdir(exist_ok=True)
    headers = b"".join(path.read_bytes() for path in sorted((kernels_directory() / "include").iterdir()))
    shim = Path(__file__).with_suffix(".hpp").read_bytes()
    digest = hashlib.sha256(unit.encode() + headers + shim).hexdigest()[:16]
    library = folder / f"{name}-{digest}.so"
    if not library.exists():
        source, built = library.with_suffix(".cpp"), library.with_suffix(f".{os.getpid()}")
        source.write_text(unit)
        includes = [f"-I{Path(__file__).parent}", f"-I{kernels_directory() / 'include'}"]
        flags = ["-std=c++17", "-O1", "-march=native", "-ffp-contract=fast", "-fPIC", "-shared", "-w"]
        subprocess.run([find_compiler(), *flags, *includes, str(source), "-o", str(built)], check=True)
        built.rename(library)
    loaded = ctypes.CDLL(str(library))
    loaded.launch.restype = ctypes.c_char_p
    loaded.launch.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_int, ctypes.c_int]
    return loaded
