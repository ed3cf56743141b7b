"""Tissue regions: one label per voxel, and the distances to their surfaces."""

from dataclasses import dataclass

import numpy as np

from tumorsim.errors import ConfigError, Problem
from tumorsim.grid import Grid

MOST_REGIONS = 255
"""Labels are stored as uint8; 255 is left free."""


@dataclass(frozen=True, eq=False, repr=False)
class Regions:
    """Which tissue each voxel belongs to: voxel label k is the region ``names[k]``.

    ``labels`` is uint8 of shape (nz, ny, nx). Raises ConfigError for more than 255 names or a repeated
    one, and ValueError for labels of another shape or type, or a label without a name.
    """

    grid: Grid
    labels: np.ndarray
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        problems = name_problems(self.names)
        if problems:
            raise ConfigError(*problems)
        if self.labels.dtype != np.uint8 or self.labels.shape != self.grid.shape:
            raise ValueError(
                f"labels are {self.labels.dtype} {self.labels.shape}, not uint8 {self.grid.shape}"
            )
        if self.labels.max() >= len(self.names):
            raise ValueError(f"label {self.labels.max()} has no name among {self.names}")

    def label(self, name: str) -> int:
        """The label of a region. Raises ConfigError if there is none of that name."""
        if name not in self.names:
            fault = "there is no region of this name"
            raise ConfigError(Problem("region", name, fault, f"Use one of {', '.join(self.names)}"))
        return self.names.index(name)

    def mask(self, name: str) -> np.ndarray:
        """True in the voxels of a region, (nz, ny, nx)."""
        return self.labels == self.label(name)

    def volumes(self) -> dict[str, float]:
        """Volume of every region, m³; together they are the volume of the box."""
        voxels = np.bincount(self.labels.ravel(), minlength=len(self.names))
        return {name: int(n) * self.grid.voxel_volume for name, n in zip(self.names, voxels, strict=True)}

    def volume(self, name: str) -> float:
        """Volume of one region, m³."""
        return int(np.count_nonzero(self.mask(name))) * self.grid.voxel_volume

    def distance_to_surface(self, name: str) -> np.ndarray:
        """Depth of every voxel of a region below its surface, m; 0 outside the region (see ``depth``)."""
        return depth(self.mask(name), self.grid)

    def __repr__(self) -> str:
        shares = ", ".join(f"{name} {volume * 1e9:.4g} mm³" for name, volume in self.volumes().items())
        return f"Regions({shares}; {self.grid!r})"


def name_problems(names: tuple[str, ...]) -> list[Problem]:
    """What is wrong with a list of region names: too many, empty, or repeated."""
    problems = []
    if not 1 <= len(names) <= MOST_REGIONS:
        cure = f"Use 1 to {MOST_REGIONS} regions"
        problems.append(Problem("tissue.regions", len(names), "the number of regions does not fit", cure))
    if "" in names:
        problems.append(Problem("tissue.regions", "", "a region has no name", "Give it one"))
    for name in sorted({name for name in names if names.count(name) > 1}):
        problems.append(Problem("tissue.regions", name, "two regions have this name", "Rename one of them"))
    return problems


def depth(mask: np.ndarray, grid: Grid) -> np.ndarray:
    """Distance of the voxel centres inside ``mask`` to the surface of ``mask``, m; 0 outside.

    It is the Euclidean distance to the nearest voxel centre outside, less a quarter of the smallest voxel
    edge. That centre lies half a voxel beyond a surface that follows the grid, and hardly at all beyond a
    curved or oblique one, where some centre is always near. With the quarter, the surface offset of spheres
    and of randomly oriented planes is right to 0.2 voxels on average [C].

    The faces of the box are no surface: a region cut by the box goes on outside it. If the mask fills the
    whole box, there is no surface and every distance is infinite.
    """
    from scipy.ndimage import distance_transform_edt

    distance = np.zeros(mask.shape)
    if mask.all():
        return np.full_like(distance, np.inf)
    if mask.any():
        around = surroundings(mask, (1, 1, 1))
        distance[around] = distance_transform_edt(mask[around], sampling=grid.spacing)
        distance[mask] -= 0.25 * min(grid.spacing)
    return distance


def surroundings(mask: np.ndarray, reach: tuple[int, ...]) -> tuple[slice, ...]:
    """The part of the array that holds all of a mask, and up to ``reach`` voxels around it on each axis."""
    from scipy.ndimage import find_objects

    (box,) = find_objects(mask.astype(np.uint8))
    return tuple(slice(max(side.start - n, 0), side.stop + n) for side, n in zip(box, reach, strict=True))
