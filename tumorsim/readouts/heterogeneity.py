"""How unevenly an agent is spread over the voxels of a region. Voxels are of one size."""

import numpy as np


def coefficient_of_variation(values: np.ndarray) -> float:
    """Standard deviation over mean; nan without voxels or where the mean is 0."""
    mean = float(np.mean(values)) if values.size else 0.0
    return float(np.std(values)) / mean if mean else float("nan")


def gini(values: np.ndarray) -> float:
    """Half the mean absolute difference of two voxels over the mean: 0 is even, 1 − 1/n all in one voxel.

    ``G = Σ_k (2k − n − 1) x_k / (n Σ x)`` over the values in rising order, k from 1 (Gini 1912, as in Dixon et
    al. 1987 Ecology 68:1548 [M]). For values ≥ 0; nan where all are 0.
    """
    ordered = np.sort(values, axis=None).astype(np.float64)
    n, total = ordered.size, ordered.sum()
    if not total:
        return float("nan")
    return float(((2 * np.arange(1, n + 1) - n - 1) * ordered).sum() / (n * total))


def entropy_deficit(values: np.ndarray) -> float:
    """``ln n − H`` with ``H = −Σ p ln p``, p a voxel's share of the amount: 0 is even, ln n all in one voxel.

    Theil's index (1967 [M]), of Shannon's entropy H. It does not depend on the number of voxels, and there is no
    histogram whose bins would have to be chosen [D]. For values ≥ 0; nan where all are 0.
    """
    total = float(values.sum(dtype=np.float64))
    if not total > 0:
        return float("nan")
    share = values[values > 0].astype(np.float64) / total
    return float(np.log(values.size) + (share * np.log(share)).sum())
