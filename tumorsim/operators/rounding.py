"""Storing a pool in float32 without bias: the rounding of kernels/include/rounding.cuh."""

from typing import Any

import numpy as np


def rounded(exact: np.ndarray, dtype: Any, *, seed: int, reverse: bool = False) -> np.ndarray:
    """``exact`` (float64, nz ny nx) as ``dtype``, rounded up or down with the odds that keep the mean.

    A step changes a pool by little. Rounding to nearest would lose the same part of it in every voxel, step after
    step, and changes below half a unit altogether; dithered rounding keeps both on average (Croci et al. 2022,
    R Soc Open Sci 9:211631, 10.1098/rsos.211631). What is exact stays as it is. In float64 nothing is done. ``reverse`` turns the
    dither around, for the second pool of a pair: what one rounds up the other tends to round down.
    """
    if np.dtype(dtype) == np.float64:
        return exact
    nearest = exact.astype(np.float32)
    unit = (nearest.view(np.uint32) & np.uint32(0x7F800000)).view(np.float32) * np.float32(2**-23)
    bits = dither(exact.shape, seed)
    shift = (~bits if reverse else bits).view(np.int32).astype(np.float32) * (unit * np.float32(2**-32))
    return np.where(nearest == exact, nearest, (exact + shift).astype(np.float32))


def dither(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """32 random bits per voxel: scrambled from row and seed, then on along x by the golden ratio."""
    nz, ny, nx = shape
    rows = np.arange(nz * ny, dtype=np.uint64) + (0x9E3779B9 * seed) % 2**32
    h = rows.astype(np.uint32)
    h = (h ^ (h >> 16)) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> 13)) * np.uint32(0xC2B2AE35)
    h ^= h >> 16
    along = np.arange(nx, dtype=np.uint32) * np.uint32(0x9E3779B9)
    return (h[:, None] + along).reshape(shape)
