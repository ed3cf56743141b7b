"""What a vessel file holds before anything is made of it, and how readers complain."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorsim.errors import ConfigError, Problem

SHOWN_FAULTS = 10
"""Faults listed one by one before the rest is only counted."""
COINCIDENT = 1e-6
"""[D] Ends closer than this fraction of the bounding-box diagonal are at one place (single precision keeps
coordinates to about 1e-7 of it)."""


VOXELS_FIT = 1e-2
"""[D] Part of the chords that voxel sizes may leave unexplained."""


@dataclass(frozen=True, eq=False)
class RawNetwork:
    """The numbers of a file, in its own units.

    ``nodes`` (n, 3) as x, y, z; ``segments`` (m, 2) node numbers from 0; ``radius`` (m,) with nan where it is
    missing. ``pressure`` (n,), ``boundary_flow`` (n,) into the network, ``inlet_haematocrit`` (n,) are nan
    where unknown, None where the file has none. ``coincident`` (k, 2) are pairs of nodes that are one by the
    rules of the format, None where it has no such rule. ``unit`` and ``pressure_unit`` are what the file
    itself says of them, "" if nothing; ``flow_unit`` is the size of its flows in m³/s.
    """

    nodes: np.ndarray
    segments: np.ndarray
    radius: np.ndarray
    pressure: np.ndarray | None = None
    boundary_flow: np.ndarray | None = None
    inlet_haematocrit: np.ndarray | None = None
    coincident: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    unit: str = ""
    pressure_unit: str = ""
    flow_unit: float = 1.0


def file_fault(path: Path, fault: str, cure: str) -> ConfigError:
    """An error about a vessel file as a whole."""
    return ConfigError(Problem("vessels.file", str(path), fault, cure))


def raise_faults(path: Path, faults: Sequence[str]) -> None:
    """Raise one ConfigError with the first of ``faults`` and the number of the others; nothing without any."""
    if not faults:
        return
    hidden = len(faults) - SHOWN_FAULTS
    shown = [*faults[:SHOWN_FAULTS], *([f"and {hidden} more faulty lines"] if hidden > 0 else [])]
    raise ConfigError(*(Problem("vessels.file", str(path), fault, "Correct the file") for fault in shown))


def read_text(path: Path, *, kind: str) -> str:
    """The text of a file, without a byte-order mark; stray bytes are an error."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise file_fault(path, f"cannot be read as text ({error})", f"Is this a {kind} file?") from None


def tolerant_text(path: Path) -> str:
    """The text of a file of any age: byte-order marks of UTF-8 and UTF-16 are heeded, stray bytes replaced."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise file_fault(path, f"cannot be read ({error})", "Give a file that can be read") from None
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", errors="replace")
    return content.decode("utf-8-sig", errors="replace")


def numbered(names: Sequence[object], ends: Sequence[Sequence[object]]) -> tuple[np.ndarray, list[str]]:
    """Segments (m, 2) by the place of their ends' names among ``names``; and what is wrong with either."""
    place: dict[object, int] = {}
    faults = []
    for k, name in enumerate(names):
        if name in place:
            faults.append(f"node {name!s} is there twice")
        place.setdefault(name, k)
    faults += [
        f"segment {k + 1} ends at node {end!s}, which is not there"
        for k, pair in enumerate(ends)
        for end in pair
        if end not in place
    ]
    if faults:
        return np.empty((0, 2), int), faults
    return np.array([[place[end] for end in pair] for pair in ends], int).reshape(-1, 2), []


def out_of_voxels(
    places: np.ndarray, segments: np.ndarray, *, length: np.ndarray, tortuosity: np.ndarray
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Places (n, 3) that were counted in voxels, in the unit of the edges' ``length``; and what was done.

    VesselVio writes X, Y, Z in voxels beside lengths and radii in µm [S: library/graph_io.py and feature_extraction.py,
    github.com/JacobBumgarner/VesselVio]. An edge's chord is its length over its tortuosity, so the sizes h of a voxel
    solve Σ h² Δ² = chord², by least squares. Places that fit with h = 1, or with no h, stay as they are.
    """
    known = (length > 0) & (tortuosity > 0) & np.isfinite(length * tortuosity)
    squares = (places[segments[known, 0]] - places[segments[known, 1]]) ** 2
    if not known.any() or not np.isfinite(squares).all():
        return places, ()
    chord = length[known] / tortuosity[known]
    if len(chord) <= 3 or np.linalg.matrix_rank(squares) < 3:  # as one size in all directions
        squares = squares.sum(axis=1, keepdims=True)
    size = np.linalg.lstsq(squares / chord[:, None] ** 2, np.ones(len(chord)), rcond=None)[0]
    fits = (size > 0).all() and np.median(np.abs(np.sqrt(squares @ np.abs(size)) / chord - 1)) < VOXELS_FIT
    size = np.broadcast_to(np.sqrt(np.abs(size)), 3)
    if not fits or np.allclose(size, 1, atol=VOXELS_FIT):
        return places, ()
    shown = " × ".join(f"{h:.4g}" for h in size)
    return places * size, (
        f"coordinates were in voxels of {shown}, by the lengths and tortuosities of the edges",
    )


def strung(
    nodes: np.ndarray, segments: np.ndarray, radius: np.ndarray, *, paths: Sequence[np.ndarray | None]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Graph edges that follow ``paths`` (k, 3) as chains of straight segments: nodes, segments, radii.

    A path that holds its two end nodes, in either direction, or only what lies between them, serves alike.
    """
    places, chains, radii = [nodes], [], []
    count = len(nodes)
    for (first, last), r, path in zip(segments, radius, paths, strict=True):
        inner = _between(nodes[first], nodes[last], path)
        numbers = np.concatenate([[first], np.arange(count, count + len(inner)), [last]])
        places.append(inner)
        count += len(inner)
        chains.append(np.stack([numbers[:-1], numbers[1:]], axis=1))
        radii.append(np.full(len(inner) + 1, r))
    return np.concatenate(places), np.concatenate(chains).astype(int), np.concatenate(radii)


def _between(first: np.ndarray, last: np.ndarray, path: np.ndarray | None) -> np.ndarray:
    if path is None or not len(path):
        return np.empty((0, 3))
    forth, back = (
        np.linalg.norm(path[[0, -1]] - ends, axis=1).sum() for ends in ([first, last], [last, first])
    )
    path = path[::-1] if back < forth else path
    at_end = np.isclose(path, first).all(axis=1) | np.isclose(path, last).all(axis=1)
    return path[~at_end]


def touching_ends(nodes: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """Pairs (k, 2) of an open end and another node at the same place."""
    from scipy.spatial import cKDTree

    degree = np.bincount(segments.ravel(), minlength=len(nodes))
    used = np.flatnonzero(degree)
    reach = COINCIDENT * np.linalg.norm(np.ptp(nodes[used], axis=0))
    near = used[cKDTree(nodes[used]).query_pairs(reach, output_type="ndarray")].reshape(-1, 2)
    near = near[(degree[near] == 1).any(axis=1)]
    linked = {frozenset(pair) for pair in segments[np.isin(segments, near).all(axis=1)].tolist()}
    apart = [frozenset(pair) not in linked for pair in near.tolist()]
    return near[np.array(apart, bool)]
