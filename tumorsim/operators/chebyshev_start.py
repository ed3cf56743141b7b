import numpy as np

from tumorsim.device.twin import FacesX, FacesY, FacesZ, Spacing, Voxels, kernel_twin
from tumorsim.operators.pressure_operator import net_outflow, slabs


@kernel_twin
def chebyshev_start(
    second: Voxels,
    first: Voxels | None,
    source: Voxels,
    inverse_diagonal: Voxels,
    conductance_x: FacesX,
    conductance_y: FacesY,
    conductance_z: FacesZ,
    absorption: Voxels,
    *,
    first_step: float,
    weight: float,
    step: float,
    spacing: Spacing,
) -> None:
    """The first two steps of chebyshev_step from zero, in one pass over memory.

    ``first ← first_step D⁻¹ source`` and ``second ← weight·first + step D⁻¹ (source − A first)``. ``inverse_diagonal``
    is D⁻¹: every voxel needs the first iterate of its neighbours, and makes it of what they hold.
    """
    real, conductance = source.dtype.type, (conductance_z, conductance_y, conductance_x)
    start = np.multiply(inverse_diagonal, source, out=first)
    start *= real(first_step)
    for slab in slabs(source.shape):
        correction = source[slab] - net_outflow(start, conductance, absorption, slab, spacing=spacing)
        correction *= real(step)
        correction *= inverse_diagonal[slab]
        correction += real(weight) * start[slab]
        second[slab] = correction
