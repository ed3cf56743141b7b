import numpy as np

from tumorsim.device.twin import FacesX, FacesY, FacesZ, RowSums, kernel_twin


@kernel_twin
def log_conductance(
    sums: RowSums, conductance_x: FacesX, conductance_y: FacesY, conductance_z: FacesZ
) -> None:
    """Σ ln T row by row over the inner faces normal to z, y and x (the three terms of ``sums``).

    Over their number it is the logarithm of the geometric mean of T along an axis, which a few very good or very
    poor conductors do not sway. A row sums its own x faces, and the low y and z faces of its voxels.
    """
    sums[...] = 0
    sums[0, 1:] = np.log(conductance_z[1:-1]).sum(axis=-1, dtype=np.float64)
    sums[1, :, 1:] = np.log(conductance_y[:, 1:-1]).sum(axis=-1, dtype=np.float64)
    sums[2] = np.log(conductance_x[:, :, 1:-1]).sum(axis=-1, dtype=np.float64)
