"""What the parity suites share: awkward shapes, both precisions, every device against the NumPy bodies."""

import sys
from unittest.mock import patch

import cupy_stand_in
import numpy as np
import pytest
from fibers import FibersDevice

from tumorsim.device.cuda import CudaDevice
from tumorsim.device.select import describe_devices, select_device

SHAPES = [(1, 1, 1), (1, 2, 31), (33, 31, 2), (2, 33, 31), (5, 4, 3)]
PRECISIONS = [np.float32, np.float64]
TOLERANCE = {np.float32: 1e-6, np.float64: 1e-13}
AVAILABLE = {name for name, here, _ in describe_devices() if here}
HERE = {"fibers": "native", "stand-in": "native"}
"""What a device of ours for tests needs: the same compiler."""
WITHOUT = {"native": "no C++ compiler", "cuda": "no GPU"} | dict.fromkeys(HERE, "no C++ compiler")
FEW_ROWS = [(1, 1, 1), (5, 4, 3), (2, 3, 70)]
"""Shapes for threads that take turns, one of them with rows longer than a block has threads."""


def _places():
    for name, reason in WITHOUT.items():
        here = HERE.get(name, name) in AVAILABLE
        marks = [pytest.mark.skipif(not here, reason=reason)]
        marks += [pytest.mark.gpu] if name == "cuda" else []
        for shape in {"fibers": FEW_ROWS, "stand-in": FEW_ROWS[1:2]}.get(name, SHAPES):
            yield pytest.param(name, shape, marks=marks, id=f"{name}-{shape}")


EVERYWHERE = [
    pytest.mark.parametrize(("device", "shape"), list(_places())),
    pytest.mark.parametrize("real", PRECISIONS, ids=lambda real: real.__name__),
]
"""Marks of a suite: each of its tests takes shape, real and device."""


def machine_called(name):
    if name == "fibers":
        return FibersDevice()
    return cuda_over_stand_in() if name == "stand-in" else select_device(name)[0]


def cuda_over_stand_in():
    with patch.dict(sys.modules, cupy=cupy_stand_in, cupyx=cupy_stand_in.cupyx):
        return CudaDevice(0)


def assert_twins_agree(operator, device, arguments, real, **scalars):
    """Run both texts on copies of the arguments and compare every array afterwards."""
    after = []
    for name in ("numpy", device):
        machine = machine_called(name)
        arrays = [None if a is None else machine.upload(a) for a in arguments]
        operator(machine, *arrays, **scalars)
        after.append([None if a is None else machine.download(a) for a in arrays])
    for expected, found in zip(*after, strict=True):
        if expected is not None and expected.size:
            scale = max(1.0, np.abs(expected).max())  # the terms are of order 1, and a sum of them may cancel
            assert np.isfinite(expected).all() and np.isfinite(found).all()
            coarsest = np.float32 if np.float32 in (real, expected.dtype) else np.float64
            assert np.abs(found - expected).max() <= TOLERANCE[coarsest] * scale
