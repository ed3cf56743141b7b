import numpy as np

from tumorsim.device.twin import FacesX, FacesY, FacesZ, Spacing, Voxels, kernel_twin


@kernel_twin
def convective_rates(
    rate_x: FacesX,
    rate_y: FacesY,
    rate_z: FacesZ,
    velocity_x: FacesX,
    velocity_y: FacesY,
    velocity_z: FacesZ,
    retardation: Voxels,
    *,
    spacing: Spacing,
) -> None:
    """How fast the fluid carries agent through every face, r = f u/h in 1/s (physics.md I.1).

    ``velocity_*`` is the Darcy velocity u on faces, m/s; f is the ``retardation`` of the voxel upwind, on the faces of
    the box that of the voxel inside. Written to ``rate_*``.
    """
    rates, velocities = (rate_z, rate_y, rate_x), (velocity_z, velocity_y, velocity_x)
    for axis in range(3):
        r, u, f = (np.moveaxis(a, axis, 0) for a in (rates[axis], velocities[axis], retardation))
        below, above = np.concatenate([f[:1], f]), np.concatenate([f, f[-1:]])
        r[...] = u.astype(np.float64) / spacing[axis] * np.where(u > 0, below, above)
