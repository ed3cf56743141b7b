"""A vessel network: straight segments between nodes, each with one radius."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from tumorsim.errors import ConfigError, Problem


@dataclass(frozen=True)
class Repair:
    """A defect that a network came with: how many there were, whether they were mended, and how."""

    name: str
    count: int
    done: bool
    text: str
    remedy: str

    @property
    def sentence(self) -> str:
        """What to tell a user: "2 segments of zero length dropped"."""
        return (
            f"{self.text} {self.remedy}"
            if self.done
            else f"{self.text} left as {'it is' if self.count == 1 else 'they are'}"
        )


@dataclass(frozen=True, eq=False, repr=False)
class Network:
    """Vessel segments between nodes. Triples are (z, y, x); ``n`` nodes, ``m`` segments.

    ``nodes`` (n, 3) in m; ``segments`` (m, 2) node indices; ``radius`` (m,) in m; ``pressure`` (n,) in Pa,
    nan where unknown, or None; ``flow`` (m,) in m³/s, positive from the first node of the segment to the
    second, or None; ``haematocrit`` (m,) of discharge, or None. At open ends a file may give ``boundary_flow``
    (n,) in m³/s into the network, and the ``inlet_haematocrit`` (n,) of what flows in: nan where unknown, or None.
    ``leakiness`` (m,) is what the wall lets through relative to that of its tissue, or None for the same
    everywhere. ``source`` says where it came from, ``notes`` what was dropped, replaced or looks odd, and
    ``repairs`` the first two of these one by one.

    Raises ConfigError when arrays do not fit together, a number is not finite or a radius is not positive.
    """

    nodes: np.ndarray
    segments: np.ndarray
    radius: np.ndarray
    pressure: np.ndarray | None = None
    flow: np.ndarray | None = None
    haematocrit: np.ndarray | None = None
    boundary_flow: np.ndarray | None = None
    inlet_haematocrit: np.ndarray | None = None
    leakiness: np.ndarray | None = None
    source: str = ""
    notes: tuple[str, ...] = ()
    repairs: tuple[Repair, ...] = ()

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
        return connected_parts(len(self.nodes), self.segments)

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


def connected_parts(count: int, links: np.ndarray) -> np.ndarray:
    """Component label of each of ``count`` nodes joined by ``links``, in the order of their first nodes."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(count, count))
    return connected_components(graph, directed=False)[1]


def _percentiles(values: np.ndarray) -> dict[str, float]:
    levels = {"min": 0, "p5": 5, "median": 50, "p95": 95, "max": 100}
    return {name: float(np.nanpercentile(values, level)) for name, level in levels.items()}


def _check(network: Network) -> None:
    """Raise ConfigError unless the arrays of ``network`` make sense together."""
    n, m, pressure = len(network.nodes), len(network.segments), network.pressure
    shapes = {"nodes": (n, 3), "segments": (m, 2), "radius": (m,), "pressure": (n,), "flow": (m,)}
    shapes |= {"boundary_flow": (n,), "inlet_haematocrit": (n,), "haematocrit": (m,), "leakiness": (m,)}
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
