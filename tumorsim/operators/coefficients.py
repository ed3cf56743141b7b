"""Transport coefficients, which steps only read: in the precision of the state, or as halves times a scale."""

from typing import Any

import numpy as np


def decoded(stored: np.ndarray, scale: float, real: Any) -> np.ndarray:
    """Values of the precision ``real``: those stored; or ``scale`` times them, where these are IEEE halves.

    With a scale that is a power of two nothing is rounded.
    """
    return stored.astype(real) * real(scale) if stored.dtype == np.float16 else stored
