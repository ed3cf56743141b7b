import numpy as np

from tumorsim.device.twin import FacesX, FacesY, FacesZ, Rows, SixValues, Spacing, Voxels, kernel_twin
from tumorsim.operators.pressure_operator import net_outflow


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
    np.subtract(
        source,
        net_outflow(pressure, conductance, absorption, spacing=spacing, outside=outside),
        out=residual,
    )
    residual32[...] = residual
    squares[...] = np.einsum("zyx,zyx->zy", residual, residual, dtype=np.float64)
