import numpy as np

from tumorsim.device.twin import Rows, Voxels, kernel_twin


@kernel_twin
def descend(
    solution: Voxels,
    residual: Voxels,
    residual32: Voxels,
    squares: Rows,
    direction: Voxels,
    image: Voxels,
    *,
    alpha: float,
) -> None:
    """A step of conjugate gradients along p: ``x ← x + α p``, ``r ← r − α A p``.

    ``image`` is A p. ``residual32`` is the new r in float32, for the preconditioner; ``squares`` takes Σ_x r²
    per row; the other arrays are float64.
    """
    solution += alpha * direction
    residual -= alpha * image
    residual32[...] = residual
    squares[...] = np.einsum("zyx,zyx->zy", residual, residual)
