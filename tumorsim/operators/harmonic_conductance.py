import numpy as np

from tumorsim.device.twin import Array, FacesX, FacesY, FacesZ, Spacing, Voxels, kernel_twin

SixFlags = tuple[bool, bool, bool, bool, bool, bool]
"""One flag per face of the box, in the order of tumorsim.boundaries.FACES."""


@kernel_twin
def harmonic_conductance(
    conductance_x: FacesX,
    conductance_y: FacesY,
    conductance_z: FacesZ,
    conductivity: Voxels,
    *,
    fixed: SixFlags,
    spacing: Spacing,
) -> None:
    """Conductance of faces, ``T = 2ab/((a + b) h)`` from the two conductivities a, b it joins (physics.md I.1).

    Exact for layers that lie along the voxel faces. On a face of the box T = 2a/h where the pressure there is
    ``fixed``, half a voxel away, and 0 where nothing passes, or both conductivities are 0. ``conductivity`` is float64;
    T in m/(Pa s). With εD for it and h² for ``spacing``, T is the diffusive g in 1/s.
    """
    for axis, conductance in enumerate((conductance_z, conductance_y, conductance_x)):
        k = np.moveaxis(conductivity, axis, 0)
        t = np.moveaxis(conductance, axis, 0)
        total = k[1:] + k[:-1]
        between = np.divide(2 * k[1:] * k[:-1], total, out=np.zeros_like(total), where=total > 0)
        t[1:-1] = between / spacing[axis]
        t[0] = _at_the_wall(k[0], fixed[2 * axis], spacing[axis])
        t[-1] = _at_the_wall(k[-1], fixed[2 * axis + 1], spacing[axis])


def _at_the_wall(conductivity: Array, fixed: bool, spacing: float) -> Array:
    return 2 * conductivity / spacing if fixed else np.zeros_like(conductivity)
