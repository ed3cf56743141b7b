"""Interstitial velocity: the face fluxes of the very operator that the pressure solves."""

from typing import Any, Protocol

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.twin import Array, Device
from tumorsim.flow.medium import Medium
from tumorsim.grid import Grid
from tumorsim.operators.darcy_velocity import darcy_velocity
from tumorsim.operators.divergence import divergence

Faces = tuple[Array, Array, Array]
"""Values on the faces normal to z, y, x."""


class HasVelocity(Protocol):
    """What carries a face velocity (z, y, x), m/s."""

    @property
    def velocity(self) -> Faces: ...


def face_velocity(
    device: Device, medium: Medium, pressure: Array, boundaries: Boundaries, *, dtype: Any
) -> Faces:
    """Darcy velocity ``u = −T Δp`` on the faces normal to z, y, x, m/s; pressure and medium are float64."""
    z, y, x = (device.empty(t.shape, dtype) for t in medium.conductance)
    darcy_velocity(device, x, y, z, **medium.faces, pressure=pressure, outside=boundaries.outside)
    return z, y, x


def velocity_divergence(device: Device, grid: Grid, velocity: Faces) -> Array:
    """∇·u in every voxel, 1/s."""
    z, y, x = velocity
    outflow = device.empty(grid.shape, z.dtype)
    divergence(device, outflow, x, y, z, spacing=grid.spacing)
    return outflow


def box_outflow(device: Device, grid: Grid, velocity: Faces) -> tuple[float, float]:
    """Fluid that leaves through the six faces of the box, m³/s: net, and summed without regard to direction."""
    net = gross = 0.0
    for axis, u in enumerate(velocity):
        area = grid.voxel_volume / grid.spacing[axis]
        for end, outward in ((0, -1), (-1, 1)):
            values = np.moveaxis(u, axis, 0)[end]
            net += outward * area * float(device.sum(values))
            gross += area * float(device.sum(abs(values)))
    return net, gross


def cell_velocity(device: Device, flow: HasVelocity) -> np.ndarray:
    """Velocity at voxel centres on the host, (nz, ny, nx, 3) in x, y, z order: means of the two faces of an axis."""
    components = []
    for axis, u in enumerate(flow.velocity):
        faces = np.moveaxis(device.download(u), axis, 0)
        components.append(np.moveaxis((faces[1:] + faces[:-1]) / 2, 0, axis))
    return np.stack(components[::-1], axis=-1)
