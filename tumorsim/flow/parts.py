"""Coarse levels for rough tissue: blocks of voxels, split into the parts of them that are strongly connected.

A block of two voxels along every axis stands for one pressure only where its voxels exchange fluid well. Tissue on two
sides of an obstacle, or pieces that conduct well among others that do not, must keep pressures of their own. The parts
of a block are

- its components under strong faces, those that conduct at least STRONG of the best face of either voxel;
- a component that sends more than half of its outflow into one better conducting component of the block joins that.

The next level divides blocks of two blocks along every axis in the same way, and so on. Couplings of parts are sums of
conductances (Galerkin); between blocks they are halved for the doubled distance. All of this is found on the host,
with SciPy, slab by slab where it concerns voxels.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tumorsim.device.twin import Device
from tumorsim.flow.medium import Medium

STRONG = 0.25
"""A face is strong if it conducts this part of the best face of either voxel [D]."""
DISTANCE = 0.5
"""Spacing of voxels over that of blocks."""
WINDOW = 512
"""Parts that are sorted by their neighbours: more would part neighbours too far."""
SLAB = 300_000
"""Voxels that are looked at together."""


@dataclass(frozen=True)
class Network:
    """Nodes that exchange fluid: ``couplings`` T (CSR, symmetric, float32, no diagonal), 1/(Pa s); ``ground`` what else
    a node absorbs per pressure; ``place`` the flat index of its block on a lattice of ``shape``."""

    couplings: Any
    ground: np.ndarray
    place: np.ndarray
    shape: tuple[int, int, int]


@dataclass(frozen=True)
class Edges:
    """Couplings between nodes a and b, each once."""

    a: np.ndarray
    b: np.ndarray
    coupling: np.ndarray

    def chosen(self, which: np.ndarray) -> "Edges":
        return Edges(self.a[which], self.b[which], self.coupling[which])

    def renumbered(self, label: np.ndarray) -> "Edges":
        """Edges between the classes of a labelling, without those inside one."""
        a, b = label[self.a], label[self.b]
        between = a != b
        return Edges(a[between], b[between], self.coupling[between])


def strong_parts(
    edges: Edges, largest: np.ndarray, outflow: np.ndarray, *, strong: float = STRONG
) -> tuple[np.ndarray, int]:
    """Part of every node, and their number.

    ``edges`` run inside blocks; ``largest`` and ``outflow`` are the largest coupling and the sum of couplings of a
    node, those out of its block included.
    """
    count = len(largest)
    joined = edges.coupling >= strong * np.maximum(largest[edges.a], largest[edges.b])
    number, part = _components(edges.a[joined], edges.b[joined], count)
    del joined

    leaving = np.bincount(part, outflow, number)
    same = part[edges.a] == part[edges.b]
    leaving -= 2 * np.bincount(part[edges.a[same]], edges.coupling[same], number)
    rank = np.zeros(number, largest.dtype)
    np.maximum.at(rank, part, largest)
    parent = _parents(edges.renumbered(part), leaving, rank)
    while not np.array_equal(further := parent[parent], parent):
        parent = further
    roots = parent == np.arange(number)
    return (np.cumsum(roots, dtype=np.int32) - 1)[parent[part]], int(roots.sum())


def _components(a: np.ndarray, b: np.ndarray, count: int) -> tuple[int, np.ndarray]:
    """Number of connected components of ``count`` nodes under edges from a to b, and the one of every node."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(count, count))
    return connected_components(graph, directed=False)


def _parents(edges: Edges, leaving: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """The better conducting component that takes more than half of what leaves a component, or itself."""
    from scipy.sparse import coo_array

    low, high = np.where(rank[edges.a] < rank[edges.b], (edges.a, edges.b), (edges.b, edges.a))
    uneven = rank[low] < rank[high]
    sums = coo_array((edges.coupling[uneven], (low[uneven], high[uneven])), shape=(len(rank),) * 2)
    sums = sums.tocsr().tocoo()
    depends = sums.data > leaving[sums.row] / 2
    parent = np.arange(len(rank), dtype=np.int32)
    parent[sums.row[depends]] = sums.col[depends]
    return parent


def voxel_parts(device: Device, medium: Medium) -> tuple[np.ndarray, Network]:
    """The part of every voxel (flat, int32), and the network of parts."""
    faces = [
        device.download(t) / t.dtype.type(h) for t, h in zip(medium.conductance, medium.spacing, strict=True)
    ]
    ground = _close_box(faces, device.download(medium.absorption))
    part, places, count = np.empty(medium.shape, np.int32), [], 0
    for slab in _slabs(medium.shape):
        labels, number = _slab_parts(faces, slab)
        part[slab] = labels.reshape(part[slab].shape) + np.int32(count)
        place = np.empty(number, np.int32)
        place[labels] = _blocks(medium.shape, slab).ravel()
        places.append(place)
        count += number
    couplings = _couplings((_slab_edges(faces, part, slab) for slab in _slabs(medium.shape)), count)
    mz, my, mx = (-(-n // 2) for n in medium.shape)
    ground = np.bincount(part.ravel(), ground.ravel(), count)
    return _by_degree(part.ravel(), Network(couplings, ground, np.concatenate(places), (mz, my, mx)))


def next_parts(network: Network) -> tuple[np.ndarray, Network]:
    """The part of every node, on blocks of two places along every axis, and the network of parts."""
    n = len(network.ground)
    t = network.couplings
    rows = np.repeat(np.arange(n, dtype=np.int32), np.diff(t.indptr))
    upper = rows < t.indices
    edges = Edges(rows[upper], t.indices[upper], t.data[upper])
    del rows, upper
    z, y, x = np.unravel_index(network.place, network.shape)
    mz, my, mx = (-(-m // 2) for m in network.shape)
    block = (((z // 2) * my + y // 2) * mx + x // 2).astype(np.int32)
    inside = block[edges.a] == block[edges.b]
    largest, outflow = t.max(axis=1).toarray().ravel(), t.sum(axis=1)
    part, count = strong_parts(edges.chosen(inside), largest, outflow)
    if count > 0.8 * n:  # hardly any strong face is left: join what touches
        part, count = strong_parts(edges.chosen(inside), largest, outflow, strong=0.0)
    edges.coupling[~inside] *= DISTANCE
    place = np.empty(count, np.int32)
    place[part] = block
    ground = np.bincount(part, network.ground, count)
    couplings = _couplings([edges.renumbered(part)], count)
    return _by_degree(part, Network(couplings, ground, place, (mz, my, mx)))


def _by_degree(part: np.ndarray, network: Network) -> tuple[np.ndarray, Network]:
    """The same parts, numbered within windows by how many neighbours they have: slices of them hold few zeros."""
    t = network.couplings
    count = t.shape[0]
    order = np.lexsort((np.diff(t.indptr), np.arange(count) // WINDOW))
    number = np.empty(count, np.int32)
    number[order] = np.arange(count, dtype=np.int32)
    couplings = t[order]
    couplings.indices = number[couplings.indices]
    return number[part], Network(couplings, network.ground[order], network.place[order], network.shape)


def _couplings(pieces: Any, count: int) -> Any:
    """Symmetric CSR of edges that come in pieces, those between the same nodes added up."""
    from scipy.sparse import coo_array

    found = []
    for edges in pieces:
        a, b = np.minimum(edges.a, edges.b), np.maximum(edges.a, edges.b)
        first, last = (int(a.min()), int(a.max())) if len(a) else (0, 0)
        upper = coo_array((edges.coupling, (a - first, b)), shape=(last - first + 1, count)).tocsr().tocoo()
        found.append((upper.row + np.int32(first), upper.col, upper.data))
    a, b, t = (np.concatenate(values) for values in zip(*found, strict=True))
    found.clear()
    upper = coo_array((t, (a, b)), shape=(count, count)).tocsr()
    del a, b, t  # these are the largest arrays of the set-up
    return (upper + upper.T).tocsr()


def _slabs(shape: tuple[int, int, int]) -> Iterator[slice]:
    """Whole layers of blocks."""
    nz, ny, nx = shape
    layers = 2 * max(1, SLAB // (2 * ny * nx))
    return (slice(z, min(z + layers, nz)) for z in range(0, nz, layers))


def _blocks(shape: tuple[int, int, int], slab: slice) -> np.ndarray:
    """Flat index of the block of every voxel of a slab."""
    z, y, x = (np.arange(n, dtype=np.int32) // 2 for n in shape)
    my, mx = -(-shape[1] // 2), -(-shape[2] // 2)
    return (z[slab, None, None] * my + y[:, None]) * mx + x


def _close_box(faces: list[np.ndarray], ground: np.ndarray) -> np.ndarray:
    """Count the outer faces of the box as absorption of the voxels behind them, and set them to 0."""
    for axis, t in enumerate(faces):
        ends, voxels = np.moveaxis(t, axis, 0), np.moveaxis(ground, axis, 0)
        for end in (0, -1):
            voxels[end] += ends[end]
            ends[end] = 0
    return ground


def _slab_parts(faces: list[np.ndarray], slab: slice) -> tuple[np.ndarray, int]:
    """Parts of the voxels of a slab, counted from 0."""
    z, y, x = faces[0][slab.start : slab.stop + 1], faces[1][slab], faces[2][slab]
    sides = z[:-1], z[1:], y[:, :-1], y[:, 1:], x[..., :-1], x[..., 1:]
    largest, outflow = z[:-1].copy(), z[:-1].copy()
    for side in sides[1:]:
        np.maximum(largest, side, out=largest)
        outflow += side
    number = np.arange(largest.size, dtype=np.int32).reshape(largest.shape)
    pairs = []
    for axis, t in enumerate((z, y, x)):
        t, n = np.moveaxis(t, axis, 0), np.moveaxis(number, axis, 0)
        pairs.append((n[: len(n) // 2 * 2 : 2].ravel(), n[1::2].ravel(), t[1:-1:2].ravel()))
    edges = Edges(*(np.concatenate(values) for values in zip(*pairs, strict=True)))
    return strong_parts(edges, largest.ravel(), outflow.ravel())


def _slab_edges(faces: list[np.ndarray], part: np.ndarray, slab: slice) -> Edges:
    """Edges between the parts of voxels, from those of a slab upwards."""
    pairs = []
    for axis, t in enumerate(faces):
        voxels, inner = (
            (slab, slab) if axis else (slice(slab.start, slab.stop + 1), slice(slab.start + 1, slab.stop + 1))
        )
        p = np.moveaxis(part[voxels], axis, 0)
        t = np.moveaxis(t[inner], axis, 0)[0 if axis == 0 else 1 :][: len(p) - 1]
        between_blocks = (np.arange(len(t)) % 2 == 1).reshape(-1, 1, 1)
        pairs.append(
            (p[:-1].ravel(), p[1:].ravel(), np.where(between_blocks, t * t.dtype.type(DISTANCE), t).ravel())
        )
    edges = Edges(*(np.concatenate(values) for values in zip(*pairs, strict=True)))
    return edges.chosen(edges.a != edges.b)
