from typing import Annotated

from tumorsim.device.twin import Array, Voxels, kernel_twin


@kernel_twin(rows=("one", "n"))
def dense_product(
    result: Voxels,
    products: Annotated[Array, "one n"] | None,
    matrix: Annotated[Array, "one n n"],
    vector: Voxels,
) -> None:
    """``result = matrix · vector``: the coarsest level, whose inverse is small enough to be stored.

    The vectors are those of a level, of n values in all. ``products`` takes vector_i result_i, in float64.
    """
    flat = matrix[0] @ vector.ravel()
    result[...] = flat.reshape(result.shape)
    if products is not None:
        products[0] = vector.ravel().astype(float) * flat
