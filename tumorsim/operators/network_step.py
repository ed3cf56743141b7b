from tumorsim.device.twin import Voxels, kernel_twin
from tumorsim.operators.network_residual import ColumnStarts, PerCoupling, network_outflow


@kernel_twin
def network_step(
    older: Voxels,
    newer: Voxels | None,
    source: Voxels,
    diagonal: Voxels,
    couplings: PerCoupling,
    nodes: PerCoupling,
    starts: ColumnStarts,
    *,
    weight_newer: float,
    weight_older: float,
    step: float,
) -> None:
    """One step of Chebyshev smoothing of A p = source on a network, over the iterate before last.

    ``older ← weight_newer·newer + weight_older·older + step D⁻¹ (source − A newer)``, as chebyshev_step does on voxels,
    with A of network_residual and D its ``diagonal``. Without ``newer`` it starts from zero; with ``weight_older`` 0
    the old ``older`` is not read.
    """
    real = source.dtype.type
    correction = source.copy()
    if newer is not None:
        correction -= network_outflow(newer, diagonal, couplings, nodes, starts)
    correction *= real(step)
    correction /= diagonal
    if newer is not None:
        correction += real(weight_newer) * newer
        if weight_older:
            correction += real(weight_older) * older
    older[...] = correction
