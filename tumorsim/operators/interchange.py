from math import expm1

import numpy as np

from tumorsim.device.twin import Voxels, kernel_twin
from tumorsim.operators.rounding import rounded


@kernel_twin
def interchange(first: Voxels, second: Voxels, *, on: float, off: float, dt: float, seed: int) -> None:
    """Two pools that turn into each other, over ``dt``; exact: ``dB/dt = on·A − off·B``, A + B constant.

    A is ``first`` and B ``second``, amount/m³; rates in 1/s, not both 0. B changes by (on·A − off·B)(1 − e^{−k dt})/k
    with k = on + off, as it is stored (rounded with ``seed``), and A by the same the other way.
    """
    part = -expm1(-(on + off) * dt) / (on + off)
    a, b = first.astype(np.float64), second.astype(np.float64)
    second[...] = rounded(b + (on * a - off * b) * part, second.dtype, seed=seed)
    first[...] = np.maximum(rounded(a - (second - b), first.dtype, seed=seed, reverse=True), 0)
