"""The voxel grid: regular, index order (z, y, x) with x fastest, scalars at centres, fluxes on faces.

::

              face z+½
                ▲
        ┌───────┴───────┐
        │               │            array[k, j, i]      centre of voxel (z=k, y=j, x=i)
    ◄───┤   centre      ├───► x      faces_x[k, j, i]    the face between voxels i−1 and i
        │               │            faces_x[k, j, nx]   the last face of the row
        └───────────────┘
"""

from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np


@dataclass(frozen=True)
class Grid:
    """A box of regular voxels. Lengths in m; every triple is in array order (z, y, x).

    ``origin`` is the lower corner of the box, not the first voxel centre.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def voxels(self) -> int:
        return prod(self.shape)

    @property
    def voxel_volume(self) -> float:
        return prod(self.spacing)

    @property
    def size(self) -> tuple[float, ...]:
        """Edge lengths of the box, m."""
        return tuple(n * h for n, h in zip(self.shape, self.spacing, strict=True))

    @property
    def volume(self) -> float:
        return self.voxels * self.voxel_volume

    @property
    def center(self) -> tuple[float, ...]:
        return tuple(o + s / 2 for o, s in zip(self.origin, self.size, strict=True))

    @cached_property
    def centers(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Voxel centres as an open mesh: arrays of shape (nz,1,1), (1,ny,1), (1,1,nx) that broadcast."""
        z, y, x = (
            o + h * (np.arange(n) + 0.5)
            for o, h, n in zip(self.origin, self.spacing, self.shape, strict=True)
        )
        return z[:, None, None], y[None, :, None], x[None, None, :]

    def face_shape(self, axis: int) -> tuple[int, int, int]:
        """Shape of an array that holds one value per face normal to ``axis``."""
        nz, ny, nx = (n + (a == axis) for a, n in enumerate(self.shape))
        return nz, ny, nx

    def distance(self, point: tuple[float, float, float]) -> np.ndarray:
        """Distance of every voxel centre from ``point`` (z, y, x), m."""
        z, y, x = self.centers
        return np.sqrt((z - point[0]) ** 2 + (y - point[1]) ** 2 + (x - point[2]) ** 2)

    def depth_under(self, face: str) -> np.ndarray:
        """Distance of the voxel centres from a face of the box ("z_high"), m; broadcasts to the shape."""
        axis = "zyx".index(face[0])
        low = self.centers[axis] - self.origin[axis]
        return self.size[axis] - low if face.endswith("high") else low

    def __repr__(self) -> str:
        n = " × ".join(str(n) for n in reversed(self.shape))
        h = " × ".join(f"{h * 1e6:g}" for h in reversed(self.spacing))
        return f"Grid({n} voxels of {h} µm, x × y × z)"
