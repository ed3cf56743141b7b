"""A 3D scene to turn by hand, at any output: in a window where there is a screen, or in a browser."""

import asyncio
import gc
import os
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tumorsim.errors import ConfigError, Problem, RenderError
from tumorsim.render.anatomy import Anatomy
from tumorsim.render.annotate import moment_text
from tumorsim.render.colour_scale import ColourScale
from tumorsim.render.derived import DOSE
from tumorsim.render.probe import headless, probe_renderer
from tumorsim.render.scene import SCENES, view_of
from tumorsim.render.stage import aim, new_plotter, stage_of
from tumorsim.render.view import Look, View

if TYPE_CHECKING:
    from pyvista import Plotter

    from tumorsim.results import Results

LOOPBACK = "127.0.0.1"
"""The address that only this machine reaches."""
_BAR: dict[str, Any] = {
    "position_x": 0.87,
    "width": 0.05,
    "height": 0.36,
    "vertical": True,
    "fmt": "%.3g",
    "n_labels": 5,
}
_BOTTOMS = (0.55, 0.1)
_SLIDER: dict[str, Any] = {
    "pointa": (0.1, 0.04),
    "pointb": (0.75, 0.04),
    "style": "modern",
    "slider_width": 0.03,
    "tube_width": 0.008,
}


def open_window(results: "Results", look: Look) -> None:
    """Show a 3D scene until the window is closed. Raises RenderError without a screen, ConfigError for a flat scene."""
    view = _solid_view(results, look)
    if not has_screen(os.environ):
        cure = "Use --web and a browser, or write a picture with tumorsim render"
        raise RenderError(f"there is no screen here to open a window on. {cure}")
    probe_renderer()
    with headless():
        course = Course(view, off_screen=False)
        steer(course)
        course.plotter.show(title=f"tumorsim: {results.title}")


def serve(
    results: "Results",
    look: Look,
    *,
    host: str = LOOPBACK,
    port: int = 8080,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve a 3D scene as a web page until interrupted; ``ready`` is told its address.

    Drawn here, so that the browser needs no graphics. Anybody who reaches ``host`` can see it. Raises as
    ``open_window``, and ConfigError where the extra ``web`` is not installed.
    """
    view = _solid_view(results, look)
    try:
        from trame.app import get_server
        from trame.ui.vuetify3 import SinglePageLayout
        from trame.widgets.vuetify3 import VSlider
        from trame_pyvista.ui import plotter_ui
    except ImportError as error:
        fault, cure = f"a package for web pages is missing: {error.name}", 'Run pip install "tumorsim[web]"'
        raise ConfigError(Problem("web", None, fault, cure)) from None
    probe_renderer()
    os.environ["TRAME_ARGS"] = (
        f"--server --host {host} --port {port}"  # else it reads the options of tumorsim
    )
    with headless():
        course = Course(view, off_screen=True)
        server = get_server(client_type="vue3")
        server.state.moment = moment_text(view)
        with SinglePageLayout(server) as layout:
            layout.title.set_text(results.title if course.last else " – ".join(course.heading))
            if course.last:
                with layout.toolbar:
                    VSlider(
                        v_model=("step", course.step), min=0, max=course.last, step=1, label=("moment",),
                        hide_details=True, classes="mx-6",
                    )  # fmt: skip
            with layout.content:
                page = plotter_ui(course.plotter, mode="server", server=server)

        @server.state.change("step")
        async def follow(**_: Any) -> None:
            """Several may be under way; between two pictures moves that came meanwhile are heard."""
            while course.go(server.state.step):
                page.update()
                with server.state:
                    server.state.moment = moment_text(course.view)
                await asyncio.sleep(0.01)

        if ready:
            server.controller.on_server_ready.add(lambda **_: ready(f"http://{host}:{server.port}/"))
        try:
            server.start(open_browser=False, show_connection_info=False)
        except OSError as error:
            cure = "Choose another with --port"
            raise ConfigError(Problem("port", port, error.strerror or str(error), cure)) from None


def has_screen(environment: Mapping[str, str]) -> bool:
    """Whether a window can be opened: VTK needs an X display on Linux."""
    return sys.platform != "linux" or bool(environment.get("DISPLAY"))


class Course:
    """A 3D scene on a stage, which can be set to any output of its result.

    ``last`` is the number of the last output; 0 where there is one only, or where time does not count.
    """

    def __init__(self, view: View, *, off_screen: bool):
        self.view = view
        self.last = 0 if view.field == DOSE else len(view.results.times) - 1
        self.plotter = new_plotter(view, off_screen=off_screen)
        self._actors: list[Any] = []
        aim(self.plotter, view, self._furnish())

    @property
    def step(self) -> int:
        """The output shown."""
        return self.view.results.step_at(self.view.time)

    @property
    def heading(self) -> tuple[str, ...]:
        """The title and, where it counts, the time."""
        return tuple(text for text in (self.view.results.title, moment_text(self.view)) if text)

    def go(self, step: float) -> bool:
        """Put up the output nearest to ``step``, seen as before once rendered; return whether it is another one."""
        chosen = min(max(round(step), 0), self.last)
        if chosen == self.step or not self.last:
            return False
        self.view = replace(self.view, time=float(self.view.results.times[chosen]))
        self._furnish()
        self.plotter.renderer.ResetCameraClippingRange()
        return True

    def _furnish(self) -> Anatomy:
        """Put the scene of the view in the place of the last one, with colour bars that turn with no hand."""
        plotter, view, scene = self.plotter, self.view, SCENES[self.view.scene]
        assert scene.furnish is not None
        plotter.remove_actor(self._actors, render=False)  # type: ignore[arg-type]
        plotter.scalar_bars.clear()
        self._actors.clear()
        gc.collect()  # a stage and its meshes know each other, and would wait for it
        others = set(plotter.actors)
        shapes = stage_of(view, whole_box=scene.whole_box)
        furnished = scene.furnish(plotter, view, shapes)
        for scale, bottom in zip(furnished.scales, _BOTTOMS, strict=False):
            _add_bar(plotter, view, scale, bottom)
        self._actors += [actor for name, actor in plotter.actors.items() if name not in others]
        return shapes


def steer(course: Course) -> Any:
    """Add the heading, and a slider and the arrow keys, left and right, that go through the outputs.

    Returns the slider; None where there is nothing to go through.
    """
    plotter, colour = course.plotter, course.view.theme.text

    def head() -> None:
        text = "\n".join(course.heading)
        plotter.add_text(
            text, position="upper_left", color=colour, font_size=11, name="heading", render=False
        )

    def go(step: float) -> None:
        if course.go(step):
            head()
        slider.GetRepresentation().SetValue(course.step)
        plotter.render()

    head()
    if not course.last:
        return None
    slider = plotter.add_slider_widget(
        None,  # type: ignore[arg-type]
        (0, course.last),
        value=course.step,
        color=colour,
        **_SLIDER,
    )
    slider.GetRepresentation().ShowSliderLabelOff()
    slider.AddObserver("EndInteractionEvent", lambda *_: go(slider.GetRepresentation().GetValue()))
    plotter.add_key_event("Left", lambda: go(course.step - 1))  # type: ignore[arg-type]
    plotter.add_key_event("Right", lambda: go(course.step + 1))  # type: ignore[arg-type]
    return slider


def _add_bar(plotter: "Plotter", view: View, scale: ColourScale, bottom: float) -> None:
    import pyvista

    mapper = pyvista.DataSetMapper()
    mapper.lookup_table = pyvista.LookupTable(
        cmap=scale.colour_map, scalar_range=(scale.low, scale.high), log_scale=scale.log
    )
    title = textwrap.fill(scale.label, 16) + (f"\n[{scale.unit}]" if scale.unit else "")
    plotter.add_scalar_bar(
        title,  # type: ignore[arg-type]
        mapper=mapper,
        position_y=bottom,
        color=view.theme.text,
        title_font_size=14,
        render=False,
        **_BAR,
    )


def _solid_view(results: "Results", look: Look) -> View:
    view = view_of(results, replace(look, same_scale=True))
    if SCENES[look.scene].furnish is None:
        solid = ", ".join(name for name, scene in SCENES.items() if scene.furnish is not None)
        fault = "it is flat: there is nothing to turn"
        raise ConfigError(Problem("scene", look.scene, fault, f"Use one of {solid}, or tumorsim render"))
    return view
