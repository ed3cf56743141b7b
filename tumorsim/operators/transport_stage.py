import numpy as np

from tumorsim.device.twin import FacesX, FacesY, FacesZ, RowSums, SixValues, Voxels, kernel_twin
from tumorsim.operators.rounding import rounded

TERMS = ("returned", "lymph", "boundary", "negative")
"""What ``booked`` holds, in order."""


@kernel_twin
def transport_stage(
    result: Voxels,
    start_rate: Voxels,
    captured: Voxels,
    booked: RowSums,
    last: Voxels,
    before_last: Voxels,
    start: Voxels,
    conductance_x: FacesX,
    conductance_y: FacesY,
    conductance_z: FacesZ,
    rate_x: FacesX,
    rate_y: FacesY,
    rate_z: FacesZ,
    extravasation: Voxels,
    reabsorption: Voxels,
    lymph_drainage: Voxels,
    capture: Voxels,
    source: Voxels,
    available_fraction: Voxels,
    *,
    outside: SixValues,
    first: bool,
    again: float,
    rate: float,
    start_weight: float,
    part: float,
    plasma: float,
    weight: float,
    seed: int,
) -> None:
    """One stage of super-time-stepped linear transport, for the change δ of C since the start of the step.

    With ``L(C) = (1/ε) {Σ_faces [g (C_beyond − C) ± ½r (C_beyond + C)] − (b + φ_L + κ) C}`` where g = harmonic(εD)/h²
    (``conductance_*``) and r = f u/h, + where the flow enters (``rate_*``), all in 1/s, the ``first`` stage takes C
    as ``last`` and writes L₀ = L(C) + (a C_p + source)/ε to ``start_rate`` and δ₁ = rate·L₀ to ``result``. The others
    write

        δ_j = δ_{j−1} + again·(δ_{j−1} − δ_{j−2}) + rate·(L(δ_{j−1}) + a C_p/ε) + start_weight·L₀

    with δ_{j−1} in ``last``, δ_{j−2} in ``before_last`` (None: ``again`` = 0), over which ``result`` may be written,
    and C_p what ``plasma`` has changed since the first stage. Given ``start`` = C, the stage is the last: ``result``
    becomes C + part·δ_j, at least 0, rounded with ``seed``.

    On the faces of the box ``outside`` lies beyond: half a voxel away for diffusion (g = 2εD/h², 0 where nothing
    passes), carried in by the flow, which carries C out: the C there in the first stage, 0 in the others.
    ``start_rate``, the three rates, the two wall coefficients a (``extravasation``) and b (``reabsorption``), φ_L, κ
    (``capture``, by cells) and ``source``, amount/(m³ s), may be None, and then count as 0.
    ``booked`` (float64, per row) is added to: ``weight`` times what leaves in the state ``last``, amount per voxel
    volume and unit of time, and in the last stage how many values were below 0 by more than rounding (TERMS).
    ``captured`` gets in every voxel weight·κ·``last``: in the first stage for the first time, then in addition.
    """
    real = last.dtype.type
    net = np.zeros_like(last)
    through = np.zeros(last.shape, np.float64)
    conductances, rates = (conductance_z, conductance_y, conductance_x), (rate_z, rate_y, rate_x)
    for axis in range(3):
        upward = _upward_flux(last, conductances[axis], rates[axis], outside[2 * axis : 2 * axis + 2], axis)
        net += np.moveaxis(upward[:-1] - upward[1:], 0, axis)
        edge = np.moveaxis(through, axis, 0)
        edge[0] -= upward[0]
        edge[-1] += upward[-1]
    returned = 0 if reabsorption is None else reabsorption * last
    drained = 0 if lymph_drainage is None else lymph_drainage * last
    if extravasation is not None:
        net += extravasation * real(plasma) - returned
    net -= drained
    if capture is not None:
        taken = capture * last
        net -= taken
        captured[...] = (0 if first else captured) + real(weight) * taken
    if first and source is not None:
        net += source
    for term, rate_out in enumerate((returned, drained, through)):
        booked[term] += weight * np.broadcast_to(rate_out, last.shape).sum(axis=-1, dtype=np.float64)
    gain = net / available_fraction
    if first:
        if start_rate is not None:
            start_rate[...] = gain
        result[...] = real(rate) * gain
        return
    change = real(rate) * gain
    if start_rate is not None:
        change += real(start_weight) * start_rate
    if before_last is not None:
        change += real(again) * (last - before_last)
    change += last
    if start is None:
        result[...] = change
        return
    exact = start.astype(np.float64) + real(part) * change
    least = (-1e-6 if real is np.float32 else -1e-14) * start.astype(np.float64)
    booked[3] += (exact < least).sum(axis=-1)
    result[...] = np.maximum(rounded(exact, real, seed=seed), 0)


def _upward_flux(
    c: np.ndarray, conductance: np.ndarray, rate: np.ndarray | None, outside: tuple[float, ...], axis: int
) -> np.ndarray:
    """The flux along ``axis`` on its faces, with that axis first."""
    values = np.moveaxis(c, axis, 0)
    low, high = (np.full_like(values[:1], value) for value in outside)
    padded = np.concatenate([low, values, high])
    flux = np.moveaxis(conductance, axis, 0) * -np.diff(padded, axis=0)
    if rate is None:
        return flux
    r = np.moveaxis(rate, axis, 0)
    carried = (padded[:-1] + padded[1:]) / 2
    carried[0] = np.where(r[0] > 0, low[0], values[0])
    carried[-1] = np.where(r[-1] < 0, high[0], values[-1])
    return flux + r * carried
