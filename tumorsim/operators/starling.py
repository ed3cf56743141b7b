import numpy as np

from tumorsim.device.twin import Rows, Voxels, kernel_twin


@kernel_twin
def starling(
    absorption: Voxels,
    source: Voxels,
    switched: Rows,
    pressure: Voxels | None,
    vessel_filtration: Voxels,
    effective_pressure: Voxels,
    lymphatic_filtration: Voxels,
    lymphatic_pressure: Voxels,
    *,
    margin: float,
) -> None:
    """The fluid exchange as the pressure equation holds it, ``−∇·(K∇p) + G p = source`` (physics.md A.1).

    ``G = G_v + drains·G_L`` and ``source = G_v p_e + drains·G_L p_L``, where lymph drains if p ≥ p_L − ``margin``,
    and everywhere without a ``pressure``. ``switched`` counts per row the voxels whose lymph differs from the
    ``absorption`` that stood before. All float64; the margin (Pa) keeps rounding from switching idle lymph.
    """
    drains = True if pressure is None else pressure >= lymphatic_pressure - margin
    lymph = np.where(drains, lymphatic_filtration, 0.0)
    before = absorption.copy()
    absorption[...] = vessel_filtration + lymph
    source[...] = vessel_filtration * effective_pressure + lymph * lymphatic_pressure
    switched[...] = 0 if pressure is None else (before != absorption).sum(axis=-1)
