"""The apparent viscosity of blood in narrow vessels, over that of plasma (Fåhræus–Lindqvist)."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tumorsim.errors import ConfigError, Problem, choose

Array = NDArray[np.float64]

PLASMA_VISCOSITY = 1.0466e-3
"""Pa·s at 37 °C [S, physics.md 0: the value network codes use]."""
HAEMATOCRIT = 0.45
"""Discharge haematocrit of blood that comes from arteries [D]."""
NARROWEST_DIAMETER = 3e-6
"""m [D]: the viscosity laws are not evaluated below this diameter."""
DENSEST = 0.95
"""[D]: the laws are not evaluated above this haematocrit; skimming can pack cells that far in small vessels."""
D_OFF, D_CRIT, D_50, E_AMP, E_WIDTH, E_PEAK, E_HD, W_MAX = 2.4, 10.5, 100.0, 1.1, 0.03, 0.6, 1.18, 2.6
"""Of the endothelial surface layer, in µm [S]: Pries and Secomb 2005, doi 10.1152/ajpheart.00606.2005."""


def _shape(d: Array, at_45: Array, haematocrit: Array) -> Array:
    """(μ45 − 1) ((1 − H)^C − 1)/(0.55^C − 1), of the laws of 1992 and 1994 alike; d in µm."""
    q = 1 / (1 + 1e-11 * d**12)
    c = (0.8 + np.exp(-0.075 * d)) * (q - 1) + q
    log_plasma, log_55 = np.log1p(-haematocrit), np.log(0.55)
    near_zero = np.abs(c) < 1e-8  # at 8.05 µm, where the ratio is 0/0
    safe = np.where(near_zero, 1.0, c)
    ratio = np.where(near_zero, log_plasma / log_55, np.expm1(safe * log_plasma) / np.expm1(safe * log_55))
    return (at_45 - 1) * ratio


def _tail(d: Array) -> Array:
    return 3.2 - 2.44 * np.exp(-0.06 * d**0.645)


def in_vivo(d: Array, haematocrit: Array) -> Array:
    """Pries et al. 1994 [S]: [1 + (μ45 − 1)(…) w] w, w = (D/(D − 1.1))², μ45 = 6 e^(−0.085 D) + tail."""
    wall = (d / (d - 1.1)) ** 2
    return (1 + _shape(d, 6 * np.exp(-0.085 * d) + _tail(d), haematocrit) * wall) * wall


def in_vitro(d: Array, haematocrit: Array) -> Array:
    """Pries et al. 1992 [S]: glass tubes, 1 + (μ45 − 1)(…), μ45 = 220 e^(−1.3 D) + tail."""
    return 1 + _shape(d, 220 * np.exp(-1.3 * d) + _tail(d), haematocrit)


def surface_layer(d: Array, haematocrit: Array) -> Array:
    """Pries and Secomb 2005 [S]: glass tubes narrowed by the layer on the wall, μ_vitro(D_ph, H) (D/D_eff)⁴."""
    above = np.maximum(d - D_OFF, 0.0)
    asymptote = W_MAX * above / (d + D_50 - 2 * D_OFF)
    rising, falling = E_AMP * above / (D_CRIT - D_OFF), E_AMP * np.exp(-E_WIDTH * np.maximum(d - D_CRIT, 0.0))
    peak = np.where(d <= D_CRIT, rising, falling)
    physical = d - 2 * (asymptote + E_PEAK * peak)
    effective = d - 2 * (asymptote + peak * (1 + E_HD * haematocrit))
    return in_vitro(physical, haematocrit) * (d / effective) ** 4


VISCOSITY_LAWS: dict[str, Callable[[Array, Array], Array]] = {
    "in_vivo_1994": in_vivo,
    "in_vitro_1992": in_vitro,
    "surface_layer_2005": surface_layer,
}


def relative_viscosity(
    diameter: Array | float, *, haematocrit: Array | float = HAEMATOCRIT, law: str = "in_vivo_1994"
) -> Array:
    """Apparent viscosity of blood over that of plasma, for a diameter in m, not below 3 µm. Broadcasts.

    With D in µm, ``(…)`` = ((1 − H)^C − 1)/(0.55^C − 1), C = (0.8 + e^(−0.075 D)) (q − 1) + q and
    q = 1/(1 + 1e-11 D^12), by one of ``VISCOSITY_LAWS``; their tail is 3.2 − 2.44 e^(−0.06 D^0.645).

    Raises ConfigError for a haematocrit H outside 0…1. Sources: Pries et al. 1994, Circ Res 75:904 [S] and the
    laws' own.
    """
    chosen = choose(VISCOSITY_LAWS, law, key="vessels.viscosity")
    cells = np.asarray(haematocrit, float)
    if not ((cells >= 0) & (cells < 1)).all():
        worst = float(cells.flat[int(np.argmax(np.abs(cells - 0.5)))])
        raise ConfigError(Problem("vessels.haematocrit", worst, "not a fraction", "Give one, such as 0.45"))
    microns = np.maximum(np.asarray(diameter, float), NARROWEST_DIAMETER) * 1e6
    return chosen(microns, np.minimum(cells, DENSEST))
