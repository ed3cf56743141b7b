"""Figures of readouts: curves in time, profiles, histograms. A Figure each; no state of pyplot."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorsim.constants import MMHG
from tumorsim.errors import StorageError
from tumorsim.readouts.exposure import CurvePoint
from tumorsim.readouts.penetration import Profile

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#b5443c", "#2f6f9f", "#5a8f3c", "#8a5fa8", "#b9802a", "#4f4f4f")
BLOOD = "#4f4f4f"
HOUR, MICRON, BINS, DECADES = 3600.0, 1e6, 60, 3
_SHOWN = {"pressure": ("mmHg", MMHG), "speed": ("µm/s", 1e-6)}
"""Unit in which a profile is drawn, and its size."""


def panels(count: int, *, width: float = 5.2, height: float = 3.9) -> "tuple[Figure, list[Axes]]":
    """A row of empty axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * count, height), layout="constrained")
    axes = figure.subplots(1, count, squeeze=False)[0]
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
    return figure, list(axes)


def save(figure: "Figure", path: Path) -> Path:
    """Write a figure in the format that its name ends in. Raises StorageError."""
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror}. Name a folder in which you may write"
        ) from error
    return path


def draw_curves(points: Sequence[CurvePoint], *, amount_unit: str) -> "Figure":
    """Mean amount per tissue volume of every region, and per blood volume, against time; on the right the ratio."""
    figure, (left, right) = panels(2)
    for number, region in enumerate(dict.fromkeys(point.region for point in points)):
        own = [point for point in points if point.region == region]
        hours = [point.time / HOUR for point in own]
        look: dict[str, Any] = {
            "color": COLOURS[number % len(COLOURS)],
            "label": region,
            "marker": "o",
            "markersize": 3,
        }
        left.plot(hours, [point.mean for point in own], **look)
        right.plot(hours, [point.to_blood for point in own], **look)
    left.plot(hours, [point.blood for point in own], color=BLOOD, linestyle="--", label="blood")
    left.set_ylabel(f"amount per tissue (or blood) volume [{amount_unit}/m³]")
    right.set_ylabel("tissue-to-blood ratio")
    _logarithmic(left)
    for axes in (left, right):
        axes.set_xlabel("time after injection [h]")
        axes.legend(frameon=False, fontsize=8)
    return figure


def _logarithmic(axes: "Axes") -> None:
    """A logarithmic axis over at most four decades below the highest value, if there is one."""
    values = np.concatenate([np.asarray(line.get_ydata()) for line in axes.lines])
    shown = values[np.isfinite(values) & (values > 0)]
    if shown.size:
        axes.set_yscale("log", nonpositive="mask")
        axes.set_ylim(max(shown.min() / 2, shown.max() / 1e4), shown.max() * 2)


def draw_profiles(profiles: Mapping[str, Profile], *, amount_unit: str, against: str) -> "Figure":
    """Panels of agent, pressure and speed: mean, and a band of one standard deviation, against a distance."""
    figure, all_axes = panels(len(profiles), width=4.4)
    for axes, (name, profile) in zip(all_axes, profiles.items(), strict=True):
        unit, size = _SHOWN.get(name, (f"{amount_unit}/m³", 1.0))
        distance, mean, sd = profile.middles * MICRON, profile.mean / size, profile.sd / size
        low = np.maximum(mean - sd, 0) if (mean >= 0).all() else mean - sd
        axes.fill_between(distance, low, mean + sd, color=COLOURS[1], alpha=0.18, linewidth=0)
        axes.plot(distance, mean, color=COLOURS[1])
        axes.set(xlabel=f"distance from the {against} [µm]", ylabel=f"{name} [{unit}]", xlim=(0, None))
    return figure


def draw_histograms(values: Mapping[str, np.ndarray], *, unit: str) -> "Figure":
    """How N is distributed over the volume of each region; where it spans decades, the upper ones on a log axis."""
    from matplotlib.ticker import NullFormatter

    figure, (axes,) = panels(1, width=6)
    positive = {name: n[n > 0] for name, n in values.items()}
    together = np.concatenate(list(positive.values())) if positive else np.empty(0)
    if together.size:
        high = together.max()
        low = max(np.percentile(together, 0.5), high / 10**DECADES)
        spread = high > 30 * low
        edges = np.geomspace(low, high, BINS) if spread else np.linspace(0, high, BINS)
        for number, (name, n) in enumerate(positive.items()):
            shares = np.full(n.size, 1 / max(values[name].size, 1))
            colour = COLOURS[number % len(COLOURS)]
            axes.hist(
                n, list(edges), weights=shares, histtype="stepfilled", color=colour, alpha=0.35, label=name
            )
        if spread:
            axes.set_xscale("log")
            axes.xaxis.set_minor_formatter(NullFormatter())  # they would overlap
        axes.legend(frameon=False, fontsize=8)
    axes.set(xlabel=f"amount per tissue volume [{unit}]", ylabel="part of the region's volume")
    return figure
