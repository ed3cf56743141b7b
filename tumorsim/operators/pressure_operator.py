import numpy as np

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

NOTHING_OUTSIDE: SixValues = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


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
    """
    conductance = conductance_z, conductance_y, conductance_x
    image[...] = net_outflow(pressure, conductance, absorption, spacing=spacing, outside=outside)
    products[...] = np.einsum("zyx,zyx->zy", pressure, image, dtype=np.float64)


def net_outflow(
    pressure: Array,
    conductance: tuple[Array, Array, Array],
    absorption: Array,
    *,
    spacing: Spacing,
    outside: SixValues = NOTHING_OUTSIDE,
) -> Array:
    """A p; ``conductance`` on the faces normal to z, y, x."""
    image = absorption * pressure
    for axis in range(3):
        p, t, out = (np.moveaxis(array, axis, 0) for array in (pressure, conductance[axis], image))
        flux = p[:-1] - p[1:]
        flux *= t[1:-1]
        flux /= spacing[axis]
        out[:-1] += flux
        out[1:] -= flux
        out[0] += t[0] * (p[0] - p.dtype.type(outside[2 * axis])) / p.dtype.type(spacing[axis])
        out[-1] += t[-1] * (p[-1] - p.dtype.type(outside[2 * axis + 1])) / p.dtype.type(spacing[axis])
    return image


def diagonal(conductance: tuple[Array, Array, Array], absorption: Array, *, spacing: Spacing) -> Array:
    """The diagonal of A: Σ_faces T_f/h + G."""
    total = absorption.copy()
    for axis in range(3):
        t = np.moveaxis(conductance[axis], axis, 0)
        np.moveaxis(total, axis, 0)[...] += (t[1:] + t[:-1]) / t.dtype.type(spacing[axis])
    return total
