"""The steady balance −∇·(K∇p) + G p = s: of the pressure, and of an agent that diffuses and is lost."""

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.twin import Device
from tumorsim.flow.medium import make_medium
from tumorsim.flow.pressure import solve_pressure
from tumorsim.grid import Grid

TOLERANCE = 1e-11
"""Relative residual: far below every discretisation error here."""


def screened_poisson(
    device: Device,
    grid: Grid,
    *,
    conductivity: np.ndarray | float,
    loss: np.ndarray | float = 0.0,
    source: np.ndarray | float = 0.0,
    boundaries: Boundaries | None = None,
) -> np.ndarray:
    """p of −∇·(K∇p) + G p = s by the pressure solver; K ``conductivity``, G ``loss``, s ``source``.

    With K = εD and p = C it is the steady balance of an agent that diffuses and is lost at the rate G on C.
    """
    coefficient, absorption, given = (
        device.upload(np.broadcast_to(values, grid.shape), np.float64)
        for values in (conductivity, loss, source)
    )
    boundaries = boundaries or Boundaries()
    medium = make_medium(device, grid, coefficient, absorption, boundaries, dtype=np.float64)
    pressure, _ = solve_pressure(device, grid, medium, given, boundaries=boundaries, tolerance=TOLERANCE)
    return device.download(pressure)
