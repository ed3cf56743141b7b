from typing import Annotated

import numpy as np

from tumorsim.device.twin import Array, Voxels, kernel_twin
from tumorsim.operators.restrict_residual import CoarseVoxels


@kernel_twin(rows=("mz", "my"))
def sum_parts(
    sums: CoarseVoxels,
    values: Voxels,
    members: Annotated[Array, "entries"],
    starts: Annotated[Array, "parts+1"],
) -> None:
    """Sum of ``values`` over the members of each part: ``members[starts[i]]`` to ``members[starts[i + 1] − 1]``.

    The transpose of add_parts. A part without members, as at the end of a padded array, gets 0.
    """
    part = np.repeat(np.arange(sums.size), np.diff(starts))
    weights = values.ravel()[members]
    sums[...] = np.bincount(part, weights, sums.size).reshape(sums.shape)
