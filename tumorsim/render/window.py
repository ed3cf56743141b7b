"""A 3D scene to turn by hand: in a window where there is a screen, or in a browser."""

import os
import sys
import textwrap
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tumorsim.errors import ConfigError, Problem, RenderError
from tumorsim.render.annotate import time_text
from tumorsim.render.colour_scale import ColourScale
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


def open_window(results: "Results", look: Look) -> None:
    """Show a 3D scene until the window is closed. Raises RenderError without a screen, ConfigError for a flat scene."""
    view = _solid_view(results, look)
    if not has_screen(os.environ):
        cure = "Use --web and a browser, or write a picture with tumorsim render"
        raise RenderError(f"there is no screen here to open a window on. {cure}")
    probe_renderer()
    with headless():
        plotter = furnished_plotter(view, off_screen=False)
        text = f"{results.title}\n{time_text(view.time)}"
        plotter.add_text(text, position="upper_left", color=view.theme.text, font_size=11)
        plotter.show(title=f"tumorsim: {results.title}")


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
        from trame_pyvista.ui import plotter_ui
    except ImportError as error:
        fault, cure = f"a package for web pages is missing: {error.name}", 'Run pip install "tumorsim[web]"'
        raise ConfigError(Problem("web", None, fault, cure)) from None
    probe_renderer()
    os.environ["TRAME_ARGS"] = (
        f"--server --host {host} --port {port}"  # else it reads the options of tumorsim
    )
    with headless():
        plotter = furnished_plotter(view, off_screen=True)
        server = get_server(client_type="vue3")
        with SinglePageLayout(server) as layout:
            layout.title.set_text(f"{results.title} – {time_text(view.time)}")
            with layout.content:
                plotter_ui(plotter, mode="server", server=server)
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


def furnished_plotter(view: View, *, off_screen: bool) -> "Plotter":
    """The stage of a 3D scene, with colour bars that turn with no hand."""
    scene = SCENES[view.scene]
    assert scene.furnish is not None
    shapes = stage_of(view, whole_box=scene.whole_box)
    plotter = new_plotter(view, off_screen=off_screen)
    furnished = scene.furnish(plotter, view, shapes)
    for scale, bottom in zip(furnished.scales, _BOTTOMS, strict=False):
        _add_bar(plotter, view, scale, bottom)
    aim(plotter, view, shapes)
    return plotter


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
        **_BAR,
    )


def _solid_view(results: "Results", look: Look) -> View:
    view = view_of(results, look)
    if SCENES[look.scene].furnish is None:
        solid = ", ".join(name for name, scene in SCENES.items() if scene.furnish is not None)
        fault = "it is flat: there is nothing to turn"
        raise ConfigError(Problem("scene", look.scene, fault, f"Use one of {solid}, or tumorsim render"))
    return view
