#!/usr/bin/env python3
"""What the compiler makes of every kernel for a GPU, on a machine without one: registers, spills, loops over voxels.

    scripts/cubin.py [--architecture sm_90] [--real float32] [KERNEL ...]

A kernel may be named with the arrays that a call does not give: transport_stage-rate_x-start; and with "halves" where
its coefficients are 16 bits: transport_stage-halves-rate_x.

Needs nvidia-cuda-nvrtc and nvidia-cuda-nvdisasm (the test extra). A loop over voxels is a loop that writes to global
memory; of a kernel that is built for several cases the shortest and the longest such loop are told.
"""

import argparse
import ctypes
import re
import site
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorsim.device.cuda import compile_options
from tumorsim.device.twin import KernelSource, Variant
from tumorsim.resources import kernels_directory


@dataclass(frozen=True)
class Loop:
    """A loop of the machine code: its instructions, and how many load and store how many bytes."""

    instructions: int
    loads: dict[int, int]
    stores: dict[int, int]
    divisions: int


@dataclass(frozen=True)
class Cubin:
    """What came of one kernel: ``local`` counts instructions that touch local memory."""

    registers: int
    stack: int
    spills: int
    local: int
    loops: tuple[Loop, ...]


def installed(pattern: str) -> Path:
    """A file of NVIDIA's wheels."""
    found = [p for folder in site.getsitepackages() for p in Path(folder, "nvidia").glob(pattern)]
    if not found:
        raise FileNotFoundError(
            f"{pattern}: install the test extra, which brings NVIDIA's compiler and disassembler"
        )
    return found[0]


def compile_cubin(name: str, real: str, architecture: str) -> tuple[bytes, str]:
    """The cubin of a kernel, given all arrays but those named after hyphens, of ``halves`` if that is, and the log."""
    kernel, *missing = name.split("-")
    source, halves = KernelSource.read(kernel), "halves" in missing
    missing = [array for array in missing if array != "halves"]
    if unknown := set(missing) - set(source.optional):
        raise ValueError(
            f"{kernel} is the same without {', '.join(unknown)}; known: {', '.join(source.optional)}"
        )
    variant = Variant(source, np.dtype(real), tuple(missing), halves)
    nvrtc = ctypes.CDLL(str(installed("**/libnvrtc.so.*")))
    program = ctypes.c_void_p()
    text, file = source.text.encode(), f"{kernel}.cu".encode()
    _require(nvrtc.nvrtcCreateProgram(ctypes.byref(program), text, file, 0, None, None))
    options = [*compile_options(variant), "-ftz=true"]  # as CuPy adds
    options += [f"--gpu-architecture={architecture}", "--ptxas-options=-v"]
    encoded = (ctypes.c_char_p * len(options))(*[o.encode() for o in options])
    status = nvrtc.nvrtcCompileProgram(program, len(options), encoded)
    log = _fetch(nvrtc, program, "ProgramLog").decode(errors="replace")
    if status:
        raise RuntimeError(log)
    return _fetch(nvrtc, program, "CUBIN"), log


def _require(status: int) -> None:
    if status:
        raise RuntimeError(f"NVRTC failed with {status}")


def _fetch(nvrtc: ctypes.CDLL, program: ctypes.c_void_p, what: str) -> bytes:
    size = ctypes.c_size_t()
    _require(getattr(nvrtc, f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
    buffer = ctypes.create_string_buffer(size.value)
    _require(getattr(nvrtc, f"nvrtcGet{what}")(program, buffer))
    return buffer.raw


def machine_code(cubin: bytes) -> list[str]:
    """Labels and instructions in order."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        command = [str(installed("**/bin/nvdisasm")), "--print-code", file.name]
        listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^\s*(?:/\*[0-9a-f]+\*/\s+([^;]+?)\s*;|(\.L_[\w.]+):)", listing, re.MULTILINE)
    return [instruction or f"{label}:" for instruction, label in found]


def innermost_loops(code: list[str]) -> list[Loop]:
    """Every stretch from a label to a jump back to it that holds no other such stretch."""
    at = {line[:-1]: k for k, line in enumerate(code) if line.endswith(":")}
    spans = []
    for k, line in enumerate(code):
        target = re.search(r"\bBRA\b.*?(\.L_[\w.]+)", line)
        if target and at.get(target[1], k) < k:
            spans.append((at[target[1]], k))
    inner = [s for s in spans if not any(o != s and s[0] <= o[0] and o[1] <= s[1] for o in spans)]
    return [_loop([line for line in code[a : b + 1] if not line.endswith(":")]) for a, b in inner]


def _loop(code: list[str]) -> Loop:
    return Loop(
        len(code), _widths(code, "LDG"), _widths(code, "STG"), sum("MUFU.RCP" in line for line in code)
    )


def _widths(code: list[str], kind: str) -> dict[int, int]:
    """Bytes per thread of the accesses of a kind, and how many there are."""
    accesses = [m[0] for line in code if (m := re.search(rf"\b{kind}[.\w]*", line))]  # LDG.E.64.CONSTANT
    return dict(
        Counter(int(m[1]) // 8 if (m := re.search(r"\.U?(8|16|64|128)\b", a)) else 4 for a in accesses)
    )


def inspect(name: str, real: str, architecture: str) -> Cubin:
    """Compile a kernel and read what came of it."""
    cubin, log = compile_cubin(name, real, architecture)
    code = machine_code(cubin)
    stack, stores, loads = map(
        int,
        re.search(
            r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", log
        ).groups(),
    )
    registers = int(re.search(r"Used (\d+) registers", log)[1])
    local = sum(bool(re.search(r"\b(LDL|STL)\b", line)) for line in code)
    loops = tuple(loop for loop in innermost_loops(code) if loop.stores)
    return Cubin(registers, stack, stores + loads, local, loops)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kernels", nargs="*")
    parser.add_argument("--architecture", default="sm_90")
    parser.add_argument("--real", default="float32", choices=["float32", "float64"])
    chosen = parser.parse_args()
    print("| kernel | registers | loops | instructions | loads × bytes | stores × bytes | reciprocals |")
    print("|---|---|---|---|---|---|---|")
    for name in chosen.kernels or sorted(path.stem for path in kernels_directory().glob("*.cu")):
        found = inspect(name, chosen.real, chosen.architecture)
        ends = sorted(found.loops, key=lambda loop: loop.instructions)
        rows = [ends[0], ends[-1]] if len(ends) > 1 else ends
        told = [
            (str(r.instructions), _accesses(r.loads), _accesses(r.stores), str(r.divisions)) for r in rows
        ]
        cells = [" … ".join(dict.fromkeys(column)) for column in zip(*told, strict=True)] or [""] * 4
        print(f"| `{name}` | {found.registers} | {len(ends)} | {' | '.join(cells)} |")


def _accesses(widths: dict[int, int]) -> str:
    return ", ".join(f"{count} × {width}" for width, count in sorted(widths.items()))


if __name__ == "__main__":
    main()
