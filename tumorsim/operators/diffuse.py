import numpy as np

from tumorsim.device.twin import FacesX, FacesY, FacesZ, Rows, SixValues, Voxels, kernel_twin


@kernel_twin
def diffuse(
    before_last: Voxels,
    start_rate: Voxels,
    booked: Rows,
    last: Voxels,
    start: Voxels,
    conductance_x: FacesX,
    conductance_y: FacesY,
    conductance_z: FacesZ,
    available_fraction: Voxels,
    *,
    outside: SixValues,
    first: bool,
    mu: float,
    nu: float,
    mu_rate: float,
    gamma_rate: float,
) -> None:
    """One stage of Runge–Kutta–Legendre diffusion of C, in place over the stage before last.

    ``Y_j = μ Y_{j−1} + ν Y_{j−2} + (1 − μ − ν) Y_0 + μ̃ dt L(Y_{j−1}) + γ̃ dt L(Y_0)``

    with ``L(C) = (1/ε) Σ_faces g (C_beyond − C)`` and g = harmonic(εD)/h², 1/s (``conductance_*``); on the
    faces of the box ``outside`` lies beyond, half a voxel away (g = 2εD/h², 0 where nothing passes).
    With ν = 0 the old ``before_last`` is not read. ``mu_rate`` and ``gamma_rate`` are μ̃ dt and γ̃ dt. The ``first`` stage, ``Y_1 = Y_0 + μ̃ dt L(Y_0)`` with
    ``last`` = Y_0, writes ``start_rate`` = L(Y_0), which the others read. ``booked`` (float64 per row) is
    what leaves through the box per unit of time in the state ``last``, amount per voxel volume.
    Source: Meyer, Balsara, Aslam 2014, J Comput Phys 257:594.
    """
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
    rate = net / available_fraction
    booked[...] = through.sum(axis=-1)
    m, v, rest, mr, gr = (last.dtype.type(k) for k in (mu, nu, 1 - mu - nu, mu_rate, gamma_rate))
    if first:
        start_rate[...] = rate
        before_last[...] = last + mr * rate
    else:
        before_last[...] = (
            m * last + (v * before_last if nu else 0) + rest * start + mr * rate + gr * start_rate
        )
