import numpy as np

from tumorsim.device.twin import FacesX, FacesY, FacesZ, RowSums, Voxels, kernel_twin
from tumorsim.operators.coefficients import decoded

LIMITS = ("peclet", "diffusion", "diffusion and loss", "all", "mixing", "outflow")
"""What ``largest`` holds, in order."""


@kernel_twin
def transport_limits(
    largest: RowSums,
    conductance_x: FacesX,
    conductance_y: FacesY,
    conductance_z: FacesZ,
    rate_x: FacesX,
    rate_y: FacesY,
    rate_z: FacesZ,
    reabsorption: Voxels,
    lymph_drainage: Voxels,
    capture: Voxels,
    available_fraction: Voxels,
    *,
    conductance_scale: float = 1.0,
    rate_scale: float = 1.0,
    exchange_scale: float = 1.0,
) -> None:
    """What limits a step of transport: the largest of LIMITS over the voxels of every row, at least 0.

    With g (``conductance_*``) and r (``rate_*``, upwards) on faces, 1/s, the cell Péclet number ``|r|/g`` of the inner
    faces on the low sides of a voxel (infinite where g = 0 and r is not); and, divided by ε and in 1/s, ``Σ_faces g``;
    that with the losses b + φ_L + κ, of which each may be None; that with what central convection carries out net,
    ``Σ_faces ½r`` outwards (through the faces of the box all of r, where it is outwards); ``Σ_axes max r²/g``; and
    ``Σ_out r``, what flows out. Where g, r, b and φ_L are halves, the scales are those of g, r, and b and φ_L.
    """
    shape = available_fraction.shape
    peclet, spread, carried, mixed, out = (np.zeros(shape) for _ in range(5))
    conductances, rates = (conductance_z, conductance_y, conductance_x), (rate_z, rate_y, rate_x)
    for axis in range(3):
        stored = (conductances[axis], conductance_scale), (rates[axis], rate_scale)
        g, r = (np.moveaxis(decoded(a, s, np.float64), axis, 0).astype(np.float64) for a, s in stored)
        on_axis = [np.moveaxis(a, axis, 0) for a in (peclet, spread, carried, mixed, out)]
        _along_axis(g, r, *on_axis)
    losses = (reabsorption, exchange_scale), (lymph_drainage, exchange_scale), (capture, 1.0)
    lost = sum((decoded(loss, s, np.float64) for loss, s in losses if loss is not None), np.zeros(shape))
    rates_out = (spread, spread + lost, spread + lost + carried, mixed, out)
    largest[...] = 0
    for term, values in enumerate((peclet, *(rate / available_fraction for rate in rates_out))):
        np.maximum(largest[term], values.max(axis=-1), out=largest[term])


def _along_axis(
    g: np.ndarray,
    r: np.ndarray,
    peclet: np.ndarray,
    spread: np.ndarray,
    carried: np.ndarray,
    mixed: np.ndarray,
    out: np.ndarray,
) -> None:
    """Add one axis, first in all arrays, to the terms of the voxels."""
    inner_g, inner_r = g[1:-1], abs(r[1:-1])
    blocked = np.where(inner_r > 0, np.inf, 0.0)
    found = np.divide(inner_r, inner_g, out=blocked, where=inner_g > 0)
    np.maximum(peclet[1:], found, out=peclet[1:])
    spread += g[:-1] + g[1:]
    low, high = -r[:-1] / 2, r[1:] / 2
    low[0], high[-1] = np.maximum(2 * low[0], 0), np.maximum(2 * high[-1], 0)
    carried += low + high
    ratio = np.divide(r**2, g, out=np.zeros_like(r), where=g > 0)
    mixed += np.maximum(ratio[:-1], ratio[1:])
    out += np.maximum(r[1:], 0) - np.minimum(r[:-1], 0)
