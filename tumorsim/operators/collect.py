import numpy as np

from tumorsim.device.twin import Voxels, kernel_twin
from tumorsim.operators.rounding import rounded


@kernel_twin
def collect(pool: Voxels, amount: Voxels, *, seed: int) -> None:
    """Add to a pool what came into it: ``pool`` ← pool + amount, at least 0, rounded with ``seed``."""
    exact = pool.astype(np.float64) + amount.astype(np.float64)
    pool[...] = np.maximum(rounded(exact, pool.dtype, seed=seed), 0)
