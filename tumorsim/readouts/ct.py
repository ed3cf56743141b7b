"""CT of gold, or of another heavy element: Hounsfield units from its concentration, blur and noise."""

from dataclasses import dataclass

import numpy as np

from tumorsim.errors import ConfigError, Problem
from tumorsim.grid import Grid
from tumorsim.readouts.blood import total_with_blood
from tumorsim.readouts.imaging import observed
from tumorsim.readouts.resample import FWHM, scanner_grid
from tumorsim.results import Results

GOLD = 0.19697
"""kg/mol."""
HIGHEST = 3000.0
"""HU at which scanners end (Galper 2012, 10.1097/rli.0b013e3182562ab9) [S]."""


@dataclass(frozen=True)
class TomographyScan:
    """``contrast`` is HU per mg/mL: 20 ± 5 for gold [D], as sources disagree at high tube voltages: 16 to 27.

    ``baseline`` HU of the tissue, ``noise`` in HU per voxel, ``resolution`` (FWHM) and ``voxel`` in m: all [M].
    """

    contrast: float = 20.0
    baseline: float = 40.0
    noise: float = 10.0
    resolution: float = 0.5e-3
    voxel: float = 0.3e-3


@dataclass(frozen=True, eq=False)
class TomographyImage:
    """``truth`` in HU on the simulation's ``grid``; on ``image_grid`` ``expected`` without and ``image`` with noise."""

    grid: Grid
    truth: np.ndarray
    image_grid: Grid
    expected: np.ndarray
    image: np.ndarray


def hounsfield(mass_concentration: np.ndarray, scan: TomographyScan) -> np.ndarray:
    """``HU = baseline + κ c`` for c in kg/m³ (= mg/mL) of tissue, up to the end of the scale."""
    return np.minimum(scan.baseline + scan.contrast * mass_concentration, HIGHEST)


def tomography_image(
    results: Results,
    scan: TomographyScan,
    *,
    step: int = -1,
    seed: int = 0,
    mass_per_amount: float | None = None,
    beyond: str = "continued",
) -> TomographyImage:
    """The result as a CT shows it, blood included.

    ``mass_per_amount`` is kg of the heavy element per unit of the dose; by default the dose is one of gold, in kg or
    mol. Raises ConfigError for a dose in Bq without it.
    """
    factor = {"kg": 1.0, "mol": GOLD}.get(results.amount_unit) if mass_per_amount is None else mass_per_amount
    if factor is None:
        fault = f"the dose is in {results.amount_unit}, not in kg or mol of gold"
        raise ConfigError(
            Problem("mass_per_amount", None, fault, "Give the kg of metal per unit of the dose")
        )
    truth = hounsfield(factor * total_with_blood(results, step=step), scan)
    onto = scanner_grid(results.grid, (scan.voxel,) * 3)
    expected = observed(truth, results.grid, onto, sigma=scan.resolution / FWHM, beyond=beyond)
    grain = np.random.default_rng(seed).standard_normal(onto.shape)
    return TomographyImage(results.grid, truth, onto, expected, expected + scan.noise * grain)
