"""MRI of iron: relaxation rates from its concentration, spoiled gradient echoes, Rician noise."""

from dataclasses import dataclass
from math import radians

import numpy as np

from tumorsim.errors import ConfigError, Problem
from tumorsim.grid import Grid
from tumorsim.readouts.blood import total_with_blood
from tumorsim.readouts.resample import resample, scanner_grid
from tumorsim.results import Results

IRON = 0.055845
"""kg/mol."""


@dataclass(frozen=True)
class Relaxivity:
    """``r1``, ``r2_star`` in 1/s per mM of iron, m³/(mol s); in cells R2* rises ``in_cells`` times as much [D]."""

    r1: float
    r2_star: float
    in_cells: float = 1.0


FERUMOXYTOL = {"1.5 T": Relaxivity(19.0, 64.4), "3 T": Relaxivity(9.5, 55.7)}
"""In human plasma at 37 °C [S: Invest Radiol 2018, abstract]. Whole blood answers less than linearly."""


@dataclass(frozen=True)
class GradientEcho:
    """A spoiled gradient echo: times in s, flip angle in degrees, voxel edge in m, and the signal of the tissue.

    ``t1`` and ``t2_star`` are those of tissue without iron; ``snr`` is its signal over the noise in one channel.
    All defaults [M].
    """

    repetition_time: float = 0.030
    echo_time: float = 0.005
    flip_angle: float = 20.0
    voxel: float = 0.25e-3
    t1: float = 1.2
    t2_star: float = 0.040
    snr: float = 30.0


@dataclass(frozen=True, eq=False)
class MagneticImage:
    """Fields on the simulation's ``grid``: iron in mM (mol/m³ of tissue), R1 and R2* in 1/s, signal (M0 = 1).

    On ``image_grid`` the magnitude ``before`` the agent came and ``image`` with it, with their noise.
    """

    grid: Grid
    iron: np.ndarray
    r1: np.ndarray
    r2_star: np.ndarray
    signal: np.ndarray
    image_grid: Grid
    before: np.ndarray
    image: np.ndarray

    @property
    def enhancement(self) -> np.ndarray:
        """Relative change of the signal, image/before − 1."""
        return self.image / self.before - 1


def signal_of(r1: np.ndarray | float, r2_star: np.ndarray | float, scan: GradientEcho) -> np.ndarray:
    """``S/M0 = sin θ (1 − E1)/(1 − E1 cos θ) e^{−TE R2*}``, ``E1 = e^{−TR R1}``."""
    left, angle = np.exp(-scan.repetition_time * np.asarray(r1)), radians(scan.flip_angle)
    steady = np.sin(angle) * (1 - left) / (1 - left * np.cos(angle))
    return steady * np.exp(-scan.echo_time * np.asarray(r2_star))


def iron_concentration(results: Results, *, step: int, iron_per_amount: float | None = None) -> np.ndarray:
    """Iron in tissue and its blood, mol/m³ of tissue = mM, (nz, ny, nx).

    ``iron_per_amount`` is mol of iron per unit of the dose; by default the dose is one of iron, in mol or kg.
    Raises ConfigError for a dose in Bq without it.
    """
    known = {"mol": 1.0, "kg": 1 / IRON}.get(results.amount_unit)
    factor = known if iron_per_amount is None else iron_per_amount
    if factor is None:
        fault = f"the dose is in {results.amount_unit}, not in mol or kg of iron"
        raise ConfigError(
            Problem("iron_per_amount", None, fault, "Give the mol of iron per unit of the dose")
        )
    return factor * total_with_blood(results, step=step)


def magnetic_image(
    results: Results,
    relaxivity: Relaxivity,
    scan: GradientEcho,
    *,
    step: int = -1,
    seed: int = 0,
    iron_per_amount: float | None = None,
) -> MagneticImage:
    """The result as a gradient echo shows it: ``R1 = 1/T1 + r1 c``, ``R2* = 1/T2* + r2* c``.

    The signal is averaged over the scanner's voxels (no phase), then gets Rician noise of seed ``seed``.
    """
    iron = iron_concentration(results, step=step, iron_per_amount=iron_per_amount)
    r1 = 1 / scan.t1 + relaxivity.r1 * iron
    r2_star = 1 / scan.t2_star + relaxivity.r2_star * iron
    cells = [name for name in ("internalised", "in_macrophages") if name in results.fields]
    if cells and relaxivity.in_cells != 1:
        held = np.sum([results.field(name, step=step) for name in cells], axis=0)
        share = held / np.maximum(results.total(step=step), 1e-300)
        r2_star += (relaxivity.in_cells - 1) * relaxivity.r2_star * iron * share
    signal = signal_of(r1, r2_star, scan)
    onto = scanner_grid(results.grid, (scan.voxel,) * 3)
    baseline = float(signal_of(1 / scan.t1, 1 / scan.t2_star, scan))
    inside = resample(np.ones(results.grid.shape), results.grid, onto)
    rng, sigma = np.random.default_rng(seed), baseline / scan.snr
    before = rician(np.full(onto.shape, baseline), sigma, rng=rng)
    seen = resample(signal, results.grid, onto) + (1 - inside) * baseline  # beyond the box: no agent
    return MagneticImage(results.grid, iron, r1, r2_star, signal, onto, before, rician(seen, sigma, rng=rng))


def rician(signal: np.ndarray, sigma: float, *, rng: np.random.Generator) -> np.ndarray:
    """Magnitude ``|S + σ(n₁ + i n₂)|`` of a signal with Gaussian noise of ``sigma`` in both channels."""
    return np.hypot(
        signal + sigma * rng.standard_normal(signal.shape), sigma * rng.standard_normal(signal.shape)
    )
