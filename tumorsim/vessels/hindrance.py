"""How much a pore wall slows a sphere: hindrance factors against λ = particle radius / pore radius.

H = Φ K_d multiplies the diffusive flux and W = Φ K_c the convective one; both include the partitioning
Φ of the particle's centre into the pore, are 1 at λ = 0, and are 0 for λ ≥ 1 (the particle does not fit).
Evaluated in float64: near λ = 0.95, H ≈ 1.6e-6 is a difference of numbers of order one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.polynomial.polynomial import polyval
from numpy.typing import NDArray

Array = NDArray[np.float64]
Value = float | Array

ASYMPTOTE_FROM = 0.95
"""λ above which the polynomial of H is replaced by its lubrication asymptote."""

_CYLINDER_H = (1, -1.56034, 0.528155, 1.91521, -2.81903, 0.270788, 1.10115, -0.435933)
"""λ⁰ … λ⁷. The λ⁶ term is +1.10115 (some printings have a minus): only then is H(1) = 0."""
_SLIT_H = (1, -1.19358, 0, 0.4285, -0.3192, 0.08428)
_SLIT_W = (1, 0, -3.02, 5.776, -12.3675, 18.9775, -15.2185, 4.8525)
_SLOWING = (-73 / 60, 77293 / 50400, -22.5083, -5.6117, -0.3363, -1.216, 1.647)
_DRIFT = (7 / 60, -2227 / 50400, 4.0180, -3.9788, -1.9215, 4.392, 5.006)


def _fitting(ratio: Value) -> Array:
    """λ limited to [0, 1]: a larger particle is as excluded as one that just touches the wall."""
    return np.clip(np.asarray(ratio, dtype=float), 0.0, 1.0)


def _xlogx(x: Array) -> Array:
    return x * np.log(np.maximum(x, np.finfo(float).tiny))


def diffusive_hindrance(ratio: Value) -> Array:
    """H(λ) of a cylindrical pore, averaged over its cross-section.

    1 + (9/8) λ ln λ + Σ cₙλⁿ up to λ = 0.95, then 0.984 (1−λ)² ((1−λ)/λ)^{5/2}; the two differ by 0.6 %
    where they meet. Source [S]: Dechadilok and Deen 2006, doi 10.1021/ie051387n.
    """
    x = _fitting(ratio)
    near_wall = np.maximum(x, ASYMPTOTE_FROM)
    lubrication = 0.984 * (1 - near_wall) ** 4.5 / near_wall**2.5
    return np.where(x <= ASYMPTOTE_FROM, polyval(x, _CYLINDER_H) + 9 / 8 * _xlogx(x), lubrication)[()]


def convective_lag(ratio: Value) -> Array:
    """K_c(λ) = W/Φ of a cylindrical pore: particle velocity over mean fluid velocity, for λ in [0, 1].

    It exceeds 1, because the particle keeps off the slow fluid at the wall.
    Source [M]: the rational fit of Dechadilok and Deen 2006, doi 10.1021/ie051387n.
    """
    x = _fitting(ratio)
    return polyval(x, (1, 3.867, -1.907, -0.834)) / polyval(x, (1, 1.867, -0.741))


def convective_hindrance(ratio: Value) -> Array:
    """W(λ) = (1−λ)² K_c(λ) of a cylindrical pore (fitted to λ = 0.95). Source: as ``convective_lag``."""
    return (1 - _fitting(ratio)) ** 2 * convective_lag(ratio)


def _centre_line_resistance(x: Array, coefficients: tuple[float, ...]) -> Array:
    """(1−λ)^{5/2} K(λ), which stays finite as λ → 1."""
    gap = 1 - x
    lubrication = 2.25 * np.pi**2 * np.sqrt(2) * polyval(gap, (1, *coefficients[:2]))
    return lubrication + gap**2.5 * polyval(x, coefficients[2:])


def centre_line_diffusive_hindrance(ratio: Value) -> Array:
    """H(λ) = 6πΦ/K_t of a particle on the axis of a cylindrical pore.

    Source [M]: Bungay and Brenner 1973, Int J Multiphase Flow 1:25.
    """
    x = _fitting(ratio)
    return 6 * np.pi * (1 - x) ** 4.5 / _centre_line_resistance(x, _SLOWING)


def centre_line_convective_hindrance(ratio: Value) -> Array:
    """W(λ) = Φ(2−Φ)K_s/(2K_t) of a particle on the axis of a cylindrical pore.

    Source [M]: Bungay and Brenner 1973, Int J Multiphase Flow 1:25.
    """
    x = _fitting(ratio)
    partition = (1 - x) ** 2
    drag_ratio = _centre_line_resistance(x, _DRIFT) / _centre_line_resistance(x, _SLOWING)
    return partition * (2 - partition) * drag_ratio / 2


def slit_diffusive_hindrance(ratio: Value) -> Array:
    """H(λ) of a slit, λ = particle radius / half-width. Source [M]: Dechadilok and Deen 2006."""
    x = _fitting(ratio)
    return np.maximum(polyval(x, _SLIT_H) + 9 / 16 * _xlogx(x), 0.0)


def slit_convective_hindrance(ratio: Value) -> Array:
    """W(λ) of a slit, λ = particle radius / half-width. Source [M]: Dechadilok and Deen 2006."""
    return np.maximum(polyval(_fitting(ratio), _SLIT_W), 0.0)


@dataclass(frozen=True)
class PoreModel:
    """A pore shape and its hydrodynamic theory. ``resistance`` is n in Lp = γ r₀²/(n μ L)."""

    diffusive: Callable[[Value], Array]
    convective: Callable[[Value], Array]
    resistance: float


PORE_MODELS = {
    "dechadilok_deen": PoreModel(diffusive_hindrance, convective_hindrance, 8.0),
    "bungay_brenner": PoreModel(centre_line_diffusive_hindrance, centre_line_convective_hindrance, 8.0),
    "slit": PoreModel(slit_diffusive_hindrance, slit_convective_hindrance, 3.0),
}
