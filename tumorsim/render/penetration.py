"""The penetration scene: a slice with lines of equal distance from the vessels, and the profile along that distance."""

from typing import TYPE_CHECKING

import numpy as np

from tumorsim.errors import ConfigError, Problem
from tumorsim.readouts.penetration import depth_from_rim, profile, vessel_distance
from tumorsim.render.anatomy import MICRON, Anatomy, anatomy, block_mean, tumour_masks
from tumorsim.render.annotate import (
    Bar,
    draw_bars,
    draw_heading,
    draw_scale_bar,
    length_text,
    pixels,
    points,
    sheet,
)
from tumorsim.render.colour_scale import values
from tumorsim.render.slices import Panel, draw_panel
from tumorsim.render.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SLICE = (0.05, 0.15, 0.37, 0.62)
_BAR = (0.45, 0.17, 0.0125, 0.42)
_PROFILE = (0.64, 0.17, 0.325, 0.60)
"""[D]: left, bottom, width and height of the slice, its colour bar and the profile."""
_EDGES = 3
"""[D]: lines of equal distance at most."""


def draw_penetration(view: View) -> np.ndarray:
    """The picture, uint8 (height, width, 3), of the slice across z that holds most of what is near a vessel."""
    shapes = anatomy(view.results, view.time, cut=view.cut)
    distance, origin = _distance(view)
    field = values(view.results, view.field, view.time) * view.scale.factor
    figure = sheet(view)
    panel, metres_per_pixel = _slice_box(view, shapes)
    drawn = block_mean(field, shapes.factor)
    draw_panel(figure, view, shapes, drawn, panel)
    _draw_distances(figure.axes[-1], view, block_mean(distance, shapes.factor)[shapes.slice_at[0]])
    draw_heading(figure, view)
    draw_bars(figure, view, [Bar(view.scale, _BAR)])
    draw_scale_bar(figure, view, metres_per_pixel=metres_per_pixel, corner=(panel.box[0], 0.045))
    _draw_profile(figure, view, field, distance, origin)
    return pixels(figure)


def _distance(view: View) -> tuple[np.ndarray, str]:
    """Distance of every voxel (m) from the nearest vessel of the network, else from the tumour's rim; from where."""
    results = view.results
    from_vessels = vessel_distance(results)
    if from_vessels is not None:
        return from_vessels, "nearest vessel"
    depth = depth_from_rim(tumour_masks(results, view.time)[0], results.grid)
    if not np.isfinite(depth).all():
        fault = "the result has neither a vessel network nor a tumour with a rim to measure from"
        raise ConfigError(Problem("scene", "penetration", fault, "Draw the scene slices"))
    return depth, "rim of the tumour"


def _slice_box(view: View, shapes: Anatomy) -> tuple[Panel, float]:
    """The panel that shows the whole slice as large as its place allows, and metres per pixel."""
    _, tall, wide = np.subtract(*shapes.domain[::-1])
    left, bottom, width, height = _SLICE
    scale = max(wide / (width * view.size[0]), tall / (height * view.size[1]))
    w, h = wide / scale / view.size[0], tall / scale / view.size[1]
    box = (left + (width - w) / 2, bottom + (height - h) / 2, w, h)
    return Panel(0, box), float(scale)


def _draw_distances(axes: "Axes", view: View, distance: np.ndarray) -> None:
    """Lines of equal distance, labelled."""
    from matplotlib.patheffects import withStroke
    from matplotlib.ticker import MaxNLocator

    if min(distance.shape) < 2 or not np.ptp(distance):
        return
    shown = distance * MICRON
    levels = [float(at) for at in MaxNLocator(_EDGES).tick_values(0, shown.max()) if 0 < at < shown.max()]
    lines = axes.contour(
        shown, levels=levels, colors="white", linewidths=points(view, 0.0015), alpha=0.8, linestyles="dashed"
    )
    labels = axes.clabel(lines, fmt=lambda at: length_text(at / MICRON), fontsize=points(view, 0.017))
    for label in labels:
        label.set_path_effects([withStroke(linewidth=points(view, 0.004), foreground="black")])


def _draw_profile(figure: "Figure", view: View, field: np.ndarray, distance: np.ndarray, origin: str) -> None:
    """Mean, and a band of one standard deviation over the voxels, of the tumour's tissue in shells of distance."""
    theme, inside = view.theme, tumour_masks(view.results, view.time)[0]
    of = profile(field, distance, inside=inside, grid=view.results.grid)
    axes = figure.add_axes(_PROFILE, label="profile", facecolor="none")
    at, colour = of.middles * MICRON, view.scale.colour_map(0.62)
    axes.fill_between(at, np.maximum(of.mean - of.sd, 0), of.mean + of.sd, color=colour, alpha=0.3, lw=0)
    axes.plot(at, of.mean, color=colour, lw=points(view, 0.004))
    axes.set(xlim=(0, at[-1] if len(at) > 1 else None), ylim=(0, None))
    words = {"color": theme.text, "size": points(view, 0.025)}
    axes.set_xlabel(f"distance from the {origin} [µm]", **words)  # type: ignore[arg-type]
    axes.set_ylabel(f"mean ± SD in the tumour [{view.scale.unit}]", **words)  # type: ignore[arg-type]
    axes.tick_params(colors=theme.text, labelsize=points(view, 0.022))
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color(theme.faint)
