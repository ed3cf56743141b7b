"""From SI numbers to a labelled colour bar: the unit shown, the range and the map."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import ceil, floor, log10
from typing import TYPE_CHECKING

import numpy as np

from tumorsim.constants import CELSIUS, MMHG, TISSUE_DENSITY
from tumorsim.readouts.delivery import injected_dose

if TYPE_CHECKING:
    from matplotlib.colors import Colormap, Normalize

    from tumorsim.results import Results

FIELD_COLOURS = ("inferno", 0.1, 1.0)
VESSEL_COLOURS = ("Blues_r", 0.08, 0.92)
PLASMA_COLOURS = ("winter", 0.1, 1.0)
"""[D]: no end of it is lost on black, on white or on a field in its own colours."""
DIFFERENCE_COLOURS = ("RdBu_r", 0.0, 1.0)
_COLOURS = {"Pa": ("viridis", 0.0, 1.0), "m/s": ("plasma", 0.0, 1.0), "Gy": ("magma", 0.08, 1.0)}
"""Perceptually uniform maps, by the unit of a field, and the part of each that is used. Zero is not black, so that
it does not look like a hole."""
_LOG_DECADES = 3
"""[D]: decades below the top that a logarithmic scale shows."""
_OUTLIERS = 2e-3
"""[D]: share of the voxels that may lie above the top of the scale; the bar then ends in an arrow."""

_HOUR = 3600.0
_PREFIXES = {-12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}
_PER_CUBIC_METRE = {"mol": (1e-3, "M"), "kg": (1e-3, "g/mL"), "Bq": (1e-6, "Bq/mL")}
_SHOWN = {
    "Pa": (1 / MMHG, "mmHg"),
    "m/s": (1e6, "µm/s"),
    "1/m": (1e-2, "1/cm"),
    "m^2/(Pa s)": (1e4 * MMHG, "cm²/(mmHg s)"),
    "K": (1.0, "°C"),
    "1": (1.0, ""),
}


@dataclass(frozen=True)
class ColourScale:
    """How a field is shown: ``factor`` turns SI into ``unit``; ``low`` and ``high`` are in that unit.

    ``clipped`` says that some values exceed ``high``.
    """

    label: str
    unit: str
    factor: float
    low: float
    high: float
    log: bool = False
    clipped: bool = False
    colours: tuple[str, float, float] = FIELD_COLOURS

    @property
    def colour_map(self) -> "Colormap":
        from matplotlib import colormaps
        from matplotlib.colors import ListedColormap

        name, first, last = self.colours
        return ListedColormap(colormaps[name](np.linspace(first, last, 256)))

    @property
    def norm(self) -> "Normalize":
        from matplotlib.colors import LogNorm, Normalize

        return (LogNorm if self.log else Normalize)(self.low, self.high, clip=True)

    @property
    def ticks(self) -> list[float]:
        """Round values within the scale."""
        from matplotlib.ticker import LogLocator, MaxNLocator

        locator = LogLocator() if self.log else MaxNLocator(nbins=5)
        return [
            float(tick) for tick in locator.tick_values(self.low, self.high) if self.low <= tick <= self.high
        ]


def display_unit(unit: str, *, peak: float, amount_unit: str, dose: float | None) -> tuple[float, str]:
    """Factor and name of the unit in which an SI ``unit`` is shown.

    Amounts N per tissue volume are shown as %ID/g = 100 N / (ρ · dose), with ρ the tissue density in g/m³,
    when the dose is known; else as molar, g/mL or Bq/mL with the prefix that suits ``peak`` (SI). Their time integrals
    are shown in that times hours.
    """
    if unit == f"{amount_unit} s/m^3":
        factor, name = display_unit(
            f"{amount_unit}/m^3", peak=peak / _HOUR, amount_unit=amount_unit, dose=dose
        )
        return factor / _HOUR, f"{name} · h"
    if unit != f"{amount_unit}/m^3":
        return _SHOWN.get(unit, (1.0, unit))
    if dose:
        return 100 / (1e3 * TISSUE_DENSITY * dose), "%ID/g"
    factor, name = _PER_CUBIC_METRE[amount_unit]
    scaling, prefix = si_prefix(peak * factor)
    return factor * scaling, prefix + name


def si_prefix(value: float) -> tuple[float, str]:
    """The prefix that brings ``value`` between 1 and 1000, and the factor that does: 0.05 is (1000, "m")."""
    power = min(max(3 * floor(log10(value) / 3 + 1e-9), -12), 9) if value > 0 else 0
    return 10.0**-power, _PREFIXES[power]


def colour_scale(
    results: "Results",
    field: str,
    *,
    times: Iterable[float],
    within: np.ndarray | None = None,
    limits: tuple[float, float] | None = None,
    log: bool = False,
) -> ColourScale:
    """The scale that fits ``field`` at all of ``times`` (s), or between ``limits`` given in the unit shown.

    Only voxels ``within`` a mask (nz, ny, nx) count. A linear scale starts at 0 unless the field has negative
    values; a logarithmic one spans three decades.
    """
    lowest, typical, highest = np.array([_extent(values(results, field, time), within) for time in times]).T
    peak, bottom = float(typical.max()), float(min(lowest.min(), 0.0))
    if results.unit(field) == "K":
        peak, bottom = (
            float(highest.max()),
            float(np.floor(lowest.min() + 1e-3)),
        )  # 37 °C but for rounding is 37 °C
    factor, unit = display_unit(
        results.unit(field), peak=peak, amount_unit=results.amount_unit, dose=injected_dose(results)
    )
    top = _rounded_up(peak * factor) or 1.0
    low, high = limits or (top * 10.0**-_LOG_DECADES if log else bottom * factor, top)
    clipped = bool(highest.max() * factor > high * (1 + 1e-6))
    colours = _COLOURS.get(results.unit(field), FIELD_COLOURS)
    return ColourScale(_label(results, field), unit, factor, low, high, log, clipped, colours)


def difference_scale(scale: ColourScale, difference: np.ndarray) -> ColourScale:
    """The scale of differences of what ``scale`` shows, in its unit: as far below zero as above."""
    _, typical, highest = _extent(np.abs(difference), None)
    top = _rounded_up(typical) or 1.0
    clipped = bool(highest > top * (1 + 1e-6))
    return replace(
        scale, label="difference", low=-top, high=top, log=False, clipped=clipped, colours=DIFFERENCE_COLOURS
    )


def pressure_scale(pressure: np.ndarray) -> ColourScale:
    """The scale of the blood pressures ``pressure`` (Pa; nan where unknown)."""
    low, high = np.nanmin(pressure) / MMHG, np.nanmax(pressure) / MMHG
    scale = ColourScale("blood pressure", "mmHg", 1 / MMHG, float(low), float(high), colours=VESSEL_COLOURS)
    return scale if high > low else replace(scale, low=float(low) - 1, high=float(high) + 1)


def plasma_scale(results: "Results", *, times: Iterable[float]) -> ColourScale:
    """The scale of the plasma concentrations in all vessels at all of ``times`` (s), from 0.

    In %ID/mL = 100 C / dose · 1e-6 m³/mL when the dose is known, else as an amount per tissue volume would be.
    """
    assert results.in_blood is not None
    levels = results.in_blood[[results.step_at(time) for time in times]]
    _, typical, highest = _extent(levels, None)
    dose = injected_dose(results)
    per_volume = f"{results.amount_unit}/m^3"
    factor, unit = display_unit(per_volume, peak=typical, amount_unit=results.amount_unit, dose=None)
    if dose:
        factor, unit = 100e-6 / dose, "%ID/mL"
    top = _rounded_up(typical * factor) or 1.0
    clipped = bool(highest * factor > top * (1 + 1e-6))
    label = f"{agent_name(results) or 'agent'} in plasma"
    return ColourScale(label, unit, factor, 0.0, top, clipped=clipped, colours=PLASMA_COLOURS)


def values(results: "Results", field: str, time: float) -> np.ndarray:
    """The scalar field in SI, (nz, ny, nx); of a vector field its magnitude; a temperature in °C."""
    array = np.asarray(results.field(field, time=time), dtype=np.float32)
    if results.unit(field) == "K":
        array = array - np.float32(CELSIUS)
    return np.linalg.norm(array, axis=-1) if array.ndim == 4 else array


def _extent(array: np.ndarray, within: np.ndarray | None) -> tuple[float, float, float]:
    """Smallest value, the value that only few voxels exceed, and largest value."""
    array = array.ravel() if within is None else array[within]
    rank = min(int(array.size * (1 - _OUTLIERS)), array.size - 1)
    return float(array.min()), float(np.partition(array, rank)[rank]), float(array.max())


def _label(results: "Results", field: str) -> str:
    """What the field is, without the remark after the comma, and with the agent called by its name."""
    meaning = str(results.long_name(field)).split(",")[0]
    name = agent_name(results)
    return f"{name}{meaning[5:]}" if name and meaning.startswith("agent ") else meaning


def agent_name(results: "Results") -> str:
    """The agent's name in the config, or an empty text."""
    return str(results.config.get("agent", {}).get("name") or "")


def _rounded_up(value: float) -> float:
    """``value`` rounded up to two digits, so that the bar ends near a round number."""
    if value <= 0:
        return 0.0
    step = 10.0 ** (floor(log10(value)) - 1)
    return ceil(value / step - 1e-9) * step
