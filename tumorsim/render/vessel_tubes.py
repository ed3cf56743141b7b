"""Vessels as tubes of their true radius, coloured by what is known of them."""

from typing import TYPE_CHECKING

import numpy as np

from tumorsim.render.anatomy import MICRON

if TYPE_CHECKING:
    from pyvista import PolyData

    from tumorsim.vessels.network import Network

_SIDES = ((5_000, 18), (50_000, 10))
"""[D]: sides of a tube for up to so many segments; beyond, 6."""


def vessel_tubes(
    network: "Network",
    *,
    within: tuple[np.ndarray, np.ndarray],
    colour: str = "pressure",
    levels: np.ndarray | None = None,
) -> "PolyData | None":
    """The segments between two corners (z, y, x; m), in µm, with point data ``colour`` (SI, or nan).

    ``colour`` is "pressure", or "flow", "haematocrit", "leakiness" or "radius" of the segments; flow is its size. Or it
    is the name of any other ``levels`` of the segments (m,).
    A chain of segments runs through its nodes with the mean of the two radii; at a branch every segment
    keeps its own. Returns None if no segment lies there.
    """
    inside = np.all((network.nodes >= within[0]) & (network.nodes <= within[1]), axis=1)
    kept = np.all(inside[network.segments], axis=1)
    if not kept.any():
        return None
    segments = network.segments[kept]
    points = network.nodes[:, ::-1] * MICRON
    radii = _end_radii(segments, network.radius[kept], len(points)) * MICRON
    at_ends, at_nodes = _values(network, kept, colour, levels)
    sides = next((sides for most, sides in _SIDES if len(segments) <= most), 6)
    pipes = _pipes(points[segments], radii, at_ends, colour=colour, sides=sides)
    widest = np.zeros(len(points))
    np.maximum.at(widest, segments, radii)
    used = np.unique(segments)
    joints = _joints(points[used], widest[used], at_nodes[used], colour=colour, sides=sides)
    return pipes.append_polydata(joints)


def _values(
    network: "Network", kept: np.ndarray, colour: str, levels: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """The numbers at both ends of the segments that are kept, (m, 2), and at every node, (n,)."""
    n, segments = len(network.nodes), network.segments[kept]
    given = getattr(network, colour) if levels is None else levels
    if given is None:
        return np.full(segments.shape, np.nan), np.full(n, np.nan)
    if colour == "pressure":
        return given[segments], given
    own = np.abs(given[kept])
    weight = network.radius[kept].repeat(2)
    total = np.bincount(segments.ravel(), own.repeat(2) * weight, minlength=n)
    count = np.bincount(segments.ravel(), weight, minlength=n)
    mean = np.divide(total, count, out=np.full(n, np.nan), where=count > 0)
    return np.stack([own, own], axis=1), mean


def _pipes(ends: np.ndarray, radii: np.ndarray, values: np.ndarray, *, colour: str, sides: int) -> "PolyData":
    """A tube for every pair of end points (m, 2, 3)."""
    import pyvista

    pairs = np.arange(radii.size).reshape(-1, 2)
    lines = pyvista.PolyData(ends.reshape(-1, 3), lines=np.insert(pairs, 0, 2, axis=1).ravel())
    lines[colour], lines["width"] = values.ravel(), radii.ravel()
    return lines.tube(scalars="width", absolute=True, n_sides=sides, capping=False)


def _joints(
    points: np.ndarray, radius: np.ndarray, values: np.ndarray, *, colour: str, sides: int
) -> "PolyData":
    """A ball at every node: it fills the bends and closes the open ends."""
    import pyvista

    nodes = pyvista.PolyData(points)
    nodes["diameter"], nodes[colour] = 2 * radius, values
    ball = pyvista.Sphere(radius=0.5, theta_resolution=sides, phi_resolution=sides // 2 + 2)
    return nodes.glyph(scale="diameter", orient=False, geom=ball)


def _end_radii(segments: np.ndarray, radius: np.ndarray, nodes: int) -> np.ndarray:
    """Radius of each segment at its ends, (m, 2): the mean over a node that joins two, its own elsewhere."""
    degree = np.bincount(segments.ravel(), minlength=nodes)
    total = np.bincount(segments.ravel(), weights=np.repeat(radius, 2), minlength=nodes)
    return np.where(degree[segments] == 2, total[segments] / 2, radius[:, None])
