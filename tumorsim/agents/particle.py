"""What follows from the size of a particle alone."""

import numpy as np
from numpy.typing import NDArray

from tumorsim.constants import BODY_TEMPERATURE, BOLTZMANN, WATER_VISCOSITY

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
