"""What follows from the size of a particle alone, and how sizes are distributed over a dose."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tumorsim.constants import BODY_TEMPERATURE, BOLTZMANN, WATER_VISCOSITY
from tumorsim.errors import choose

Array = NDArray[np.float64]
Value = float | Array


def free_diffusivity(
    diameter: Value, *, temperature: float = BODY_TEMPERATURE, viscosity: float = WATER_VISCOSITY
) -> Array:
    """Stokes–Einstein diffusivity of a sphere, D₀ = k_B T / (3π μ d), m²/s.

    ``diameter`` (hydrodynamic, m) may be a number or an array; temperature in K, viscosity in Pa·s.
    Source: Einstein 1905, doi 10.1002/andp.19053220806. The default fluid is water at 37 °C [M].
    """
    return BOLTZMANN * temperature / (3 * np.pi * viscosity * np.asarray(diameter, dtype=float))


def radius_from_molar_mass(molar_mass: Value) -> Array:
    """Hydrodynamic radius of a globular protein, R = 0.912 nm · (M / kDa)^0.333, in m.

    ``molar_mass`` in kg/mol, which is the same number as kDa.
    Source [S]: Schmidt and Wittrup 2009, doi 10.1158/1535-7163.MCT-09-0195.
    """
    return 0.912e-9 * np.asarray(molar_mass, dtype=float) ** 0.333


DIAMETER_BASES = {"dose": 0.0, "number": 3.0, "intensity": -3.0, "z_average": -2.5}
"""What the diameter of an agent is, and k in d_dose = d exp(k s²), the median of the dose over diameter.

"dose": that median itself. "number": the median over particles (electron microscopy). "intensity": the
median over scattered light, ∝ d⁶. "z_average": the cumulant diameter of light scattering, ⟨d⁶⟩/⟨d⁵⟩ by
number. All but the first take the payload to go with the volume of a particle, d³ [D]; a log-normal weighted
by dⁿ is the log-normal of the same s with its median times exp(n s²) [C].
"""


@dataclass(frozen=True)
class SizeClasses:
    """Diameters, m, and the part of the dose that each stands for; the parts add up to 1."""

    diameters: Array
    weights: Array

    def mean(self, values: Iterable[Value]) -> Array:
        """Σ wᵢ vᵢ over values given class by class."""
        total = np.asarray(0.0)
        for weight, value in zip(self.weights, values, strict=True):
            total = total + weight * value
        return total[()]


def log_sd_from_polydispersity(index: Value) -> Array:
    """s of a log-normal with the polydispersity index of light scattering, s² = ln(1 + PDI).

    The cumulant PDI is the variance of the decay rates Γ ∝ 1/d over their mean squared, weighted by
    scattered light. Under any weight dⁿ the 1/d of a log-normal are log-normal with the same s, so
    PDI = exp(s²) − 1 exactly [C], for spheres small against the wavelength (intensity ∝ d⁶).
    """
    return np.sqrt(np.log1p(np.asarray(index, dtype=float)))[()]


def dose_median(diameter: float, log_sd: float, *, basis: str = "dose") -> float:
    """The diameter below which half of the dose is, from a diameter of a known basis.

    Raises ConfigError for a basis that is none of ``DIAMETER_BASES``.
    """
    return diameter * float(np.exp(choose(DIAMETER_BASES, basis, key="agent.diameter_basis") * log_sd**2))


def size_classes(median: float, log_sd: float, *, count: int = 5) -> SizeClasses:
    """The classes whose sums stand for a log-normal dose: dᵢ = median · exp(s zᵢ) with Gauss–Hermite zᵢ, wᵢ.

    Σ wᵢ g(ln dᵢ) is the mean of g over the dose, exact for polynomials up to degree 2·count − 1. One
    simulation a class, with wᵢ of the dose, adds up to the simulation of the mixture as long as nothing
    saturates. ``median`` is that of the dose. Without a spread there is one class.
    """
    if log_sd == 0:
        return SizeClasses(np.array([median]), np.array([1.0]))
    z, weights = np.polynomial.hermite_e.hermegauss(count)
    return SizeClasses(median * np.exp(log_sd * z), weights / weights.sum())
