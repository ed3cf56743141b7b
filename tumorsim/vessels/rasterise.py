"""From vessel segments to voxel fields: exact clipping, and the distance to the nearest vessel."""

from dataclasses import dataclass

import numpy as np

from tumorsim.errors import ConfigError, Problem
from tumorsim.grid import Grid
from tumorsim.vessels.network import Network


@dataclass(frozen=True, eq=False)
class Pieces:
    """The parts into which voxel faces cut the segments, in order along each segment; all arrays are (k,).

    ``segment`` is the index of the segment, ``voxel`` the flat index of the voxel, ``start`` and ``end`` the
    places on the segment as fractions of its length.
    """

    segment: np.ndarray
    voxel: np.ndarray
    start: np.ndarray
    end: np.ndarray


@dataclass(frozen=True, eq=False)
class VesselFields:
    """A network as voxel fields, each (nz, ny, nx).

    ``area_density`` S/V is wall area per tissue volume, 1/m; ``volume_fraction`` is lumen volume per tissue
    volume, and exceeds 1 where a vessel is wider than its voxel, since a segment counts in the voxels that
    its centre line crosses; ``pressure`` is the blood pressure averaged over the wall area in the voxel, Pa,
    0 where there is no vessel, None for a network without pressures. ``length_inside`` and ``length_outside``
    are the vessel length in and out of the box, m.
    """

    area_density: np.ndarray
    volume_fraction: np.ndarray
    pressure: np.ndarray | None
    length_inside: float
    length_outside: float


def rasterise(network: Network, grid: Grid) -> VesselFields:
    """Wall area density, vessel volume fraction and mean vascular pressure per voxel (physics.md F.4).

    ``S/V = Σ 2π r ℓ_clip / h³`` and so on, over the exact parts of the segments within each voxel. Blood
    pressure varies linearly along a segment; a part counts with the value at its middle.

    Raises ConfigError for a network of which only some pressures are known.
    """
    if network.pressure is not None and np.isnan(network.pressure).any():
        raise ConfigError(
            Problem("network.pressure", None, "not known at every node", "Use blood_flow to fill the others")
        )
    pieces = clip_segments(network, grid)
    share = pieces.end - pieces.start
    area = network.wall_area[pieces.segment] * share

    def total(amount: np.ndarray) -> np.ndarray:
        return np.bincount(pieces.voxel, amount, minlength=grid.voxels).reshape(grid.shape)

    wall = total(area)
    pressure = None
    if network.pressure is not None:
        first, last = network.pressure[network.segments[pieces.segment]].T
        middle = first + (last - first) * (pieces.start + pieces.end) / 2
        pressure = np.divide(total(area * middle), wall, out=np.zeros(grid.shape), where=wall > 0)
    inside = float((network.length[pieces.segment] * share).sum())
    return VesselFields(
        area_density=wall / grid.voxel_volume,
        volume_fraction=total(network.volume[pieces.segment] * share) / grid.voxel_volume,
        pressure=pressure,
        length_inside=inside,
        length_outside=float(network.length.sum()) - inside,
    )


def clip_segments(network: Network, grid: Grid) -> Pieces:
    """Cut every segment at the voxel faces it crosses; what lies outside the box is left out.

    The parts of a segment add up to its length within the box to rounding. A part that runs within a face
    belongs to the voxel on the upper side, or to the last voxel if the face bounds the box. The crossings are
    those of Amanatides & Woo 1987, taken for all segments at once.
    """
    ends = (network.nodes[network.segments] - np.array(grid.origin)) / np.array(grid.spacing)
    origin, direction = ends[:, 0], ends[:, 1] - ends[:, 0]  # in voxels
    enter, leave = _within_box(origin, direction, grid.shape)
    inside = np.flatnonzero(enter < leave)
    origin, direction, enter, leave = origin[inside], direction[inside], enter[inside], leave[inside]
    segment, place = _cuts(origin, direction, enter, leave)
    same = segment[1:] == segment[:-1]
    start, end = place[:-1][same], place[1:][same]
    segment = segment[1:][same]
    longer = end > start
    segment, start, end = segment[longer], start[longer], end[longer]
    middle = origin[segment] + direction[segment] * ((start + end) / 2)[:, None]
    index = np.clip(np.floor(middle).astype(np.intp), 0, np.array(grid.shape) - 1)
    voxel = np.ravel_multi_index(tuple(index.T), grid.shape)
    return Pieces(segment=inside[segment], voxel=voxel, start=start, end=end)


def distance_to_vessels(network: Network, grid: Grid, *, tolerance: float | None = None) -> np.ndarray:
    """Distance of every voxel centre from the nearest vessel wall, (nz, ny, nx) in m; 0 inside a vessel.

    Vessels outside the box count. The result is not below the distance to the walls as cylinders with
    round ends, and exceeds it by at most ``tolerance`` (m), by default a quarter of the smallest spacing [D].
    """
    from scipy.spatial import cKDTree

    tolerance = min(grid.spacing) / 4 if tolerance is None else tolerance
    points, radius = _samples(network, step=tolerance)
    # One tree for each class of nearly equal radii: in it the nearest centre has the nearest wall to within
    # the width of the class. Half the tolerance goes there, half to the spacing of the samples.
    kind = np.floor(radius / (tolerance / 2)).astype(int)
    trees = [(cKDTree(points[kind == k]), radius[kind == k]) for k in np.unique(kind)]
    z, y, x = grid.centers
    distance = np.empty(grid.shape)
    for k, height in enumerate(z.ravel()):  # plane by plane, to bound the memory
        plane = np.stack(np.broadcast_arrays(height, y[0], x[0]), axis=-1)
        walls = []
        for tree, radii in trees:
            gap, nearest = tree.query(plane)
            walls.append(gap - radii[nearest])
        distance[k] = np.maximum(np.min(walls, axis=0), 0)
    return distance


def _within_box(
    origin: np.ndarray, direction: np.ndarray, shape: tuple[int, int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Where along each segment (0 to 1) it enters and leaves the box; enter ≥ leave if it misses."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        low, high = -origin / direction, (np.array(shape) - origin) / direction
    beside = (origin < 0) | (origin > np.array(shape))
    parallel = direction == 0
    low = np.where(parallel, np.where(beside, np.inf, -np.inf), low)
    high = np.where(parallel, np.where(beside, -np.inf, np.inf), high)
    enter = np.minimum(low, high).max(axis=1).clip(min=0)
    leave = np.maximum(low, high).min(axis=1).clip(max=1)
    return enter, np.where((parallel & beside).any(axis=1), -1.0, leave)


def _cuts(
    origin: np.ndarray, direction: np.ndarray, enter: np.ndarray, leave: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """All places where segments are cut, both ends included, in order: (segment, place) pairs."""
    count = np.arange(len(origin))
    segments, places = [count, count], [enter, leave]
    for axis in range(3):
        a, d = origin[:, axis], direction[:, axis]
        u, v = a + enter * d, a + leave * d
        first = np.floor(np.minimum(u, v)).astype(np.int64) + 1
        last = np.ceil(np.maximum(u, v)).astype(np.int64) - 1
        faces = np.maximum(last - first + 1, 0)
        segment = np.repeat(count, faces)
        face = np.arange(len(segment)) + np.repeat(first - (np.cumsum(faces) - faces), faces)
        place = (face - a[segment]) / d[segment]
        segments.append(segment)
        places.append(np.clip(place, enter[segment], leave[segment]))
    segment, place = np.concatenate(segments), np.concatenate(places)
    order = np.lexsort((place, segment))
    return segment[order], place[order]


def _samples(network: Network, *, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Points on the centre lines, ends included, no further apart than ``step``, and their radii."""
    pieces = np.maximum(np.ceil(network.length / step).astype(int), 1)
    segment = np.repeat(np.arange(len(pieces)), pieces + 1)
    number = np.arange(len(segment)) - np.repeat(np.cumsum(pieces + 1) - pieces - 1, pieces + 1)
    place = (number / pieces[segment])[:, None]
    first, last = network.nodes[network.segments[segment]].transpose(1, 0, 2)
    return first + (last - first) * place, network.radius[segment]
