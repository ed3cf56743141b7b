import numpy as np

from tumorsim.device.twin import Voxels, kernel_twin
from tumorsim.operators.rounding import rounded


@kernel_twin
def cell_exchange(
    capture: Voxels,
    source: Voxels,
    cells: Voxels,
    concentration: Voxels,
    released: Voxels,
    released_in_cells: Voxels,
    cell_density: Voxels,
    available_fraction: Voxels,
    local_source: Voxels,
    lasting_uptake: Voxels,
    *,
    fastest: float,
    half_outside: float,
    half_inside: float,
    efflux: float,
    free_fraction: float,
    local_plasma: float,
    dt: float,
    seed: int,
) -> None:
    """Drug into and out of cells at the rates of the moment, for one linear step of ``dt`` (physics.md D.3).

        q = ρV/(I + ρK_i) + p,     source = (released + I (1 − e^{−q dt}))/dt + s C_p,
        κ = f ε ρV/(fεC + K_e ε) · (1 − e^{−q dt})/(q dt) + κ₀

    C is the drug in the available fluid, of which the part f (``free_fraction``) is not on albumin; I the drug in
    ``cells``, amount/m³ of tissue, which loses what goes to ``source`` and gains ``released_in_cells``; ρ the
    ``cell_density``, 1/m³ (None: no cells take drug up, and nothing leaves them); V (``fastest``) amount/s a cell, K_e
    (``half_outside``) amount/m³ of fluid, K_i (``half_inside``) amount a cell, p (``efflux``) 1/s, as in El-Kareh and
    Secomb 2000. s C_p = ``local_source`` (or None) times ``local_plasma``: what the vessels of the voxel give
    besides. κ₀ is the ``lasting_uptake`` (or None), 1/s: of the first order, and without return. What enters a cell
    during the step by V leaves it at the same rate, hence the second factor of κ, which makes I exact where C is
    constant. κ (``capture``) is in 1/s, ``source`` in amount/(m³ s). ``seed`` is that of the rounding.
    """
    real = capture.dtype.type
    epsilon = available_fraction.astype(np.float64)
    held = cells.astype(np.float64)
    leaving = np.zeros(held.shape)
    taking = np.zeros(held.shape) if lasting_uptake is None else lasting_uptake.astype(np.float64)
    if cell_density is not None:
        most = cell_density.astype(np.float64) * fastest
        outside = free_fraction * epsilon * concentration + half_outside * epsilon
        room = held + cell_density.astype(np.float64) * half_inside
        rate = np.divide(most, room, out=np.zeros_like(room), where=room > 0) + efflux
        part = -np.expm1(-rate * dt)
        leaving = held * part
        stays = np.divide(part, rate * dt, out=np.ones_like(part), where=rate > 0)
        taking = taking + free_fraction * epsilon * most / outside * stays
    capture[...] = taking
    exact = held - leaving + released_in_cells
    cells[...] = rounded(exact, real, seed=seed)
    gone = held + released_in_cells.astype(np.float64) - cells.astype(np.float64)
    total = (released.astype(np.float64) + gone) / dt
    if local_source is not None:
        total += local_source.astype(np.float64) * local_plasma
    source[...] = total
