from typing import Annotated

from tumorsim.device.twin import Array, kernel_twin

Sums = Annotated[Array, "m one"]


@kernel_twin(rows=("m", "one"))
def total(sums: Sums, before: Sums | None, values: Annotated[Array, "m n"]) -> None:
    """Sums of rows, ``sums_i ← Σ_k values_ik``, in float64 and the same order every time.

    ``before`` takes what ``sums`` held until now. The numbers stay on the device, where the next kernel finds them.
    """
    if before is not None:
        before[...] = sums
    sums[...] = values.sum(axis=1, keepdims=True)
