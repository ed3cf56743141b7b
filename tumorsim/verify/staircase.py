"""Curved surfaces in cubes: the error scatters with how the staircase happens to lie, so several grids have a say."""

from collections.abc import Callable
from math import sqrt

from tumorsim.device.twin import Device

AROUND = (-2, -1, 0, 1, 2)
"""Voxels that the grids have more, or less, along an edge."""


def over_neighbouring_grids(run: Callable[[Device, int], float]) -> Callable[[Device, int], float]:
    """``run`` on five grids of nearly the same spacing: the root mean square of their errors."""

    def run_all(device: Device, voxels: int) -> float:
        errors = [run(device, voxels + more) for more in AROUND]
        return sqrt(sum(error**2 for error in errors) / len(errors))

    return run_all
