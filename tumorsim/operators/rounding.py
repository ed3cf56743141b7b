"""Storing a pool in float32 without bias: the rounding of kernels/include/rounding.cuh."""

from typing import Any

import numpy as np


def rounded(exact: np.ndarray, dtype: Any, *, seed: int, reverse: bool = False) -> np.ndarray:
    """``exact`` (float64, nz ny nx) as ``dtype``, rounded up or down with the odds that keep the mean.

    A step changes a pool by little. Rounding to nearest would lose the same part of it in every voxel, step after
    step, and changes below half a unit altogether; dithered rounding keeps both on average (Croci et al. 2022,
    R Soc Open Sci 9:211631, 10.1098/rsos.211631). What is exact stays as it is. In float64 nothing is done.
    ``reverse`` turns the dither around, for the second pool of a pair: what one rounds up the other tends to
    round down.
    """
    if np.dtype(dtype) == np.float64:
        return exact
    carried = dither(exact.shape, seed)
    bits = np.ascontiguousarray(exact).view(np.uint64) + ((~carried if reverse else carried) >> 3)
    return (bits & np.uint64(2**64 - 2**29)).view(np.float64).astype(np.float32)  # float32 has 29 bits less


def dither(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """32 random bits per voxel: scrambled from row and seed, then on along x by the golden ratio."""
    nz, ny, nx = shape
    rows = np.arange(nz * ny, dtype=np.uint64) + (0x9E3779B9 * seed) % 2**32
    h = rows.astype(np.uint32)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):  # the finaliser of MurmurHash3
        h = np.multiply(h ^ (h >> shift), factor, dtype=np.uint32)
    along = np.arange(nx, dtype=np.uint32) * np.uint32(0x9E3779B9)
    return (h[:, None] + along).reshape(shape)
