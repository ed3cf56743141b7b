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
    outside: SixValues,
) -> None:
    """Darcy velocity on faces, ``u_f = −T_f (p_high − p_low)``, m/s (physics.md A.1, I.1).

    ``conductance_*`` is T_f of the pressure operator itself, m/(Pa s), so that the discrete divergence of u
    equals the Starling source less lymph to the solver's tolerance. Beyond the faces of the box stands
    ``outside``; where T_f = 0 (no flux) its number does not matter. Conductances and pressure are float64:
    the difference of nearly equal pressures is taken before the velocity is rounded to its own precision.
    """
    velocities = velocity_z, velocity_y, velocity_x
    conductances = conductance_z, conductance_y, conductance_x
    for axis in range(3):
        u, t, p = (np.moveaxis(array, axis, 0) for array in (velocities[axis], conductances[axis], pressure))
        u[1:-1] = t[1:-1] * (p[:-1] - p[1:])
        u[0] = t[0] * (outside[2 * axis] - p[0])
        u[-1] = t[-1] * (p[-1] - outside[2 * axis + 1])
