"""The native device: the same ``.cu`` text, built by the machine's C++ compiler behind a small host shim.

Each row of voxels is one block with one thread, tiles of rows are shared out by OpenMP, and the compiler vectorises
the loop along x. Libraries are cached by the hash of text, headers, flags, compiler and processor.

Environment: ``CXX`` names the compiler, ``TUMORSIM_CACHE`` the cache folder; ``TUMORSIM_NATIVE_SANITIZE=1`` builds
with AddressSanitizer and UndefinedBehaviorSanitizer (the process must preload libasan).
"""

import ctypes
import hashlib
import os
import platform
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from tumorsim.device.numpy import NumpyDevice
from tumorsim.device.twin import Calls, CallTwice, Launch, Operator, headers_hash, scalar_values
from tumorsim.errors import DeviceError
from tumorsim.resources import kernels_directory

_FLAGS = (
    "-std=c++17",
    "-O3",
    "-march=native",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=off",  # a flux must be the same number for both voxels of its face
    "-fPIC",
    "-shared",
    "-Wall",
)
_SANITIZE = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined")
LINE, PAGE = 64, 4096
"""Bytes of a cache line, where arrays begin, since a vector that straddles two lines takes two loads; and of a page."""
STAGGER, TURNS = 21 * LINE, 16
"""By how many bytes a large array begins later in its page than the one before, and when that starts over.

Where all begin at the same place of a page, a voxel's values in all arrays compete for the same few places of a cache.
With an odd number of lines between them, diffusion at 128³ takes 0.85 of the time [C].
"""
PARALLEL = 8192
"""Values of the largest array from which on waking a second core pays: it takes some 10 µs [C]."""


@cache
def find_compiler() -> str | None:
    """Path of the C++ compiler: ``$CXX``, else g++, c++ or clang++; None when there is none."""
    candidates = [os.environ["CXX"]] if os.environ.get("CXX") else ["g++", "c++", "clang++"]
    return next((path for name in candidates if (path := shutil.which(name))), None)


class NativeDevice(NumpyDevice):
    """Arrays are NumPy arrays; an operator is its kernel, compiled for this processor."""

    name = "native"

    def __init__(self) -> None:
        compiler = find_compiler()
        if compiler is None:
            raise DeviceError(
                "no C++ compiler found for the native device. Install one (apt-get install g++) or set CXX"
            )
        self.calls = Calls()
        self._compiler = compiler
        self._libraries: dict[tuple[str, ...], ctypes.CDLL] = {}
        self._allocated = 0
        self.description = f"{_version(compiler)}, OpenMP on {len(os.sched_getaffinity(0))} cores"

    def empty(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        return self._placed(np.empty, shape, np.dtype(dtype))

    def zeros(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        return self._placed(np.zeros, shape, np.dtype(dtype))

    def upload(self, host: np.ndarray, dtype: Any = None) -> np.ndarray:
        """A C-contiguous copy of a host array."""
        host = np.asarray(host)
        array = self.empty(host.shape, dtype or host.dtype)
        array[...] = host
        return array

    def _placed(self, make: Callable[..., np.ndarray], shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """An array that begins with a cache line, which is not that of the arrays before if it is large."""
        if _sanitizes():
            return make(
                shape, dtype
            )  # nothing may lie behind an array, or a kernel that runs over goes unnoticed
        size = prod(shape) * dtype.itemsize
        self._allocated += 1
        unit, later = (PAGE, STAGGER * (self._allocated % TURNS)) if size >= PARALLEL else (LINE, 0)
        memory = make(size + unit + later, np.uint8)
        first = -memory.ctypes.data % unit + later
        return memory[first : first + size].view(dtype).reshape(shape)

    def prepare(self, operator: Operator, arguments: Mapping[str, Any]) -> "_NativeCall":
        """What stays the same is packed once, the scalars for every call."""
        launch = operator.check(arguments)
        parameters = launch.source.parameters
        values = [launch.fixed[p.name] for p in parameters if p.name in launch.fixed]
        many = max((v.size for v in values if isinstance(v, np.ndarray)), default=0) >= PARALLEL
        fixed = struct.pack(
            "3i" + "".join("P" if p.pointer else "i" for p in parameters if p.name in launch.fixed),
            *launch.rows,
            many,
            *(v.ctypes.data if isinstance(v, np.ndarray) else v or 0 for v in values),
        )
        layout = "".join(p.dtype(launch.real).char for p in parameters if p.name in launch.scalars)
        return _NativeCall(self._library(launch), fixed, launch.scalars, struct.Struct(layout))

    def prepare_twice(self, operator: Operator, *arguments: Mapping[str, Any]) -> CallTwice:
        """A slab of the second call follows as soon as the first is a slab ahead, while the slabs are in the cache."""
        first, second = (self.prepare(operator, given) for given in arguments)

        def call(given_first: Mapping[str, Any], given_second: Mapping[str, Any]) -> None:
            packed = first.fixed, first.pack(given_first), second.fixed, second.pack(given_second)
            first.library.launch_pair(*packed, second.library.run_slab)

        return call

    def _library(self, launch: Launch) -> ctypes.CDLL:
        key = launch.variant.key
        if key not in self._libraries:
            built = build(launch, compiler=self._compiler)
            with _openmp_settings():
                library = ctypes.CDLL(str(built))
            text, function = ctypes.c_char_p, ctypes.c_void_p
            library.launch_rows.argtypes = [text, text]
            library.launch_pair.argtypes = [text, text, text, text, function]
            library.launch_rows.restype = library.launch_pair.restype = None
            self._libraries[key] = library
        return self._libraries[key]


@contextmanager
def _openmp_settings() -> Iterator[None]:
    """What the OpenMP runtime reads when the first library brings it in, where the user has not said otherwise.

    A waiting team that spins slows every other busy thread of the machine, up to 20×, so it sleeps; and a team that
    sleeps is often woken on one and the same core, which halves the speed of such a process, so each thread keeps to a
    core. Not this one: what it starts later would be bound with it. Nor where the number of threads is given, since
    several processes may then be meant to share the cores.
    """
    wanted = {"OMP_WAIT_POLICY": "passive"}
    if "OMP_NUM_THREADS" not in os.environ:
        wanted["OMP_PROC_BIND"] = "true"
    cores, ours = os.sched_getaffinity(0), [name for name in wanted if name not in os.environ]
    os.environ.update({name: wanted[name] for name in ours})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
        for name in ours:
            del os.environ[name]


@dataclass(frozen=True)
class _NativeCall:
    """A checked call: the library of its kernel, what stays the same as bytes, and how the scalars become bytes."""

    library: ctypes.CDLL
    fixed: bytes
    scalars: Mapping[str, tuple[str, int | None]]
    layout: struct.Struct

    def pack(self, given: Mapping[str, Any]) -> bytes:
        return self.layout.pack(*scalar_values(self.scalars, given))

    def __call__(self, given: Mapping[str, Any]) -> None:
        self.library.launch_rows(self.fixed, self.pack(given))


def build(launch: Launch, *, compiler: str) -> Path:
    """Compile one kernel into a shared library, or find that in the cache."""
    text = _translation_unit(launch)
    flags = _FLAGS + (_SANITIZE if _sanitizes() else ())
    identity = "\0".join((text, headers_hash(), *flags, _version(compiler), _processor()))
    digest = hashlib.sha256(identity.encode()).hexdigest()[:16]
    library = _cache_folder() / f"{launch.source.name}-{launch.real.name}-{digest}.so"
    if not library.exists():
        _compile(text, library, [compiler, *flags])
    return library


def _sanitizes() -> bool:
    return os.environ.get("TUMORSIM_NATIVE_SANITIZE") == "1"


def _translation_unit(launch: Launch) -> str:
    """Shim, kernel, a function that walks its rows, and one that takes two calls in one walk up the slabs."""
    source = launch.source
    declared = {p.name: f"{p.ctype}{'*' if p.pointer else ''} {p.name};" for p in source.parameters}
    passed = ", ".join(
        f"{'fixed' if p.name in launch.fixed else 'scalars'}->{p.name}" for p in source.parameters
    )
    definitions = "\n".join(f"#define {name} {value}" for name, value in launch.variant.definitions.items())
    return f"""{definitions}
#include "host_shim.hpp"
#line 1 "{source.name}.cu"
{source.text}
struct Fixed {{ int rows_z, rows_y, many; {" ".join(declared[name] for name in launch.fixed)} }};
struct Scalars {{ {" ".join(declared[name] for name in launch.scalars)} }};
static void run(const Fixed* fixed, const Scalars* scalars, int z, int first_y, int end_y)
{{
    blockIdx.y = z;
    for (int y = first_y; y < end_y; ++y, walk.from_below_y = true) {{
        blockIdx.x = y;
        {source.name}({passed});
    }}
}}
extern "C" void launch_rows(const Fixed* fixed, const Scalars* scalars)
{{
    const OnItsOwnCore here(fixed->many);
    const int tiles = (fixed->rows_y + Walk::TILE - 1) / Walk::TILE;
    #pragma omp parallel if (fixed->many)
    {{
        int last_tile = -1, last_z = -1;
        #pragma omp for collapse(2) schedule(static)
        for (int tile = 0; tile < tiles; ++tile)
            for (int z = 0; z < fixed->rows_z; ++z) {{
                walk = {{false, tile == last_tile && z == last_z + 1}};
                const int end = tile + 1 < tiles ? (tile + 1) * Walk::TILE : fixed->rows_y;
                run(fixed, scalars, z, tile * Walk::TILE, end);
                last_tile = tile, last_z = z;
            }}
    }}
}}
extern "C" void run_slab(const void* fixed, const void* scalars, int z)
{{
    const Fixed* given = (const Fixed*)fixed;
    walk = {{false, false}};
    run(given, (const Scalars*)scalars, z, 0, given->rows_y);
}}
extern "C" void launch_pair(
    const Fixed* fixed, const Scalars* scalars, const void* fixed2, const void* scalars2,
    void second(const void*, const void*, int))            // the run_slab of the other kernel
{{
    const OnItsOwnCore here(fixed->many);
    #pragma omp parallel if (fixed->many)
    {{
        const int end = fixed->rows_z, parts = parts_of_walk(), part = part_of_walk();
        const int low = (int)((long long)end * part / parts), high = (int)((long long)end * (part + 1) / parts);
        for (int z = low; z < high; ++z) {{
            run_slab(fixed, scalars, z);
            if (z - 1 > low || (low == 0 && z == 1))       // the slab below the lowest is another thread's
                second(fixed2, scalars2, z - 1);
        }}
        #pragma omp barrier
        if (low > 0 && low < high)
            second(fixed2, scalars2, low);
        if (high - 1 > low || (low == 0 && high == 1))
            second(fixed2, scalars2, high - 1);
    }}
}}
"""


def _compile(text: str, library: Path, command: list[str]) -> None:
    """Build beside the cache and move into place, so that two processes may build at once."""
    include = f"-I{kernels_directory() / 'include'}"
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        unit, built = Path(folder, "kernel.cpp"), Path(folder, "kernel.so")
        unit.write_text(text)
        last = None
        for openmp in (["-fopenmp"], []):  # clang without libomp still gives one core
            last = subprocess.run(
                [*command, *openmp, include, str(unit), "-o", str(built)], capture_output=True, text=True
            )
            if last.returncode == 0:
                os.replace(built, library)
                return
        assert last is not None
        raise DeviceError(f"{command[0]} could not build {library.stem}:\n{last.stderr.strip()[:4000]}")


@cache
def _version(compiler: str) -> str:
    return subprocess.run([compiler, "--version"], capture_output=True, text=True).stdout.splitlines()[0]


@cache
def _processor() -> str:
    """What -march=native depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine() + platform.processor()
    return "".join(sorted({line for line in lines if line.startswith(("flags", "Features", "model name"))}))


def _cache_folder() -> Path:
    base = os.environ.get("TUMORSIM_CACHE") or Path(
        os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "tumorsim"
    )
    folder = Path(base, "native")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir(), f"tumorsim-{os.getuid()}", "native")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder
