from typing import Annotated

from tumorsim.device.twin import Array, kernel_twin
from tumorsim.operators.network_residual import ColumnStarts, PerCoupling
from tumorsim.operators.network_step import network_step

SmallVector = Annotated[Array, "one ny nx"]


@kernel_twin(rows=("one", "one"))
def network_smooth(
    pressure: SmallVector,
    spare: SmallVector,
    source: SmallVector,
    diagonal: SmallVector,
    couplings: PerCoupling,
    nodes: PerCoupling,
    starts: ColumnStarts,
    weights: Annotated[Array, "steps three"],
    *,
    from_zero: bool,
) -> None:
    """Steps of network_step, an even number of them, on a network that is small enough for one block of threads.

    ``weights`` holds weight_newer, weight_older and step of each; the result is in ``pressure``, which is not read when
    ``from_zero``. ``spare`` is work space.
    """
    arrays = source, diagonal, couplings, nodes, starts
    for k, (newer, older, step) in enumerate(weights.tolist()):
        values = None if from_zero and k == 0 else pressure
        network_step.body(spare, values, *arrays, weight_newer=newer, weight_older=older, step=step)
        pressure, spare = spare, pressure
