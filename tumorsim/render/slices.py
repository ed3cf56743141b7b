"""Three orthogonal slices through the middle of the tumour, side by side at one scale."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tumorsim.render.anatomy import Anatomy, anatomy, block_mean
from tumorsim.render.annotate import (
    Bar,
    draw_bars,
    draw_heading,
    draw_key,
    draw_scale_bar,
    length_text,
    pixels,
    points,
    sheet,
)
from tumorsim.render.colour_scale import ColourScale, values
from tumorsim.render.view import View

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FRAME = (0.035, 0.13, 0.79, 0.66)
"""[D]: left, bottom, width and height of the part of the picture that the slices share."""
_GAP = 0.02
_AXES = "zyx"


@dataclass(frozen=True)
class Panel:
    """A slice normal to array axis ``normal``, and its box: left, bottom, width, height (fractions)."""

    normal: int
    box: tuple[float, float, float, float]

    @property
    def up(self) -> int:
        return 1 if self.normal == 0 else 0

    @property
    def right(self) -> int:
        return 1 if self.normal == 2 else 2


def draw_slices(view: View) -> np.ndarray:
    """The picture, uint8 (height, width, 3): planes x-y, x-z and y-z with the outlines of tumour and core."""
    shapes = anatomy(view.results, view.time, cut=view.cut)
    field = block_mean(values(view.results, view.field, view.time), shapes.factor) * view.scale.factor
    panels, metres_per_pixel = layout(view, shapes)
    figure = sheet(view)
    core_shows = [draw_panel(figure, view, shapes, field, panel) for panel in panels]
    draw_heading(figure, view)
    draw_bars(figure, view, [Bar(view.scale, (0.865, 0.17, 0.014, 0.45))])
    draw_scale_bar(figure, view, metres_per_pixel=metres_per_pixel, corner=(panels[0].box[0], 0.045))
    if any(core_shows):
        draw_key(figure, view, text=shapes.core_name, colour=view.theme.necrosis, corner=(0.865, 0.045))
    return pixels(figure)


def layout(view: View, shapes: Anatomy, *, normals: tuple[int, ...] = (0, 1, 2)) -> tuple[list[Panel], float]:
    """Panels of the planes with these ``normals`` that fill the frame at one scale, and that in metres per pixel."""
    lengths = np.subtract(*reversed(shapes.domain))
    flat = [Panel(normal, (0, 0, 0, 0)) for normal in normals]
    wide = np.array([lengths[panel.right] for panel in flat])
    tall = np.array([lengths[panel.up] for panel in flat])
    left, bottom, width, height = _FRAME
    across, along = view.size
    scale = max(wide.sum() / ((width - 2 * _GAP) * across), tall.max() / (height * along))
    wide, tall = wide / scale / across, tall / scale / along
    left += (width - 2 * _GAP - wide.sum()) / 2
    panels = []
    for panel, w, h in zip(flat, wide, tall, strict=True):
        panels.append(Panel(panel.normal, (left, bottom + (height - h) / 2, w, h)))
        left += w + _GAP
    return panels, float(scale)


def draw_panel(
    figure: "Figure",
    view: View,
    shapes: Anatomy,
    field: np.ndarray,
    panel: Panel,
    *,
    scale: ColourScale | None = None,
    title: str | None = None,
) -> bool:
    """Draw one slice, on the scale of the view or another; return whether the core shows on it."""
    scale = scale or view.scale
    index = shapes.slice_at[panel.normal]
    axes = figure.add_axes(panel.box, label="slice")
    axes.imshow(
        field.take(index, axis=panel.normal),
        origin="lower",
        aspect="auto",
        cmap=scale.colour_map,
        norm=scale.norm,
        interpolation="bilinear",
    )
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(color=view.theme.faint, linewidth=points(view, 0.0012))
    shown = []
    rim = "black" if scale.low < 0 else "white"  # the middle of a diverging map is white
    for fraction, colour, width in (
        (shapes.solid, rim, 0.003),
        (shapes.core, view.theme.necrosis, 0.004),
    ):
        plane = fraction.take(index, axis=panel.normal)
        shown.append(bool(plane.min() < 0.5 < plane.max()))
        if shown[-1]:
            axes.contour(plane, levels=[0.5], colors=[colour], linewidths=points(view, width))
    depth = shapes.grid.spacing[panel.normal] * (index + 0.5) + shapes.grid.origin[panel.normal]
    plane_text = f"{_AXES[panel.right]}–{_AXES[panel.up]} at {_AXES[panel.normal]} = {length_text(depth)}"
    axes.set_title(
        title or plane_text,
        color=view.theme.faint,
        size=points(view, 0.026),
        pad=points(view, 0.012),
    )
    return shown[1]
