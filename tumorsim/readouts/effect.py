"""What drug in cells, or a radiation dose given over time, leaves alive: surviving fractions of cells."""

from math import inf, isinf

import numpy as np

from tumorsim.agents.exponentials import Array, Value, lasting, rise


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


def protraction_factor(*, dose_decay: float, repair: float, duration: float = inf) -> float:
    """G of Lea and Catcheside for a dose rate that falls as e^{−λt} and ends after ``duration`` s.

    G = (2/D²) ∫ Ḋ(t) ∫₀ᵗ Ḋ(w) e^{−μ(t−w)} dw dt with λ = ``dose_decay`` and μ = ``repair``, 1/s (physics.md G.6):
    λ/(λ + μ) if it never ends, 2(x − 1 + e^{−x})/x² with x = μT for λ = 0, and 1 for an instant.
    """
    if duration == 0 or repair == 0:
        return 1.0
    if isinf(duration):
        return dose_decay / (dose_decay + repair)
    slower = min(dose_decay, repair)
    double = rise(abs(repair - dose_decay), dose_decay + slower, 0.0, duration)
    return 2 * double / lasting(dose_decay, duration) ** 2


def linear_quadratic_survival(dose: Value, *, alpha: float, beta: float, protraction: float = 1.0) -> Array:
    """S = exp(−αD − GβD²) of a dose in Gy with α in 1/Gy, β in 1/Gy² and G = ``protraction``."""
    d = np.asarray(dose, dtype=float)
    return np.exp(-alpha * d - protraction * beta * d**2)
