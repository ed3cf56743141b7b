"""Vessels as tubes of their true radius."""

from typing import TYPE_CHECKING

import numpy as np

from tumorsim.render.anatomy import MICRON

if TYPE_CHECKING:
    from pyvista import PolyData

    from tumorsim.vessels.network import Network

_SIDES = ((5_000, 18), (50_000, 10))
"""[D]: sides of a tube for up to so many segments; beyond, 6."""


def vessel_tubes(network: "Network", *, within: tuple[np.ndarray, np.ndarray]) -> "PolyData | None":
    """The segments between two corners (z, y, x; m), in µm, with point data ``pressure`` (Pa, or nan).

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
    pressure = np.full(len(points), np.nan) if network.pressure is None else network.pressure
    sides = next((sides for most, sides in _SIDES if len(segments) <= most), 6)
    pipes = _pipes(points[segments], radii, pressure[segments], sides=sides)
    widest = np.zeros(len(points))
    np.maximum.at(widest, segments, radii)
    used = np.unique(segments)
    return pipes.append_polydata(_joints(points[used], widest[used], pressure[used], sides=sides))


def _pipes(ends: np.ndarray, radii: np.ndarray, pressure: np.ndarray, *, sides: int) -> "PolyData":
    """A tube for every pair of end points (m, 2, 3)."""
    import pyvista

    pairs = np.arange(radii.size).reshape(-1, 2)
    lines = pyvista.PolyData(ends.reshape(-1, 3), lines=np.insert(pairs, 0, 2, axis=1).ravel())
    lines["radius"], lines["pressure"] = radii.ravel(), pressure.ravel()
    return lines.tube(scalars="radius", absolute=True, n_sides=sides, capping=False)


def _joints(points: np.ndarray, radius: np.ndarray, pressure: np.ndarray, *, sides: int) -> "PolyData":
    """A ball at every node: it fills the bends and closes the open ends."""
    import pyvista

    nodes = pyvista.PolyData(points)
    nodes["diameter"], nodes["pressure"] = 2 * radius, pressure
    ball = pyvista.Sphere(radius=0.5, theta_resolution=sides, phi_resolution=sides // 2 + 2)
    return nodes.glyph(scale="diameter", orient=False, geom=ball)


def _end_radii(segments: np.ndarray, radius: np.ndarray, nodes: int) -> np.ndarray:
    """Radius of each segment at its ends, (m, 2): the mean over a node that joins two, its own elsewhere."""
    degree = np.bincount(segments.ravel(), minlength=nodes)
    total = np.bincount(segments.ravel(), weights=np.repeat(radius, 2), minlength=nodes)
    return np.where(degree[segments] == 2, total[segments] / 2, radius[:, None])
