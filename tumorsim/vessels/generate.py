"""Synthetic tumour networks: a capillary bed of given density that arterial and venous trees feed, from a seed.

Branch points are scattered over the box, denser here and thinner there; edges of their Delaunay tetrahedra make
the bed: the minimum spanning tree keeps it connected, and the shortest others give every point its branches until
the density of segments is met. Shortest paths from the inlets through the bed to a share of its points become the
arterial tree, those from the outlets, around it, the venous one; their radii follow Murray's law. Segments are
bent, radii vary, and some sprouts end blindly. What is tuned is what was counted in whole tumours: segments and
branch points per volume. All else is [D] and varied by its parameter.
"""

from dataclasses import dataclass

import numpy as np

from tumorsim.errors import ConfigError, Problem
from tumorsim.vessels.network import Network

MM3 = 1e9
"""1/mm³ in 1/m³."""
CONTROL_SEGMENTS, TREATED_SEGMENTS = 1602 * MM3, 1062 * MM3
"""Vessel segments per volume in whole tumours, untreated (± 218) and after bevacizumab (± 172) [M]."""
CONTROL_BRANCH_POINTS = 841 * MM3
"""Branch points per volume, untreated [M]."""
MOST_BRANCHES = 5
"""[D]: segments that meet at a point of the bed at most."""
CLOSEST = 0.35
"""[D]: least distance of two points, over the edge of the cube that each has to itself on average."""
WAVES = 12
"""[D]: plane waves whose sum makes the bed denser here and thinner there."""
VENOUS_WIDTH = 1.3
"""[D]: radius of a vein over that of an artery that serves as many capillaries."""
LEAST_POINTS = 30
"""[D]: fewer branch points are no network."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """What a generated network is like; lengths in m, densities in 1/m³, pressures in Pa.

    ``density_log_sd`` is the spread of the density of points over ``density_length``; ``avascular_core`` the part of
    the way from the centre to the faces that is without points; ``feeders`` inlets, and as many outlets;
    ``terminals`` the share of points at which each tree ends; ``bend`` the sideways shift of the middle of a segment
    over its length; ``blind`` sprouts per branch point.
    """

    segments: float = CONTROL_SEGMENTS
    branch_points: float = CONTROL_BRANCH_POINTS
    capillary_radius: float = 5e-6
    radius_log_sd: float = 0.3
    density_log_sd: float = 0.4
    density_length: float = 500e-6
    avascular_core: float = 0.0
    feeders: int = 3
    terminals: float = 0.05
    bend: float = 0.2
    blind: float = 0.05
    arterial_pressure: float = 3333.0
    venous_pressure: float = 1333.0
    seed: int = 1


def generate_network(
    size: tuple[float, float, float],
    design: Design | None = None,
    *,
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Network:
    """A connected network in a box of ``size`` (z, y, x; m), with a pressure at its inlets and outlets.

    Equal designs, seeds and boxes give equal networks. Raises ConfigError for a box too small for its densities,
    and for more segments than the points can take.
    """
    design = design or Design()
    rng = np.random.default_rng(design.seed)
    box = np.asarray(size, float)
    count = _count(box, design)
    points = _scattered(rng, box, count, design=design)
    candidates, length = _delaunay_edges(points)
    order = length * np.exp(rng.normal(0, 0.2, len(length)))
    wanted = round(design.segments * box.prod()) - 2 * design.feeders - round(design.blind * count)
    bed = candidates[_chosen(candidates, order, count=count, wanted=wanted)]
    radius = design.capillary_radius * np.exp(rng.normal(0, design.radius_log_sd, len(bed)))
    inlets, outlets = _gates(rng, points, box, design.feeders)
    radius, widths = _with_trees(rng, points, bed, radius, gates=(inlets, outlets), design=design)
    nodes, segments, radius = _with_stems(
        points, bed, radius, box=box, gates=np.concatenate([inlets, outlets]), widths=widths
    )
    stems = np.arange(count, len(nodes))
    nodes, segments, radius = _with_sprouts(
        rng, nodes, segments, radius, box=box, count=round(design.blind * count)
    )
    nodes, segments, radius = _bent(rng, nodes, segments, radius, box=box, bend=design.bend)
    pressure = np.full(len(nodes), np.nan)
    pressure[stems[: len(inlets)]] = design.arterial_pressure
    pressure[stems[len(inlets) :]] = design.venous_pressure
    return Network(
        nodes + np.asarray(origin, float),
        segments,
        radius,
        pressure=pressure,
        source=f"generated from seed {design.seed}",
    )


def _count(box: np.ndarray, design: Design) -> int:
    """The number of branch points, which must be enough for the trees, and few enough for the segments."""
    count = round(design.branch_points * box.prod())
    if count < max(LEAST_POINTS, 8 * design.feeders):
        shown = " × ".join(f"{side * 1e6:.4g}" for side in box[::-1])
        fault = f"a box of {shown} µm holds only {count} branch points"
        raise ConfigError(Problem("vessels.generated", None, fault, "Use a larger box or more branch points"))
    mean = design.segments / design.branch_points
    if not 1.3 <= mean <= MOST_BRANCHES / 2:
        fault = f"{mean:.3g} segments per branch point, where 1.3 to {MOST_BRANCHES / 2:g} can be made"
        cure = "About 1.5 have branches in two, 1.9 is what was counted in tumours"
        raise ConfigError(Problem("vessels.generated.segments", f"{design.segments:.3g} 1/m^3", fault, cure))
    return count


def _scattered(rng: np.random.Generator, box: np.ndarray, count: int, *, design: Design) -> np.ndarray:
    """Points (count, 3) of varying density, none too close to another, none in the avascular core."""
    from scipy.spatial import cKDTree

    waves = rng.normal(0, 1 / design.density_length, (WAVES, 3))
    phases = rng.uniform(0, 2 * np.pi, WAVES)
    closest = CLOSEST * (box.prod() / count) ** (1 / 3)
    kept = np.empty((0, 3))
    while len(kept) < count:
        drawn = rng.uniform(0, box, (2 * count, 3))
        field = np.cos(drawn @ waves.T + phases).sum(axis=1) * np.sqrt(2 / WAVES)
        likely = np.exp(design.density_log_sd * (field - 2))
        depth = np.abs(drawn / box - 0.5).max(axis=1) * 2
        drawn = drawn[(rng.uniform(size=len(drawn)) < likely) & (depth >= design.avascular_core)]
        kept = np.concatenate([kept, drawn])
        close = cKDTree(kept).query_pairs(closest, output_type="ndarray")
        kept = np.delete(kept, np.unique(close.max(axis=1)) if len(close) else [], axis=0)
    return kept[:count]


def _delaunay_edges(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The edges (k, 2) of the Delaunay tetrahedra, and their lengths."""
    from scipy.spatial import Delaunay

    corners = Delaunay(points).simplices
    pairs = np.concatenate([corners[:, [a, b]] for a in range(4) for b in range(a)])
    edges = np.unique(np.sort(pairs, axis=1), axis=0).astype(int)
    return edges, np.linalg.norm(points[edges[:, 1]] - points[edges[:, 0]], axis=1)


def _chosen(edges: np.ndarray, order: np.ndarray, *, count: int, wanted: int) -> np.ndarray:
    """Which edges make the bed: the spanning tree, then three at every point, then the shortest left."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import minimum_spanning_tree

    number = coo_array((np.arange(len(edges)) + 1.0, edges.T), shape=(count, count)).tocsr()
    tree = minimum_spanning_tree(coo_array((order, edges.T), shape=(count, count)).tocsr()).tocoo()
    chosen = np.zeros(len(edges), bool)
    chosen[np.asarray(number[tree.row, tree.col]).astype(int).ravel() - 1] = True
    degree = np.bincount(edges[chosen].ravel(), minlength=count).tolist()
    left, total = np.argsort(order, kind="stable"), int(chosen.sum())
    for needy, most in ((3, 4), (4, 4), (MOST_BRANCHES, MOST_BRANCHES)):
        for k in left[~chosen[left]].tolist():
            if total >= wanted:
                return chosen
            a, b = edges[k].tolist()
            if min(degree[a], degree[b]) < needy and max(degree[a], degree[b]) < most:
                chosen[k] = True
                degree[a] += 1
                degree[b] += 1
                total += 1
    return chosen


def _gates(
    rng: np.random.Generator, points: np.ndarray, box: np.ndarray, feeders: int
) -> tuple[np.ndarray, np.ndarray]:
    """The points nearest to random places on the faces: inlets and outlets."""
    from scipy.spatial import cKDTree

    tree = cKDTree(points)
    found: dict[int, None] = {}
    while len(found) < 2 * feeders:
        place = rng.uniform(0, box)
        axis = rng.integers(3)
        place[axis] = box[axis] * rng.integers(2)
        found.setdefault(int(tree.query(place)[1]))
    gates = np.array(list(found))
    return gates[:feeders], gates[feeders:]


def _with_trees(
    rng: np.random.Generator,
    points: np.ndarray,
    bed: np.ndarray,
    radius: np.ndarray,
    *,
    gates: tuple[np.ndarray, np.ndarray],
    design: Design,
) -> tuple[np.ndarray, np.ndarray]:
    """Radii with those of the two trees, and the radii at the gates. Trees have no edge in common."""
    radius = radius.copy()
    length = np.linalg.norm(points[bed[:, 1]] - points[bed[:, 0]], axis=1)
    taken = np.zeros(len(points), bool)
    widths = []
    for roots, others, width in ((gates[0], gates[1], 1.0), (gates[1], gates[0], VENOUS_WIDTH)):
        blocked = taken.copy()
        blocked[others] = True
        blocked[roots] = False
        ends = np.flatnonzero((rng.uniform(size=len(points)) < design.terminals) & ~blocked)
        open_edges = ~blocked[bed].any(axis=1)
        served, carried = _tree(len(points), bed[open_edges], length[open_edges], roots=roots, ends=ends)
        wide = width * design.capillary_radius * np.maximum(carried, 1) ** (1 / 3)
        numbers = np.flatnonzero(open_edges)[carried > 0]
        radius[numbers] = np.maximum(radius[numbers], wide[carried > 0])
        taken[bed[numbers]] = True
        widths.append(width * design.capillary_radius * np.maximum(served[roots], 1) ** (1 / 3))
    return radius, np.concatenate(widths)


def _tree(
    count: int, edges: np.ndarray, length: np.ndarray, *, roots: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How many of ``ends`` every point and every edge serves on the shortest paths from the roots."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import dijkstra

    graph = coo_array((length, edges.T), shape=(count, count)).tocsr()
    distance, before, _ = dijkstra(
        graph, directed=False, indices=roots, return_predecessors=True, min_only=True
    )
    served = np.zeros(count, int)
    served[ends[np.isfinite(distance[ends])]] = 1
    for point in np.argsort(np.where(np.isfinite(distance), distance, -1))[::-1].tolist():
        if before[point] >= 0:
            served[before[point]] += served[point]
    a, b = edges.T
    return served, np.where(before[b] == a, served[b], np.where(before[a] == b, served[a], 0))


def _with_stems(
    points: np.ndarray,
    bed: np.ndarray,
    radius: np.ndarray,
    *,
    box: np.ndarray,
    gates: np.ndarray,
    widths: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """With a vessel from every gate straight to the nearest face of the box."""
    gaps = np.concatenate([points[gates], box - points[gates]], axis=1)
    side = gaps.argmin(axis=1)
    ends = points[gates].copy()
    ends[np.arange(len(gates)), side % 3] = np.where(side < 3, 0.0, box[side % 3])
    numbers = len(points) + np.arange(len(gates))
    stems = np.stack([gates, numbers], axis=1)
    return np.concatenate([points, ends]), np.concatenate([bed, stems]), np.concatenate([radius, widths])


def _with_sprouts(
    rng: np.random.Generator,
    nodes: np.ndarray,
    segments: np.ndarray,
    radius: np.ndarray,
    *,
    box: np.ndarray,
    count: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """With blind sprouts from points of the bed, half as long and as wide as the typical segment."""
    ends = nodes[segments]
    typical = float(np.median(np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)))
    inner = np.flatnonzero(np.bincount(segments.ravel()) > 1)
    roots = rng.choice(inner, size=min(count, len(inner)), replace=False)
    way = rng.normal(size=(len(roots), 3))
    way *= typical / 2 / np.linalg.norm(way, axis=1, keepdims=True)
    tips = nodes[roots] + way
    tips = np.where((tips < 0) | (tips > box), nodes[roots] - way, tips).clip(0, box)
    numbers = len(nodes) + np.arange(len(roots))
    thin = np.full(len(roots), np.median(radius) / 2)
    links = np.stack([roots, numbers], axis=1)
    return np.concatenate([nodes, tips]), np.concatenate([segments, links]), np.concatenate([radius, thin])


def _bent(
    rng: np.random.Generator,
    nodes: np.ndarray,
    segments: np.ndarray,
    radius: np.ndarray,
    *,
    box: np.ndarray,
    bend: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every segment as two that meet beside its middle."""
    if bend == 0:
        return nodes, segments, radius
    first, last = nodes[segments].transpose(1, 0, 2)
    along = last - first
    length = np.linalg.norm(along, axis=1, keepdims=True)
    aside = np.cross(along / length, rng.normal(size=along.shape))
    aside *= bend * length / np.maximum(np.linalg.norm(aside, axis=1, keepdims=True), 1e-3)
    middle = ((first + last) / 2 + aside * rng.uniform(0.5, 1, (len(aside), 1))).clip(0, box)
    numbers = len(nodes) + np.arange(len(segments))
    halves = np.concatenate(
        [np.stack([segments[:, 0], numbers], axis=1), np.stack([numbers, segments[:, 1]], axis=1)]
    )
    return np.concatenate([nodes, middle]), halves, np.tile(radius, 2)
