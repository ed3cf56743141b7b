from typing import Annotated

from tumorsim.device.twin import Array, Voxels, kernel_twin
from tumorsim.operators.restrict_residual import CoarseVoxels


@kernel_twin
def add_parts(pressure: Voxels, correction: CoarseVoxels, part: Annotated[Array, "nz ny nx"]) -> None:
    """Add the correction of a coarse level, constant over each part: ``p_i += e_part(i)``, parts by flat index."""
    pressure += correction.ravel()[part]
