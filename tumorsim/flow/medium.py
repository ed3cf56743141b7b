"""What fluid moves through: conductances on faces and absorption in voxels, the coefficients of A in A p = s."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.twin import Array, Device, Spacing
from tumorsim.grid import Grid
from tumorsim.operators.harmonic_conductance import harmonic_conductance


@dataclass(frozen=True)
class Medium:
    """The operator ``(A p)_i = Σ_faces T_f (p_i − p_neighbour)/h + G_i p_i`` on one level.

    ``conductance`` is T on the faces normal to z, y, x, m/(Pa s), of shapes (nz+1, ny, nx), (nz, ny+1, nx) and
    (nz, ny, nx+1); ``absorption`` is G (nz, ny, nx), 1/(Pa s); ``spacing`` (z, y, x) in m. All of one precision.
    """

    conductance: tuple[Array, Array, Array]
    absorption: Array
    spacing: Spacing

    @property
    def shape(self) -> tuple[int, int, int]:
        nz, ny, nx = self.absorption.shape
        return nz, ny, nx

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(self.absorption.dtype)

    @property
    def faces(self) -> dict[str, Array]:
        """The conductances as arguments of an operator."""
        z, y, x = self.conductance
        return {"conductance_x": x, "conductance_y": y, "conductance_z": z}

    @property
    def arguments(self) -> dict[str, Any]:
        """The medium as arguments of an operator."""
        return {**self.faces, "absorption": self.absorption, "spacing": self.spacing}

    def rounded(self, dtype: Any) -> "Medium":
        """The same medium in another precision."""
        z, y, x = (t.astype(dtype) for t in self.conductance)
        return Medium((z, y, x), self.absorption.astype(dtype), self.spacing)

    def is_closed(self, device: Device) -> bool:
        """True when nothing fixes the level of the pressure: no fixed face, and no absorption anywhere."""
        ends = [np.moveaxis(t, axis, 0)[end] for axis, t in enumerate(self.conductance) for end in (0, -1)]
        return not any(device.maximum(values) > 0 for values in [*ends, self.absorption])


def make_medium(
    device: Device, grid: Grid, conductivity: Array, absorption: Array, boundaries: Boundaries, *, dtype: Any
) -> Medium:
    """The medium of a grid from its hydraulic conductivity K, m²/(Pa s), and absorption G, float64 on the device."""
    conductance = tuple(device.empty(grid.face_shape(axis), dtype) for axis in range(3))
    z, y, x = conductance
    harmonic_conductance(device, x, y, z, conductivity, fixed=boundaries.fixed(), spacing=grid.spacing)
    return Medium((z, y, x), absorption.astype(dtype, copy=False), grid.spacing)
