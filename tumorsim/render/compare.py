"""The compare scene: a slice of two results side by side on one scale, and the difference between them."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tumorsim.errors import ConfigError, Problem
from tumorsim.readouts.resample import resample
from tumorsim.render.anatomy import anatomy, block_mean
from tumorsim.render.annotate import Bar, draw_bars, draw_heading, draw_key, draw_scale_bar, pixels, sheet
from tumorsim.render.colour_scale import ColourScale, difference_scale, values
from tumorsim.render.slices import draw_panel, layout
from tumorsim.render.view import View

if TYPE_CHECKING:
    from tumorsim.results import Results

_BARS = ((0.865, 0.51, 0.014, 0.2), (0.865, 0.14, 0.014, 0.2))
_LONGEST = 34
"""[D]: letters of a title above a slice."""


def draw_compare(view: View) -> np.ndarray:
    """The picture, uint8 (height, width, 3): the first result, the second at the same time, second less first."""
    other = view.other
    if other is None:
        cure = "Name the second result with --with FILE"
        raise ConfigError(Problem("scene", "compare", "there is nothing to compare with", cure))
    shapes = anatomy(view.results, view.time, cut=view.cut)
    first, second = (block_mean(each, shapes.factor) for each in compared(view, other))
    view, difference = replace(view, scale=_common(view, first, second)), second - first
    scales = (view.scale, view.scale, difference_scale(view.scale, difference))
    figure = sheet(view)
    panels, metres_per_pixel = layout(view, shapes, normals=(0, 0, 0))
    titles = (_shortened(view.results.title), _shortened(other.title), "second less first")
    core_shows = [
        draw_panel(figure, view, shapes, values * scale.factor, panel, scale=scale, title=title)
        for values, scale, panel, title in zip(
            (first, second, difference), scales, panels, titles, strict=True
        )
    ]
    draw_heading(figure, view)
    draw_bars(figure, view, [Bar(*each) for each in zip(scales[1:], _BARS, strict=True)])
    draw_scale_bar(figure, view, metres_per_pixel=metres_per_pixel, corner=(panels[0].box[0], 0.045))
    if any(core_shows):
        draw_key(figure, view, text=shapes.core_name, colour=view.theme.necrosis, corner=(0.865, 0.035))
    return pixels(figure)


def compared(view: View, other: "Results") -> tuple[np.ndarray, np.ndarray]:
    """The field of both results in SI on the voxels of the first, at the stored times nearest to that of the view.

    Raises ConfigError where the second lacks the field or does not cover the box of the first.
    """
    if view.field not in other.fields:
        raise ConfigError(
            Problem(
                "field",
                view.field,
                "the second result has no such field",
                f"It has {', '.join(other.fields)}",
            )
        )
    first, grid, theirs = values(view.results, view.field, view.time), view.results.grid, other.grid
    second = values(other, view.field, float(other.times[other.step_at(view.time)]))
    if grid == theirs:
        return first, second
    slack = 1e-6 * max(grid.size)
    low = np.subtract(grid.origin, theirs.origin)
    high = np.add(theirs.origin, theirs.size) - np.add(grid.origin, grid.size)
    if low.min() < -slack or high.min() < -slack:
        fault = f"its box does not cover that of the first: {theirs!r} and {grid!r}"
        raise ConfigError(Problem("with", other.title, fault, "Compare two results of one [domain]"))
    return first, resample(second, theirs, grid)


def _common(view: View, first: np.ndarray, second: np.ndarray) -> ColourScale:
    """The scale of the view, higher if the second result needs it and no limits were asked for."""
    top = max(float(np.quantile(each, 0.998)) for each in (first, second)) * view.scale.factor
    if view.limits_given or top <= view.scale.high:
        highest = max(float(first.max()), float(second.max())) * view.scale.factor
        return replace(view.scale, clipped=highest > view.scale.high * (1 + 1e-6))
    return replace(view.scale, high=top, clipped=True)


def _shortened(title: str) -> str:
    return title if len(title) <= _LONGEST else title[: _LONGEST - 1].rstrip() + "…"
