from typing import Annotated

from tumorsim.device.twin import Array, kernel_twin


@kernel_twin(rows=("one", "n"))
def dense_product(
    result: Annotated[Array, "n"], matrix: Annotated[Array, "one n n"], vector: Annotated[Array, "n"]
) -> None:
    """``result = matrix · vector``: the coarsest level, whose inverse is small enough to be stored."""
    result[...] = matrix[0] @ vector
