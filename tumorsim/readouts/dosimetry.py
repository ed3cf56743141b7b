"""Absorbed dose: rate and dose maps by convolution with voxel kernels (physics.md G).

    Ḋ = (E/ρ) Σ_n S(n) A(x − n) ,   D = (E/ρ) Σ_n S(n) Ã(x − n)

with activity A in Bq/m³, decays Ã per m³, E in J per decay, and a voxel kernel S that adds up to 1. Photons are left
out: below a few percent of the electrons of Lu-177 or I-131 in a tumour of less than a cm [M].
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import pi
from pathlib import Path

import numpy as np

from tumorsim.constants import TISSUE_DENSITY
from tumorsim.errors import ConfigError, Problem
from tumorsim.grid import Grid
from tumorsim.readouts.dose_kernels import (
    PointKernel,
    alpha_kernel,
    electron_kernel,
    read_kernel,
    voxel_kernel,
)
from tumorsim.readouts.nuclides import Nuclide

LOCAL = 0.1
"""Reach over smallest voxel spacing below which energy stays where it is released [D]: above nine tenths of it do."""


@dataclass(frozen=True, eq=False)
class Emission:
    """Energy per decay (J), the kernel by which it spreads, and whether it comes densely, as that of alphas.

    ``shares`` are those of the nuclide's chain (`Nuclide`): the energy is theirs in equilibrium. ``recoiled``: it is
    that of a daughter which has left the agent.
    """

    energy: float
    kernel: PointKernel
    dense: bool = False
    shares: tuple[float, ...] = ()
    recoiled: bool = False


@dataclass(frozen=True, eq=False)
class Dose:
    """Dose maps (nz, ny, nx), Gy: of the sparse tracks of electrons, and of the dense ones of alphas.

    ``released`` and ``absorbed`` are the energies released and left in the box, J: the rest has gone beyond it.
    Unless it is mirrored nothing comes in from there, and the dose is low within a kernel's reach of the faces.
    """

    electrons: np.ndarray
    alphas: np.ndarray
    released: float
    absorbed: float

    @property
    def total(self) -> np.ndarray:
        return self.electrons + self.alphas

    @property
    def escaped(self) -> float:
        """The part of the energy that left the box."""
        return 1 - self.absorbed / self.released if self.released else 0.0


def emissions(nuclide: Nuclide, *, electrons: PointKernel | None = None) -> tuple[Emission, ...]:
    """What a decay emits; ``electrons`` in place of the default kernel of its electrons."""
    kernel = electrons or electron_kernel(nuclide)
    found = [Emission(nuclide.electron_energy, kernel, shares=nuclide.electron_shares)]
    if nuclide.alphas:
        kernel = alpha_kernel(nuclide.alphas)
        found.append(Emission(nuclide.alpha_energy, kernel, dense=True, shares=nuclide.alpha_shares))
    return tuple(found)


def local(nuclide: Nuclide) -> tuple[Emission, ...]:
    """The emissions of ``nuclide`` with all energy left where it decays."""
    here = PointKernel(np.ones_like, 0.0, "local")
    return tuple(replace(each, kernel=here) for each in emissions(nuclide))


def chosen_emissions(
    nuclide: Nuclide, kernel: str = "nuclide", *, daughter: Nuclide | None = None
) -> tuple[Emission, ...]:
    """By a name: "nuclide" is the default kernel, "local" no spread; else a file of F(r). Raises ConfigError.

    With those of a ``daughter`` that has left the agent, by the same kernel, itself with its chain in equilibrium.
    """
    if daughter is not None:
        theirs = (replace(each, shares=(), recoiled=True) for each in chosen_emissions(daughter, kernel))
        return *chosen_emissions(nuclide, kernel), *theirs
    if kernel == "local":
        return local(nuclide)
    return emissions(nuclide, electrons=None if kernel == "nuclide" else read_kernel(Path(kernel)))


def dose_map(
    decays: np.ndarray | Sequence[np.ndarray],
    emitted: tuple[Emission, ...],
    *,
    grid: Grid,
    density: float | np.ndarray = TISSUE_DENSITY,
    mirrored: bool = False,
) -> Dose:
    """Dose from ``decays`` per m³, Ã; from an activity A in Bq/m³ the dose rate in Gy/s instead.

    ``decays`` is one field, or a list of one for each emission. ``density`` in kg/m³, one number or (nz, ny, nx); the
    kernels are those of water throughout. Beyond the box there is nothing, or with ``mirrored`` its own mirror image:
    for a piece of tissue that goes on like that, or an octant of a tumour. Raises ConfigError for decays that are
    negative, not finite or not of the shape of the grid.
    """
    sources = [decays] * len(emitted) if isinstance(decays, np.ndarray) else list(decays)
    for source in sources:
        if source.shape != grid.shape or not (np.isfinite(source).all() and source.min() >= 0):
            fault = "a field of finite numbers from 0 on the grid was expected"
            raise ConfigError(Problem("decays", source.shape, fault, f"Give an array of shape {grid.shape}"))
    doses = {True: np.zeros(grid.shape), False: np.zeros(grid.shape)}
    for each, source in zip(emitted, sources, strict=True):
        doses[each.dense] += each.energy * spread(source, each.kernel, grid=grid, mirrored=mirrored) / density
    energies = [float(source.sum()) * each.energy for each, source in zip(emitted, sources, strict=True)]
    released = sum(energies) * grid.voxel_volume
    absorbed = float(((doses[True] + doses[False]) * density).sum()) * grid.voxel_volume
    return Dose(doses[False], doses[True], released, absorbed)


def spread(source: np.ndarray, kernel: PointKernel, *, grid: Grid, mirrored: bool = False) -> np.ndarray:
    """``source`` convolved with the voxel kernel; beyond the box zeros, or its mirror image."""
    if kernel.reach < LOCAL * min(grid.spacing):
        return source.astype(np.float64)
    from scipy.signal import fftconvolve

    voxels = voxel_kernel(kernel, grid)
    values = source.astype(np.float64)
    if mirrored:
        values = np.pad(values, [(n // 2, n // 2) for n in voxels.shape], mode="symmetric")
    spread_out = fftconvolve(values, voxels, mode="valid" if mirrored else "same")
    return np.maximum(spread_out, 0.0)  # what a transform rounds below 0


def uniform_uptake(decays: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The same decays in every region as in ``decays``, but evenly spread within it: what region doses assume."""
    count = np.bincount(labels.ravel())
    total = np.bincount(labels.ravel(), decays.ravel())
    return (total / np.maximum(count, 1))[labels]


def sphere_fraction(kernel: PointKernel, radius: float) -> float:
    """Part of the energy that a uniform sphere of ``radius`` keeps: ``∫ (1 − 3r/4R + r³/16R³) dF``, r to 2R (G.5)."""
    return _kept(kernel, 2 * radius, lambda s: 1 - 1.5 * s + 0.5 * s**3)


def cube_fraction(kernel: PointKernel, edge: float) -> float:
    """Part of the energy that a uniform cube keeps: ``∫ γ(r/h) dF``, ``γ = 1 − 3s/2 + 2s²/π − s³/4π`` (G.5).

    γ holds for s ≤ 1. Raises ConfigError for a kernel that reaches further than the ``edge``.
    """
    if kernel.reach > edge:
        raise ConfigError(
            Problem("edge", edge, f"the kernel reaches {kernel.reach:.3g} m", "Take a larger cube")
        )
    return _kept(kernel, edge, lambda s: 1 - 1.5 * s + 2 * s**2 / pi - s**3 / (4 * pi))


def _kept(kernel: PointKernel, end: float, overlap: Callable[[np.ndarray], np.ndarray]) -> float:
    """``∫_0^end overlap(r/end) dF`` over fine shells."""
    edges = np.linspace(0, min(end, kernel.reach), 200_001)
    cumulative = kernel.cumulative(edges)
    if end >= kernel.reach:
        cumulative[-1] = 1.0  # as in the voxel kernel, the rest is put at the reach
    return float((overlap((edges[1:] + edges[:-1]) / 2 / end) * np.diff(cumulative)).sum())
