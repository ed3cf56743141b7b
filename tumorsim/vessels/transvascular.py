"""The flux of a solute across the vessel wall, on the host."""

import numpy as np
from numpy.typing import NDArray

from tumorsim.operators.wall_exchange_rates import wall_exchange_rates

Array = NDArray[np.float64]
Value = float | Array


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
    is left: (1 − σ)(max(J_v, 0) C_p + min(J_v, 0) C). The rates are those of ``wall_exchange_rates`` per wall area.
    Source [M]: Patlak et al. 1963, Bull Math Biophys 25:271.
    """
    given = (
        volume_flux,
        permeability,
        reflection_coefficient,
        plasma_concentration,
        interstitial_concentration,
    )
    flow, p, sigma, plasma, tissue = np.broadcast_arrays(*(np.asarray(value, dtype=float) for value in given))
    out_of_blood, back = np.empty(flow.shape), np.empty(flow.shape)
    wall_exchange_rates.body(out_of_blood, back, p, sigma, flow)
    return (out_of_blood * plasma - back * tissue)[()]
