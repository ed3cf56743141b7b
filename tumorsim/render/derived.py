"""A result with one more field that is not in its file: all forms together, a dose, a map of one's own."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorsim.errors import ConfigError, Problem, StorageError
from tumorsim.fields import POOLS

if TYPE_CHECKING:
    from tumorsim.results import Results

TOTAL, DOSE = "total", "dose"
"""Names of the sum of all pools, and of an absorbed dose."""


class Derived:
    """Answers as ``results`` does, and for the field ``name`` with ``compute(time)``, SI."""

    def __init__(
        self,
        results: "Results",
        name: str,
        *,
        unit: str,
        meaning: str,
        compute: Callable[[float], np.ndarray],
    ):
        self._results, self._name, self._unit, self._meaning = results, name, unit, meaning
        self._compute = compute

    def __getattr__(self, name: str) -> Any:
        return getattr(self._results, name)

    @property
    def fields(self) -> tuple[str, ...]:
        return (*(name for name in self._results.fields if name != self._name), self._name)

    def unit(self, name: str) -> str:
        return self._unit if name == self._name else self._results.unit(name)

    def long_name(self, name: str) -> str:
        return self._meaning if name == self._name else self._results.long_name(name)

    def field(self, name: str, time: float | str | None = None) -> np.ndarray:
        if name != self._name:
            return self._results.field(name, time=time)
        return self._compute(float(self._results.times[self._results.step_at(time)]))


def with_field(
    results: "Results", name: str, *, unit: str, meaning: str, compute: Callable[[float], np.ndarray]
) -> "Results":
    """``results`` with the field ``name`` in SI ``unit``, (nz, ny, nx), whose values ``compute`` gives."""
    return Derived(results, name, unit=unit, meaning=meaning, compute=compute)  # type: ignore[return-value]


def with_total(results: "Results") -> "Results":
    """``results`` with the field ``total``, the sum of its pools."""

    def total(time: float) -> np.ndarray:
        return np.sum([results.field(name, time=time) for name in POOLS if name in results.fields], axis=0)

    unit = f"{results.amount_unit}/m^3"
    return with_field(results, TOTAL, unit=unit, meaning="agent in all forms", compute=total)


def with_dose(results: "Results", *, nuclide: str, activity: float | None = None) -> "Results":
    """``results`` with the absorbed ``dose`` of all decays in Gy, by default with its own activity as injected.

    Raises ConfigError for an unknown nuclide or activity.
    """
    from tumorsim.readouts.activity import label, time_integrated_activity
    from tumorsim.readouts.dose_report import sources_of
    from tumorsim.readouts.dosimetry import chosen_emissions, dose_map
    from tumorsim.readouts.nuclides import nuclide as nuclide_called

    of = label(results, nuclide_called(nuclide), injected=activity)

    @cache
    def dose() -> np.ndarray:
        decays = time_integrated_activity(results, of)
        emitted = chosen_emissions(of.nuclide, daughter=of.daughter)
        return dose_map(sources_of(results, of, emitted, decays), emitted, grid=results.grid).total

    meaning = f"absorbed dose of {of.nuclide.name}"
    return with_field(results, DOSE, unit="Gy", meaning=meaning, compute=lambda time: dose())


def with_map(results: "Results", path: Path) -> "Results":
    """``results`` with the ``dose`` in Gy of a file. Raises as ``read_map``."""
    array = read_map(path, results.grid.shape)
    return with_field(results, DOSE, unit="Gy", meaning="absorbed dose", compute=lambda time: array)


def read_map(path: Path, shape: tuple[int, int, int]) -> np.ndarray:
    """A map of one value per voxel, (nz, ny, nx), from NIfTI (axes x, y, z) or from a NumPy file.

    Raises StorageError for a file that cannot be read, ConfigError for one of another shape.
    """
    try:
        if path.suffix == ".npy":
            array = np.load(path, allow_pickle=False)
        else:
            import nibabel

            array = np.asarray(nibabel.load(path).dataobj).T  # type: ignore[attr-defined]
    except ImportError:
        raise StorageError(f'cannot read {path}: run pip install "tumorsim[images]"') from None
    except (OSError, ValueError, EOFError) as error:
        raise StorageError(f"cannot read {path}: {error}") from None
    except Exception as error:  # nibabel's own kinds
        raise StorageError(f"{path} is neither NIfTI nor a NumPy array: {error}") from None
    if array.shape != shape or not np.isfinite(array).all():
        fault = f"it holds {array.shape[::-1]} values along x, y, z, the result {shape[::-1]} voxels"
        fault = fault if array.shape != shape else "some values are not finite"
        raise ConfigError(Problem("map", str(path), fault, "Give a map of the voxels of this result"))
    return np.asarray(array, dtype=np.float64)
