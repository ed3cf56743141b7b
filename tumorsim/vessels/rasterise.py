"""From vessel segments to voxel fields: exact clipping, and the distance to the nearest vessel."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tumorsim.errors import ConfigError, Problem
from tumorsim.grid import Grid
from tumorsim.vessels.network import Network


@dataclass(frozen=True, eq=False)
class Pieces:
    """The parts into which voxel faces cut the segments, in order along each segment; all arrays are (k,).

    ``segment`` is the index of the segment, ``voxel`` the flat index of the voxel, ``start`` and ``end`` the
    places on the segment as fractions of its length; ``part`` is what of the segment's wall or lumen the piece counts
    for, 1 unless a wide vessel is a bundle of lines.
    """

    segment: np.ndarray
    voxel: np.ndarray
    start: np.ndarray
    end: np.ndarray
    part: np.ndarray | float = 1.0

    @property
    def share(self) -> np.ndarray:
        """Of the wall area, or lumen volume, of the segment."""
        return (self.end - self.start) * self.part


@dataclass(frozen=True, eq=False)
class VesselFields:
    """A network as voxel fields, each (nz, ny, nx).

    ``area_density`` S/V is wall area per tissue volume, 1/m; ``volume_fraction`` is lumen volume per tissue
    volume, at most 1; ``pressure`` is the blood pressure averaged over the wall area in the voxel, Pa,
    0 where there is no vessel, None for a network without pressures. ``length_inside`` and ``length_outside``
    are the vessel length in and out of the box, m. In ``overfull`` voxels, where vessels overlap or meet,
    ``excess_volume`` m³ of lumen had no room.
    """

    area_density: np.ndarray
    volume_fraction: np.ndarray
    pressure: np.ndarray | None
    length_inside: float
    length_outside: float
    overfull: int
    excess_volume: float


def rasterise(network: Network, grid: Grid) -> VesselFields:
    """Wall area density, vessel volume fraction and mean vascular pressure per voxel (physics.md F.4).

    ``S/V = Σ 2π r ℓ_clip / h³`` and so on, over the exact parts of the segments within each voxel; wide vessels
    are placed by ``wall_pieces``. Blood pressure varies linearly along a segment; a part counts with the value at
    its middle.

    Raises ConfigError for a network of which only some pressures are known.
    """
    if network.pressure is not None and np.isnan(network.pressure).any():
        raise ConfigError(
            Problem("network.pressure", None, "not known at every node", "Use blood_flow to fill the others")
        )
    thin = _thin_pieces(network, grid)
    pieces = wall_pieces(network, grid, thin=thin)
    area = network.wall_area[pieces.segment] * pieces.share

    def total(at: Pieces, amount: np.ndarray) -> np.ndarray:
        return np.bincount(at.voxel, amount, minlength=grid.voxels).reshape(grid.shape)

    wall = total(pieces, area)
    pressure = None
    if network.pressure is not None:
        pushed = total(pieces, area * piece_pressure(pieces, network))
        pressure = np.divide(pushed, wall, out=np.zeros(grid.shape), where=wall > 0)
    fraction = lumen_fraction(network, grid, thin=thin)
    inside = float((network.length[pieces.segment] * pieces.share).sum())
    return VesselFields(
        area_density=wall / grid.voxel_volume,
        volume_fraction=np.minimum(fraction, 1.0),
        pressure=pressure,
        length_inside=inside,
        length_outside=float(network.length.sum()) - inside,
        overfull=int(np.count_nonzero(fraction > 1)),
        excess_volume=float(np.maximum(fraction - 1, 0).sum() * grid.voxel_volume),
    )


def lumen_fraction(network: Network, grid: Grid, *, thin: Pieces | None = None) -> np.ndarray:
    """Lumen volume per tissue volume (nz, ny, nx): above 1 where vessels overlap, or meet."""
    return in_lumen(network.volume, network, grid, thin=thin)


def in_lumen(amount: np.ndarray, network: Network, grid: Grid, *, thin: Pieces | None = None) -> np.ndarray:
    """What the blood of every segment holds, ``amount`` (m,), per tissue volume (nz, ny, nx)."""
    lumen = lumen_pieces(network, grid, thin=thin)
    found = np.bincount(lumen.voxel, amount[lumen.segment] * lumen.share, minlength=grid.voxels)
    return found.reshape(grid.shape) / grid.voxel_volume


def piece_pressure(pieces: Pieces, network: Network) -> np.ndarray:
    """Blood pressure in the middle of every piece, (k,) in Pa: linear along a segment, 0 where it is not known."""
    if network.pressure is None:
        return np.zeros(len(pieces.voxel))
    first, last = network.pressure[network.segments[pieces.segment]].T
    return first + (last - first) * (pieces.start + pieces.end) / 2


WIDE = 0.6
"""[D]: a vessel with a radius of more voxels than this is placed by its wall, not by its centre line: along a
row of voxels it would fill them more than once (π 0.6² = 1.13)."""


Places = tuple[np.ndarray, np.ndarray]
"""Distance from the axis over the radius, and angle, of the lines that stand for a wide vessel."""


def wall_pieces(network: Network, grid: Grid, *, thin: Pieces | None = None) -> Pieces:
    """Where the walls are: on the centre lines of thin vessels, and around those of wide ones.

    A vessel of a radius above ``WIDE`` of the smallest spacing is a bundle of parallel lines on its wall, so
    close that none misses a voxel; each counts for its part of the wall. ``thin`` are the pieces of the thin ones, if
    they are at hand.
    """

    def places(widest: float) -> Places:
        count = int(np.ceil(2 * np.pi * widest))
        return np.ones(count), 2 * np.pi * (np.arange(count) + 0.5) / count

    return _placed(network, grid, thin=thin or _thin_pieces(network, grid), places=places)


def whole_walls(pieces: Pieces, network: Network, grid: Grid) -> Pieces:
    """`wall_pieces` in which a wall has the same area on every grid: that of its axis in the box, or more.

    What of a wide vessel stands out of the box while its axis is inside counts where the rest of it is.
    """
    count, axes = len(network.segments), clip_segments(network, grid)
    there, wanted = (np.bincount(p.segment, p.share, minlength=count) for p in (pieces, axes))
    gain = np.maximum(np.divide(wanted, there, out=np.ones(count), where=there > 0), 1.0)
    return replace(pieces, part=pieces.part * gain[pieces.segment])


def lumen_pieces(network: Network, grid: Grid, *, thin: Pieces | None = None) -> Pieces:
    """Where the blood is: as `wall_pieces`, with two lines per voxel of the cross-section, on a sunflower's spiral."""

    def places(widest: float) -> Places:
        count = int(np.ceil(2 * np.pi * widest**2))
        number = np.arange(count) + 0.5
        return np.sqrt(number / count), number * np.pi * (3 - np.sqrt(5))

    return _placed(network, grid, thin=thin or _thin_pieces(network, grid), places=places)


def _thin_pieces(network: Network, grid: Grid) -> Pieces:
    """The pieces of the vessels that are placed by their centre lines."""
    numbers = np.flatnonzero(network.radius <= WIDE * min(grid.spacing))
    found = clip_lines(network.nodes[network.segments[numbers]], grid)
    return replace(found, segment=numbers[found.segment], part=np.ones(len(found.voxel)))


def _placed(network: Network, grid: Grid, *, thin: Pieces, places: Callable[[float], Places]) -> Pieces:
    """The pieces, those of wide vessels on lines at ``places``; by octaves of width, in voxels."""
    width = network.radius / min(grid.spacing)
    octave = np.where(width > WIDE, np.floor(np.log2(width / WIDE)), -1).astype(int)
    parts = [thin]
    for level in np.unique(octave[octave >= 0]):
        numbers = np.flatnonzero(octave == level)
        lines = network.nodes[network.segments[numbers]]
        bundle = _bundle(lines, network.radius[numbers], places(float(width[numbers].max())))
        for strand in bundle:
            found = clip_lines(strand, grid)
            part = np.full(len(found.voxel), 1 / len(bundle))
            parts.append(replace(found, segment=numbers[found.segment], part=part))
    names = ("segment", "voxel", "start", "end", "part")
    return Pieces(*(np.concatenate([getattr(pieces, name) for pieces in parts]) for name in names))


def _bundle(lines: np.ndarray, radius: np.ndarray, places: Places) -> list[np.ndarray]:
    """The lines (m, 2, 3) shifted sideways to every place of a cross-section."""
    along = lines[:, 1] - lines[:, 0]
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    first = np.cross(along, np.eye(3)[np.abs(along).argmin(axis=1)])
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(along, first)
    return [
        lines + ((np.cos(angle) * first + np.sin(angle) * second) * (ring * radius)[:, None])[:, None]
        for ring, angle in zip(*places, strict=True)
    ]


def clip_segments(network: Network, grid: Grid) -> Pieces:
    """Cut every segment at the voxel faces it crosses; what lies outside the box is left out.

    The parts of a segment add up to its length within the box to rounding. A part that runs within a face
    belongs to the voxel on the upper side, or to the last voxel if the face bounds the box. The crossings are
    those of Amanatides & Woo 1987, taken for all segments at once.
    """
    return clip_lines(network.nodes[network.segments], grid)


def clip_lines(lines: np.ndarray, grid: Grid) -> Pieces:
    """`clip_segments` for the straight lines (m, 2, 3) between pairs of points (z, y, x; m)."""
    ends = (lines - np.array(grid.origin)) / np.array(grid.spacing)
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
