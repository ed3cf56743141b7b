"""Draw a result: choose the scene, the time and the colour scale, and write a PNG."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tumorsim.errors import ConfigError, Problem, StorageError
from tumorsim.render.anatomy import tumour_masks
from tumorsim.render.colour_scale import colour_scale
from tumorsim.render.overview import draw_overview
from tumorsim.render.probe import headless, probe_renderer
from tumorsim.render.slices import draw_slices
from tumorsim.render.view import THEMES, View

if TYPE_CHECKING:
    from tumorsim.results import Results

_SIDES = (200, 8000)
"""[D] px: smallest and largest side of a picture; text is not legible below, memory not bounded above."""


@dataclass(frozen=True)
class Scene:
    """A way to draw a result: what it shows, the function that draws it, the size in pixels that suits it.

    ``solid`` scenes show 3D shapes of the tumour: they need a renderer, and their scale fits the tumour.
    """

    summary: str
    draw: Callable[[View], np.ndarray]
    size: tuple[int, int]
    solid: bool


SCENES = {
    "overview": Scene(
        "the tumour cut open, with its vessels, in 3D", draw_overview, (1600, 1200), solid=True
    ),
    "slices": Scene("three orthogonal slices through the tumour", draw_slices, (1800, 800), solid=False),
}


def render_scene(
    results: "Results",
    *,
    out: Path,
    scene: str = "overview",
    time: float | str | None = None,
    size: tuple[int, int] | None = None,
    background: str = "dark",
    field: str = "free",
    limits: tuple[float, float] | None = None,
    same_scale: bool = False,
    log: bool = False,
    azimuth: float = 0.0,
) -> Path:
    """Draw ``field`` at the output nearest to ``time`` (s or "24 h"; by default the last) as the PNG ``out``.

    The colour scale runs from 0 to the values of that time, with ``same_scale`` to those of all times, or
    between ``limits`` (in the unit that the bar shows). ``azimuth`` turns the camera, in degrees. The file is
    written aside and moved. Raises ConfigError for a choice that does not exist, RenderError where nothing
    can be drawn, StorageError if the file cannot be written.
    """
    out = Path(out)
    if out.suffix.lower() != ".png":
        raise ConfigError(Problem("out", str(out), "pictures are written as PNG", "Let the name end in .png"))
    picture = draw_scene(
        results,
        scene=scene,
        time=time,
        size=size,
        background=background,
        field=field,
        limits=limits,
        same_scale=same_scale,
        log=log,
        azimuth=azimuth,
    )
    return _write(picture, out, title=results.title)


def draw_scene(
    results: "Results",
    *,
    scene: str = "overview",
    time: float | str | None = None,
    size: tuple[int, int] | None = None,
    background: str = "dark",
    field: str = "free",
    limits: tuple[float, float] | None = None,
    same_scale: bool = False,
    log: bool = False,
    azimuth: float = 0.0,
) -> np.ndarray:
    """As ``render_scene``, but return the picture: uint8 (height, width, 3)."""
    _check(results, scene=scene, size=size, background=background, field=field, limits=limits, log=log)
    chosen, moment = SCENES[scene], float(results.times[results.step_at(time)])
    within = tumour_masks(results, moment)[0] if chosen.solid else None
    times = results.times if same_scale else [moment]
    scale = colour_scale(results, field, times=times, within=within, limits=limits, log=log)
    view = View(results, moment, field, scale, size or chosen.size, THEMES[background], azimuth)
    if not chosen.solid:
        return chosen.draw(view)
    probe_renderer()
    with headless():
        return chosen.draw(view)


def _check(
    results: "Results",
    *,
    scene: str,
    size: tuple[int, int] | None,
    background: str,
    field: str,
    limits: tuple[float, float] | None,
    log: bool,
) -> None:
    """Raise ConfigError with every choice that does not exist."""
    choices = (
        ("scene", scene, tuple(SCENES)),
        ("background", background, tuple(THEMES)),
        ("field", field, tuple(name for name in results.fields if name != "region")),
    )
    problems = [
        Problem(key, value, "there is no such choice", f"Use one of {', '.join(known)}")
        for key, value, known in choices
        if value not in known
    ]
    if size is not None and not all(_SIDES[0] <= side <= _SIDES[1] for side in size):
        cure = f"Give a width and a height of {_SIDES[0]} to {_SIDES[1]} pixels"
        problems.append(Problem("size", size, "a side is too short or too long", cure))
    if limits is not None and not (limits[0] < limits[1] and (limits[0] > 0 or not log)):
        cure = "Give a lower and a higher number" + (", both above 0 for a logarithmic scale" if log else "")
        problems.append(Problem("limits", limits, "they do not make a scale", cure))
    if problems:
        raise ConfigError(*problems)


def _write(picture: np.ndarray, out: Path, *, title: str) -> Path:
    from matplotlib.image import imsave

    aside = out.with_name(out.name + ".part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        imsave(aside, picture, format="png", metadata={"Title": title, "Software": "tumorsim"})
        os.replace(aside, out)
    except OSError as error:
        with suppress(OSError):
            aside.unlink()
        raise StorageError(
            f"cannot write the picture {out}: {error.strerror}. Choose another place with --out"
        ) from None
    return out
