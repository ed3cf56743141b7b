import numpy as np

from tumorsim.device.twin import FacesX, FacesY, FacesZ, Rows, Spacing, Voxels, kernel_twin
from tumorsim.operators.pressure_operator import diagonal, net_outflow, slabs


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
    real = source.dtype.type
    for slab in slabs(source.shape):
        correction = source[slab].copy()
        if newer is not None:
            correction -= net_outflow(newer, conductance, absorption, slab, spacing=spacing)
        correction *= real(step)
        correction /= diagonal(conductance, absorption, slab, spacing=spacing)
        if newer is not None:
            correction += real(weight_newer) * newer[slab]
            if weight_older:
                correction += real(weight_older) * older[slab]
        older[slab] = correction
        if products is not None:
            products[slab] = np.einsum("zyx,zyx->zy", source[slab], correction, dtype=np.float64)
