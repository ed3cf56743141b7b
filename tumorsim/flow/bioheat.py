"""Temperature of tissue that is heated: conduction, and blood that carries heat off.

::

    −∇·(k∇θ) + w θ = q_met + s q,      θ = T − T_a,      w = ω ρ_b c_b

(Pennes 1948, J Appl Physiol 1:93, 10.1152/jappl.1948.1.2.93). It is the equation of the interstitial pressure, with k
for K, w for G and power for fluid, so its solver serves. Steady: a change fades with the rate ω + λk/(ρc), λ the lowest
eigenvalue of −∇², in 3 min where a box ends 16 mm from the focus [C]; heat is on for ten times as long. The equation is
linear, so the scale s of the deposited power that reaches a goal follows from one solution with s = 1 and one without
power.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.twin import Array, Device
from tumorsim.errors import NumericsError
from tumorsim.flow.medium import Medium, make_medium
from tumorsim.flow.pressure import solve_pressure
from tumorsim.flow.velocity import box_outflow, face_velocity
from tumorsim.grid import Grid

BLOOD_HEAT_CAPACITY = 3.8e6
"""ρ_b c_b, J/(m³ K): 1050 kg/m³ times 3.6 kJ/(kg K) [M]."""
BALANCE = 1e-5
"""Part of the power that may be missing from the balance [D]."""


@dataclass(frozen=True, eq=False)
class ThermalProperties:
    """Maps (nz, ny, nx) or numbers: k ``conductivity``, W/(m K); ω ``perfusion``, volume of blood per volume of tissue
    and time, 1/s; q_met ``metabolic_heat``, W/m³."""

    conductivity: np.ndarray | float
    perfusion: np.ndarray | float
    metabolic_heat: np.ndarray | float = 0.0


@dataclass(frozen=True, eq=False)
class Goal:
    """The ``statistic`` of the temperature in the voxels ``inside`` (a mask) is to be ``temperature``, K."""

    inside: np.ndarray
    temperature: float
    statistic: Literal["mean", "maximum"] = "mean"


@dataclass(frozen=True, eq=False)
class Heat:
    """``temperature`` in every voxel, K, on the host, and where power comes from and goes, W: ``deposited`` in the box,
    made by ``metabolism``, to the ``blood`` and out through the ``faces``. ``scale`` is s.
    """

    temperature: np.ndarray
    scale: float
    deposited: float
    metabolism: float
    blood: float
    faces: float


def solve_temperature(
    device: Device,
    grid: Grid,
    tissue: ThermalProperties,
    *,
    power: np.ndarray,
    boundaries: Boundaries,
    blood_temperature: float,
    goal: Goal | None = None,
    tolerance: float = 1e-8,
) -> Heat:
    """The steady temperature under ``power`` (W/m³, a map); ``boundaries`` are temperatures in K, None for no flux.

    With a ``goal`` the power is scaled to reach it. Raises NumericsError when no power reaches the goal, the solver
    does not converge, or the heat does not balance.
    """
    conductivity, perfusion, metabolic = (
        np.broadcast_to(np.asarray(value, np.float64), grid.shape)
        for value in (tissue.conductivity, tissue.perfusion, tissue.metabolic_heat)
    )
    outside = Boundaries(*(None if T is None else T - blood_temperature for T in boundaries.values))
    closed = Boundaries(*(None if T is None else 0.0 for T in boundaries.values))
    k, w = (device.upload(a, np.float64) for a in (conductivity, BLOOD_HEAT_CAPACITY * perfusion))
    medium = make_medium(device, grid, k, w, outside, dtype=np.float64)
    made, given = (device.upload(a, np.float64) for a in (metabolic, power))
    rest, _ = solve_pressure(device, grid, medium, made, boundaries=outside, tolerance=tolerance)
    risen, _ = solve_pressure(device, grid, medium, given, boundaries=closed, tolerance=tolerance)
    scale = 1.0
    if goal is not None:
        scale = _scale(goal, blood_temperature + device.download(rest), device.download(risen))
    theta = rest + scale * risen
    heat = Heat(
        blood_temperature + device.download(theta),
        scale,
        scale * float(power.sum()) * grid.voxel_volume,
        float(metabolic.sum()) * grid.voxel_volume,
        float(device.sum(w * theta)) * grid.voxel_volume,
        _through_faces(device, grid, medium, theta, outside),
    )
    _check_balance(heat, tolerance)
    return heat


def _scale(goal: Goal, rest: np.ndarray, risen: np.ndarray) -> float:
    """s at which T = ``rest`` + s ``risen`` reaches the goal."""
    rest, risen = rest[goal.inside], risen[goal.inside]
    if not (risen > 0).any():
        raise NumericsError(
            "the heating deposits nothing that reaches the region of heating.target. Move a source"
        )
    if goal.statistic == "mean":
        scale = (goal.temperature - float(rest.mean())) / float(risen.mean())
    else:
        warmed = risen > 0
        scale = float(((goal.temperature - rest[warmed]) / risen[warmed]).min())
    if scale < 0:
        raise NumericsError("the region of heating.target is warmer without heating. Raise its temperature")
    return scale


def _through_faces(device: Device, grid: Grid, medium: Medium, theta: Array, boundaries: Boundaries) -> float:
    """Net power that is conducted out of the box, W."""
    flux = face_velocity(device, medium, theta, boundaries, dtype=np.float64)
    return box_outflow(device, grid, flux)[0]


def _check_balance(heat: Heat, tolerance: float) -> None:
    missing = heat.deposited + heat.metabolism - heat.blood - heat.faces
    size = heat.deposited + heat.metabolism + abs(heat.blood) + abs(heat.faces)
    limit = max(BALANCE, 100 * tolerance)
    if not abs(missing) <= limit * size:
        raise NumericsError(
            f"the heat does not balance: {missing / size:.2e} of the power is unaccounted for, where {limit:.0e} is "
            "allowed. Lower pressure.tolerance"
        )


# power ------------------------------------------------------------------------------------------------------

FULL_WIDTH = 2 * sqrt(2 * np.log(2))
"""Full width at half maximum of a Gaussian over its standard deviation."""


def gaussian_power(
    grid: Grid, *, center: tuple[float, ...], full_width: tuple[float, ...], power: float
) -> np.ndarray:
    """A Gaussian focus that deposits ``power`` (W) in all of space, W/m³: the mean over every voxel, exactly.

    ``full_width`` (z, y, x) is that at half maximum, m. What lies beyond the box is not deposited in it.
    """
    from scipy.special import erf

    density = np.full(grid.shape, power)
    for axis in range(3):
        deviation = full_width[axis] / FULL_WIDTH
        edges = grid.origin[axis] + grid.spacing[axis] * np.arange(grid.shape[axis] + 1) - center[axis]
        share = np.diff(erf(edges / (sqrt(2) * deviation))) / (2 * grid.spacing[axis])
        density *= np.moveaxis(share[:, None, None], 0, axis)
    return density


def spherical_power(
    grid: Grid, *, center: tuple[float, float, float], radius: float, power: float
) -> np.ndarray:
    """A ball that deposits ``power`` (W) evenly, W/m³, in as much of every voxel as 4³ points of it are in the ball."""
    inside, offsets = np.zeros(grid.shape), (np.arange(4) - 1.5) / 4
    for dz, dy, dx in np.stack(np.meshgrid(offsets, offsets, offsets), axis=-1).reshape(-1, 3):
        shifts = (dz * grid.spacing[0], dy * grid.spacing[1], dx * grid.spacing[2])
        z, y, x = (c - shift for c, shift in zip(center, shifts, strict=True))
        inside += grid.distance((z, y, x)) < radius
    return inside / 64 * power / (4 / 3 * np.pi * radius**3)
