from typing import Annotated

import numpy as np

from tumorsim.device.twin import Array, Voxels, kernel_twin

Scalar = Annotated[Array, "one one"]
"""A float64 number on the device."""


@kernel_twin
def search_direction(
    direction: Voxels, preconditioned: Voxels, product: Scalar, last_product: Scalar
) -> None:
    """The next search direction of conjugate gradients, ``p ← z + β p`` with ``β = r·z / last r·z``.

    Both are float32: any p will do, as long as x and r are changed by the same. Where the last product is infinite or
    0, β is 0; then the old direction is not read.
    """
    last = last_product.item()
    beta = product.item() / last if last else 0.0
    if beta:
        direction[...] = preconditioned + beta * direction.astype(np.float64)
    else:
        direction[...] = preconditioned
