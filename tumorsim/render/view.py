"""What one picture shows, and in which dress."""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tumorsim.errors import ConfigError, Problem, StorageError, choose
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
class Look:
    """How a result is to be drawn; what is None follows the scene.

    ``time`` in s or as text, by default the last; ``size`` (width, height) in px; ``azimuth`` turns the camera about
    the vertical axis from its usual place, ``elevation`` is its angle above the horizon, in degrees; ``zoom``
    enlarges. ``cut`` (x, y, z) is the inner corner of the missing octant, as shares of what is drawn from its low to
    its high side: (1, 0, 1) leaves it closed. The colours span ``limits`` in the unit shown, or with ``same_scale``
    the values of all times, on a logarithmic scale with ``log``. ``vessels`` is what vessels are coloured by: the
    "plasma" concentration that they carry, their blood "pressure", "flow", "haematocrit", "leakiness" or "radius".
    """

    scene: str = "overview"
    time: float | str | None = None
    field: str | None = None
    background: str = "dark"
    size: tuple[int, int] | None = None
    azimuth: float = 0.0
    elevation: float = 26.0
    zoom: float = 1.0
    cut: tuple[float, float, float] | None = None
    limits: tuple[float, float] | None = None
    same_scale: bool = False
    log: bool | None = None
    vessels: str | None = None


def read_look(path: Path) -> dict[str, Any]:
    """The settings of a ``Look`` in a TOML file, by their names. Raises StorageError, ConfigError."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(Problem("look", str(path), str(error), "Write KEY = VALUE lines")) from None
    known = {each.name: each.name for each in fields(Look)}
    return {choose(known, name, key="look"): _tuple(value) for name, value in given.items()}


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True)
class View:
    """One picture: ``field`` of ``results`` at the stored ``time`` (s), ``size`` (width, height) in px.

    ``azimuth``, ``elevation``, ``zoom`` and ``cut`` as in ``Look``; ``other`` is a second result to compare with.
    With ``turning`` the size of things does not depend on the azimuth. ``plasma`` is the scale of what ``vessels``
    carry, where they are coloured by that; any other follows from the network.
    """

    results: "Results"
    time: float
    field: str
    scale: ColourScale
    size: tuple[int, int]
    theme: Theme
    azimuth: float = 0.0
    elevation: float = 26.0
    zoom: float = 1.0
    cut: tuple[float, float, float] | None = None
    other: "Results | None" = None
    turning: bool = False
    scene: str = "overview"
    vessels: str = "pressure"
    plasma: ColourScale | None = None
