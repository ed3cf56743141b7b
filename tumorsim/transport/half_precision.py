"""Transport coefficients in 16 bits: IEEE halves times one scale for all that are of a kind.

The scale is a power of two that puts the largest value between 2^14 and 2^15. A value down to 2^-28 of the largest is
then stored to 2^-11 of itself, a smaller one to 2^-39 of the largest. Every face has one coefficient for both of its
voxels, so amounts are conserved as ever; see docs/numerics.md for what it does to concentrations.
"""

from collections.abc import Sequence
from math import frexp
from typing import Any

import numpy as np

from tumorsim.device.twin import Array, Device
from tumorsim.errors import NumericsError

HALF = np.dtype(np.float16)
ROUNDING = 2.0**-11
"""Largest relative error of a normal half."""
LARGEST = 2.0**30
"""What is stored must be below, 1/s, for floats to hold the scale times 2^112 (kernels/include/coefficients.cuh)."""
SMALLEST = -100
"""Exponent of the smallest scale, so that floats hold it and its inverse; 5e-35/s is then still a normal half."""


def stored_as(dtype: np.dtype, device: Device, kind: Sequence[Array | None]) -> tuple[Any, float]:
    """The arrays of one kind, a tuple again, as ``dtype``, and the scale that they are to be multiplied with.

    That is 1 but for halves. None stays None. Raises NumericsError where the largest is beyond LARGEST.
    """
    if dtype != HALF:
        return tuple(kind), 1.0
    largest = max((device.maximum(abs(array)) for array in kind if array is not None), default=0.0)
    if not largest < LARGEST:
        raise NumericsError(
            f"the fastest exchange between voxels, {largest:.1e} 1/s, is too fast for coefficients of 16 bits. "
            'Use larger voxels, or run.coefficients = "as state"'
        )
    scale = 2.0 ** max(frexp(largest)[1] - 15, SMALLEST)
    return tuple(None if array is None else _halved(device, array, scale) for array in kind), scale


def _halved(device: Device, array: Array, scale: float) -> Array:
    halves = device.empty(array.shape, HALF)
    halves[...] = array * array.dtype.type(1 / scale)
    return halves
