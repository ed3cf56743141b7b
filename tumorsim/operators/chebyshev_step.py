import numpy as np

from tumorsim.device.twin import FacesX, FacesY, FacesZ, Rows, Spacing, Voxels, kernel_twin
from tumorsim.operators.pressure_operator import diagonal, net_outflow


@kernel_twin
def chebyshev_step(
    older: Voxels,
    products: Rows | None,
    newer: Voxels | None,
    source: Voxels,
    conductance_x: FacesX,
    conductance_y: FacesY,
    conductance_z: FacesZ,
    absorption: Voxels,
    *,
    weight_newer: float,
    weight_older: float,
    step: float,
    spacing: Spacing,
) -> None:
    """One step of Chebyshev smoothing of A p = source, the new iterate written over the one before last.

    ``older ← weight_newer·newer + weight_older·older + step D⁻¹ (source − A newer)`` with D the diagonal of A and
    zero pressure beyond fixed faces of the box. Without ``newer`` it starts from zero: ``step D⁻¹ source``. With
    ``weight_older`` 0 the old ``older`` is not read. ``products`` takes Σ_x source·(new iterate) per row.
    """
    conductance = conductance_z, conductance_y, conductance_x
    correction = source.copy()
    if newer is not None:
        correction -= net_outflow(newer, conductance, absorption, spacing=spacing)
    correction *= source.dtype.type(step)
    correction /= diagonal(conductance, absorption, spacing=spacing)
    if newer is not None:
        correction += source.dtype.type(weight_newer) * newer
        if weight_older:
            correction += source.dtype.type(weight_older) * older
    older[...] = correction
    if products is not None:
        products[...] = np.einsum("zyx,zyx->zy", source, older, dtype=np.float64)
