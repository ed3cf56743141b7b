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
from tumorsim.transport.half_precision import stored_as

Triple = tuple[Array, Array, Array]


@dataclass(frozen=True)
class Faces:
    """On the faces across x, y and z, on a device, 1/s: ``conductance`` g = harmonic(εD)/h², ``rate`` r = f u/h.

    g is 2εD/h² on faces of the box where C is given, else 0 there, and 0 beside a voxel with εD = 0. Where they are
    halves (transport.half_precision), ``conductance_scale`` and ``rate_scale`` are to be multiplied with them.
    """

    conductance: Triple
    rate: Triple
    conductance_scale: float = 1.0
    rate_scale: float = 1.0

    def fastest(
        self,
        device: Device,
        available_fraction: Array,
        *,
        reabsorption: Array | None = None,
        lymph_drainage: Array | None = None,
        capture: Array | None = None,
        exchange_scale: float = 1.0,
    ) -> dict[str, float]:
        """The largest cell Péclet number and rates, 1/s, of all voxels: the LIMITS of transport_limits.

        ``exchange_scale`` is that of reabsorption and lymph drainage where these are halves.
        """
        largest = device.empty((len(LIMITS), *available_fraction.shape[:2]), np.float64)
        losses = (reabsorption, lymph_drainage, capture)
        transport_limits(
            device,
            largest,
            *self.conductance,
            *self.rate,
            *losses,
            available_fraction,
            conductance_scale=self.conductance_scale,
            rate_scale=self.rate_scale,
            exchange_scale=exchange_scale,
        )
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
    stored: np.dtype | None = None,
) -> Faces:
    """The faces between voxels with εD = ``coefficient`` (m²/s) and ``retardation`` f, maps on the host.

    ``velocity`` u (z, y, x) is on the device; what comes of it has the precision ``real``, or is ``stored`` as halves.
    """

    def empty() -> list[Array]:
        return [device.empty(grid.face_shape(axis), real) for axis in (2, 1, 0)]

    conductance = empty()
    squares = tuple(h**2 for h in grid.spacing)
    diffusive = device.upload(coefficient, np.float64)
    harmonic_conductance(device, *conductance, diffusive, fixed=boundaries.fixed(), spacing=squares)
    conductances, conductance_scale = stored_as(stored or real, device, conductance)
    del conductance, diffusive
    f, rate = device.upload(retardation, real), empty()
    u_x, u_y, u_z = (u.astype(real, copy=False) for u in velocity[::-1])
    convective_rates(device, *rate, u_x, u_y, u_z, f, spacing=grid.spacing)
    rates, rate_scale = stored_as(stored or real, device, rate)
    return Faces(conductances, rates, conductance_scale, rate_scale)


def shortest(rate: float) -> float:
    """1/rate: the time in which the fastest voxel is done; infinite where nothing happens."""
    return 1 / rate if rate > 0 else inf
