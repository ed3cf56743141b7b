from tumorsim.device.twin import Voxels, kernel_twin


@kernel_twin
def search_direction(direction: Voxels, preconditioned: Voxels, *, beta: float) -> None:
    """The next search direction of conjugate gradients, ``p ← z + β p``.

    ``preconditioned`` z is float32, ``direction`` p float64; with β = 0 the old direction is not read.
    """
    if beta:
        direction *= beta
        direction += preconditioned
    else:
        direction[...] = preconditioned
