import numpy as np

from tumorsim.device.twin import FacesX, FacesY, FacesZ, Rows, SixValues, Voxels, kernel_twin
from tumorsim.operators.coefficients import decoded
from tumorsim.operators.rounding import rounded

LIMITERS = {"upwind": 0, "van_leer": 1, "koren": 2}
"""Number of each limiter in the kernel."""


@kernel_twin
def advect(
    result: Voxels,
    booked: Rows,
    concentration: Voxels,
    rate_x: FacesX,
    rate_y: FacesY,
    rate_z: FacesZ,
    available_fraction: Voxels,
    *,
    outside: SixValues,
    limiter: int,
    keep: float,
    weight: float,
    dt: float,
    seed: int,
    rate_scale: float = 1.0,
) -> None:
    """One Runge–Kutta stage of TVD advection (physics.md I.1) in a fluid that has sources.

    ``result ← keep·result + (1 − keep)·(C − dt/ε Σ_faces F)``, F the outward flux,

        F = r (C_up + ½ψ(θ)(C_up − C_far)),   θ = (C_down − C_up)/(C_up − C_far)

    with r = f u/h (``rate_*``, 1/s on faces) and the limiter ψ of LIMITERS. Beside the faces of the box F is
    upwind; on them it carries the inside C out, or the C of ``outside`` in. ``booked`` (float64 per row)
    gains ``weight·dt`` times the outward flux through the box, amount per voxel volume. Since u has the
    sources of ∇·u = φ_v − φ_L, fluid from vessels dilutes C by itself. ``seed`` is that of the rounding. Rates that
    are halves count ``rate_scale`` times.
    """
    rates = (decoded(r, rate_scale, concentration.dtype.type) for r in (rate_z, rate_y, rate_x))
    net = np.zeros_like(concentration)
    through = np.zeros(concentration.shape, np.float64)
    for axis, rate in enumerate(rates):
        flux = _face_fluxes(
            np.moveaxis(concentration, axis, 0),
            np.moveaxis(rate, axis, 0),
            outside[2 * axis : 2 * axis + 2],
            limiter,
        )
        net += np.moveaxis(flux[1:] - flux[:-1], 0, axis)
        edge = np.moveaxis(through, axis, 0)
        edge[0] -= flux[0]
        edge[-1] += flux[-1]
    base = result if keep > 0 else concentration
    change = (concentration - base) - concentration.dtype.type(dt) / available_fraction * net
    exact = base.astype(np.float64) + concentration.dtype.type(1 - keep) * change
    result[...] = rounded(exact, result.dtype, seed=seed)
    booked += weight * dt * through.sum(axis=-1)


def _face_fluxes(c: np.ndarray, rate: np.ndarray, outside: tuple[float, ...], limiter: int) -> np.ndarray:
    """Flux through all faces along the first axis."""
    flux = np.empty_like(rate)
    if len(c) > 1:
        beyond = np.concatenate([c[:1], c, c[-1:]])  # a far value equal to the near one makes the slope zero
        right = rate[1:-1] > 0
        up, down = np.where(right, c[:-1], c[1:]), np.where(right, c[1:], c[:-1])
        far = np.where(right, beyond[:-3], beyond[3:])
        face = up + _half_slope(up - far, down - up, limiter)
        flux[1:-1] = rate[1:-1] * np.maximum(face, 0)  # below 0 by rounding where down = 0
    low, high = (c.dtype.type(value) for value in outside)
    flux[0] = rate[0] * np.where(rate[0] < 0, c[0], low)
    flux[-1] = rate[-1] * np.where(rate[-1] > 0, c[-1], high)
    return flux


def _half_slope(a: np.ndarray, b: np.ndarray, limiter: int) -> np.ndarray:
    """½ψ(b/a)·a: van Leer ab/(a + b), Koren ½ max(0, min(2b, (a + 2b)/3, 2a)); 0 unless a and b agree in sign."""
    agree = (a > 0) == (b > 0)
    if limiter == LIMITERS["van_leer"]:
        some = a + b != 0
        return np.where(agree & some, a * (b / np.where(some, a + b, 1)), 0)  # ab might underflow
    if limiter == LIMITERS["koren"]:
        p, q = np.abs(a), np.abs(b)
        least = np.minimum(np.minimum(2 * q, (p + 2 * q) * p.dtype.type(1 / 3)), 2 * p)
        return np.where(agree, np.sign(a) * a.dtype.type(0.5) * least, 0)
    return np.zeros_like(a)
