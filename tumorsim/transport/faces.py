"""Transport coefficients on the faces of the voxels: how fast the agent passes by diffusion and with the flow."""

from dataclasses import dataclass
from math import inf

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.twin import Array, Device
from tumorsim.grid import Grid
from tumorsim.operators.convective_rates import convective_rates
from tumorsim.operators.harmonic_conductance import harmonic_conductance
from tumorsim.operators.transport_limits import LIMITS, transport_limits

Triple = tuple[Array, Array, Array]


@dataclass(frozen=True)
class Faces:
    """On the faces across x, y and z, on a device, 1/s: ``conductance`` g = harmonic(εD)/h², ``rate`` r = f u/h.

    g is 2εD/h² on faces of the box where C is given, else 0 there, and 0 beside a voxel with εD = 0.
    """

    conductance: Triple
    rate: Triple

    def fastest(
        self,
        device: Device,
        available_fraction: Array,
        *,
        reabsorption: Array | None = None,
        lymph_drainage: Array | None = None,
        capture: Array | None = None,
    ) -> dict[str, float]:
        """The largest cell Péclet number and rates, 1/s, of all voxels: the LIMITS of transport_limits."""
        largest = device.empty((len(LIMITS), *available_fraction.shape[:2]), np.float64)
        losses = (reabsorption, lymph_drainage, capture)
        transport_limits(device, largest, *self.conductance, *self.rate, *losses, available_fraction)
        return dict(zip(LIMITS, device.download(largest).max(axis=(1, 2)).tolist(), strict=True))


def make_faces(
    device: Device,
    grid: Grid,
    *,
    coefficient: np.ndarray,
    velocity: Triple,
    retardation: np.ndarray,
    boundaries: Boundaries,
    real: np.dtype,
) -> Faces:
    """The faces between voxels with εD = ``coefficient`` (m²/s) and ``retardation`` f, maps on the host.

    ``velocity`` u (z, y, x) is on the device; what comes of it has the precision ``real``.
    """
    conductance, rate = (
        tuple(device.empty(grid.face_shape(axis), real) for axis in (2, 1, 0)) for _ in range(2)
    )
    squares = tuple(h**2 for h in grid.spacing)
    diffusive = device.upload(coefficient, np.float64)
    harmonic_conductance(device, *conductance, diffusive, fixed=boundaries.fixed(), spacing=squares)
    f = device.upload(retardation, real)
    u_x, u_y, u_z = (u.astype(real, copy=False) for u in velocity[::-1])
    convective_rates(device, *rate, u_x, u_y, u_z, f, spacing=grid.spacing)
    return Faces(conductance, rate)


def shortest(rate: float) -> float:
    """1/rate: the time in which the fastest voxel is done; infinite where nothing happens."""
    return 1 / rate if rate > 0 else inf
