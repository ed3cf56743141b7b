"""Dosimetry of a result: dose maps as transported and as if evenly taken up, their numbers and figures."""

from dataclasses import dataclass
from math import isfinite, log
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorsim.readouts import plots
from tumorsim.readouts.activity import Label, daughter_decays, mean_course, time_integrated_activity
from tumorsim.readouts.dose_response import (
    DoseSummary,
    Radiobiology,
    dose_volume_histogram,
    protraction,
    summarise,
)
from tumorsim.readouts.dosimetry import Dose, Emission, chosen_emissions, dose_map, uniform_uptake
from tumorsim.readouts.montage import draw_montage
from tumorsim.readouts.nifti import write_nifti
from tumorsim.readouts.table import Table, folder, quantity, tabulate, write_csv, write_json
from tumorsim.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TRANSPORTED, EVEN = "transported", "uniform"
OVERVIEW = ("region", "uptake", "mean", "d95", "d02", "bed", "uniform_bed", "survival")
"""Columns of the doses that say most."""


@dataclass(frozen=True)
class Accounts:
    """Where the energy of the decays in the box went, and what the outputs and the tail after them contribute."""

    decays: float = quantity("1", "decays in the box")
    tail: float = quantity("1", "part of them after the last output, by the tail")
    released: float = quantity("J", "energy released in the box")
    escaped: float = quantity("1", "part of it that left the box")
    grown_in: float = quantity("1", "released energy over that of a chain in equilibrium")
    recoiled: float = quantity(
        "1", "part of the released energy from daughters that left the agent by recoil"
    )


@dataclass(frozen=True)
class VolumeAtDose:
    """A point of a dose-volume histogram."""

    uptake: str = quantity("", "transported or uniform")
    dose: float = quantity("Gy", "dose")
    volume: float = quantity("1", "part of the region that gets at least this dose")


@dataclass(frozen=True, eq=False)
class DoseReport:
    """``transported`` and ``uniform`` doses from ``decays`` per m³, and their numbers for every region."""

    results: Results
    region: str
    decays: np.ndarray
    transported: Dose
    uniform: Dose
    doses: tuple[DoseSummary, ...]
    accounts: Accounts

    @property
    def labels(self) -> np.ndarray:
        return self.results.field("region")

    def histogram(self, dose: Dose) -> tuple[np.ndarray, np.ndarray]:
        """Dose-volume histogram of the region."""
        return dose_volume_histogram(dose.total[self.labels == self.results.regions[self.region]])

    @property
    def remarks(self) -> str:
        """What the doses rest on, in a sentence."""
        tail, escaped = 100 * self.accounts.tail, 100 * self.accounts.escaped
        said = f"{tail:.3g} % of the decays come after the last output; {escaped:.3g} % of the energy leaves the box."
        if self.accounts.grown_in == 1:
            return said
        grown = 100 * self.accounts.grown_in
        where = "stay on the agent" if self.accounts.recoiled == 0 else "leave the agent by recoil"
        return f"{said} Daughters {where}; {grown:.4g} % of the energy of an equilibrium is released."

    @property
    def tables(self) -> tuple[Table, ...]:
        points = [
            VolumeAtDose(name, float(level), float(part))
            for name, dose in ((TRANSPORTED, self.transported), (EVEN, self.uniform))
            for level, part in zip(*self.histogram(dose), strict=True)
        ]
        named = {"doses": self.doses, "dose_volume_histogram": points, "energy": [self.accounts]}
        return tuple(tabulate(name, rows) for name, rows in named.items())

    def figures(self) -> "dict[str, Figure]":
        grid = self.results.grid
        volumes = {TRANSPORTED: (self.transported.total, grid), EVEN: (self.uniform.total, grid)}
        montage = draw_montage(volumes, unit="dose [Gy]", labels=(self.labels, grid))
        histogram, (axes,) = plots.panels(1, width=5.6)
        for name, dose in ((TRANSPORTED, self.transported), (EVEN, self.uniform)):
            levels, part = self.histogram(dose)
            axes.plot(levels, 100 * part, label=f"{name} uptake")
        axes.set(xlabel="dose [Gy]", ylabel=f"volume of the {self.region} [%]", xlim=(0, None), ylim=(0, 102))
        axes.legend(frameon=False, fontsize=8)
        return {"dose": montage, "dose_volume_histogram": histogram}

    def write(self, out: Path) -> list[Path]:
        """Tables (CSV, JSON), figures (PNG) and maps (NIfTI) into the folder ``out``. Raises StorageError."""
        folder(out)
        grid = self.results.grid
        maps = {
            "dose": (self.transported.total, "Gy", "absorbed dose"),
            "dose_uniform": (self.uniform.total, "Gy", "absorbed dose, uptake uniform in each region"),
            "decays": (self.decays, "1/m3", "decays per volume"),
        }
        made = [
            write_nifti(out / f"{name}.nii.gz", values, grid, unit=unit, meaning=meaning)
            for name, (values, unit, meaning) in maps.items()
        ]
        made += [plots.save(figure, out / f"{name}.png") for name, figure in self.figures().items()]
        for table in self.tables:
            write_csv(table, out / f"{table.name}.csv")
            made.append(out / f"{table.name}.csv")
        write_json(self.tables, out / "dose.json")
        return [*made, out / "dose.json"]


def dose_report(
    results: Results,
    of: Label,
    *,
    region: str,
    emitted: tuple[Emission, ...] | None = None,
    tail: bool = True,
    biological_half_life: float = float("inf"),
    blood: bool = False,
    mirrored: bool = False,
    tissue: Radiobiology | None = None,
) -> DoseReport:
    """Doses of all regions; ``region`` is that of the histogram. See ``time_integrated_activity`` for the tail,
    ``dose_map`` for ``mirrored``.

    ``emitted`` are by default those of the label's nuclide. For BED every voxel of a region has the time course of
    the region's mean activity.
    """
    emitted = chosen_emissions(of.nuclide, daughter=of.daughter) if emitted is None else emitted
    tissue = tissue or Radiobiology()
    counted: dict[str, Any] = {"tail": tail, "biological_half_life": biological_half_life, "blood": blood}
    decays = time_integrated_activity(results, of, **counted)
    sources = sources_of(results, of, emitted, decays, **counted)
    before = time_integrated_activity(results, of, tail=False, blood=blood) if tail else decays
    grid, labels = results.grid, results.field("region")
    doses = {
        TRANSPORTED: dose_map(sources, emitted, grid=grid, mirrored=mirrored),
        EVEN: dose_map(
            [uniform_uptake(each, labels) for each in sources], emitted, grid=grid, mirrored=mirrored
        ),
    }
    rows = []
    for name, label in results.regions.items():
        inside = labels == label
        factor = _protraction(results, of, name, tissue, tail=tail, biological_half_life=biological_half_life)
        rows += [
            summarise(
                name, kind, dose.electrons[inside], dose.alphas[inside], protraction=factor, tissue=tissue
            )
            for kind, dose in doses.items()
            if inside.any()
        ]
    total = float(decays.sum())
    accounts = Accounts(
        decays=total * grid.voxel_volume,
        tail=1 - float(before.sum()) / total if total else 0.0,
        released=doses[TRANSPORTED].released,
        escaped=doses[TRANSPORTED].escaped,
        recoiled=_recoiled(sources, emitted),
        grown_in=_grown_in(doses[TRANSPORTED].released, total * grid.voxel_volume, emitted),
    )
    return DoseReport(results, region, decays, doses[TRANSPORTED], doses[EVEN], tuple(rows), accounts)


def sources_of(
    results: Results, of: Label, emitted: tuple[Emission, ...], decays: np.ndarray, **counted: Any
) -> list[np.ndarray]:
    """For each emission the decays per m³ that release its energy: Σ s_i Ã_i of a chain, else ``decays``.

    ``counted`` as in `time_integrated_activity`.
    """
    if of.daughter is not None:
        told = {key: value for key, value in counted.items() if key != "blood"}
        left = daughter_decays(results, of, **told)

    def source(each: Emission) -> np.ndarray:
        if each.recoiled:
            return left
        return time_integrated_activity(results, of, shares=each.shares, **counted) if each.shares else decays

    return [source(each) for each in emitted]


def _recoiled(sources: list[np.ndarray], emitted: tuple[Emission, ...]) -> float:
    energies = [float(source.sum()) * each.energy for source, each in zip(sources, emitted, strict=True)]
    left = sum(energy for energy, each in zip(energies, emitted, strict=True) if each.recoiled)
    return left / sum(energies) if sum(energies) > 0 else 0.0


def _grown_in(released: float, decays: float, emitted: tuple[Emission, ...]) -> float:
    in_equilibrium = decays * sum(each.energy for each in emitted)
    chain = any(each.shares or each.recoiled for each in emitted)
    return released / in_equilibrium if chain and in_equilibrium > 0 else 1.0


def _protraction(
    results: Results,
    of: Label,
    region: str,
    tissue: Radiobiology,
    *,
    tail: bool,
    biological_half_life: float,
) -> float:
    """G of the course of a region's mean activity, 0 where it has none."""
    times, activity = mean_course(results, of, region)
    left = of.nuclide.decay_rate + log(2) / biological_half_life if tail else 0.0
    factor = protraction(times, activity, repair_rate=tissue.repair_rate, tail_rate=left)
    return factor if isfinite(factor) else 0.0
