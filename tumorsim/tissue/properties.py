"""Properties of tissue: one set of numbers per region, random variation within it, and maps per voxel.

Tags: [S] read in the source, [M] recalled from the literature, [D] our choice; every number is a parameter.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from hashlib import sha256
from math import ceil, inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tumorsim.constants import MMHG
from tumorsim.errors import ConfigError, Problem
from tumorsim.grid import Grid
from tumorsim.tissue.images import read_array
from tumorsim.tissue.regions import Regions
from tumorsim.units import UnitError, example, to_si

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def _number(unit: str, low: float = 0.0, high: float = inf, *, positive: bool = False) -> Any:
    """A field of RegionProperties with its SI unit and range; ``positive`` excludes zero."""
    return field(metadata={"unit": unit, "low": low, "high": high, "positive": positive})


@dataclass(frozen=True, kw_only=True)
class RegionProperties:
    """The numbers of one region, SI. Symbols as in Baxter & Jain 1989 (10.1016/0026-2862(89)90074-5).

    ``X_log_sd`` is the standard deviation of ln X between voxels and the number X its median; that of
    ``pore_radius`` is within each wall.
    """

    hydraulic_conductivity: float = _number("m^2/(Pa s)", positive=True)
    """K of Darcy's law u = −K∇p."""
    hydraulic_conductivity_log_sd: float = _number("1")
    correlation_length: float = _number("m")
    """Of all variation in this region (see ``log_normal_field``); 0 makes the voxels independent."""
    interstitial_fraction: float = _number("1", high=1, positive=True)
    """φ_i, interstitial fluid volume per tissue volume."""
    vessel_area_density: float = _number("1/m")
    """S/V, vessel wall area per tissue volume."""
    vessel_area_density_log_sd: float = _number("1")
    wall_hydraulic_conductivity: float = _number("m/(Pa s)")
    """L_p of the vessel wall."""
    leakiness_log_sd: float = _number("1")
    """Of a factor with median 1 on L_p and on the wall permeability together (property ``leakiness``)."""
    vascular_pressure: float = _number("Pa")
    """p_v."""
    plasma_oncotic_pressure: float = _number("Pa")
    """π_v."""
    interstitial_oncotic_pressure: float = _number("Pa")
    """π_i."""
    protein_reflection_coefficient: float = _number("1", high=1)
    """σ for plasma proteins."""
    lymphatic_filtration: float = _number("1/(Pa s)")
    """L_pL S_L/V."""
    lymphatic_pressure: float = _number("Pa", low=-inf)
    """p_L; may be below atmospheric."""
    pore_radius: float = _number("m", positive=True)
    """r₀ of the pores in the vessel wall; their median by number where they have a ``log_sd``."""
    pore_radius_log_sd: float = _number("1")
    """Of ln r₀ among the pores of one wall, not between voxels."""
    pore_area_fraction: float = _number("1", high=1)
    """γ, pore area per wall area."""
    large_pore_radius: float = _number("m", positive=True)
    """r₀ of a second kind of pores."""
    large_pore_area_fraction: float = _number("1", high=1)
    """γ of the second kind; 0 where there is none."""
    wall_thickness: float = _number("m", positive=True)
    """L of the vessel wall."""
    fibre_radius: float = _number("m", positive=True)
    """r_f of the fibres of the matrix."""
    fibre_volume_fraction: float = _number("1", high=0.25, positive=True)
    """φ of the fibres; the drag law holds up to 0.25."""
    power_law_diffusivity: float = _number("m^2/s", positive=True)
    """a of D = a (M / (g/mol))^−b, D in the available fluid."""
    power_law_exponent: float = _number("1")
    """b of that law."""
    cell_density: float = _number("1/m^3")
    """ρ, cells that take up a released drug, per tissue volume."""
    macrophage_density: float = _number("1/m^3")
    """Macrophages that take up the agent, per tissue volume."""
    carrier_release_rate: float = _number("1/s")
    """What enzymes or acid of this tissue add to the release of carriers outside cells."""
    uptake_rate: float = _number("1/s")
    """First-order cellular uptake of free agent, on the amount per tissue volume."""
    binding_sites: float = _number("mol/m^3")
    """B_max, per tissue volume."""
    perfusion: float = _number("1/s")
    """ω, blood per tissue volume and time, that carries heat off."""
    thermal_conductivity: float = _number("W/(m K)", positive=True)
    """k."""
    metabolic_heat: float = _number("W/m^3")
    """q_met."""

    leakiness: ClassVar[float] = 1.0
    """Median of the factor that ``leakiness_log_sd`` spreads."""

    def problems(self, key: str) -> list[Problem]:
        """Every number out of its range; ``key`` is where the region stands in the config."""
        found = []
        for name, value in asdict(self).items():
            if not _within(name, np.float64(value)):
                cure = f'For example "{example(UNITS[name])}"' if UNITS[name] != "1" else "It has no unit"
                found.append(Problem(f"{key}.{name}", value, f"must be {_range(name)}", cure))
        return found


LIMITS: dict[str, tuple[float, float, bool]] = {
    f.name: (f.metadata["low"], f.metadata["high"], f.metadata["positive"]) for f in fields(RegionProperties)
} | {"leakiness": (0.0, inf, False)}
"""Least value, greatest value, and whether zero is excluded, of every property."""

UNITS: dict[str, str] = {f.name: f.metadata["unit"] for f in fields(RegionProperties)} | {"leakiness": "1"}
"""SI unit of every property."""

VARYING = ("hydraulic_conductivity", "vessel_area_density", "leakiness")
"""Properties that a ``_log_sd`` spreads between voxels."""

_NORMAL = RegionProperties(
    hydraulic_conductivity=8.53e-9 * 1e-4 / MMHG,
    hydraulic_conductivity_log_sd=0.0,
    correlation_length=200e-6,
    interstitial_fraction=0.2,
    vessel_area_density=7.0e3,
    vessel_area_density_log_sd=0.0,
    wall_hydraulic_conductivity=0.36e-7 * 1e-2 / MMHG,
    leakiness_log_sd=0.0,
    vascular_pressure=15.6 * MMHG,
    plasma_oncotic_pressure=20 * MMHG,
    interstitial_oncotic_pressure=10 * MMHG,
    protein_reflection_coefficient=0.91,
    lymphatic_filtration=1.33e-5 / MMHG,
    lymphatic_pressure=0.0,
    pore_radius=5e-9,
    pore_radius_log_sd=0.0,
    pore_area_fraction=1e-3,
    large_pore_radius=25e-9,
    large_pore_area_fraction=0.0,
    wall_thickness=5e-6,
    fibre_radius=20e-9,
    fibre_volume_fraction=0.03,
    power_law_diffusivity=1e6 * 1e-4,
    power_law_exponent=2.96,
    cell_density=1e15,
    macrophage_density=0.0,
    carrier_release_rate=0.0,
    uptake_rate=0.0,
    binding_sites=0.0,
    perfusion=2e-3,
    thermal_conductivity=0.5,
    metabolic_heat=0.0,
)

_TUMOUR = replace(
    _NORMAL,
    hydraulic_conductivity=4.13e-8 * 1e-4 / MMHG,
    interstitial_fraction=0.4,
    vessel_area_density=2.0e4,
    wall_hydraulic_conductivity=2.8e-7 * 1e-2 / MMHG,
    interstitial_oncotic_pressure=15 * MMHG,
    protein_reflection_coefficient=0.82,
    lymphatic_filtration=0.0,
    pore_radius=200e-9,
    large_pore_radius=500e-9,
    power_law_diffusivity=2.51e-2 * 1e-4,
    power_law_exponent=1.14,
    perfusion=8e-4,
)

PRESETS: dict[str, RegionProperties] = {
    "normal": _NORMAL,
    "tumour": _TUMOUR,
    "necrotic": replace(
        _TUMOUR, vessel_area_density=0.0, lymphatic_filtration=0.0, cell_density=0.0, perfusion=0.0
    ),
}
"""What a region has unless told otherwise. Normal and tumour as in the tables of Baxter & Jain 1989–1991.

==============================  ====================  ===============  ================================
property                        normal                tumour           tag
==============================  ====================  ===============  ================================
hydraulic_conductivity          8.53e-9               4.13e-8          [S] cm²/(mmHg s); some later papers
                                                                       print 8.53e-8 for normal
wall_hydraulic_conductivity     0.36e-7               2.8e-7           [M] cm/(mmHg s)
vessel_area_density             70                    200              [M] 1/cm
vascular_pressure               15.6                  15.6             [M] mmHg
plasma_oncotic_pressure         20                    20               [M] mmHg
interstitial_oncotic_pressure   10                    15               [M] mmHg
protein_reflection_coefficient  0.91                  0.82             [M]
lymphatic_filtration            1.33e-5               0                [M] 1/(mmHg s); no working lymphatics
lymphatic_pressure              0                     0                [M] mmHg; [D] in the tumour
interstitial_fraction           0.2                   0.4              [D]; 0.2–0.6 in tumours [M]
pore_radius                     5 nm                  200 nm           [M]; [S] Hobbs 1998, PMC22537 (its
                                                                       lower cut-off in six tumours)
pore_area_fraction              1e-3                  1e-3             [D]; [M] Chauhan 2012
                                                                       10.1038/nnano.2012.45
wall_thickness                  5 µm                  5 µm             [M] Chauhan 2012
large_pore_radius               25 nm                 500 nm           [M]; [S] Schmidt and Wittrup 2009
                                                                       10.1158/1535-7163.MCT-09-0195
large_pore_area_fraction        0                     0                [D]: one kind of pores
cell_density                    1e15                  1e15             1/m³ [S] El-Kareh and Secomb 2000 (tumour),
                                                                       [D] normal; none alive in necrosis
fibre_radius, volume fraction   20 nm, 0.03           20 nm, 0.03      [D]: collagen fibrils
power_law_diffusivity           1e6                   2.51e-2          cm²/s [S] (abstract) Nugent and Jain
power_law_exponent              2.96                  1.14             1984, Cancer Res 44:238: dextrans of
                                                                       19–72 kDa in granulation tissue
                                                                       and VX2 carcinoma of rabbits
perfusion                       2e-3                  8e-4             [M] 1/s, of heated muscle and of tumour
                                                                       (Lang 1999 IEEE Trans Biomed Eng
                                                                       46:1129); rest is a fifth of that
thermal_conductivity            0.5                   0.5              [M] W/(m K)
metabolic_heat                  0                     0                [D] W/m³; some 700 at rest [M] are 0.1 K [C]
correlation_length              200 µm                200 µm           [D]; matters only with a _log_sd
*_log_sd, uptake, binding       0                     0                [D]
macrophage_density              0                     0                [D]: they are many in most tumours, but how
                                                                       many is for the user to say
==============================  ====================  ===============  ================================

``necrotic`` is tumour without blood or lymph vessels: its conductivity is that of tumour [D].
"""


def property_map(
    regions: Regions, table: Mapping[str, RegionProperties], name: str, *, seed: int = 0
) -> np.ndarray:
    """One property in every voxel, float64 (nz, ny, nx), SI.

    The value of the voxel's region, times a ``log_normal_field`` where that region has a ``_log_sd`` of the
    property. Each field has its own seed, made of ``seed``, the region's name and the property's, so that
    regions and properties vary independently, and a new region changes none of the others.

    ``name`` is a field of RegionProperties, or ``leakiness``: the factor of median 1 by which the wall's
    hydraulic conductivity and permeability are both to be multiplied.

    Raises ConfigError for a region that the table lacks and for numbers out of range.
    """
    _require_complete(regions, table)
    values = np.array([getattr(table[region], name) for region in regions.names], float)
    result = values[regions.labels]
    for region in regions.names if name in VARYING else ():
        properties = table[region]
        log_sd = getattr(properties, f"{name}_log_sd")
        if log_sd > 0:
            mask = regions.mask(region)
            variation = log_normal_field(
                regions.grid,
                log_sd=log_sd,
                correlation_length=properties.correlation_length,
                seed=_derived_seed(seed, region, name),
            )
            result[mask] *= variation[mask]
    return result


def log_normal_field(grid: Grid, *, log_sd: float, correlation_length: float, seed: int) -> np.ndarray:
    """A random field of median 1, float64 (nz, ny, nx): f = exp(log_sd · g).

    ::

        g(x) = Σ_j w(x − x_j) ξ_j / ( Σ_j w(x − x_j)² )^½,     w(r) = exp(−2|r|²/ℓ²),  ξ_j ~ N(0, 1)

    so g has mean 0 and variance exactly 1 at every point, and the correlation between two points is
    exp(−|r|²/ℓ²): it falls to 1/e at the correlation length ℓ. The x_j are a lattice of spacing ℓ/2, coarse
    enough to be cheap and fine enough to change the correlation by under 2e-4 per axis [C]. It hangs on the
    lower corner of the box and reaches beyond it on all sides: nothing wraps around or fades at the edges.
    The lattice knows nothing of the voxels, so a finer grid of the same box samples the same field.

    On an axis with voxels longer than 2ℓ, where neighbours correlate by less than 0.02, and for ℓ = 0, the
    planes of voxels are drawn independently instead, and the field is another on another grid.

    Raises ValueError for a negative seed.
    """
    noise_to_voxels = [
        _smoothing(n, h, correlation_length) for n, h in zip(grid.shape, grid.spacing, strict=True)
    ]
    along_z, along_y, along_x = noise_to_voxels
    plane_shape = along_y.shape[1], along_x.shape[1]
    gaussian = np.zeros(grid.shape)
    by_plane = along_z.tocsc()
    for plane in range(along_z.shape[1]):  # one at a time: a fine lattice may outgrow the memory
        start, stop = by_plane.indptr[plane : plane + 2]
        noise = np.random.default_rng([seed, plane]).standard_normal(plane_shape)
        smooth = along_y @ (along_x @ noise.T).T
        for k, weight in zip(by_plane.indices[start:stop], by_plane.data[start:stop], strict=True):
            gaussian[k] += weight * smooth
    return np.exp(log_sd * gaussian)


_REACH = 5
"""Lattice steps (ℓ/2) at which w is cut off: there it is exp(−12.5) = 4e-6 of its greatest value."""


def _smoothing(n: int, spacing: float, correlation_length: float) -> "csr_array":
    """Weights (n, m) from lattice noise to the voxels of one axis; the squares of each row sum to 1."""
    from scipy.sparse import csr_array, eye_array

    if spacing > 2 * correlation_length:
        return csr_array(eye_array(n))
    step = correlation_length / 2
    centers = (np.arange(n) + 0.5) * spacing / step + _REACH
    # The margin keeps the count, and with it the noise, the same when the box differs by rounding.
    m = ceil(n * spacing / step - 1e-6) + 2 * _REACH + 1
    first = np.ceil(centers - _REACH).astype(int)
    sites = first[:, None] + np.arange(2 * _REACH)
    weights = np.exp(-0.5 * (sites - centers[:, None]) ** 2)
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    rows = np.repeat(np.arange(n), 2 * _REACH)
    return csr_array((weights.ravel(), (rows, sites.ravel())), shape=(n, m))


def load_map(
    path: str | Path, *, name: str, shape: tuple[int, ...], unit: str, dataset: str | None = None
) -> np.ndarray:
    """A property of every voxel from .npy or HDF5, float64 (nz, ny, nx), SI; ``unit`` is the file's.

    Raises ConfigError if the file cannot be read, has another shape than the grid, a unit of another
    dimension than the property ``name``, or a value that is not a number or out of the property's range.
    """
    path, key = Path(path), f"tissue.maps.{name}"
    values = _stored_map(path, dataset, key)
    problems = []
    if values.shape != shape:
        fault = f"the map has shape {values.shape}, the grid {shape} (z, y, x)"
        problems.append(Problem(key, str(path), fault, "Give one value per voxel"))
    factor = _factor(unit, UNITS[name])
    if factor is None:
        fault, cure = f"{name} is not measured in this unit", f'Try "{example(UNITS[name])}"'
        problems.append(Problem(f"{key}.unit", unit, fault, cure))
    values = values * (1.0 if factor is None else factor)
    wrong = values[~_within(name, values)]
    if wrong.size:
        fault = f"{wrong.size} voxels are out of range, for example {wrong[0]:g} {UNITS[name]}"
        problems.append(Problem(key, str(path), fault, f"Every voxel must be {_range(name)}"))
    if problems:
        raise ConfigError(*problems)
    return values


def _stored_map(path: Path, dataset: str | None, key: str) -> np.ndarray:
    if path.suffix.lower() not in (".npy", ".h5", ".hdf5", ".vtkhdf") or not path.is_file():
        fault = "there is no such file" if not path.exists() else "a map of this format cannot be read"
        raise ConfigError(Problem(key, str(path), fault, "Give an .npy or HDF5 file"))
    try:
        return read_array(path, dataset, key=key)[0].astype(float)
    except ConfigError:
        raise
    except Exception as error:  # the formats fail in their own ways
        cure = "Check it with the program that wrote it"
        raise ConfigError(Problem(key, str(path), f"this file cannot be read ({error})", cure)) from error


def _factor(unit: str, si_unit: str) -> float | None:
    """SI units in one ``unit``; None if it is of another dimension."""
    try:
        return to_si(f"1 {unit}", si_unit)
    except UnitError:
        return None


def _require_complete(regions: Regions, table: Mapping[str, RegionProperties]) -> None:
    """ConfigError, with all faults, unless every region has properties within their ranges."""
    problems = []
    for region in regions.names:
        key = f"tissue.regions.{region}"
        if region in table:
            problems += table[region].problems(key)
        else:
            cure = f"Add [{key}], for example with preset = one of {', '.join(PRESETS)}"
            problems.append(Problem(key, None, "this region has no properties", cure))
    if problems:
        raise ConfigError(*problems)


def _within(name: str, values: np.ndarray | np.float64) -> np.ndarray:
    low, high, positive = LIMITS[name]
    enough = values > 0 if positive else values >= low
    return np.asarray(enough & (values <= high) & np.isfinite(values))


def _range(name: str) -> str:
    low, high, positive = LIMITS[name]
    above = "above 0" if positive else f"at least {low:g}" if isfinite(low) else "a finite number"
    return above + (f" and at most {high:g}" if isfinite(high) else "")


def _derived_seed(seed: int, *names: str) -> int:
    """A seed that depends on nothing but the given seed and names."""
    return int.from_bytes(sha256("\0".join((str(seed), *names)).encode()).digest()[:8], "big")
