import numpy as np

from tumorsim.device.twin import FacesX, FacesY, FacesZ, Spacing, Voxels, kernel_twin


@kernel_twin
def divergence(
    outflow: Voxels, velocity_x: FacesX, velocity_y: FacesY, velocity_z: FacesZ, *, spacing: Spacing
) -> None:
    """Divergence of a velocity on faces: what leaves a voxel through its six faces, over its volume, 1/s."""
    outflow[...] = 0
    for axis, velocity in enumerate((velocity_z, velocity_y, velocity_x)):
        outflow += np.diff(velocity, axis=axis) / outflow.dtype.type(spacing[axis])
