from typing import Annotated

import numpy as np

from tumorsim.device.twin import Array, FacesX, FacesY, FacesZ, Voxels, kernel_twin
from tumorsim.operators.restrict_residual import CoarseVoxels, block_mean

CoarseX = Annotated[Array, "mz my mx+1"]
CoarseY = Annotated[Array, "mz my+1 mx"]
CoarseZ = Annotated[Array, "mz+1 my mx"]


@kernel_twin(rows=("mz", "my"))
def coarse_conductance(
    coarse_x: CoarseX,
    coarse_y: CoarseY,
    coarse_z: CoarseZ,
    coarse_absorption: CoarseVoxels,
    conductance_x: FacesX,
    conductance_y: FacesY,
    conductance_z: FacesZ,
    absorption: Voxels,
    nearness_z: Annotated[Array, "mz+1"],
    nearness_y: Annotated[Array, "my+1"],
    nearness_x: Annotated[Array, "mx+1"],
) -> None:
    """The medium of a coarse level from that of the finer one, over the blocks of restrict_residual.

    ``T_coarse = nearness · Σ T over the fine faces in the coarse one / their number in a full block``; G is
    averaged likewise. ``nearness`` (per coarse face of an axis) is the distance of the fine centres on its two
    sides over that of the coarse centres, ½ inside: it turns the conductances that constant corrections see
    (Galerkin) into those of the coarse medium.
    """
    coarse_absorption[...] = block_mean(absorption, coarse_absorption.shape)
    levels = (
        (coarse_z, conductance_z, nearness_z),
        (coarse_y, conductance_y, nearness_y),
        (coarse_x, conductance_x, nearness_x),
    )
    for axis, (coarse, fine, nearness) in enumerate(levels):
        n, m = fine.shape[axis] - 1, coarse.shape[axis] - 1
        kept = np.minimum(np.arange(m + 1) * (2 if m < n else 1), n)
        summed = block_mean(np.take(fine, kept, axis=axis), coarse.shape)
        coarse[...] = np.moveaxis(nearness * np.moveaxis(summed, axis, -1), -1, axis)
