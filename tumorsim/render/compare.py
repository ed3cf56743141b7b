"""The compare scene: a slice of two results side by side on one scale, and the difference between them."""

from typing import TYPE_CHECKING

import numpy as np

from tumorsim.errors import ConfigError, Problem
from tumorsim.readouts.delivery import injected_dose
from tumorsim.readouts.resample import resample
from tumorsim.render.anatomy import anatomy, block_mean
from tumorsim.render.annotate import Bar, draw_bars, draw_heading, draw_key, draw_scale_bar, pixels, sheet
from tumorsim.render.colour_scale import ColourScale, difference_scale, display_unit, values
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
    difference = second - first
    scales = (view.scale, view.scale, difference_scale(view.scale, difference))
    figure = sheet(view)
    panels, metres_per_pixel = layout(view, shapes, normals=(0, 0, 0))
    titles = (_shortened(view.results.title), _shortened(other.title), "second less first")
    core_shows = [
        draw_panel(figure, view, shapes, values, panel, scale=scale, title=title)
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
    """The field of both results on the voxels of the first, at the stored times nearest to that of the view.

    Both in the unit shown; %ID/g are of each result's own dose. Raises ConfigError where the second lacks the field or
    does not cover the box of the first.
    """
    grid, theirs = view.results.grid, other.grid
    first = values(view.results, view.field, view.time) * view.scale.factor
    factor = shown_factor(view.scale, view.field, view.results, other)
    second = values(other, view.field, float(other.times[other.step_at(view.time)])) * factor
    if grid == theirs:
        return first, second
    slack = 1e-6 * max(grid.size)
    low = np.subtract(grid.origin, theirs.origin)
    high = np.add(theirs.origin, theirs.size) - np.add(grid.origin, grid.size)
    if low.min() < -slack or high.min() < -slack:
        fault = f"its box does not cover that of the first: {theirs!r} and {grid!r}"
        raise ConfigError(Problem("with", other.title, fault, "Compare two results of one [domain]"))
    return first, resample(second, theirs, grid)


def shown_factor(scale: ColourScale, field: str, first: "Results", second: "Results") -> float:
    """What turns SI into the unit of the ``scale`` of the first result, in the second. Raises ConfigError."""
    if field not in second.fields:
        cure = f"It has {', '.join(second.fields)}"
        raise ConfigError(Problem("field", field, "the second result has no such field", cure))
    factor, unit = display_unit(
        second.unit(field), peak=1.0, amount_unit=second.amount_unit, dose=injected_dose(second)
    )
    if unit == scale.unit:
        return factor
    if second.unit(field) == first.unit(field) and not (injected_dose(first) or injected_dose(second)):
        return scale.factor
    fault = f"{scale.unit} in the first result, {unit} in the second"
    raise ConfigError(Problem("with", second.title, fault, "Compare results whose doses are both known"))


def _shortened(title: str) -> str:
    return title if len(title) <= _LONGEST else title[: _LONGEST - 1].rstrip() + "…"
