"""Exchange of a solute across the vessel wall: the reference for the device kernels, and for tests."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Value = float | Array

NO_RETURN = 700.0
"""|Pe| beyond which nothing diffuses back: e⁻⁷⁰⁰ is the last power that a float64 holds."""


def bernoulli(x: Value) -> Array:
    """B(x) = x/(eˣ − 1) to rounding for every x; B(−x) = x + B(x), B(0) = 1, B(x > 700) = 0."""
    x = np.asarray(x, dtype=float)
    small = np.abs(x) < 1e-5
    near, far = np.where(small, x, 0.0), np.where(small, 1.0, np.minimum(x, NO_RETURN))
    quotient = np.where(x > NO_RETURN, 0.0, far / np.expm1(far))
    return np.where(small, 1 - near / 2 + near**2 / 12, quotient)[()]


def transvascular_flux(
    *,
    volume_flux: Value,
    permeability: Value,
    reflection_coefficient: Value,
    plasma_concentration: Value,
    interstitial_concentration: Value,
) -> Array:
    """Flux of a solute from plasma to interstitium per wall area (Patlak), mol/(m² s). Broadcasts.

    J_s = P [B(−Pe) C_p − B(Pe) C],  Pe = J_v (1 − σ)/P,  J_v in m/s out of the vessel

    Exact for a pore with a linear profile of Pe. Where |Pe| ≥ 700, P = 0 included, only the carried part
    is left: (1 − σ)(max(J_v, 0) C_p + min(J_v, 0) C).
    Source [M]: Patlak et al. 1963, Bull Math Biophys 25:271.
    """
    plasma, tissue = np.asarray(plasma_concentration, float), np.asarray(interstitial_concentration, float)
    carried = np.asarray(volume_flux, dtype=float) * (1 - np.asarray(reflection_coefficient, dtype=float))
    permeability = np.asarray(permeability, dtype=float)
    only_carried = np.abs(carried) >= NO_RETURN * permeability
    peclet = carried / np.where(only_carried, np.inf, permeability)
    mixed = permeability * (bernoulli(-peclet) * plasma - bernoulli(peclet) * tissue)
    upwind = np.maximum(carried, 0) * plasma + np.minimum(carried, 0) * tissue
    return np.where(only_carried, upwind, mixed)[()]
