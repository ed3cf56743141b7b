"""How far an agent gets: means against the distance from the nearest vessel, or from the rim of a region."""

from dataclasses import dataclass

import numpy as np

from tumorsim.grid import Grid
from tumorsim.results import Results


@dataclass(frozen=True, eq=False)
class Profile:
    """A field in shells of equal distance. Shell k holds the voxels with edges[k] ≤ distance < edges[k+1].

    ``edges`` (k+1,) in m; ``mean`` and ``sd`` (k,) in the unit of the field, nan in a shell without voxels;
    ``volume`` (k,) in m³.
    """

    edges: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    volume: np.ndarray

    @property
    def middles(self) -> np.ndarray:
        """Distances in the middle of the shells, m."""
        return (self.edges[1:] + self.edges[:-1]) / 2


def profile(
    values: np.ndarray, distance: np.ndarray, *, inside: np.ndarray, grid: Grid, width: float | None = None
) -> Profile:
    """Mean and standard deviation of ``values`` over the voxels ``inside``, in shells of ``distance`` (m).

    ``width`` of the shells in m, by default the largest voxel spacing [D]: a finer one shows the staircase.
    """
    width = max(grid.spacing) if width is None else width
    shell = np.floor(distance[inside] / width + 1e-9).astype(np.intp)  # a distance on an edge goes up
    of = values[inside].astype(np.float64)
    count = np.bincount(shell)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(shell, of) / count
        sd = np.sqrt(np.bincount(shell, (of - mean[shell]) ** 2) / count)
    return Profile(width * np.arange(len(count) + 1), mean, sd, count * grid.voxel_volume)


def depth_from_rim(inside: np.ndarray, grid: Grid) -> np.ndarray:
    """Distance of every voxel centre of a region from its outer surface, m; 0 outside, (nz, ny, nx).

    What the region encloses (a necrotic core in a tumour) counts as within its surface. The surface is taken
    half the smallest spacing before the nearest centre outside: exact for a flat one, within half a voxel for
    others. A face of the box is no surface, since the region is taken to go on beyond it; in a box that it
    fills the depth is infinite.
    """
    from scipy.ndimage import binary_fill_holes, distance_transform_edt

    filled = binary_fill_holes(inside)
    if filled.all():
        return np.where(inside, np.inf, 0.0)
    gap = distance_transform_edt(filled, sampling=grid.spacing) - min(grid.spacing) / 2
    return np.where(inside, gap, 0.0)


def vessel_distance(results: Results) -> np.ndarray | None:
    """Distance of every voxel centre from the nearest wall of the network, m; None without a network."""
    if results.network is None:
        return None
    from tumorsim.vessels.rasterise import distance_to_vessels

    return distance_to_vessels(results.network, results.grid)


def penetration_depth(course: Profile, *, share: float = 0.5) -> float:
    """The distance at which a profile first falls to ``share`` of its value in the first shell, m.

    Linear between the middles of the shells; nan where it never falls so low, or where there is nothing.
    Half of the value at the vessel is the usual choice [D].
    """
    known = np.isfinite(course.mean)
    mean, middle = course.mean[known], course.middles[known]
    if not len(mean) or mean[0] <= 0:
        return float("nan")
    level = share * mean[0]
    below = np.flatnonzero(mean <= level)
    if not len(below):
        return float("nan")
    k = int(below[0])
    return float(np.interp(-level, -mean[k - 1 : k + 1], middle[k - 1 : k + 1]))


def speed(results: Results, *, step: int) -> np.ndarray:
    """Magnitude of the interstitial (Darcy) velocity, m/s, (nz, ny, nx)."""
    return np.linalg.norm(results.field("velocity", step=step).astype(np.float64), axis=-1)
