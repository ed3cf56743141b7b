"""Every kernel compiles to cubin for the GPUs of today's nodes, without spilling, on a machine without a GPU."""

import ctypes
import re
import site
from pathlib import Path

import numpy as np
import pytest

from tumorsim.device.cuda import compile_options
from tumorsim.resources import kernels_directory

KERNELS = sorted(path.stem for path in kernels_directory().glob("*.cu"))
MOST_REGISTERS = 128  # at 128 threads a block this still leaves 4 blocks on a multiprocessor of 65,536


@pytest.fixture(scope="module")
def nvrtc() -> ctypes.CDLL:
    folders = [Path(folder) for folder in site.getsitepackages()]
    found = [
        p for folder in folders for p in folder.glob("nvidia/**/libnvrtc.so.*") if "builtins" not in p.name
    ]
    assert found, "the test extra installs nvidia-cuda-nvrtc"
    return ctypes.CDLL(str(found[0]))


def compile_cubin(nvrtc: ctypes.CDLL, name: str, real: str, architecture: str) -> tuple[bytes, str]:
    """The cubin and the compiler's log."""
    program = ctypes.c_void_p()
    text = (kernels_directory() / f"{name}.cu").read_bytes()
    assert nvrtc.nvrtcCreateProgram(ctypes.byref(program), text, f"{name}.cu".encode(), 0, None, None) == 0
    options = [*compile_options(np.dtype(real)), f"--gpu-architecture={architecture}", "--ptxas-options=-v"]
    status = nvrtc.nvrtcCompileProgram(
        program, len(options), (ctypes.c_char_p * len(options))(*[o.encode() for o in options])
    )
    log = _fetch(nvrtc, program, "ProgramLog").decode(errors="replace")
    assert status == 0, log
    return _fetch(nvrtc, program, "CUBIN"), log


def _fetch(nvrtc: ctypes.CDLL, program: ctypes.c_void_p, what: str) -> bytes:
    size = ctypes.c_size_t()
    assert getattr(nvrtc, f"nvrtcGet{what}Size")(program, ctypes.byref(size)) == 0
    buffer = ctypes.create_string_buffer(size.value)
    assert getattr(nvrtc, f"nvrtcGet{what}")(program, buffer) == 0
    return buffer.raw


@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
@pytest.mark.parametrize("real", ["float32", "float64"])
@pytest.mark.parametrize("kernel", KERNELS)
def test_kernel_compiles_within_registers_and_without_spills(nvrtc, kernel, real, architecture):
    cubin, log = compile_cubin(nvrtc, kernel, real, architecture)
    assert cubin.startswith(b"\x7fELF")
    registers = int(re.search(r"Used (\d+) registers", log)[1])
    assert registers <= MOST_REGISTERS, log
    traffic = re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", log)
    assert traffic.groups() == ("0", "0", "0"), log
