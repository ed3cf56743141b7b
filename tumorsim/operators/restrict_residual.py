from typing import Annotated

import numpy as np

from tumorsim.device.twin import Array, FacesX, FacesY, FacesZ, Spacing, Voxels, kernel_twin
from tumorsim.operators.pressure_operator import net_outflow, slabs

CoarseVoxels = Annotated[Array, "mz my mx"]


@kernel_twin(rows=("mz", "my"))
def restrict_residual(
    coarse_source: CoarseVoxels,
    pressure: Voxels,
    source: Voxels,
    conductance_x: FacesX,
    conductance_y: FacesY,
    conductance_z: FacesZ,
    absorption: Voxels,
    *,
    spacing: Spacing,
) -> None:
    """The residual of a level as the source of the next coarser: Σ_block (source − A p) / voxels of a full block.

    A block is two voxels along each axis that the coarse shape halves (the last one may hold fewer) and one
    along the others. It is the transpose of add_correction up to that constant.
    """
    conductance = conductance_z, conductance_y, conductance_x
    residual = np.empty_like(source)
    for slab in slabs(source.shape):
        image = net_outflow(pressure, conductance, absorption, slab, spacing=spacing)
        np.subtract(source[slab], image, out=residual[slab])
    coarse_source[...] = block_mean(residual, coarse_source.shape)


def block_mean(fine: Array, shape: tuple[int, ...]) -> Array:
    """Sums over the blocks that make the coarse ``shape``, over the number of voxels in a full block."""
    for axis, (m, n) in enumerate(zip(shape, fine.shape, strict=True)):
        if m < n:
            values = np.moveaxis(fine, axis, 0)
            half = values[0::2] * values.dtype.type(0.5)
            half[: n // 2] += values[1::2] * values.dtype.type(0.5)
            fine = np.moveaxis(half, 0, axis)
    return fine
