"""Where a decay leaves its energy: cumulative point kernels F(r), and the voxel kernel that follows from one.

``F(r)`` is the part of the emitted energy left within r (m) of a point source in water, from 0 to 1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import log
from pathlib import Path

import numpy as np

from tumorsim.errors import ConfigError, Problem
from tumorsim.grid import Grid
from tumorsim.readouts.nuclides import MEV, Nuclide

REACH = 0.9995
"""Part of the energy within a kernel's reach; the rest is put at the reach itself [D]."""


@dataclass(frozen=True)
class PointKernel:
    """``cumulative(r)`` is F(r) for an array of radii, m; ``reach`` the radius that holds (nearly) all of it, m."""

    cumulative: Callable[[np.ndarray], np.ndarray]
    reach: float
    name: str


def _with_reach(cumulative: Callable[[np.ndarray], np.ndarray], guess: float, name: str) -> PointKernel:
    """A kernel whose reach is where F = REACH."""
    from scipy.optimize import brentq

    def short_of(r: float) -> float:
        return float(cumulative(np.array([r]))[0]) - REACH

    while short_of(guess) < 0:
        guess *= 2
    return PointKernel(cumulative, float(brentq(short_of, 0.0, guess, xtol=1e-9)), name)


# electrons --------------------------------------------------------------------------------------------------

_FITS = {"Y-90": (1.486, 0.144, 0.678), "Lu-177": (2.978, -2.096, 1.421), "I-131": (2.354, -1.309, 1.292)}
"""a, b, c of 1 − F = exp(−(a x + b x² + c x³)), x = r/R90, to within 0.012 of the straight-ahead kernel [C]."""


def electron_kernel(nuclide: Nuclide) -> PointKernel:
    """The electrons of ``nuclide`` by a closed form for the straight-ahead kernel of its spectrum (G.3).

    ``1 − F = exp(−(a x + b x² + c x³))``, x = r/R90, for Y-90, Lu-177 and I-131 [C]; for the others
    ``1 − F = exp(−ln 2 (r/R50)^m)`` through their R50 and R90, m = ln(ln 10/ln 2)/ln(R90/R50) [D]: a few hundredths
    from the former where both are known.
    """
    r90 = nuclide.electron_r90
    if nuclide.name in _FITS:
        a, b, c = _FITS[nuclide.name]

        def fitted(r: np.ndarray) -> np.ndarray:
            x = r / r90
            return -np.expm1(-x * (a + x * (b + x * c)))

        return _with_reach(fitted, r90, f"{nuclide.name} electrons, fit in r/R90")
    power = log(log(10) / log(2)) / log(r90 / nuclide.electron_r50)

    def through_two_radii(r: np.ndarray) -> np.ndarray:
        return -np.expm1(-log(2) * (r / nuclide.electron_r50) ** power)

    return _with_reach(through_two_radii, r90, f"{nuclide.name} electrons, from R50 and R90")


def loevinger(*, endpoint: float, mean_ratio: float = 1.0) -> PointKernel:
    """Loevinger's beta kernel of 1956, G.3, formula [M], cumulative form [C], for an ``endpoint`` E0 in J.

    ``F = α{c²[u − e(1 − (1+u)e^{−u})] + e[1 − (1+x)e^{−x}]}``, x = νr, u = min(x/c, 1), 1/α = 3c² − (c² − 1)e;
    ν = 18.6/(E0 − 0.036)^1.37 · (2 − Ē/Ē*) cm²/g; c = 2 below 0.5 MeV, 1.5 below 1.5 and 1 above. ``mean_ratio`` is
    Ē/Ē*, the mean energy over that of an allowed spectrum of the same endpoint. Long by a tenth for hard betas.
    """
    energy = endpoint / MEV
    nu = 18.6 / (energy - 0.036) ** 1.37 * (2 - mean_ratio) * 100  # 1/m in water
    c = 2.0 if energy < 0.5 else 1.5 if energy < 1.5 else 1.0
    alpha = 1 / (3 * c**2 - (c**2 - 1) * np.e)

    def cumulative(r: np.ndarray) -> np.ndarray:
        x = nu * r
        u = np.minimum(x / c, 1)
        near = c**2 * (u - np.e * (1 - (1 + u) * np.exp(-u)))
        return alpha * (near + np.e * (1 - (1 + x) * np.exp(-x)))

    return _with_reach(cumulative, 1 / nu, f"Loevinger, endpoint {energy:g} MeV")


_SHORTENING = 0.86
"""Mean depth over path length of electrons: set so that R90 of Y-90 is 5.35 mm and of P-32 3.65 mm [D, C]."""


def electron_range(energy: np.ndarray) -> np.ndarray:
    """Path length in water, m, of electrons of ``energy`` (J), 10 keV to 2.5 MeV: Katz and Penfold 1952 (G.3).

    ``R = 412 E^(1.265 − 0.0954 ln E)`` mg/cm², E in MeV (Rev Mod Phys 24:28 [M]).
    """
    mev = np.asarray(energy) / MEV
    return 412e-5 * mev ** (1.265 - 0.0954 * np.log(mev))


def straight_ahead(energies: np.ndarray, weights: np.ndarray) -> PointKernel:
    """Electrons of the spectrum ``weights`` at ``energies`` (J, 10 keV to 2.5 MeV) on shortened straight tracks.

    ``F(r) = Σ w [E − E_res(R(E) − r/δ)] / Σ w E``: an electron has the energy of its residual range left, δ = 0.86.
    """
    scale = (np.asarray(energies) * weights).sum()
    ranges = electron_range(energies)
    table = np.geomspace(1e-3, 2.5, 2000) * MEV
    residual_of, energy_of = np.append(0.0, electron_range(table)), np.append(0.0, table)

    def cumulative(r: np.ndarray) -> np.ndarray:
        left = np.interp(ranges - np.asarray(r)[..., None] / _SHORTENING, residual_of, energy_of)
        return ((energies - left) * weights).sum(axis=-1) / scale

    return PointKernel(cumulative, float(_SHORTENING * ranges.max()), "electrons, straight ahead")


def beta_spectrum(endpoint: float, *, charge: int, bins: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Energies (J) and number of electrons of an allowed beta decay to a daughter of ``charge`` Z.

    ``N(T) ∝ F(Z, T) p W (E0 − T)²`` with the non-relativistic Fermi function ``F = 2πη/(1 − e^{−2πη})``,
    η = αZW/p [M]. Energies below 10 keV are left out, where the range formula ends.
    """
    rest, fine_structure = 0.51099895, 1 / 137.036
    edges = np.linspace(0.01, endpoint / MEV, bins + 1)
    kinetic = (edges[1:] + edges[:-1]) / 2
    total = kinetic + rest
    momentum = np.sqrt(total**2 - rest**2)
    eta = 2 * np.pi * fine_structure * charge * total / momentum
    return kinetic * MEV, eta / -np.expm1(-eta) * momentum * total * (endpoint / MEV - kinetic) ** 2


# alphas, and others' tables ---------------------------------------------------------------------------------

_RANGE, _POWER = 2.63e-6, 1.635
"""Range of an alpha in water, R = 2.63 µm (E/MeV)^1.635 for 5 to 9 MeV: 47 µm at 5.83, 85 µm at 8.376 [M]."""


def alpha_kernel(alphas: tuple[tuple[float, float], ...]) -> PointKernel:
    """Straight tracks (G.4): ``F = 1 − E_res(R − r)/E``, weighted by the energy each alpha of a chain brings.

    ``alphas`` as in ``Nuclide``. Daughters are taken to decay where their parent did.
    """
    shares = np.array([energy for energy, _ in alphas]) / sum(energy for energy, _ in alphas)
    ranges = _RANGE * np.array([track / MEV for _, track in alphas]) ** _POWER

    def cumulative(r: np.ndarray) -> np.ndarray:
        left = np.maximum(1 - np.asarray(r)[..., None] / ranges, 0) ** (1 / _POWER)
        return 1 - (left * shares).sum(axis=-1)

    return PointKernel(cumulative, float(ranges.max()), "alphas, straight tracks")


def tabulated(radii: np.ndarray, cumulative: np.ndarray, *, name: str = "table") -> PointKernel:
    """A kernel from a table of F at rising ``radii`` (m), straight between them and from F(0) = 0; F ends at 1.

    Raises ConfigError for a table that does not rise.
    """
    r, f = np.append(0.0, radii), np.append(0.0, cumulative)
    if len(r) < 2 or not ((np.diff(r) > 0).all() and (np.diff(f) >= 0).all() and 0 < f[-1] <= 1.001):
        fault = "radii must rise from above 0, and F with them up to 1"
        raise ConfigError(Problem("kernel", name, fault, "Give two columns: radius in mm, F"))
    return PointKernel(lambda at: np.interp(at, r, f / f[-1]), float(r[-1]), name)


def read_kernel(path: Path) -> PointKernel:
    """A table from a text file of two columns: radius in mm, F. Raises ConfigError."""
    try:
        millimetres, values = np.loadtxt(path, delimiter="," if path.suffix == ".csv" else None, ndmin=2).T
    except (OSError, ValueError) as error:
        fault = f"cannot be read ({error})"
        raise ConfigError(Problem("kernel", str(path), fault, "Give two columns: radius in mm, F")) from error
    return tabulated(1e-3 * millimetres, values, name=path.name)


# voxels -----------------------------------------------------------------------------------------------------

_GOLDEN, _SILVER = 0.6180339887498949, 0.4142135623730951
_SHELLS_PER_VOXEL, _FEWEST_SHELLS, _POINTS_PER_VOXEL, _FEWEST_POINTS = 2, 128, 4, 4096


@lru_cache(maxsize=2)
def voxel_kernel(kernel: PointKernel, grid: Grid) -> np.ndarray:
    """The part of the energy from one voxel that another gets, by their offset: odd shape, adds up to 1 (G.5).

    The mean over both voxels is ``S(n) = ∫ κ(s) Π_i tri(s_i/h_i − n_i) d³s``, tri(t) = max(1 − |t|, 0), since the
    overlap of two boxes is a product of triangles. So every bit of energy at s goes to the eight offsets around
    it with trilinear weights: spheres of evenly spread points, each with the energy between its radii. Offsets
    beyond the box are left out, as no two voxels of it are so far apart; then it adds up to less than 1.
    """
    spacing = np.array(grid.spacing)
    half = np.minimum(np.ceil(kernel.reach / spacing).astype(int) + 1, np.array(grid.shape) - 1)
    shells = max(_FEWEST_SHELLS, int(np.ceil(_SHELLS_PER_VOXEL * kernel.reach / spacing.min())))
    edges = np.linspace(0, kernel.reach, shells + 1)
    shares = np.diff(np.append(kernel.cumulative(edges[:-1]), 1.0))
    octant = np.zeros(half + 2)
    diagonal = np.linalg.norm(grid.size)
    for k, (radius, share) in enumerate(zip((edges[1:] + edges[:-1]) / 2, shares, strict=True)):
        if radius > diagonal:
            break
        voxels = np.pi / 2 * (radius / spacing.min()) ** 2  # that this sphere crosses, in an octant
        count = max(_FEWEST_POINTS, int(_POINTS_PER_VOXEL * voxels))
        _deposit(octant, radius * _octant_of_sphere(count, turn=k * _SILVER) / spacing, share)
    voxels = _unfold(octant)[tuple(slice(1, -1) for _ in half)]
    voxels.flags.writeable = False  # it is kept for the next dose on this grid
    return voxels


def _octant_of_sphere(points: int, *, turn: float) -> np.ndarray:
    """Unit vectors (points, 3) spread evenly over an octant: a Fibonacci lattice in cos θ and φ, turned about z."""
    n = np.arange(points)
    cosine, angle = (n + 0.5) / points, (n * _GOLDEN + turn) % 1 * np.pi / 2
    sine = np.sqrt(1 - cosine**2)
    return np.stack([cosine, sine * np.cos(angle), sine * np.sin(angle)], axis=-1)


def _deposit(octant: np.ndarray, points: np.ndarray, share: float) -> None:
    """Add ``share``, spread over ``points`` (n, 3) in voxels, to the offsets around them; what is beyond is lost."""
    base = np.floor(points).astype(np.intp)
    within = (base < np.array(octant.shape) - 1).all(axis=1)
    base, part = base[within], (points - base)[within]
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(corner, part, 1 - part), axis=1) * (share / len(points))
        flat = np.ravel_multi_index(tuple((base + corner).T), octant.shape)
        np.add.at(octant.reshape(-1), flat, weight)


def _unfold(octant: np.ndarray) -> np.ndarray:
    """All offsets from those ≥ 0. The eight octants share planes, whose points they bring twice, from both sides."""
    full = octant
    for axis in range(3):
        upper = np.moveaxis(full, axis, 0) / 2
        middle = 2 * upper[:1]
        full = np.moveaxis(np.concatenate([upper[:0:-1], middle, upper[1:]]), 0, axis)
    return full
