"""Who survives the drug in cells: surviving fractions of voxels and regions, by a model with the user's constants.

The amount in a cell, kg or mol, is what the result holds in cells, free and on DNA, over their number. Between outputs
it is straight. The constants are those of a cell line, so there are no defaults: all that a model takes is to be given.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorsim.errors import ConfigError, Problem, choose
from tumorsim.readouts import plots
from tumorsim.readouts.effect import exposure_survival, hill_effect, peak_survival, saturating_kill
from tumorsim.readouts.montage import draw_montage
from tumorsim.readouts.nifti import write_nifti
from tumorsim.readouts.table import Table, folder, quantity, tabulate, write_csv, write_json
from tumorsim.results import Results
from tumorsim.units import UnitError, to_si

IN_CELLS = ("drug_in_cells", "drug_on_dna")
MODELS: dict[str, dict[str, str]] = {
    "peak": {"sensitivity": "1/{amount}", "exponent": "1"},
    "exposure": {"sensitivity": "1/({amount} s)"},
    "saturating": {"fastest": "1/s", "half": "{amount}"},
    "hill": {"half": "{amount}", "exponent": "1", "most": "1"},
}
"""The constants that each model takes, with their SI units; an amount is one in a cell."""
_TYPICAL = {
    "sensitivity": "0.05 1/fg",
    "exponent": "1.2",
    "fastest": "0.1 1/h",
    "half": "2 fg",
    "most": "0.95",
}


@dataclass(frozen=True)
class Survivors:
    """The cells of a region, and what the drug leaves of them."""

    region: str = quantity("", "region")
    cells: float = quantity("1", "cells in the region")
    survival: float = quantity("1", "part of them that survives")
    log_kill: float = quantity("1", "-log10 of that part")
    least: float = quantity("1", "survival in the voxel with the least")
    greatest: float = quantity("1", "survival in the voxel with the most")
    peak: float = quantity("{amount}", "highest amount in a cell, mean over the cells")
    exposure: float = quantity("{amount} s", "area under the amount in a cell, mean over the cells, no tail")


@dataclass(frozen=True, eq=False)
class SurvivalReport:
    """``survival`` in every voxel, nan where there are no cells, and the table of the regions."""

    results: Results
    model: str
    survival: np.ndarray
    table: Table

    def write(self, out: Path) -> list[Path]:
        """``survival`` as .nii.gz, .png, .csv and .json into the folder ``out``. Raises StorageError."""
        folder(out)
        grid, meaning = self.results.grid, f"surviving fraction, {self.model}"
        labels = self.results.field("region"), grid
        shown = {"surviving fraction": (self.survival, grid)}
        figure = draw_montage(shown, unit="surviving fraction", colours="viridis", labels=labels)
        write_csv(self.table, out / "survival.csv")
        write_json([self.table], out / "survival.json")
        return [
            write_nifti(out / "survival.nii.gz", self.survival, grid, unit="1", meaning=meaning),
            plots.save(figure, out / "survival.png"),
            out / "survival.csv",
            out / "survival.json",
        ]


def survival_report(
    results: Results, model: str, given: Mapping[str, str | None], *, cell_density: float | None = None
) -> SurvivalReport:
    """Survival at the last output by a model of MODELS with the texts ``given`` for its constants.

    With q the amount in a cell (readouts.effect) these are ``peak`` S = exp(−(ω q_max)^m), ``exposure``
    S = exp(−κ∫q dt), ``saturating`` dS/dt = −k_max q/(q + q_50) S, ``hill`` S = 1 − E_max q_max^m/(q_50^m + q_max^m).
    ``cell_density`` in 1/m³, by default that of every region in the config.
    Raises ConfigError with every constant that is missing, wrong or not read.
    """
    constants = _constants(results, model, given)
    density = _density(results, cell_density)
    if not density.any():
        raise ConfigError(
            Problem("cell_density", 0.0, "there are no cells", "Set it in a region of the config")
        )
    course = _Course(results, density)
    survival = np.where(density > 0, _SURVIVAL[model](course, constants), np.nan)
    labels = results.field("region")
    rows = [
        _survivors(name, labels == label, survival, density, course)
        for name, label in results.regions.items()
    ]
    return SurvivalReport(
        results, model, survival, tabulate("survival", rows, amount_unit=results.amount_unit)
    )


def _constants(results: Results, model: str, given: Mapping[str, str | None]) -> dict[str, float]:
    """In SI, all that the model takes and nothing else."""
    wanted = choose(MODELS, model, key="--model")
    values, problems = {}, []
    for name, unit in wanted.items():
        text, cure = (
            given.get(name),
            f'Give for example --{name} "{_TYPICAL[name]}", with what was fitted to your cells',
        )
        if text is None:
            problems.append(
                Problem(f"--{name}", None, f"is required by the model {model}, and not given", cure)
            )
            continue
        try:
            value = float(text) if unit == "1" else to_si(text, unit.format(amount=results.amount_unit))
        except (UnitError, ValueError) as error:
            fault = str(error).split("; for example")[0]
            problems.append(Problem(f"--{name}", text, fault, cure))
            continue
        if not value > 0 or (name == "most" and value > 1):
            problems.append(Problem(f"--{name}", text, "must be above 0, and a part at most 1", cure))
        values[name] = value
    for name, text in given.items():
        if text is not None and name not in wanted:
            cure = f"Remove it; {model} takes {', '.join(wanted)}"
            problems.append(Problem(f"--{name}", text, f"is not read by the model {model}", cure))
    if problems:
        raise ConfigError(*problems)
    return values


def _density(results: Results, given: float | None) -> np.ndarray:
    """Cells per m³ in every voxel."""
    if not any(name in results.fields for name in IN_CELLS):
        cure = "Add [drug] with [drug.cell_uptake] to the config, and drug_in_cells to output.fields"
        raise ConfigError(Problem("drug_in_cells", None, "the result holds no drug in cells", cure))
    if given is not None:
        return np.full(results.grid.shape, given)
    tissue = results.config["tissue"]
    if "cell_density" in tissue.get("maps", {}):
        fault = "comes from a map, which the result does not hold"
        raise ConfigError(Problem("cell_density", None, fault, 'Give --cell-density "1e15 1/m^3"'))
    values = np.zeros(int(max(results.regions.values())) + 1)
    for name, label in results.regions.items():
        values[label] = tissue["regions"][name]["cell_density"]
    return values[results.field("region")]


class _Course:
    """The amount in a cell over the outputs, read one output at a time."""

    def __init__(self, results: Results, density: np.ndarray):
        self.results, self._density = results, density
        self.area = np.zeros(density.shape)
        self.peak = before = self.at(0)
        for k in range(1, len(results.times)):
            now = self.at(k)
            self.peak = np.maximum(self.peak, now)
            self.area += (before + now) / 2 * (results.times[k] - results.times[k - 1])
            before = now

    def at(self, step: int) -> np.ndarray:
        """kg or mol in a cell."""
        held = [self.results.field(name, step=step) for name in IN_CELLS if name in self.results.fields]
        total, cells = np.sum(held, axis=0, dtype=np.float64), self._density
        return np.divide(total, cells, out=np.zeros_like(total), where=cells > 0)

    def killed(self, *, fastest: float, half: float) -> np.ndarray:
        """S by saturating kill."""
        before, survival = self.at(0), np.ones(self._density.shape)
        for k, dt in enumerate(np.diff(self.results.times), start=1):
            now = self.at(k)
            survival = saturating_kill(survival, before, float(dt), fastest=fastest, half=half, end=now)
            before = now
        return survival


_SURVIVAL: dict[str, Callable[[_Course, dict[str, float]], np.ndarray]] = {
    "peak": lambda course, given: peak_survival(course.peak, **given),
    "exposure": lambda course, given: exposure_survival(course.area, **given),
    "saturating": lambda course, given: course.killed(**given),
    "hill": lambda course, given: 1 - hill_effect(course.peak, **given),
}


def _survivors(
    name: str, inside: np.ndarray, survival: np.ndarray, density: np.ndarray, course: _Course
) -> Survivors:
    inside = inside & (density > 0)
    weights, nothing = density[inside], float("nan")
    if not weights.size:
        return Survivors(name, 0.0, *[nothing] * 6)
    left = survival[inside]
    part = float(np.average(left, weights=weights))
    return Survivors(
        region=name,
        cells=float(weights.sum()) * course.results.grid.voxel_volume,
        survival=part,
        log_kill=float(-np.log10(part)) if part > 0 else float("inf"),
        least=float(left.min()),
        greatest=float(left.max()),
        peak=float(np.average(course.peak[inside], weights=weights)),
        exposure=float(np.average(course.area[inside], weights=weights)),
    )
