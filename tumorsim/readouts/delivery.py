"""Delivery: how much agent reaches a region, when, how evenly, and how much more than blood and host tissue.

Amounts N are per tissue volume, agent in all forms unless a field is named. Voxels are of one size, so means and
percentiles over voxels are those over volume. Vascular agent is not part of N.
"""

from dataclasses import dataclass

import numpy as np

from tumorsim.constants import TISSUE_DENSITY
from tumorsim.errors import ConfigError, Problem, choose
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
class CurvePoint:
    """A region at one output: a point of its time-activity curve."""

    region: str = quantity("", "region")
    time: float = quantity("s", "time of the output")
    mean: float = quantity("{amount}/m^3", "mean of N")
    percent_dose: float = quantity("%", "%ID: part of the injected dose in the region")
    percent_dose_per_gram: float = quantity("%/g", "%ID/g: part of the dose per gram, at the tissue density")
    cv: float = quantity("1", "coefficient of variation of N over voxels")
    blood: float = quantity("{amount}/m^3", "agent per blood volume")
    to_blood: float = quantity("1", "mean N over the amount per blood volume at this time")


@dataclass(frozen=True)
class Exposure:
    """What a region's mean N does over the outputs."""

    region: str = quantity("", "region")
    auc: float = quantity("{amount} s/m^3", "area under mean N, trapezoids over the outputs, no tail")
    percent_dose_per_gram_auc: float = quantity("% s/g", "area under %ID/g")
    peak: float = quantity("{amount}/m^3", "C_max: largest mean N")
    peak_time: float = quantity("s", "time of the peak")
    arrival_time: float = quantity("s", "when mean N first reaches 10 % of its peak")
    time_above: float = quantity("s", "how long mean N is above the threshold")
    voxel_time_above: float = quantity("s", "mean over the voxels of how long their N is above it")


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
    means = {name: _mean(n) for name, n in inside.items()}
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
                to_blood=_ratio(means[name], blood),
                to_host=_ratio(means[name], means[host]) if host else float("nan"),
                reached=float("nan") if threshold is None else reached_fraction(n, threshold),
                **_distribution(n),
            )
        )
    return rows


def _distribution(n: np.ndarray) -> dict[str, float]:
    """How N is distributed over the voxels of a region."""
    low, middle, high = np.percentile(n, (5, 50, 95)) if n.size else (np.nan, np.nan, np.nan)
    return {
        "mean": _mean(n),
        "p05": float(low),
        "median": float(middle),
        "p95": float(high),
        "maximum": float(n.max()) if n.size else float("nan"),
        "cv": heterogeneity.coefficient_of_variation(n),
        "gini": heterogeneity.gini(n),
        "entropy_deficit": heterogeneity.entropy_deficit(n),
    }


def curves(results: Results, *, density: float = TISSUE_DENSITY) -> list[CurvePoint]:
    """Every region at every output, from the statistics in the file."""
    blood = blood_concentration(results)
    rows = []
    for name in results.region_names:
        means, cvs = (results.statistics[f"{name}/{kind}_total"] for kind in ("mean", "cv"))
        volumes = results.statistics[f"{name}/volume"]
        for time, mean, cv, volume, in_blood in zip(results.times, means, cvs, volumes, blood, strict=True):
            rows.append(
                CurvePoint(
                    region=name,
                    time=float(time),
                    mean=float(mean),
                    percent_dose=percent_dose(float(mean * volume), injected_dose(results)),
                    percent_dose_per_gram=percent_dose_per_gram(
                        float(mean), injected_dose(results), density=density
                    ),
                    cv=float(cv),
                    blood=float(in_blood),
                    to_blood=_ratio(float(mean), float(in_blood)),
                )
            )
    return rows


def exposure(
    results: Results, *, threshold: float | None = None, density: float = TISSUE_DENSITY
) -> list[Exposure]:
    """The regions' ``Exposure``. With a ``threshold`` (as N) every output of the file is read."""
    longest = None if threshold is None else voxel_time_above(results, threshold)
    labels = results.field("region")
    rows = []
    for name, label in results.regions.items():
        mean = results.statistics[f"{name}/mean_total"]
        auc = course.area(results.times, mean)
        peak = int(np.argmax(mean))
        rows.append(
            Exposure(
                region=name,
                auc=auc,
                percent_dose_per_gram_auc=percent_dose_per_gram(auc, injected_dose(results), density=density),
                peak=float(mean[peak]),
                peak_time=float(results.times[peak]),
                arrival_time=course.arrival_time(results.times, mean),
                time_above=np.nan if threshold is None else course.time_above(results.times, mean, threshold),
                voxel_time_above=np.nan if longest is None else _mean(longest[labels == label]),
            )
        )
    return rows


def voxel_time_above(results: Results, threshold: float) -> np.ndarray:
    """For how long N of every voxel is above ``threshold``, s, (nz, ny, nx)."""
    before, total = results.total(step=0), np.zeros(results.grid.shape)
    for step in results.steps[1:]:
        now = results.total(step=step)
        total += course.share_above(before, now, threshold) * (results.times[step] - results.times[step - 1])
        before = now
    return total


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float("nan")


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")
