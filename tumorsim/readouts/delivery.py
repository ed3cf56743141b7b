"""Delivery: how much agent reaches a region, when, how evenly, and how much more than blood and host tissue.

Amounts N are per tissue volume, agent in all forms unless a field is named. Voxels are of one size, so means and
percentiles over voxels are those over volume. Agent in blood is not part of N. Where the run decays the agent, N, %ID
and %ID/g are what is left of it at the time, not corrected for decay.
"""

from dataclasses import dataclass

import numpy as np

from tumorsim.constants import TISSUE_DENSITY
from tumorsim.errors import ConfigError, Problem, choose
from tumorsim.fields import POOLS
from tumorsim.readouts import course, heterogeneity
from tumorsim.readouts.blood import blood_concentration
from tumorsim.readouts.table import quantity
from tumorsim.results import Results
from tumorsim.units import UnitError, to_si

GRAM = 1e-3
"""kg."""


@dataclass(frozen=True)
class Uptake:
    """What a region holds at one output."""

    region: str = quantity("", "region")
    time: float = quantity("s", "time of the output")
    volume: float = quantity("m^3", "volume of the region")
    amount: float = quantity("{amount}", "agent in the region, ∫N dV")
    percent_dose: float = quantity("%", "%ID: part of the injected dose in the region")
    percent_dose_per_gram: float = quantity("%/g", "%ID/g: part of the dose per gram, at the tissue density")
    mean: float = quantity("{amount}/m^3", "mean of N")
    p05: float = quantity("{amount}/m^3", "5th percentile of N over volume")
    median: float = quantity("{amount}/m^3", "median of N")
    p95: float = quantity("{amount}/m^3", "95th percentile of N over volume")
    maximum: float = quantity("{amount}/m^3", "largest N")
    cv: float = quantity("1", "coefficient of variation of N over voxels")
    gini: float = quantity("1", "Gini coefficient of N: 0 even, 1 all in one place")
    entropy_deficit: float = quantity("1", "ln n less the entropy of the voxels' shares: 0 even")
    to_blood: float = quantity("1", "mean N over the amount per blood volume at this time")
    to_host: float = quantity("1", "mean N over that of the host region")
    reached: float = quantity("1", "volume fraction with N above the threshold")


@dataclass(frozen=True)
class Form:
    """How much of a region's agent is free, bound or inside cells."""

    region: str = quantity("", "region")
    form: str = quantity("", "field of this form")
    mean: float = quantity("{amount}/m^3", "mean of this form per tissue volume")
    share: float = quantity("1", "part of the agent in the region")
    auc: float = quantity("{amount} s/m^3", "area under this mean over the outputs, no tail")


def injected_dose(results: Results) -> float | None:
    """The dose, in ``amount_unit``; None where there is none, as in a steady state under a constant plasma."""
    return None if results.steady else results.dose


def percent_dose(amount: float, dose: float | None) -> float:
    """%ID: 100 · amount / dose; nan without a dose."""
    return 100 * amount / dose if dose else float("nan")


def percent_dose_per_gram(mean: float, dose: float | None, *, density: float = TISSUE_DENSITY) -> float:
    """%ID/g = 100 · N / (ρ · dose) · 1e-3 kg/g, for N per m³ of tissue of ``density`` ρ, 1 g/mL by default [D]."""
    return 100 * mean * GRAM / (density * dose) if dose else float("nan")


def reached_fraction(values: np.ndarray, threshold: float, *, weights: np.ndarray | None = None) -> float:
    """The part of the volume in which ``values`` exceed ``threshold``; of the cells, with their number as
    ``weights`` (cells, or viable cells, per voxel). nan where there is nothing to reach."""
    if not values.size or (weights is not None and not weights.sum() > 0):
        return float("nan")
    return float(np.average(values > threshold, weights=weights))


def threshold_amount(results: Results, text: str) -> float:
    """A threshold such as "1 uM", "2 ug/mL", "5 kBq/mL" or "0.01 %/g" as amount per tissue volume N.

    A part of the dose per gram is at 1 g/mL; moles become mass by the molar mass in the config. Raises ConfigError.
    """
    given = {f"{results.amount_unit}/m^3": 1.0}
    dose = injected_dose(results)
    if dose:
        given["1/kg"] = dose * TISSUE_DENSITY
    molar_mass = results.config.get("agent", {}).get("molar_mass")
    if results.amount_unit == "kg" and molar_mass:
        given["mol/m^3"] = molar_mass
    fault = ""
    for unit, factor in given.items():
        try:
            return to_si(text, unit) * factor
        except UnitError as error:
            fault = fault or str(error)
    cure = f'Give an amount per tissue volume, in {" or ".join(given)}: for example "0.01 %/g"'
    raise ConfigError(Problem("threshold", text, fault, cure))


def chosen_region(results: Results, name: str | None = None) -> str:
    """``name``, if the result has it; without a name the tumour, else the last region. Raises ConfigError."""
    if name is not None:
        choose(results.regions, name, key="region")
        return name
    tumours = [each for each in results.region_names if "tumour" in each.lower() or "tumor" in each.lower()]
    return (tumours or [results.region_names[-1]])[0]


def host_region(results: Results, region: str) -> str | None:
    """The tissue to compare with: the first region, which is the background, unless that is ``region``."""
    return next((name for name in results.region_names[:1] if name != region), None)


def uptake(
    results: Results,
    *,
    step: int = -1,
    field: str | None = None,
    threshold: float | None = None,
    density: float = TISSUE_DENSITY,
) -> list[Uptake]:
    """The regions' ``Uptake`` at output ``step``, of the agent in all forms or of one ``field``.

    ``threshold`` as N; ``density`` in kg/m³. The ratio to blood is to the agent in it at the same time.
    """
    values = results.total(step=step) if field is None else results.field(field, step=step)
    labels = results.field("region", step=step)
    blood = float(blood_concentration(results)[step])
    inside = {name: values[labels == label].astype(np.float64) for name, label in results.regions.items()}
    means = {name: mean_of(n) for name, n in inside.items()}
    rows = []
    for name, n in inside.items():
        host = host_region(results, name)
        volume = n.size * results.grid.voxel_volume
        rows.append(
            Uptake(
                region=name,
                time=float(results.times[step]),
                volume=volume,
                amount=float(n.sum()) * results.grid.voxel_volume,
                percent_dose=percent_dose(float(n.sum()) * results.grid.voxel_volume, injected_dose(results)),
                percent_dose_per_gram=percent_dose_per_gram(
                    means[name], injected_dose(results), density=density
                ),
                to_blood=ratio(means[name], blood),
                to_host=ratio(means[name], means[host]) if host else float("nan"),
                reached=float("nan") if threshold is None else reached_fraction(n, threshold),
                **_distribution(n),
            )
        )
    return rows


def _distribution(n: np.ndarray) -> dict[str, float]:
    """How N is distributed over the voxels of a region."""
    low, middle, high = np.percentile(n, (5, 50, 95)) if n.size else (np.nan, np.nan, np.nan)
    return {
        "mean": mean_of(n),
        "p05": float(low),
        "median": float(middle),
        "p95": float(high),
        "maximum": float(n.max()) if n.size else float("nan"),
        "cv": heterogeneity.coefficient_of_variation(n),
        "gini": heterogeneity.gini(n),
        "entropy_deficit": heterogeneity.entropy_deficit(n),
    }


def forms(results: Results, *, step: int = -1) -> list[Form]:
    """The forms that the file holds, in every region at output ``step``, from the statistics in it."""
    rows = []
    for name in results.region_names:
        total = results.statistics[f"{name}/mean_total"][step]
        for form in POOLS:
            mean = results.statistics.get(f"{name}/mean_{form}")
            if mean is not None:
                share = ratio(float(mean[step]), float(total))
                rows.append(Form(name, form, float(mean[step]), share, course.area(results.times, mean)))
    return rows


def mean_of(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float("nan")


def ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")
