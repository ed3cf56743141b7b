"""A vessel network: straight segments between nodes, each with one radius."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from tumorsim.errors import ConfigError, Problem

THINNEST_CAPILLARY = 1e-6
"""m [D]: a radius below this is noted. The narrowest capillaries have a radius of about 1.5 µm [M]."""


@dataclass(frozen=True, eq=False, repr=False)
class Network:
    """Vessel segments between nodes. Triples are (z, y, x); ``n`` nodes, ``m`` segments.

    ``nodes`` (n, 3) in m; ``segments`` (m, 2) node indices; ``radius`` (m,) in m; ``pressure`` (n,) in Pa,
    nan where unknown, or None; ``flow`` (m,) in m³/s, positive from the first node of the segment to the
    second, or None; ``source`` says where it came from, ``notes`` what was dropped, replaced or looks odd.

    Raises ConfigError when arrays do not fit together, a number is not finite or a radius is not positive.
    """

    nodes: np.ndarray
    segments: np.ndarray
    radius: np.ndarray
    pressure: np.ndarray | None = None
    flow: np.ndarray | None = None
    source: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check(self)

    @cached_property
    def length(self) -> np.ndarray:
        """Length of every segment, m."""
        ends = self.nodes[self.segments]
        return np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)

    @property
    def wall_area(self) -> np.ndarray:
        """Wall area 2π r ℓ of every segment, m²."""
        return 2 * np.pi * self.radius * self.length

    @property
    def volume(self) -> np.ndarray:
        """Lumen volume π r² ℓ of every segment, m³."""
        return np.pi * self.radius**2 * self.length

    @cached_property
    def degree(self) -> np.ndarray:
        """Number of segments that meet at every node."""
        return np.bincount(self.segments.ravel(), minlength=len(self.nodes))

    @property
    def boundary_nodes(self) -> np.ndarray:
        """The open ends: nodes at which exactly one segment stops."""
        return np.flatnonzero(self.degree == 1)

    @cached_property
    def components(self) -> np.ndarray:
        """For every node the number, from 0, of the connected part that it belongs to."""
        return _parts(len(self.nodes), self.segments)

    @property
    def bounding_box(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper corner (z, y, x) around the centre lines, m; walls may stand out by a radius."""
        return self.nodes.min(axis=0), self.nodes.max(axis=0)

    def translated(self, offset: tuple[float, float, float]) -> "Network":
        """The same network moved by ``offset`` (z, y, x), m."""
        return replace(self, nodes=self.nodes + np.asarray(offset, float))

    def report(self) -> dict[str, object]:
        """Counts, extent, totals and percentiles (SI) for a user to judge the network by; fit for JSON."""
        lower, upper = self.bounding_box
        return {
            "source": self.source,
            "nodes": len(self.nodes),
            "segments": len(self.segments),
            "components": int(self.components.max()) + 1,
            "open_ends": len(self.boundary_nodes),
            "junctions": int(np.count_nonzero(self.degree > 2)),
            **{f"extent_{axis}": float(d) for axis, d in zip("zyx", upper - lower, strict=True)},
            "length": float(self.length.sum()),
            "wall_area": float(self.wall_area.sum()),
            "volume": float(self.volume.sum()),
            "radius": _percentiles(self.radius),
            "segment_length": _percentiles(self.length),
            "pressure": None if self.pressure is None else _percentiles(self.pressure),
            "notes": list(self.notes),
        }

    def __repr__(self) -> str:
        lower, upper = self.bounding_box
        extent = " × ".join(f"{d * 1e6:.4g}" for d in (upper - lower)[::-1])
        return (
            f"Network({len(self.nodes)} nodes, {len(self.segments)} segments, "
            f"{self.length.sum() * 1e3:.4g} mm long, in {extent} µm, x × y × z; "
            f"radius {self.radius.min() * 1e6:.3g}–{self.radius.max() * 1e6:.3g} µm)"
        )


def build_network(
    nodes: np.ndarray,
    segments: np.ndarray,
    *,
    radius: np.ndarray,
    default_radius: float | None = None,
    pressure: np.ndarray | None = None,
    coincident: np.ndarray | None = None,
    source: str = "",
    notes: tuple[str, ...] = (),
) -> Network:
    """A Network from raw arrays, with every repair counted in its ``notes``.

    Nodes paired in ``coincident`` (k, 2) become one, as do the two ends of a segment of zero length, which is
    dropped. A radius of zero or nan counts as missing and becomes ``default_radius``. Nodes without a segment
    are dropped. Raises ConfigError when a radius is missing and there is no default, and as Network does.
    """
    found = list(notes)
    if coincident is not None and len(coincident):
        nodes, segments, pressure = _joined(nodes, segments, pressure, pairs=coincident)
    empty = (nodes[segments[:, 0]] == nodes[segments[:, 1]]).all(axis=1)
    if empty.any():
        nodes, segments, pressure = _joined(nodes, segments, pressure, pairs=segments[empty])
        segments, radius = segments[~empty], radius[~empty]
        found.append(f"{_count(empty, 'segment')} of zero length dropped")
    radius, remarks = _completed(radius, default_radius=default_radius, source=source)
    found += remarks
    used = np.zeros(len(nodes), bool)
    used[segments] = True
    if not used.all():
        found.append(f"{_count(~used, 'node')} without a segment dropped")
        nodes, segments = nodes[used], (np.cumsum(used) - 1)[segments]
        pressure = None if pressure is None else pressure[used]
    if pressure is not None and np.isnan(pressure).all():
        pressure = None
    return _noted(Network(nodes, segments, radius, pressure=pressure, source=source, notes=tuple(found)))


def _completed(
    radius: np.ndarray, *, default_radius: float | None, source: str
) -> tuple[np.ndarray, list[str]]:
    """The radii with the default in place of the missing ones, and a remark on them."""
    missing = np.isnan(radius) | (radius == 0)
    remarks = []
    if missing.any():
        if default_radius is None:
            number = f"{_count(missing, 'segment')} of {len(radius)}"
            fault = f"{number} without a radius in {source or 'the network'}"
            raise ConfigError(Problem("vessels.default_radius", None, fault, 'Give one, for example "5 um"'))
        radius = np.where(missing, default_radius, radius)
        remarks.append(
            f"{_count(missing, 'segment')} without a radius given the default of {default_radius * 1e6:g} µm"
        )
    return radius, remarks


def _noted(network: Network) -> Network:
    """With a remark on segments too thin to be vessels."""
    thin = network.radius < THINNEST_CAPILLARY
    if not thin.any():
        return network
    share = network.length[thin].sum() / network.length.sum()
    limit = f"{THINNEST_CAPILLARY * 1e6:g} µm"
    remark = f"{_count(thin, 'segment')} ({share:.2g} of the length) with a radius under {limit}"
    return replace(network, notes=(*network.notes, remark))


def _joined(
    nodes: np.ndarray, segments: np.ndarray, pressure: np.ndarray | None, *, pairs: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """One node for every set that ``pairs`` links: place of its first node, first pressure that is known."""
    part = _parts(len(nodes), pairs)
    first = np.unique(part, return_index=True)[1]
    if pressure is not None:
        known = np.flatnonzero(~np.isnan(pressure))[::-1]
        merged = np.full(len(first), np.nan)
        merged[part[known]] = pressure[known]  # in reverse, so the first known one is written last
        pressure = merged
    return nodes[first], part[segments], pressure


def _parts(count: int, links: np.ndarray) -> np.ndarray:
    """Component label of each of ``count`` nodes joined by ``links``, in the order of their first nodes."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(count, count))
    return connected_components(graph, directed=False)[1]


def _percentiles(values: np.ndarray) -> dict[str, float]:
    levels = {"min": 0, "p5": 5, "median": 50, "p95": 95, "max": 100}
    return {name: float(np.nanpercentile(values, level)) for name, level in levels.items()}


def _count(mask: np.ndarray, noun: str) -> str:
    number = int(np.count_nonzero(mask))
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _check(network: Network) -> None:
    """Raise ConfigError unless the arrays of ``network`` make sense together."""
    n, m, pressure = len(network.nodes), len(network.segments), network.pressure
    shapes = {"nodes": (n, 3), "segments": (m, 2), "radius": (m,), "pressure": (n,), "flow": (m,)}
    problems = [
        Problem(f"network.{name}", np.shape(value), "wrong shape", f"Expected {shape}")
        for name, shape in shapes.items()
        if (value := getattr(network, name)) is not None and np.shape(value) != shape
    ]
    if m == 0:
        problems.append(Problem("network.segments", 0, "there is no segment", "A network needs at least one"))
    if problems:
        raise ConfigError(*problems)
    bad_radius = ~((network.radius > 0) & (network.radius < np.inf))
    bad_end = (network.segments < 0) | (network.segments >= n)
    no_pressure = pressure is not None and np.isnan(pressure).all()
    faults = (
        ("nodes", not np.isfinite(network.nodes).all(), "not every coordinate is a finite number"),
        ("segments", bad_end.any(), f"a node is not in 0…{n - 1}"),
        ("radius", bad_radius.any(), "not every radius is positive and finite"),
        ("pressure", pressure is not None and np.isinf(pressure).any(), "a pressure is infinite"),
        ("pressure", no_pressure, "no pressure is known: it should be None"),
    )
    problems = [Problem(f"network.{name}", None, fault, "Correct it") for name, bad, fault in faults if bad]
    if problems:
        raise ConfigError(*problems)
