import numpy as np

from tumorsim.device.twin import RowSums, Voxels, kernel_twin


@kernel_twin
def fluid_exchange(
    filtration: Voxels,
    lymph_drainage: Voxels,
    totals: RowSums,
    pressure: Voxels,
    vessel_filtration: Voxels,
    effective_pressure: Voxels,
    lymphatic_filtration: Voxels,
    lymphatic_pressure: Voxels,
) -> None:
    """Fluid out of the blood and into lymph per tissue volume, 1/s (physics.md A.1).

    ``φ_v = G_v (p_e − p)`` and ``φ_L = G_L max(p − p_L, 0)``. ``totals`` takes the sums of φ_v, φ_L and |φ_v|
    per row. The pressure and the coefficients are float64.
    """
    filtered = vessel_filtration * (effective_pressure - pressure)
    drained = lymphatic_filtration * np.maximum(pressure - lymphatic_pressure, 0.0)
    filtration[...] = filtered
    lymph_drainage[...] = drained
    totals[...] = [values.sum(axis=-1) for values in (filtered, drained, np.abs(filtered))]
