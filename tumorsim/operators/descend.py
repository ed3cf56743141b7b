from math import isfinite

import numpy as np

from tumorsim.device.twin import Rows, Voxels, kernel_twin
from tumorsim.operators.search_direction import Scalar


@kernel_twin
def descend(
    solution: Voxels,
    residual: Voxels,
    residual32: Voxels,
    squares: Rows,
    direction: Voxels,
    image: Voxels,
    product: Scalar,
    curvature: Scalar,
) -> None:
    """A step of conjugate gradients along p: ``x ← x + α p``, ``r ← r − α A p`` with ``α = r·z / p·A p``.

    ``image`` is A p, ``product`` r·z and ``curvature`` p·A p. Unless that is above 0 and r·z finite, x and r stay as
    they are. ``residual32`` is the new r in float32, for the preconditioner; ``squares`` takes Σ_x r² per row;
    ``direction`` is float32 too, the other arrays float64.
    """
    if curvature.item() > 0 and isfinite(product.item()):
        alpha = product.item() / curvature.item()
        solution += alpha * direction.astype(np.float64)
        residual -= alpha * image
    residual32[...] = residual
    squares[...] = np.einsum("zyx,zyx->zy", residual, residual)
