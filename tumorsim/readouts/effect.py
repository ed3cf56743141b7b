"""What drug in cells leaves alive: surviving fractions. Those of a radiation dose are in ``dose_response``."""

import numpy as np

from tumorsim.agents.exponentials import Array, Value


def hill_effect(concentration: Value, *, half: float, exponent: float = 1.0, most: float = 1.0) -> Array:
    """E = E_max C^m/(EC50^m + C^m) of C in cells, with EC50 = ``half`` > 0 in its unit and m = ``exponent`` > 0."""
    scaled = np.asarray(concentration, dtype=float) / half
    with np.errstate(divide="ignore", over="ignore"):
        return np.asarray(most / (1 + scaled**-exponent))


def peak_survival(peak: Value, *, sensitivity: float, exponent: float) -> Array:
    """S = exp(−(ω C_peak)^m): survival by the highest amount in a cell, ω = ``sensitivity`` in 1/its unit.

    The form of El-Kareh and Secomb (2000, Neoplasia 2:325 [M]); ω and m are to be fitted to the cell line.
    """
    return np.exp(-((sensitivity * np.asarray(peak, dtype=float)) ** exponent))


def exposure_survival(exposure: Value, *, sensitivity: float) -> Array:
    """S = exp(−κ∫C dt): cells killed in proportion to what is in them, κ = ``sensitivity`` per unit of exposure."""
    return np.exp(-sensitivity * np.asarray(exposure, dtype=float))


def saturating_kill(
    survival: Value, concentration: Value, dt: float, *, fastest: float, half: float, end: Value | None = None
) -> Array:
    """S after ``dt`` s of dS/dt = −k_max C/(C + EC50) S; k_max in 1/s.

    Exact for C that stays, or goes straight to ``end``.

    The mean of EC50/(C + EC50) from a to b is EC50/(a + EC50) · ln(1 + x)/x, x = (b − a)/(a + EC50).
    """
    c = np.asarray(concentration, dtype=float)
    x = np.zeros_like(c) if end is None else (np.asarray(end, dtype=float) - c) / (c + half)
    level = np.abs(x) < 1e-8
    spared = half / (c + half) * np.where(level, 1 - x / 2, np.log1p(x) / np.where(level, 1.0, x))
    return np.asarray(survival) * np.exp(-fastest * dt * (1 - spared))
