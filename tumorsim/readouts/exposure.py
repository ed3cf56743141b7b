"""Delivery over time: curves of every region, their area and peak, arrival, and time above a threshold."""

from dataclasses import dataclass

import numpy as np

from tumorsim.constants import TISSUE_DENSITY
from tumorsim.readouts import course
from tumorsim.readouts.blood import blood_concentration
from tumorsim.readouts.delivery import injected_dose, mean_of, percent_dose, percent_dose_per_gram, ratio
from tumorsim.readouts.table import quantity
from tumorsim.results import Results


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
                    to_blood=ratio(float(mean), float(in_blood)),
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
                voxel_time_above=np.nan if longest is None else mean_of(longest[labels == label]),
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
