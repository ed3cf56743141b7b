"""Slices of volumes side by side."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tumorsim.grid import Grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MILLIMETRE = 1e3


def draw_montage(
    volumes: Mapping[str, tuple[np.ndarray, Grid]],
    *,
    unit: str,
    colours: str = "inferno",
    labels: tuple[np.ndarray, Grid] | None = None,
    own_scales: bool = False,
) -> "Figure":
    """The middle planes (xy, xz, yz) of volumes (nz, ny, nx), a row each, all on one colour scale.

    Each volume has a grid of its own; places agree. ``labels`` are outlined: the regions' borders. With
    ``own_scales`` every row has its own scale. What is nan is left white.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 3.0 * len(volumes)), layout="constrained")
    axes = figure.subplots(len(volumes), 3, squeeze=False)
    low = min(float(np.nanmin(values)) for values, _ in volumes.values())
    high = max(float(np.nanmax(values)) for values, _ in volumes.values())
    for row, (name, (values, grid)) in zip(axes, volumes.items(), strict=True):
        limits = (float(values.min()), float(values.max())) if own_scales else (low, high)
        for axis, (plane, each) in enumerate(zip(("xy", "xz", "yz"), row, strict=True)):
            image = each.imshow(
                _middle(values, axis), origin="lower", extent=_extent(grid, axis), cmap=colours,
                vmin=limits[0], vmax=limits[1], interpolation="nearest",
            )  # fmt: skip
            if labels is not None:
                _outline(each, labels, axis)
            each.set_title(f"{name}, {plane}", fontsize=9)
            each.tick_params(labelsize=7)
        row[0].set_ylabel("mm", fontsize=8)
        figure.colorbar(image, ax=list(row), label=unit, shrink=0.85)
    return figure


def _middle(values: np.ndarray, axis: int) -> np.ndarray:
    """The plane through the middle, normal to ``axis`` (0 is z), with x or y along its rows."""
    return np.take(values, values.shape[axis] // 2, axis=axis)


def _extent(grid: Grid, axis: int) -> tuple[float, float, float, float]:
    up, across = (n for n in range(3) if n != axis)
    ends = [(grid.origin[n], grid.origin[n] + grid.size[n]) for n in (across, up)]
    left, right, bottom, top = (MILLIMETRE * end for pair in ends for end in pair)
    return left, right, bottom, top


def _outline(axes, labels: tuple[np.ndarray, Grid], axis: int) -> None:  # type: ignore[no-untyped-def]
    plane, (left, right, bottom, top) = _middle(labels[0], axis), _extent(labels[1], axis)
    rows, columns = plane.shape
    if min(rows, columns) < 2:
        return
    x = left + (right - left) * (np.arange(columns) + 0.5) / columns
    y = bottom + (top - bottom) * (np.arange(rows) + 0.5) / rows
    for label in np.unique(plane)[1:]:
        axes.contour(x, y, plane == label, levels=[0.5], colors="white", linewidths=0.7, alpha=0.8)
