import numpy as np

from tumorsim.device.twin import FacesX, FacesY, FacesZ, RowSums, SixValues, Voxels, kernel_twin
from tumorsim.operators.rounding import rounded


@kernel_twin
def diffuse(
    result: Voxels,
    start_rate: Voxels,
    booked: RowSums,
    last: Voxels,
    start: Voxels,
    conductance_x: FacesX,
    conductance_y: FacesY,
    conductance_z: FacesZ,
    available_fraction: Voxels,
    *,
    outside: SixValues,
    first: bool,
    again: float,
    rate: float,
    start_weight: float,
    part: float,
    seed: int,
) -> None:
    """One stage of super-time-stepped diffusion, for the change δ of C since the start of the step.

    With ``L(C) = (1/ε) Σ_faces g (C_beyond − C)`` and g = harmonic(εD)/h², 1/s (``conductance_*``), the ``first``
    stage takes C as ``last`` and writes L(C) to ``start_rate`` and δ₁ = rate·L(C) to ``result``. The others write

        δ_j = δ_{j−1} + again·(δ_{j−1} − δ_{j−2}) + rate·L(δ_{j−1}) + start_weight·start_rate

    with δ_{j−1} in ``last``, over δ_{j−2} in ``result`` (not read where ``again`` = 0). Given ``start`` = C, the
    stage is the last: ``result`` becomes C + part·δ_j, at least 0, rounded with ``seed``. On the faces of the box
    ``outside`` lies beyond, half a voxel away (g = 2εD/h², 0 where nothing passes): the C there in the first
    stage, 0 in the others. ``start_rate`` may be None, and then counts as 0. ``booked`` (float64, per row) is
    what leaves through the box per unit of time in the state ``last``, amount per voxel volume, and how many
    results were below 0 by more than rounding.
    """
    real = last.dtype.type
    net = np.zeros_like(last)
    through = np.zeros(last.shape, np.float64)
    for axis, conductance in enumerate((conductance_z, conductance_y, conductance_x)):
        c = np.moveaxis(last, axis, 0)
        low, high = (np.full_like(c[:1], value) for value in outside[2 * axis : 2 * axis + 2])
        inward = np.moveaxis(conductance, axis, 0) * -np.diff(np.concatenate([low, c, high]), axis=0)
        net += np.moveaxis(inward[:-1] - inward[1:], 0, axis)
        edge = np.moveaxis(through, axis, 0)
        edge[0] -= inward[0]
        edge[-1] += inward[-1]
    gain = net / available_fraction
    booked[0] = through.sum(axis=-1)
    booked[1] = 0
    if first:
        if start_rate is not None:
            start_rate[...] = gain
        result[...] = real(rate) * gain
        return
    change = real(rate) * gain
    if start_rate is not None:
        change += real(start_weight) * start_rate
    if again:
        change += real(again) * (last - result)
    change += last
    if start is None:
        result[...] = change
        return
    exact = start.astype(np.float64) + real(part) * change
    booked[1] = (exact < (-1e-6 if real is np.float32 else -1e-14) * start.astype(np.float64)).sum(axis=-1)
    result[...] = np.maximum(rounded(exact, real, seed=seed), 0)
