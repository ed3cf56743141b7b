"""The native device: the same ``.cu`` text, built by the machine's C++ compiler behind a small host shim.

Each row of voxels is one block with one thread, rows are shared out by OpenMP, and the compiler vectorises the
loop along x. Libraries are cached by the hash of text, headers, flags, compiler and processor.

Environment: ``CXX`` names the compiler, ``TUMORSIM_CACHE`` the cache folder; ``TUMORSIM_NATIVE_SANITIZE=1`` builds
with AddressSanitizer and UndefinedBehaviorSanitizer (the process must preload libasan).
"""

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tumorsim.device.numpy import NumpyDevice
from tumorsim.device.twin import KernelSource, Launch, Operator, headers_hash
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
_ARGUMENT: dict[str, Any] = {
    "float32": ctypes.c_float,
    "float64": ctypes.c_double,
    "int32": ctypes.c_int32,
    "uint8": ctypes.c_uint8,
}


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
        # A waiting OpenMP team that spins slows every other busy thread of the machine, up to 20×.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        self._compiler = compiler
        self._kernels: dict[tuple[str, str], Any] = {}
        self.description = f"{_version(compiler)}, OpenMP on {len(os.sched_getaffinity(0))} cores"

    def launch(self, operator: Operator, arguments: Mapping[str, Any]) -> None:
        launch = operator.prepare(arguments)
        function = self._function(launch)
        values = [
            value.ctypes.data if isinstance(value, np.ndarray) else None if value is None else value.item()
            for value in launch.values
        ]
        function(*launch.rows, *values)

    def _function(self, launch: Launch) -> Any:
        key = (launch.source.name, launch.real.name)
        if key not in self._kernels:
            library = build(launch.source, launch.real, compiler=self._compiler)
            function = ctypes.CDLL(str(library)).launch_rows
            function.restype = None
            function.argtypes = [ctypes.c_int, ctypes.c_int] + [
                ctypes.c_void_p if p.pointer else _ARGUMENT[value.dtype.name]
                for p, value in zip(launch.source.parameters, launch.values, strict=True)
            ]
            self._kernels[key] = function
        return self._kernels[key]


def build(source: KernelSource, real: np.dtype, *, compiler: str) -> Path:
    """Compile one kernel into a shared library, or find that in the cache."""
    text = _translation_unit(source, real)
    flags = _FLAGS + (_SANITIZE if os.environ.get("TUMORSIM_NATIVE_SANITIZE") == "1" else ())
    identity = "\0".join((text, headers_hash(), *flags, _version(compiler), _processor()))
    digest = hashlib.sha256(identity.encode()).hexdigest()[:16]
    library = _cache_folder() / f"{source.name}-{real.name}-{digest}.so"
    if not library.exists():
        _compile(text, library, [compiler, *flags])
    return library


def _translation_unit(source: KernelSource, real: np.dtype) -> str:
    """Shim, kernel, and a function that walks its rows."""
    ctype = "float" if real == np.float32 else "double"
    declared = ", ".join(f"{p.ctype}{'*' if p.pointer else ''} {p.name}" for p in source.parameters)
    passed = ", ".join(p.name for p in source.parameters)
    return f"""#define REAL {ctype}
#include "host_shim.hpp"
#line 1 "{source.name}.cu"
{source.text}
extern "C" void launch_rows(int rows_z, int rows_y, {declared})
{{
    #pragma omp parallel for collapse(2) schedule(static)
    for (int z = 0; z < rows_z; ++z)
        for (int y = 0; y < rows_y; ++y) {{
            blockIdx.x = y;
            blockIdx.y = z;
            {source.name}({passed});
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
