"""The shapes in a picture: tumour surface, cut faces and vessels, as PyVista meshes in µm (x, y, z)."""

from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from tumorsim.grid import Grid

if TYPE_CHECKING:
    from pyvista import ImageData, PolyData

    from tumorsim.results import Results

MICRON = 1e6
"""µm in one m; VTK's tolerances suit numbers near one, not near 1e-5."""
_FINEST = 256
"""[D]: voxels drawn along the longest edge; a larger volume is averaged in blocks first."""
_SMOOTHING = 2.0
"""[D] voxels: width σ of the Gaussian that rounds the staircase of a mask. It moves the surface of a
sphere of radius R by about σ²/R, so a small region gets less."""
_SURROUNDINGS = 0.04
_SURROUNDINGS_WITH_VESSELS = 0.25
"""[D]: how much of the tumour's length is shown around it."""
_CUT_OF_TUMOUR = 0.42
_CUT_OF_BOX = 0.2
"""[D]: where the missing octant's inner corner lies, from the far side (0) to the near side (1)."""
CUT_FACES = 3
"""Of an octant: they come first."""
_TUMOUR_WORDS = ("tumour", "tumor")
_CORE_WORDS = ("necro", "core")


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Where the tumour is: ``solid``, and its necrotic ``core``, as smoothed shares (0 to 1) of every voxel.

    ``grid`` is the grid drawn: ``factor`` voxels of the result along each axis make one of its voxels.
    ``domain`` is the box of the result, its lower and upper corner (z, y, x) in m. ``cut`` (x, y, z) is where the
    inner corner of the missing octant lies, as shares of the tumour's length from its low to its high side.
    """

    grid: Grid
    solid: np.ndarray
    core: np.ndarray
    core_name: str
    factor: int
    domain: tuple[np.ndarray, np.ndarray]
    surroundings: float
    cut: tuple[float, float, float] | None = None

    @cached_property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper corner (z, y, x) of the tumour, m."""
        inside = np.argwhere(self.solid >= 0.5)
        spacing, origin = np.array(self.grid.spacing), np.array(self.grid.origin)
        return origin + inside.min(0) * spacing, origin + (inside.max(0) + 1) * spacing

    @property
    def stage(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper corner (z, y, x) of what is shown: the tumour and its surroundings, m."""
        low, high = self.bounds
        margin = self.surroundings * (high - low).max()
        return np.maximum(low - margin, self.domain[0]), np.minimum(high + margin, self.domain[1])

    @property
    def fills_the_box(self) -> bool:
        return bool(self.solid.min() >= 0.5)

    @property
    def middle(self) -> tuple[int, int, int]:
        """Index (z, y, x) of the voxel in the middle of the tumour."""
        return self._at(0.5, 0.5, 0.5)

    @property
    def slice_at(self) -> tuple[int, int, int]:
        """Index (z, y, x) of the voxel through which slices go: that of ``cut``, else the middle."""
        return self.middle if self.cut is None else self.corner

    @property
    def corner(self) -> tuple[int, int, int]:
        """Index (z, y, x) of the voxel at the inner corner of the cut.

        It lies a little behind the tumour's middle, or deep in a box that is all tumour.
        """
        if self.cut is not None:
            return self._at(*reversed(self.cut))
        share = _CUT_OF_BOX if self.fills_the_box else _CUT_OF_TUMOUR
        return self._at(share, 1 - share, share)

    def _at(self, *shares: float) -> tuple[int, int, int]:
        """Index of the voxel that lies so far from the lower to the upper corner of the tumour."""
        low, high = self.bounds
        voxel = (low + (high - low) * shares - self.grid.origin) / self.grid.spacing
        k, j, i = (min(max(int(v), 0), n - 1) for v, n in zip(voxel, self.grid.shape, strict=True))
        return k, j, i


def anatomy(results: "Results", time: float, *, cut: tuple[float, float, float] | None = None) -> Anatomy:
    """The tumour at the stored ``time`` (s), on a grid fine enough to draw; ``cut`` as in ``Anatomy``."""
    grid, factor = results.grid, ceil(max(results.grid.shape) / _FINEST)
    solid, core = tumour_masks(results, time)
    nz, ny, nx = (ceil(n / factor) for n in grid.shape)
    dz, dy, dx = (h * factor for h in grid.spacing)
    return Anatomy(
        grid=Grid((nz, ny, nx), (dz, dy, dx), grid.origin),
        solid=_smooth(solid, factor),
        core=_smooth(core, factor),
        core_name=", ".join(results.region_names[k] for k in _labels(results)[1]),
        factor=factor,
        domain=(np.array(grid.origin), np.array(grid.origin) + grid.size),
        surroundings=_SURROUNDINGS if results.network is None else _SURROUNDINGS_WITH_VESSELS,
        cut=cut,
    )


def tumour_masks(results: "Results", time: float) -> tuple[np.ndarray, np.ndarray]:
    """Which voxels are tumour (with its core), and which are its necrotic core, (nz, ny, nx) each.

    Regions are known by their names: those called tumour, and any necrosis or core, else all but the
    background. Without any such voxel, or without regions in the file, all tissue counts as tumour.
    """
    tumour_labels, core_labels = _labels(results)
    everywhere = np.ones(results.grid.shape, dtype=bool)
    if not tumour_labels:
        return everywhere, ~everywhere
    region = np.asarray(results.field("region", time=time))
    tumour = np.isin(region, tumour_labels)
    return (tumour if tumour.any() else everywhere), np.isin(region, core_labels)


def _labels(results: "Results") -> tuple[list[int], list[int]]:
    """Labels of the tumour (with its core), and of the core alone."""
    if "region" not in results.fields:
        return [], []
    background = str(results.config.get("tissue", {}).get("background") or results.region_names[0])
    tumour, core, other = [], [], []
    for k, name in enumerate(results.region_names):
        if any(word in name.lower() for word in _CORE_WORDS):
            core.append(k)
        elif any(word in name.lower() for word in _TUMOUR_WORDS):
            tumour.append(k)
        elif name != background:
            other.append(k)
    return (tumour or other) + core, core


def _smooth(mask: np.ndarray, factor: int) -> np.ndarray:
    """The share of every drawn voxel inside ``mask``, smoothed; the bare mask if that would leave nothing."""
    from scipy.ndimage import gaussian_filter

    fraction = block_mean(mask.astype(np.float32), factor)
    width = min(_SMOOTHING, 0.1 * float(fraction.sum()) ** (1 / 3))
    smoothed = gaussian_filter(fraction, width, mode="nearest")
    return smoothed if smoothed.max() >= 0.5 else (fraction > 0).astype(np.float32)


def block_mean(array: np.ndarray, factor: int) -> np.ndarray:
    """Averages of blocks of ``factor``³ voxels, or of vectors; one over the edge repeats the last voxel."""
    if factor == 1:
        return array
    more = array.shape[3:]
    array = np.pad(array, [(0, -n % factor) for n in array.shape[:3]] + [(0, 0) for _ in more], mode="edge")
    nz, ny, nx = (n // factor for n in array.shape[:3])
    return array.reshape(nz, factor, ny, factor, nx, factor, *more).mean(axis=(1, 3, 5))


def surface(anatomy: Anatomy) -> "PolyData":
    """The tumour's closed surface, without the octant towards high x, low y, high z."""
    image = image_of(anatomy.grid, {"solid": np.pad(anatomy.solid, 1)}, lower=(-1, -1, -1))
    closed = image.contour([0.5], scalars="solid", method="flying_edges")
    closed = closed.compute_normals(auto_orient_normals=False, split_vertices=False)
    z, y, x = _point(anatomy.grid, anatomy.corner)
    points = closed.points
    # positive within the octant; clipping by a box instead leaves cracks along its planes
    closed["inside"] = np.minimum.reduce([points[:, 0] - x, y - points[:, 1], points[:, 2] - z])
    return closed.clip_scalar(scalars="inside", value=0.0, invert=True)


def cut_faces(anatomy: Anatomy, field: np.ndarray) -> "list[PolyData]":
    """The faces of the missing octant inside the tumour, with point data ``field`` and ``core``."""
    k, j, i = (n + 1 for n in anatomy.corner)
    padded = {
        "solid": np.pad(anatomy.solid, 1),
        "core": np.pad(anatomy.core, 1, mode="edge"),
        "field": np.pad(field, 1, mode="edge"),
    }
    faces = []
    for cut in (np.s_[k : k + 1, : j + 1, i:], np.s_[k:, j : j + 1, i:], np.s_[k:, : j + 1, i : i + 1]):
        lower = tuple((part.start or 0) - 1 for part in cut)
        image = image_of(anatomy.grid, {name: array[cut] for name, array in padded.items()}, lower=lower)
        inside = image.clip_scalar(scalars="solid", value=0.5, invert=False)
        faces.append(inside.extract_surface(algorithm="dataset_surface"))
    return faces


def block_faces(anatomy: Anatomy, field: np.ndarray) -> "list[PolyData]":
    """The surface of the whole box without the octant, with point data ``field``, ``core`` and ``solid``."""
    k, j, i = (n + 1 for n in anatomy.corner)
    cuts = (np.s_[k : k + 1, : j + 1, i:], np.s_[k:, j : j + 1, i:], np.s_[k:, : j + 1, i : i + 1])
    whole = (np.s_[:1, :, :], np.s_[:, -1:, :], np.s_[:, :, :1])
    top = (np.s_[-1:, j:, :], np.s_[-1:, : j + 1, : i + 1])
    front = (np.s_[: k + 1, :1, :], np.s_[k:, :1, : i + 1])
    side = (np.s_[: k + 1, :, -1:], np.s_[k:, j:, -1:])
    arrays = {"field": field, "core": anatomy.core, "solid": anatomy.solid}
    padded = {name: np.pad(array, 1, mode="edge") for name, array in arrays.items()}
    low, high = (corner[::-1] * MICRON for corner in anatomy.domain)
    faces = []
    for part in (*cuts, *whole, *top, *front, *side):
        lower = tuple(range(n + 2)[each][0] - 1 for each, n in zip(part, field.shape, strict=True))
        image = image_of(anatomy.grid, {name: array[part] for name, array in padded.items()}, lower=lower)
        face = image.extract_surface(algorithm="dataset_surface")
        face.points = np.clip(
            face.points, low, high
        )  # the layer beyond the box only fills its last half voxel
        faces.append(face)
    return faces


def edges_of(face: "PolyData") -> "PolyData":
    """The lines that bound a face."""
    return face.extract_feature_edges(
        boundary_edges=True, feature_edges=False, manifold_edges=False, non_manifold_edges=False
    )


def image_of(grid: Grid, arrays: dict[str, np.ndarray], *, lower: tuple[int, ...]) -> "ImageData":
    """Values at voxel centres as an image whose points are those centres; ``lower`` is its first voxel."""
    import pyvista

    shape = next(iter(arrays.values())).shape[:3]
    spacing = [h * MICRON for h in reversed(grid.spacing)]
    image = pyvista.ImageData(dimensions=shape[::-1], spacing=spacing, origin=_point(grid, lower)[::-1])
    for name, array in arrays.items():
        flat = np.ascontiguousarray(array, dtype=np.float32).reshape(image.n_points, *array.shape[3:])
        image.point_data[name] = flat
    return image


def _point(grid: Grid, index: tuple[int, ...]) -> tuple[float, ...]:
    """Centre of a voxel (z, y, x), µm."""
    return tuple(
        (o + h * (n + 0.5)) * MICRON for o, h, n in zip(grid.origin, grid.spacing, index, strict=True)
    )
