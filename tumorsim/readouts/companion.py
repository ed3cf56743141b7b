"""Companion imaging: does the tracer predict where the drug goes?"""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from tumorsim.errors import ConfigError, Problem
from tumorsim.readouts.delivery import chosen_region
from tumorsim.readouts.imaging import EmissionImage
from tumorsim.readouts.resample import extend, resample
from tumorsim.readouts.table import quantity
from tumorsim.results import Results


@dataclass(frozen=True)
class Prediction:
    """How well one field (or image) predicts another."""

    voxels: int = quantity("1", "voxels compared")
    pearson: float = quantity("1", "linear correlation over voxels")
    spearman: float = quantity("1", "rank correlation over voxels")
    parts: int = quantity("1", "parts compared")
    parts_pearson: float = quantity("1", "linear correlation of the means of the parts")
    parts_spearman: float = quantity("1", "rank correlation of the means of the parts")
    same_rank: bool = quantity("", "whether the parts have the same order by drug as by tracer")
    slope: float = quantity("", "b of the calibration drug = a + b tracer over voxels, least squares")
    intercept: float = quantity("", "a of the calibration")
    error: float = quantity("1", "root mean square error after calibration over the mean of the drug")
    explained: float = quantity("1", "part of the drug's variance that the calibration explains")


def predict(tracer: np.ndarray, drug: np.ndarray, *, parts: np.ndarray) -> Prediction:
    """How well ``tracer`` predicts ``drug``, arrays of one shape; ``parts`` are labels > 0, 0 is left out.

    Correlations are nan where one side does not vary, or with fewer than two parts. Raises ConfigError for shapes
    that differ or fewer than two voxels.
    """
    if not tracer.shape == drug.shape == parts.shape or np.count_nonzero(parts) < 2:
        fault = f"shapes {tracer.shape}, {drug.shape}, {parts.shape} of tracer, drug and parts"
        raise ConfigError(Problem("companion", None, fault, "Use one shape, and mark at least two voxels"))
    from scipy.stats import rankdata

    inside = parts > 0
    t, d = tracer[inside].astype(np.float64), drug[inside].astype(np.float64)
    labels = np.unique(parts[inside])
    t_means, d_means = (np.array([x[parts == k].mean() for k in labels]) for x in (tracer, drug))
    slope = _covariance(t, d) / _covariance(t, t) if np.ptp(t) else 0.0
    intercept = d.mean() - slope * t.mean()
    left = float(np.mean((d - intercept - slope * t) ** 2))
    return Prediction(
        voxels=t.size,
        pearson=correlation(t, d),
        spearman=correlation(rankdata(t), rankdata(d)),
        parts=len(labels),
        parts_pearson=correlation(t_means, d_means),
        parts_spearman=correlation(rankdata(t_means), rankdata(d_means)),
        same_rank=bool((np.argsort(t_means) == np.argsort(d_means)).all()),
        slope=float(slope),
        intercept=float(intercept),
        error=float(np.sqrt(left) / d.mean()) if d.mean() else float("nan"),
        explained=1 - left / float(d.var()) if np.ptp(d) else float("nan"),
    )


def _covariance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.mean((a - a.mean()) * (b - b.mean())))


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's coefficient; nan where one side does not vary or there are fewer than two numbers."""
    if a.size < 2 or not (np.ptp(a) and np.ptp(b)):
        return float("nan")
    return _covariance(a, b) / sqrt(_covariance(a, a) * _covariance(b, b))


def does_the_tracer_predict(
    drug: Results,
    tracer: Results | EmissionImage,
    *,
    time: float | str | None = None,
    tracer_time: float | str | None = None,
    region: str | None = None,
    field: str | None = None,
    pieces: int = 4,
) -> Prediction:
    """The drug at ``time`` (in all forms, or one ``field``) in a ``region``, predicted by another run or its image.

    The same tissue in both. With an image the drug is averaged over the scanner's voxels, of which those at least
    half in the region count. The parts are blocks of the box, ``pieces`` along each axis: the biopsies or lesions
    whose order an image should tell. Raises ConfigError where the grids differ.
    """
    grid = tracer.grid
    if (drug.grid.shape, drug.grid.spacing) != (grid.shape, grid.spacing):
        fault = f"drug on {drug.grid!r}, tracer on {grid!r}"
        raise ConfigError(Problem("companion", None, fault, "Run both with the same [domain]"))
    step = drug.step_at(time)
    wanted = drug.total(step=step) if field is None else drug.field(field, step=step)
    inside = drug.field("region", step=step) == drug.regions[chosen_region(drug, region)]
    if isinstance(tracer, Results):
        seen, mask = tracer.total(tracer_time), inside
    else:
        seen, onto = tracer.image, tracer.image_grid
        wide, wide_grid = extend(wanted, grid, onto, beyond="continued")
        wanted = resample(wide, wide_grid, onto)
        mask = resample(inside, grid, onto) >= 0.5
    return predict(seen, wanted, parts=np.where(mask, blocks(mask.shape, pieces), 0))


def blocks(shape: tuple[int, ...], pieces: int) -> np.ndarray:
    """Labels from 1 of a box cut into ``pieces`` along every axis."""
    cuts = [np.arange(n) * pieces // n for n in shape]
    z, y, x = np.meshgrid(*cuts, indexing="ij")
    return 1 + (z * pieces + y) * pieces + x
