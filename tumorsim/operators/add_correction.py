from tumorsim.device.twin import Voxels, kernel_twin
from tumorsim.operators.restrict_residual import CoarseVoxels


@kernel_twin
def add_correction(pressure: Voxels, correction: CoarseVoxels) -> None:
    """Add the correction of the next coarser level, constant over each block of voxels: ``p_i += e_block(i)``."""
    step = [2 if m < n else 1 for m, n in zip(correction.shape, pressure.shape, strict=True)]
    for z in range(step[0]):
        for y in range(step[1]):
            for x in range(step[2]):
                part = pressure[z :: step[0], y :: step[1], x :: step[2]]
                part += correction[: part.shape[0], : part.shape[1], : part.shape[2]]
