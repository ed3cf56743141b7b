"""Draw a result: choose the scene, the time and the colour scale, and write a PNG."""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorsim.errors import ConfigError, Problem
from tumorsim.fields import POOLS
from tumorsim.render.anatomy import tumour_masks
from tumorsim.render.aside import written_aside
from tumorsim.render.block import furnish_block
from tumorsim.render.colour_scale import ColourScale, colour_scale, plasma_scale
from tumorsim.render.compare import draw_compare, shown_factor
from tumorsim.render.derived import TOTAL, with_total
from tumorsim.render.overview import furnish_levels, furnish_overview
from tumorsim.render.penetration import draw_penetration
from tumorsim.render.probe import headless, probe_renderer
from tumorsim.render.slices import draw_slices
from tumorsim.render.stage import Furnish, draw_solid
from tumorsim.render.streamlines import furnish_streamlines
from tumorsim.render.vessel_colours import PLASMA, shown_colours, usual_colour
from tumorsim.render.view import THEMES, Look, View
from tumorsim.render.volume import furnish_volume

if TYPE_CHECKING:
    from tumorsim.results import Results

_SIDES = (200, 8000)
"""[D] px: smallest and largest side of a picture; text is not legible below, memory not bounded above."""
_NEEDS = {
    "dose": "Name a nuclide (and the activity injected), or a map of the dose",
    "velocity": 'Add "velocity" to output.fields and run again',
    "pressure": 'Add "pressure" to output.fields and run again',
}


@dataclass(frozen=True)
class Scene:
    """A way to draw a result: what it shows, the field it is for, the size in pixels that suits it.

    ``furnish`` puts 3D shapes on a stage, for which a renderer is needed; a scene without it has ``draw`` instead. The
    stage is the tumour, or the ``whole_box``; the colour scale fits the values in it.
    """

    summary: str
    size: tuple[int, int]
    field: str = "free"
    furnish: Furnish | None = None
    draw: Callable[[View], np.ndarray] | None = None
    whole_box: bool = False
    log: bool = False

    def picture(self, view: View) -> np.ndarray:
        """uint8 (height, width, 3)."""
        if self.furnish is not None:
            return draw_solid(view, self.furnish, whole_box=self.whole_box)
        assert self.draw is not None
        return self.draw(view)


_SOLID, _FLAT = (1600, 1200), (1800, 800)
SCENES = {
    "overview": Scene("the tumour cut open, with its vessels, in 3D", _SOLID, furnish=furnish_overview),
    "slices": Scene("three orthogonal slices through the tumour", _FLAT, draw=draw_slices),
    "pressure": Scene(
        "interstitial pressure on a block of tissue, with isobars",
        _SOLID,
        "pressure",
        furnish=furnish_block,
        whole_box=True,
    ),
    "velocity": Scene(
        "streamlines of the interstitial fluid from the tumour's rim",
        _SOLID,
        "velocity",
        furnish=furnish_streamlines,
        whole_box=True,
        log=True,
    ),
    "delivery": Scene(
        "the agent in all forms as a cloud, with the vessels", _SOLID, TOTAL, furnish=furnish_volume
    ),
    "penetration": Scene(
        "how far from vessels or rim the agent gets: a slice and a profile",
        _FLAT,
        TOTAL,
        draw=draw_penetration,
    ),
    "compare": Scene("two results side by side, and their difference", _FLAT, draw=draw_compare),
    "dose": Scene(
        "absorbed dose on the cut tumour, with isodose lines", _SOLID, "dose", furnish=furnish_levels
    ),
}


def render_scene(results: "Results", *, out: Path, look: Look | None = None, **wishes: Any) -> Path:
    """Draw a result as the PNG ``out``, as ``draw_scene`` does. The file is written aside and moved.

    Raises ConfigError for a choice that does not exist, RenderError where nothing can be drawn, StorageError if the
    file cannot be written.
    """
    out = Path(out)
    if out.suffix.lower() != ".png":
        raise ConfigError(Problem("out", str(out), "pictures are written as PNG", "Let the name end in .png"))
    return write_png(draw_scene(results, look=look, **wishes), out, title=results.title)


def draw_scene(
    results: "Results", *, look: Look | None = None, other: "Results | None" = None, **wishes: Any
) -> np.ndarray:
    """The picture of a result, uint8 (height, width, 3), by a ``look`` or by the names of its settings.

    ``other`` is the second result of the scene compare. Raises as ``render_scene``.
    """
    look = look or Look(**wishes)
    view = view_of(results, look, other=other)
    with renderer(SCENES[look.scene]):
        return SCENES[look.scene].picture(view)


def renderer(scene: Scene) -> Any:
    """A context in which the scene can be drawn. Raises RenderError."""
    if scene.furnish is None:
        return nullcontext()
    probe_renderer()
    return headless()


def view_of(results: "Results", look: Look, *, other: "Results | None" = None) -> View:
    """What a ``look`` at a result shows. Raises ConfigError with every choice that does not exist."""
    results, other = _with_all_forms(results), None if other is None else _with_all_forms(other)
    _check(results, look)
    scene, moment = SCENES[look.scene], float(results.times[results.step_at(look.time)])
    tumour_only = scene.furnish is not None and not scene.whole_box
    field = look.field or scene.field
    times = [float(time) for time in results.times] if look.same_scale else [moment]
    scale = colour_scale(
        results,
        field,
        times=times,
        within=tumour_masks(results, moment)[0] if tumour_only else None,
        limits=look.limits,
        log=scene.log if look.log is None else look.log,
    )
    if other is not None and look.limits is None:
        scale = _for_both(scale, field, results, other, times=times)
    vessels = look.vessels or usual_colour(results, field)
    return View(
        results,
        moment,
        field,
        scale,
        look.size or scene.size,
        THEMES[look.background],
        look.azimuth,
        look.elevation,
        look.zoom,
        look.cut,
        other,
        scene=look.scene,
        vessels=vessels,
        plasma=plasma_scale(results, times=times) if vessels == PLASMA else None,
    )


def _for_both(
    scale: ColourScale, field: str, results: "Results", other: "Results", *, times: Iterable[float]
) -> ColourScale:
    """The scale of the first result, higher if the second needs it."""
    factor = shown_factor(scale, field, results, other)
    nearest = [float(other.times[other.step_at(time)]) for time in times]
    theirs = colour_scale(other, field, times=nearest, log=scale.log)
    high = max(scale.high, theirs.high * factor / theirs.factor)
    return replace(scale, high=high, clipped=scale.clipped or theirs.clipped)


def _with_all_forms(results: "Results") -> "Results":
    return with_total(results) if any(name in results.fields for name in POOLS) else results


def _check(results: "Results", look: Look) -> None:
    """Raise ConfigError with every choice that does not exist."""
    fields = tuple(name for name in results.fields if name != "region")
    field = look.field or (SCENES[look.scene].field if look.scene in SCENES else fields[0])
    choices = (
        ("scene", look.scene, tuple(SCENES)),
        ("background", look.background, tuple(THEMES)),
        ("field", field, fields),
    )
    problems = [
        Problem(key, value, "there is no such choice", _NEEDS.get(value) or f"Use one of {', '.join(known)}")
        for key, value, known in choices
        if value not in known
    ]
    if look.vessels is not None and look.vessels not in (known := shown_colours(results)):
        problems.append(_unknown_colour(look.vessels, known))
    if look.size is not None and not all(_SIDES[0] <= side <= _SIDES[1] for side in look.size):
        cure = f"Give a width and a height of {_SIDES[0]} to {_SIDES[1]} pixels"
        problems.append(Problem("size", look.size, "a side is too short or too long", cure))
    if look.limits is not None and not (
        look.limits[0] < look.limits[1] and (look.limits[0] > 0 or not look.log)
    ):
        cure = "Give a lower and a higher number" + (
            ", both above 0 for a logarithmic scale" if look.log else ""
        )
        problems.append(Problem("limits", look.limits, "they do not make a scale", cure))
    if look.cut is not None and not all(0 <= share <= 1 for share in look.cut):
        problems.append(
            Problem("cut", look.cut, "a share is not from 0 to 1", "Give for example 0.5,0.5,0.5")
        )
    if look.zoom <= 0:
        problems.append(Problem("zoom", look.zoom, "it is not above zero", "Give for example 1.5"))
    if look.scene == "velocity" and field in fields and results.unit(field) != "m/s":
        problems.append(Problem("field", field, "it is no velocity", "Leave the field out"))
    if problems:
        raise ConfigError(*problems)


def _unknown_colour(colour: str, known: list[str]) -> Problem:
    cure = f"Use one of {', '.join(known)}" if known else "Leave it out: there is no vessel network"
    if known and colour == PLASMA:
        cure += ', or run again with vessels.plasma = "carried"'
    return Problem("vessels", colour, "this result does not hold it", cure)


def write_png(picture: np.ndarray, out: Path, *, title: str) -> Path:
    """Write a picture aside and move it to ``out``. Raises StorageError."""
    from matplotlib.image import imsave

    with written_aside(out, what="picture") as part:
        imsave(part, picture, format="png", metadata={"Title": title, "Software": "tumorsim"})
    return out
