"""Everything in a picture that is read: title, time, colour bars, scale bar, legend."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorsim.readouts.delivery import injected_dose
from tumorsim.render.colour_scale import ColourScale, agent_name, si_prefix
from tumorsim.render.derived import DOSE
from tumorsim.render.view import View

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.text import Text

_DOTS_PER_INCH = 100
_ARROW = 0.05
"""[D]: length of the arrow that ends a clipped colour bar, as a share of the bar."""
_LABEL_WIDTH = 17
"""[D]: letters in a line above a colour bar."""
_SHORTEST_TITLE = 0.6
"""[D]: a title too long for its place is set smaller, down to this share, and is cut beyond."""


@dataclass(frozen=True)
class Bar:
    """A colour bar and the box it is drawn in: left, bottom, width, height as fractions of the picture."""

    scale: ColourScale
    box: tuple[float, float, float, float]


def sheet(view: View, picture: np.ndarray | None = None) -> "Figure":
    """A figure of exactly the size of the picture, with ``picture`` (height, width, 3) as its ground."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width, height = view.size
    figure = Figure(figsize=(width / _DOTS_PER_INCH, height / _DOTS_PER_INCH), dpi=_DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    figure.set_facecolor(view.theme.background)
    if picture is not None:
        figure.figimage(picture, origin="upper", zorder=-1)
    return figure


def pixels(figure: "Figure") -> np.ndarray:
    """The figure drawn: uint8 (height, width, 3)."""
    canvas: Any = figure.canvas
    canvas.draw()
    return np.array(canvas.buffer_rgba())[..., :3]


def points(view: View, share: float) -> float:
    """Font size or line width in points for ``share`` of the picture's shorter side, as drawn at 4:3."""
    width, height = view.size
    return float(share * min(height, width * 0.75) * 72 / _DOTS_PER_INCH)


def draw_heading(figure: "Figure", view: View) -> None:
    """Title, agent and dose in the upper left corner, the time in the upper right."""
    theme, agent = view.theme, agent_name(view.results)
    title = view.results.title or agent or "tumorsim"
    dose = dose_text(injected_dose(view.results), view.results.amount_unit)
    below = ", ".join(part for part in (agent if agent not in title else "", dose) if part)
    heading = figure.text(
        0.035, 0.955, title, color=theme.text, size=points(view, 0.034), weight="bold", va="top"
    )
    lower = heading.get_window_extent().y0 / view.size[1] - points(view, 0.022) / view.size[1]
    subtitle = figure.text(0.035, lower, below, color=theme.faint, size=points(view, 0.0235), va="top")
    stamp = figure.text(
        0.965, 0.957, moment_text(view), color=theme.text, size=points(view, 0.046), ha="right", va="top"
    )
    room = stamp.get_window_extent().x0 / view.size[0] - 0.035 - 0.03
    for text in (heading, subtitle):
        _fit(text, room * view.size[0])


def moment_text(view: View) -> str:
    """The time shown; nothing for what is added up over all times."""
    if view.field == DOSE:
        return ""
    return "steady state" if view.results.steady else time_text(view.time)


def _fit(text: "Text", room: float) -> None:
    """Make a text no wider than ``room`` pixels: smaller first, then shorter."""
    text.set_fontsize(float(text.get_fontsize()) * min(1.0, max(_SHORTEST_TITLE, room / _width(text))))
    words = text.get_text()
    while len(words) > 1 and _width(text) > room:
        words = words[:-1]
        text.set_text(words.rstrip() + "…")


def _width(text: "Text") -> float:
    return max(float(text.get_window_extent().width), 1.0)


def draw_bars(figure: "Figure", view: View, bars: Sequence[Bar]) -> None:
    """Colour bars with ticks; above each its unit, and above that what is shown."""
    from matplotlib.cm import ScalarMappable

    for bar in bars:
        left, bottom, _, height = bar.box
        axes = figure.add_axes(bar.box, label="colour bar")
        colours = ScalarMappable(bar.scale.norm, bar.scale.colour_map)
        extend = ("both" if bar.scale.low < 0 else "max") if bar.scale.clipped else "neither"
        drawn = figure.colorbar(colours, cax=axes, extend=extend, extendfrac=_ARROW)
        drawn.outline.set(edgecolor=view.theme.faint, linewidth=points(view, 0.001))
        axes.tick_params(
            colors=view.theme.text,
            labelsize=points(view, 0.02),
            length=points(view, 0.006),
            width=points(view, 0.0014),
        )
        if not bar.scale.log:
            axes.locator_params(axis="y", nbins=5)
        top = bottom + height * (1 + _ARROW) + 0.012
        unit = figure.text(
            left, top, bar.scale.unit, color=view.theme.text, size=points(view, 0.023), weight="bold"
        )
        above = unit.get_window_extent().y1 / view.size[1] + 0.01 if bar.scale.unit else top
        label = textwrap.fill(bar.scale.label, _LABEL_WIDTH)
        figure.text(left, above, label, color=view.theme.faint, size=points(view, 0.019), linespacing=1.25)


def draw_scale_bar(
    figure: "Figure", view: View, *, metres_per_pixel: float, corner: tuple[float, float]
) -> None:
    """A bar of a round length, a sixth of the picture at most, from ``corner`` (fractions) to the right."""
    from matplotlib.lines import Line2D

    length = round_length(metres_per_pixel * view.size[0] / 6)
    share = length / metres_per_pixel / view.size[0]
    left, bottom = corner
    line = Line2D(
        [left, left + share],
        [bottom, bottom],
        color=view.theme.text,
        lw=points(view, 0.005),
        solid_capstyle="butt",
    )
    line.set_gid("scale bar")
    figure.add_artist(line)
    figure.text(
        left + share / 2,
        bottom + 0.012,
        length_text(length),
        color=view.theme.text,
        size=points(view, 0.0225),
        ha="center",
    )


def draw_axes(figure: "Figure", view: View, *, axes: np.ndarray, centre: tuple[float, float]) -> None:
    """Where x, y and z point: ``axes`` (3, 2) holds for each how far it goes to the right and up."""
    from matplotlib.lines import Line2D

    shape = np.array([min(1.0, view.size[1] / view.size[0]), min(1.0, view.size[0] / view.size[1])])
    for name, direction in zip("xyz", axes * shape, strict=True):
        (x0, y0), (x1, y1) = centre, centre + 0.035 * direction
        line = Line2D([x0, x1], [y0, y1], color=view.theme.faint, lw=points(view, 0.0018))
        figure.add_artist(line)
        x, y = centre + (0.035 + 0.014 / np.linalg.norm(direction / shape)) * direction
        figure.text(x, y, name, color=view.theme.faint, size=points(view, 0.018), ha="center", va="center")


def draw_key(figure: "Figure", view: View, *, text: str, colour: str, corner: tuple[float, float]) -> None:
    """A line of a colour, and what it marks."""
    from matplotlib.lines import Line2D

    left, bottom = corner
    line = Line2D(
        [left, left + 0.018], [bottom + 0.008, bottom + 0.008], color=colour, lw=points(view, 0.004)
    )
    figure.add_artist(line)
    figure.text(left + 0.026, bottom, text, color=view.theme.faint, size=points(view, 0.019))


def round_length(longest: float) -> float:
    """The largest of 1, 2 or 5 times a power of ten that is no longer than ``longest``, m."""
    power = 10.0 ** floor(log10(longest) + 1e-9)
    return max(n * power for n in (1, 2, 5) if n * power <= longest * (1 + 1e-9))


def length_text(length: float) -> str:
    """A length in the unit that suits it: "500 µm", "2 mm"."""
    return f"{length * 1e6:.3g} µm" if length < 0.9995e-3 else f"{length * 1e3:.3g} mm"


def dose_text(dose: float | None, unit: str) -> str:
    """A dose with the prefix that suits it, "dose 50 mg"; an empty text for none."""
    if not dose:
        return ""
    amount, name = (dose * 1e3, "g") if unit == "kg" else (dose, unit)
    factor, prefix = si_prefix(amount)
    return f"dose {amount * factor:.3g} {prefix}{name}"


def time_text(time: float) -> str:
    """A time in the unit that suits it: "5 s", "45 min", "24 h", "14 d"."""
    if 0 < time < 60:
        return f"{time:.3g} s"
    if 0 < time < 3600:
        return f"{time / 60:.3g} min"
    return f"{time / 3600:.3g} h" if time <= 7 * 86400 else f"{time / 86400:.3g} d"
