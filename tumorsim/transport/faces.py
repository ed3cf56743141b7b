"""Transport coefficients on the faces of the voxels: how fast the agent passes by diffusion and with the flow."""

import numpy as np

from tumorsim.grid import Grid


def face_conductances(grid: Grid, coefficient: np.ndarray, fixed: tuple[bool, ...], axis: int) -> np.ndarray:
    """g = harmonic(εD)/h² on the faces along ``axis``, 1/s; on faces of the box that are ``fixed`` 2εD/h², else 0.

    ``coefficient`` is εD at the voxel centres, m²/s. Nothing passes a face beside a voxel with εD = 0.
    """
    k = np.moveaxis(coefficient, axis, 0)
    h = grid.spacing[axis]
    faces = np.zeros(grid.face_shape(axis))
    g = np.moveaxis(faces, axis, 0)
    total = k[:-1] + k[1:]
    np.divide(2 / h**2 * k[:-1] * k[1:], total, out=g[1:-1], where=total > 0)
    g[0] = 2 * k[0] / h**2 * fixed[2 * axis]
    g[-1] = 2 * k[-1] / h**2 * fixed[2 * axis + 1]
    return faces


def face_rates(grid: Grid, velocity: np.ndarray, retardation: np.ndarray, axis: int) -> np.ndarray:
    """f u/h on the faces along ``axis``, 1/s, with f of the upwind voxel (physics.md I.1)."""
    u, f = np.moveaxis(velocity, axis, 0), np.moveaxis(retardation, axis, 0)
    rates = np.empty(grid.face_shape(axis))
    r = np.moveaxis(rates, axis, 0)
    r[...] = u / grid.spacing[axis]
    r[1:-1] *= np.where(u[1:-1] > 0, f[:-1], f[1:])
    r[0] *= f[0]
    r[-1] *= f[-1]
    return rates


def cell_peclet(conductance: np.ndarray, rate: np.ndarray, axis: int) -> float:
    """The largest ``|f u| h/(εD)`` = |rate|/conductance on inner faces along ``axis``; infinite without diffusion."""
    g, r = np.moveaxis(conductance, axis, 0)[1:-1], abs(np.moveaxis(rate, axis, 0)[1:-1])
    if (r[g == 0] > 0).any():
        return np.inf
    return float(np.divide(r, g, out=np.zeros_like(r), where=g > 0).max(initial=0.0))
