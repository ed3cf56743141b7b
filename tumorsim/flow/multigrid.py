"""Geometric multigrid for the pressure operator: preconditions the conjugate gradients unless tissue is rough.

One application is a V-cycle in float32, a fixed symmetric positive operator. Iterations and times that it takes, and
what else was tried, are in docs/numerics.md.

- **Levels.** A coarse level is the same kind of medium on blocks of two voxels, conductances and all, so one
  set of kernels serves every level. Only the axes that conduct well are halved: those whose geometric mean of
  T/h is within WEAK_AXIS of the best. Flat voxels and layered tissue are thereby coarsened in their planes first.
  Any shape will do; a last odd voxel makes a block of its own.
- **Transfer.** Corrections are constant over a block, and residuals are summed over it. The conductances which
  that implies (Galerkin) are too large; they are scaled by the distance of the fine centres over that of the coarse
  ones, so that uniform tissue stays what it is, odd sizes included.
- **Smoother.** Chebyshev polynomials of the fourth kind in D⁻¹A (flow.chebyshev).
- **Coarsest level.** At most DENSE voxels, solved by its stored inverse.
"""

from dataclasses import dataclass
from functools import partial
from math import prod

import numpy as np

from tumorsim.device.twin import Array, Device
from tumorsim.flow.chebyshev import smooth_voxels
from tumorsim.flow.medium import Medium
from tumorsim.operators.add_correction import add_correction
from tumorsim.operators.chebyshev_step import chebyshev_step
from tumorsim.operators.coarse_conductance import coarse_conductance
from tumorsim.operators.dense_product import dense_product
from tumorsim.operators.log_conductance import log_conductance
from tumorsim.operators.pressure_operator import diagonal
from tumorsim.operators.restrict_residual import restrict_residual

DENSE = 256
"""Voxels of the coarsest level at most: its inverse takes 256 kB."""
WEAK_AXIS = 0.3
"""An axis that conducts less than this part of the best is not halved [D]."""
STEPS = (2, 4)
"""Chebyshev steps before and after the coarse correction on the finest level and on the others [D]."""
MANY_STEPS = (6, 8)
"""The same for tissue that is neither smooth nor rough [D]."""


@dataclass(frozen=True)
class Level:
    """One level: its medium, the widths of its blocks in voxels of the grid per axis, and its work arrays."""

    medium: Medium
    widths: tuple[np.ndarray, np.ndarray, np.ndarray]
    pressure: Array
    spare: Array
    source: Array


class Multigrid:
    """The hierarchy of one medium (float32). Call it with a residual to get the preconditioned one."""

    def __init__(self, device: Device, finest: Level, *, steps: tuple[int, int] = STEPS):
        medium = finest.medium
        self.device = device
        self.steps = steps
        self.levels = build_levels(device, finest)
        self._inverse_diagonals = [inverse_diagonal(device, level) for level in self.levels[:-1]]
        nz, ny, nx = medium.shape
        rows = (nz, ny) if len(self.levels) > 1 else (1, nz * ny * nx)
        self._products = device.empty(rows, np.float64)
        self._inverse = device.upload(dense_inverse(device, self.levels[-1].medium)[None], np.float32)

    def __call__(self, residual: Array) -> tuple[Array, Array]:
        """The preconditioned residual M⁻¹r, in an array of the hierarchy, and the parts of r·M⁻¹r."""
        return self._cycle(0, residual, self._products), self._products

    def _cycle(self, depth: int, source: Array, products: Array | None = None) -> Array:
        level = self.levels[depth]
        if depth == len(self.levels) - 1:
            return self._solve_coarsest(level, source, products)
        coarse = self.levels[depth + 1]
        smoothed = partial(smooth_voxels, self.device, level.medium, source, steps=self.steps[min(depth, 1)])
        inverse = self._inverse_diagonals[depth]
        pressure, spare = smoothed(level.pressure, level.spare, inverse_diagonal=inverse)
        restrict_residual(self.device, coarse.source, pressure, source, **level.medium.arguments)
        add_correction(self.device, pressure, self._cycle(depth + 1, coarse.source))
        pressure, _ = smoothed(pressure, spare, products=products)
        return pressure

    def _solve_coarsest(self, level: Level, source: Array, products: Array | None) -> Array:
        dense_product(self.device, level.pressure, products, self._inverse, source)
        return level.pressure


def inverse_diagonal(device: Device, level: Level) -> Array:
    """D⁻¹ of a level, which is a step of length 1 from zero towards a source of 1. Overwrites the level's source."""
    inverse = device.empty(level.medium.shape, level.medium.dtype)
    level.source[...] = 1
    weights = {"weight_newer": 1.0, "weight_older": 0.0, "step": 1.0}
    chebyshev_step(device, inverse, None, None, level.source, **level.medium.arguments, **weights)
    return inverse


def finest_level(device: Device, medium: Medium) -> Level:
    """The level of the grid itself."""
    nz, ny, nx = medium.shape
    return make_level(device, medium, (np.ones(nz), np.ones(ny), np.ones(nx)))


def build_levels(device: Device, finest: Level) -> list[Level]:
    """All levels, finest first, down to at most DENSE voxels."""
    levels = [finest]
    while prod(levels[-1].medium.shape) > DENSE:
        levels.append(coarsen(device, levels[-1]))
    return levels


def make_level(device: Device, medium: Medium, widths: tuple[np.ndarray, np.ndarray, np.ndarray]) -> Level:
    pressure, spare, source = (device.empty(medium.shape, medium.dtype) for _ in range(3))
    return Level(medium, widths, pressure, spare, source)


def coarsen(device: Device, level: Level) -> Level:
    """The next coarser level: blocks of two voxels along every axis that conducts well."""
    fine = level.medium
    halved = strong_axes(device, fine)
    mz, my, mx = (-(-n // 2) if axis in halved else n for axis, n in enumerate(fine.shape))
    hz, hy, hx = (2 * h if axis in halved else h for axis, h in enumerate(fine.spacing))
    wz, wy, wx = (_merged(w) if axis in halved else w for axis, w in enumerate(level.widths))
    nearness = [
        device.upload(_nearness(before, after), fine.dtype)
        for before, after in zip(level.widths, (wz, wy, wx), strict=True)
    ]
    z, y, x, absorption = (
        device.empty(shape, fine.dtype)
        for shape in ((mz + 1, my, mx), (mz, my + 1, mx), (mz, my, mx + 1), (mz, my, mx))
    )
    coarse_conductance(
        device, x, y, z, absorption, **fine.faces, absorption=fine.absorption,
        nearness_z=nearness[0], nearness_y=nearness[1], nearness_x=nearness[2],
    )  # fmt: skip
    return make_level(device, Medium((z, y, x), absorption, (hz, hy, hx)), (wz, wy, wx))


def strong_axes(device: Device, medium: Medium) -> list[int]:
    """The axes along which a medium conducts well, by the geometric mean of T/h over the inner faces."""
    nz, ny, nx = medium.shape
    sums = device.empty((3, nz, ny), np.float64)
    log_conductance(device, sums, **medium.faces)
    faces = np.array([(nz - 1) * ny * nx, nz * (ny - 1) * nx, nz * ny * (nx - 1)])
    strength = device.download(device.sum(sums, axis=(1, 2))) / np.maximum(faces, 1) - np.log(medium.spacing)
    strength[faces == 0] = -np.inf
    return [axis for axis in range(3) if strength[axis] >= strength.max() + np.log(WEAK_AXIS)]


def _merged(widths: np.ndarray) -> np.ndarray:
    """Widths of blocks of two."""
    return np.add.reduceat(widths, np.arange(0, len(widths), 2))


def _nearness(fine: np.ndarray, coarse: np.ndarray) -> np.ndarray:
    """Per coarse face: distance of the centres beside it on the fine level over that on the coarse one."""
    if len(fine) == len(coarse):
        return np.ones(len(coarse) + 1)
    inner = 2 * np.arange(1, len(coarse))
    across = (fine[inner - 1] + fine[inner]) / (coarse[:-1] + coarse[1:])
    return np.concatenate([[fine[0] / coarse[0]], across, [fine[-1] / coarse[-1]]])


def dense_inverse(device: Device, medium: Medium) -> np.ndarray:
    """A⁻¹ of a small medium, (n, n) float64."""
    conductance = tuple(device.download(t).astype(np.float64) for t in medium.conductance)
    z, y, x = conductance
    absorption = device.download(medium.absorption).astype(np.float64)
    index = np.arange(absorption.size).reshape(absorption.shape)
    matrix = np.diag(
        diagonal((z, y, x), absorption, slice(0, len(absorption)), spacing=medium.spacing).ravel()
    )
    for axis, t in enumerate((z, y, x)):
        low, high = (np.moveaxis(index, axis, 0)[part].ravel() for part in (slice(None, -1), slice(1, None)))
        matrix[low, high] = matrix[high, low] = -np.moveaxis(t, axis, 0)[1:-1].ravel() / medium.spacing[axis]
    return inverse_of(matrix, closed=medium.is_closed(device))


def inverse_of(matrix: np.ndarray, *, closed: bool) -> np.ndarray:
    """The inverse; a matrix whose rows sum to zero gets a level first, which leaves means as they are."""
    if closed:
        matrix = matrix + (np.diag(matrix).mean() / len(matrix) if len(matrix) > 1 else 1.0)
    return np.linalg.inv(matrix)
