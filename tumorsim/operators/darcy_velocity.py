import numpy as np

from tumorsim.device.twin import FacesX, FacesY, FacesZ, SixValues, Voxels, kernel_twin


@kernel_twin
def darcy_velocity(
    velocity_x: FacesX,
    velocity_y: FacesY,
    velocity_z: FacesZ,
    conductance_x: FacesX,
    conductance_y: FacesY,
    conductance_z: FacesZ,
    pressure: Voxels,
    *,
    boundary: SixValues,
) -> None:
    """Darcy velocity on faces, ``u_f = −T_f (p_high − p_low)``, m/s (physics.md A.1, I.1).

    ``conductance_*`` is T_f of the pressure operator itself, m/(Pa s), so that the discrete divergence of
    u equals the Starling source less lymph to the solver's tolerance. On the faces of the box ``boundary``
    stands for the missing pressure; where T_f = 0 (no flux) its number does not matter.
    """
    velocities = velocity_z, velocity_y, velocity_x
    conductances = conductance_z, conductance_y, conductance_x
    for axis, (velocity, conductance) in enumerate(zip(velocities, conductances, strict=True)):
        p = np.moveaxis(pressure, axis, 0)
        low = np.full_like(p[:1], boundary[2 * axis])
        high = np.full_like(p[:1], boundary[2 * axis + 1])
        drop = np.diff(np.concatenate([low, p, high]), axis=0)
        velocity[...] = -conductance * np.moveaxis(drop, 0, axis)
