import numpy as np

from tumorsim.device.twin import FacesX, FacesY, FacesZ, Rows, SixValues, Spacing, Voxels, kernel_twin
from tumorsim.operators.pressure_operator import net_outflow, slabs


@kernel_twin
def pressure_residual(
    residual: Voxels,
    residual32: Voxels,
    squares: Rows,
    pressure: Voxels,
    source: Voxels,
    conductance_x: FacesX,
    conductance_y: FacesY,
    conductance_z: FacesZ,
    absorption: Voxels,
    *,
    outside: SixValues,
    spacing: Spacing,
) -> None:
    """What is left of the pressure equation, ``r = source − A p``, 1/s, with A of pressure_operator.

    ``residual32`` is r in float32, for the preconditioner; ``squares`` takes Σ_x r² per row. Beyond the faces of
    the box stands ``outside``, Pa.
    """
    conductance = conductance_z, conductance_y, conductance_x
    for slab in slabs(pressure.shape):
        image = net_outflow(pressure, conductance, absorption, slab, spacing=spacing, outside=outside)
        np.subtract(source[slab], image, out=residual[slab])
        residual32[slab] = residual[slab]
        squares[slab] = np.einsum("zyx,zyx->zy", residual[slab], residual[slab], dtype=np.float64)
