import numpy as np

from tumorsim.device.twin import Voxels, kernel_twin
from tumorsim.operators.rounding import rounded


@kernel_twin
def tally(
    exposure: Voxels, before: Voxels, peak: Voxels, value: Voxels, *, half_step: float, seed: int
) -> None:
    """What a pool amounts to over time: ``exposure`` gains half_step·(before + value), ``peak`` the highest ``value``.

    ``before`` is the pool at the start of the step, and becomes ``value``, that at its end. ``exposure``, rounded with
    ``seed``, and ``before`` may be None together, and so may ``peak``.
    """
    if exposure is not None:
        more = half_step * (before.astype(np.float64) + value.astype(np.float64))
        exposure[...] = rounded(exposure.astype(np.float64) + more, exposure.dtype, seed=seed)
        before[...] = value
    if peak is not None:
        np.maximum(peak, value, out=peak)
