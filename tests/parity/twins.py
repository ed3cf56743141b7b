"""What the parity suites share: awkward shapes, both precisions, every device against the NumPy bodies."""

import numpy as np
import pytest

from tumorsim.device.select import describe_devices, select_device

SHAPES = [(1, 1, 1), (1, 2, 31), (33, 31, 2), (2, 33, 31), (5, 4, 3)]
PRECISIONS = [np.float32, np.float64]
TOLERANCE = {np.float32: 1e-6, np.float64: 1e-13}
AVAILABLE = {name for name, here, _ in describe_devices() if here}
DEVICES = [
    pytest.param("native", marks=pytest.mark.skipif("native" not in AVAILABLE, reason="no C++ compiler")),
    pytest.param(
        "cuda", marks=[pytest.mark.gpu, pytest.mark.skipif("cuda" not in AVAILABLE, reason="no GPU")]
    ),
]
EVERYWHERE = [
    pytest.mark.parametrize("shape", SHAPES, ids=str),
    pytest.mark.parametrize("real", PRECISIONS, ids=lambda real: real.__name__),
    pytest.mark.parametrize("device", DEVICES),
]
"""Marks of a suite: each of its tests takes shape, real and device."""


def assert_twins_agree(operator, device, arguments, real, **scalars):
    """Run both texts on copies of the arguments and compare every array afterwards."""
    after = []
    for name in ("numpy", device):
        machine, _ = select_device(name)
        arrays = [None if a is None else machine.upload(a) for a in arguments]
        operator(machine, *arrays, **scalars)
        after.append([None if a is None else machine.download(a) for a in arrays])
    for expected, found in zip(*after, strict=True):
        if expected is not None and expected.size:
            scale = max(1.0, np.abs(expected).max())  # the terms are of order 1, and a sum of them may cancel
            assert np.isfinite(expected).all() and np.isfinite(found).all()
            coarsest = np.float32 if np.float32 in (real, expected.dtype) else np.float64
            assert np.abs(found - expected).max() <= TOLERANCE[coarsest] * scale
