"""From the simulation's voxels to a scanner's: what lies beyond the box, blur, and means over larger voxels."""

from math import ceil, log, sqrt

import numpy as np

from tumorsim.errors import choose
from tumorsim.grid import Grid

FWHM = 2 * sqrt(2 * log(2))
"""Full width at half maximum of a Gaussian over its σ: 2.3548."""
BEYOND = {"continued": "edge", "mirrored": "symmetric", "empty": "constant"}
"""What is taken to lie beyond the box, and NumPy's name for it: its outermost voxels, its mirror image, nothing."""
_BEYOND_OF_FILTER = {"edge": "nearest", "symmetric": "reflect", "constant": "constant"}


def scanner_grid(grid: Grid, voxel: tuple[float, float, float]) -> Grid:
    """The fewest voxels of the size ``voxel`` (z, y, x), m, that cover the box, centred on it."""
    nz, ny, nx = (max(1, ceil(size / h - 1e-9)) for size, h in zip(grid.size, voxel, strict=True))
    z, y, x = (middle - n * h / 2 for middle, n, h in zip(grid.center, (nz, ny, nx), voxel, strict=True))
    return Grid((nz, ny, nx), voxel, (z, y, x))


def extend(values: np.ndarray, grid: Grid, onto: Grid, *, beyond: str) -> tuple[np.ndarray, Grid]:
    """The field on a larger grid of the same voxels that covers ``onto``; see BEYOND. Raises ConfigError."""
    mode = choose(BEYOND, beyond, key="beyond")
    low = [_layers(o - p, h) for o, p, h in zip(grid.origin, onto.origin, grid.spacing, strict=True)]
    high = [
        _layers(p + q - o - s, h)
        for o, s, p, q, h in zip(grid.origin, grid.size, onto.origin, onto.size, grid.spacing, strict=True)
    ]
    padded = np.pad(values, list(zip(low, high, strict=True)), mode=mode)  # type: ignore[call-overload]
    nz, ny, nx = padded.shape
    z, y, x = (o - n * h for o, n, h in zip(grid.origin, low, grid.spacing, strict=True))
    return padded, Grid((nz, ny, nx), grid.spacing, (z, y, x))


def _layers(gap: float, spacing: float) -> int:
    return max(0, ceil(gap / spacing - 1e-9))


def blur(values: np.ndarray, grid: Grid, *, sigma: float, beyond: str) -> np.ndarray:
    """``values`` convolved with a Gaussian of standard deviation ``sigma``, m, cut off at four of them.

    Where nothing lies near the faces, or with a mirror image beyond them, the total is kept. Raises ConfigError.
    """
    from scipy.ndimage import gaussian_filter

    mode = _BEYOND_OF_FILTER[choose(BEYOND, beyond, key="beyond")]
    return gaussian_filter(values, [sigma / h for h in grid.spacing], mode=mode, output=np.float64)


def resample(values: np.ndarray, grid: Grid, onto: Grid) -> np.ndarray:
    """Means over the voxels of ``onto`` of a field that is constant in each voxel of ``grid``, 0 outside its box.

    Exact volumes of overlap, so amounts are conserved: Σ value · voxel volume is that of the part of ``grid``
    which ``onto`` covers.
    """
    means = values.astype(np.float64)
    for axis in range(3):
        overlap = _overlap(
            (grid.origin[axis], grid.spacing[axis], grid.shape[axis]),
            (onto.origin[axis], onto.spacing[axis], onto.shape[axis]),
        )
        means = np.moveaxis(np.tensordot(overlap, means, axes=(1, axis)), 0, axis)
    return means


def _overlap(old: tuple[float, float, int], new: tuple[float, float, int]) -> np.ndarray:
    """The part of each new voxel (rows) that each old one (columns) fills along an axis: (origin, spacing, n)."""
    old_edges = old[0] + old[1] * np.arange(old[2] + 1)
    new_edges = new[0] + new[1] * np.arange(new[2] + 1)
    low = np.maximum(new_edges[:-1, None], old_edges[None, :-1])
    high = np.minimum(new_edges[1:, None], old_edges[None, 1:])
    return np.maximum(high - low, 0) / new[1]
