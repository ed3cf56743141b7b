"""What one picture shows, and in which dress."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tumorsim.render.colour_scale import ColourScale

if TYPE_CHECKING:
    from tumorsim.results import Results


@dataclass(frozen=True)
class Theme:
    """Colours of everything that is not data. ``top`` is the upper end of the background's gradient."""

    background: str
    top: str
    text: str
    faint: str
    tissue: str
    necrosis: str
    unknown: str


THEMES = {
    "dark": Theme("#06080d", "#1a2232", "#f2f4f8", "#9aa5b8", "#d9b3a8", "#7fe3d4", "#8a93a3"),
    "light": Theme("#ffffff", "#ffffff", "#14181f", "#5a6472", "#d8b4aa", "#3fd0bd", "#9aa0a8"),
}


@dataclass(frozen=True)
class View:
    """One picture: ``field`` of ``results`` at the stored ``time`` (s), ``size`` (width, height) in px.

    ``azimuth`` turns the camera about the vertical axis, in degrees.
    """

    results: "Results"
    time: float
    field: str
    scale: ColourScale
    size: tuple[int, int]
    theme: Theme
    azimuth: float = 0.0
