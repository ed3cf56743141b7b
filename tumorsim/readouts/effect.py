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
    survival: Value, concentration: Value, dt: float, *, fastest: float, half: float
) -> Array:
    """S after ``dt`` s of dS/dt = −k_max C/(C + EC50) S, exact for a concentration that stays; k_max in 1/s."""
    c = np.asarray(concentration, dtype=float)
    return np.asarray(survival) * np.exp(-fastest * dt * c / (c + half))
