from collections.abc import Iterator

import numpy as np

from tumorsim.boundaries import NOTHING_OUTSIDE
from tumorsim.device.twin import (
    Array,
    FacesX,
    FacesY,
    FacesZ,
    Rows,
    SixValues,
    Spacing,
    Voxels,
    kernel_twin,
)

SLAB = 32768
"""Voxels of a slab: the arrays of one, 128 kB each in float32, stay in the cache from one NumPy call to the next."""


@kernel_twin
def pressure_operator(
    image: Voxels,
    products: Rows,
    pressure: Voxels,
    conductance_x: FacesX,
    conductance_y: FacesY,
    conductance_z: FacesZ,
    absorption: Voxels,
    *,
    outside: SixValues,
    spacing: Spacing,
) -> None:
    """``(A p)_i = Σ_faces T_f (p_i − p_neighbour)/h + G_i p_i``, 1/s, and p·(A p) row by row.

    ``conductance_*`` is T in m/(Pa s), ``absorption`` G in 1/(Pa s). Beyond the faces of the box stands
    ``outside``, Pa; with zeros A is symmetric, and positive definite where a T of the box or a G is not 0.
    ``pressure`` is float32, the image as exact as A.
    """
    conductance, p = (conductance_z, conductance_y, conductance_x), pressure.astype(image.dtype, copy=False)
    for slab in slabs(p.shape):
        image[slab] = net_outflow(p, conductance, absorption, slab, spacing=spacing, outside=outside)
        products[slab] = np.einsum("zyx,zyx->zy", p[slab], image[slab], dtype=np.float64)


def slabs(shape: tuple[int, ...]) -> Iterator[slice]:
    """Ranges of z that hold about SLAB voxels each."""
    nz, ny, nx = shape
    thickness = max(1, SLAB // (ny * nx))
    return (slice(z, min(z + thickness, nz)) for z in range(0, nz, thickness))


def net_outflow(
    pressure: Array,
    conductance: tuple[Array, Array, Array],
    absorption: Array,
    slab: slice,
    *,
    spacing: Spacing,
    outside: SixValues = NOTHING_OUTSIDE,
) -> Array:
    """A p in a slab; ``conductance`` on the faces normal to z, y, x."""
    p = pressure[slab]
    image = absorption[slab] * p
    for axis, t in enumerate(_slab_of(conductance, slab)):
        drop = _drops(pressure, slab, axis, outside[2 * axis], outside[2 * axis + 1])
        drop *= t
        drop *= t.dtype.type(1 / spacing[axis])
        drop, out = np.moveaxis(drop, axis, 0), np.moveaxis(image, axis, 0)
        out -= drop[:-1]
        out += drop[1:]
    return image


def diagonal(
    conductance: tuple[Array, Array, Array], absorption: Array, slab: slice, *, spacing: Spacing
) -> Array:
    """The diagonal of A in a slab: Σ_faces T_f/h + G."""
    total = absorption[slab].copy()
    for axis, t in enumerate(_slab_of(conductance, slab)):
        t = np.moveaxis(t, axis, 0)
        both = t[1:] + t[:-1]
        both *= t.dtype.type(1 / spacing[axis])
        np.moveaxis(total, axis, 0)[...] += both
    return total


def _slab_of(conductance: tuple[Array, Array, Array], slab: slice) -> tuple[Array, Array, Array]:
    """The faces of a slab: along z one more than voxels."""
    z, y, x = conductance
    return z[slab.start : slab.stop + 1], y[slab], x[slab]


def _drops(pressure: Array, slab: slice, axis: int, low: float, high: float) -> Array:
    """Pressure on the low side of each face less that on the high one."""
    p = pressure[slab]
    faces = [n + (a == axis) for a, n in enumerate(p.shape)]
    drops = np.empty(faces, p.dtype)
    d, q = np.moveaxis(drops, axis, 0), np.moveaxis(p, axis, 0)
    np.subtract(q[:-1], q[1:], out=d[1:-1])
    starts, ends = (slab.start == 0, slab.stop == len(pressure)) if axis == 0 else (True, True)
    np.subtract(p.dtype.type(low) if starts else pressure[slab.start - 1], q[0], out=d[0])
    np.subtract(q[-1], p.dtype.type(high) if ends else pressure[slab.stop], out=d[-1])
    return drops
