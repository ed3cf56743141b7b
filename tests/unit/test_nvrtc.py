"""Every kernel compiles to cubin for the GPUs of today's nodes, without spilling, on a machine without a GPU."""

import pytest
from cubin import inspect

from tumorsim.device.twin import KernelSource
from tumorsim.resources import kernels_directory

NAMES = sorted(path.stem for path in kernels_directory().glob("*.cu"))
HALVED = [n for n in NAMES if any(p.ctype == "coefficient" for p in KernelSource.read(n).parameters)]
KERNELS = NAMES + [f"{name}-halves" for name in HALVED]
MOST_REGISTERS = 128  # at 128 threads a block this still leaves 4 blocks on a multiprocessor of 65,536
PARTICLE = "transport_stage_twice-capture-source"
STEP = f"{PARTICLE}-before_last-start_rate-result"
REGISTERS = {
    "transport_stage-capture-source-rate_x-reabsorption-lymph_drainage-start": 42,
    f"{PARTICLE}-rate_x-lymph_drainage-start_2": 72,
    f"{PARTICLE}-start_2": 72,
    f"{PARTICLE}": 72,
    STEP: 72,
    f"{STEP}-rate_x": 72,
    "transport_stage_twice": 72,
    f"{PARTICLE}-halves": 72,
    f"{STEP}-halves": 72,
}
"""Most registers of the stages that runs spend their time in: 72 leave room for two blocks of 448 threads [C]."""
ISSUED = {"transport_stage": 250, "transport_stage_twice": 700, "advect": 450}
ISSUED |= {"transport_stage-halves": 270, "transport_stage_twice-halves": 750, "advect-halves": 450}
"""Most instructions of a loop over voxels: an H100 issues some 300 in the time in which memory gives 28 bytes."""


@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
@pytest.mark.parametrize("real", ["float32", "float64"])
@pytest.mark.parametrize("kernel", KERNELS)
def test_kernel_keeps_to_registers(kernel, real, architecture):
    found = inspect(kernel, real, architecture)
    assert found.registers <= MOST_REGISTERS
    assert (found.stack, found.spills, found.local) == (0, 0, 0), "bytes of stack and spills, local accesses"


@pytest.mark.parametrize("stage", REGISTERS)
def test_stages_leave_room_for_other_blocks(stage):
    found = inspect(stage, "float32", "sm_90")
    assert found.registers <= REGISTERS[stage]
    assert (found.spills, found.local) == (0, 0)


@pytest.mark.parametrize("kernel", ISSUED)
def test_a_voxel_takes_few_instructions(kernel):
    loops = inspect(kernel, "float32", "sm_90").loops
    assert loops, "the disassembly has a loop that stores"
    assert max(loop.instructions for loop in loops) <= ISSUED[kernel]
    widths = {2, 4} if kernel.endswith("halves") else {4}
    assert all(set(loop.loads) == widths for loop in loops), "neighbouring threads load neighbouring values"
