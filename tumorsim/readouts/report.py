"""All delivery readouts of a result at once: tables and figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorsim.readouts import plots
from tumorsim.readouts.delivery import chosen_region, forms, uptake
from tumorsim.readouts.exposure import curves, exposure
from tumorsim.readouts.penetration import (
    Profile,
    depth_from_rim,
    penetration_depth,
    profile,
    speed,
    vessel_distance,
)
from tumorsim.readouts.table import Table, folder, quantity, tabulate, write_csv, write_json
from tumorsim.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OVERVIEW = (
    "region",
    "percent_dose",
    "percent_dose_per_gram",
    "mean",
    "cv",
    "gini",
    "to_blood",
    "to_host",
    "reached",
)
"""Columns of the uptake that say most."""


@dataclass(frozen=True)
class Shell:
    """A shell of a profile."""

    region: str = quantity("", "region")
    against: str = quantity("", "distance from the nearest vessel, or from the rim of the region")
    field: str = quantity("", "what the mean is of")
    unit: str = quantity("", "unit of mean and sd")
    distance: float = quantity("m", "middle of the shell")
    volume: float = quantity("m^3", "volume of the shell in the region")
    mean: float = quantity("", "mean over the shell")
    sd: float = quantity("", "standard deviation over the shell's voxels")


@dataclass(frozen=True)
class Penetration:
    """How far the agent gets into a region."""

    region: str = quantity("", "region")
    against: str = quantity("", "where the distance is measured from")
    half_depth: float = quantity("m", "where mean N first falls to half of that in the first shell")
    greatest: float = quantity("m", "largest distance within the region")


@dataclass(frozen=True)
class Report:
    """Tables and figures, by their names, as ``write`` puts them into a folder."""

    tables: tuple[Table, ...]
    figures: "dict[str, Figure]"

    def table(self, name: str) -> Table:
        return next(table for table in self.tables if table.name == name)

    def write(self, out: Path) -> list[Path]:
        """``NAME.csv`` and ``NAME.png`` in the folder ``out``, and every table in ``readouts.json``.

        Raises StorageError.
        """
        folder(out)
        for table in self.tables:
            write_csv(table, out / f"{table.name}.csv")
        write_json(self.tables, out / "readouts.json")
        for name, figure in self.figures.items():
            plots.save(figure, out / f"{name}.png")
        names = [f"{table.name}.csv" for table in self.tables] + [f"{name}.png" for name in self.figures]
        return [out / name for name in (*names, "readouts.json")]


def delivery_report(
    results: Results, *, region: str | None = None, step: int = -1, threshold: float | None = None
) -> Report:
    """Uptake of all regions at output ``step``, their curves, and profiles through ``region`` (the tumour).

    ``threshold`` is an amount per tissue volume N. Raises ConfigError for an unknown region.
    """
    region = chosen_region(results, region)
    unit = results.amount_unit
    measured = _profiles(results, region, step=step)
    points = curves(results)
    rows: dict[str, Sequence[Any]] = {
        "uptake": uptake(results, step=step, threshold=threshold),
        "forms": forms(results, step=step),
        "exposure": exposure(results, threshold=threshold),
        "curves": points,
        "penetration": [
            Penetration(region, against, penetration_depth(by["agent"]), float(by["agent"].edges[-1]))
            for against, by in measured.items()
        ],
        "profiles": _shells(results, region, measured),
    }
    figures = {"histograms": _histograms(results, step)}
    if len(results.times) > 1:
        figures["curves"] = plots.draw_curves(points, amount_unit=unit)
    for against, by in measured.items():
        figures[f"profiles_{against.split()[-1]}"] = plots.draw_profiles(
            by, amount_unit=unit, against=against
        )
    return Report(tuple(tabulate(name, of, amount_unit=unit) for name, of in rows.items() if of), figures)


def _profiles(results: Results, region: str, *, step: int) -> dict[str, dict[str, Profile]]:
    """Agent, pressure and speed against the distance from the vessels and from the rim, where these exist."""
    inside = results.field("region", step=step) == results.regions[region]
    distances = {"nearest vessel": vessel_distance(results), "rim": depth_from_rim(inside, results.grid)}
    fields = {"agent": results.total(step=step)}
    if "pressure" in results.fields:
        fields["pressure"] = results.field("pressure", step=step)
    if "velocity" in results.fields:
        fields["speed"] = speed(results, step=step)
    return {
        against: {
            name: profile(values, distance, inside=inside, grid=results.grid)
            for name, values in fields.items()
        }
        for against, distance in distances.items()
        if distance is not None and inside.any() and np.isfinite(distance[inside]).all()
    }


def _shells(results: Results, region: str, measured: dict[str, dict[str, Profile]]) -> list[Shell]:
    return [
        Shell(region, against, name, _unit(results, name), *map(float, numbers))
        for against, by in measured.items()
        for name, of in by.items()
        for numbers in zip(of.middles, of.volume, of.mean, of.sd, strict=True)
    ]


def _unit(results: Results, name: str) -> str:
    return {"pressure": "Pa", "speed": "m/s"}.get(name, f"{results.amount_unit}/m^3")


def _histograms(results: Results, step: int) -> "Figure":
    values, labels = results.total(step=step), results.field("region", step=step)
    split = {name: values[labels == label] for name, label in results.regions.items()}
    return plots.draw_histograms(split, unit=f"{results.amount_unit}/m³")
