"""A picture of a vessel network alone: tubes of their true radius, coloured by what is known of them."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tumorsim.errors import ConfigError, Problem
from tumorsim.render.colour_scale import ColourScale
from tumorsim.render.probe import headless, probe_renderer
from tumorsim.render.vessel_colours import known_colours, network_scale
from tumorsim.render.vessel_tubes import vessel_tubes
from tumorsim.render.view import THEMES

if TYPE_CHECKING:
    from pyvista import PolyData

    from tumorsim.vessels.network import Network

_DIRECTION = (1.0, -1.25, 0.78)
"""[D]: towards the camera (x, y, z)."""


def network_figure(
    network: "Network", out: Path, *, colour: str = "pressure", size: tuple[int, int] = (1400, 1050)
) -> Path:
    """Draw ``network`` as the PNG ``out``. Raises ConfigError for a ``colour`` that it does not have."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

    known = known_colours(network)
    if colour not in known:
        raise ConfigError(
            Problem("--colour", colour, "is not known of this network", f"Use {', '.join(known)}")
        )
    if out.suffix.lower() != ".png":
        raise ConfigError(Problem("--figure", str(out), "pictures are written as PNG", "Let it end in .png"))
    low, high = network.bounding_box
    margin = network.radius.max()
    tubes = vessel_tubes(network, within=(low - margin, high + margin), colour=colour)
    assert tubes is not None
    if not np.isfinite(tubes[colour]).any():
        raise ConfigError(Problem("--colour", colour, "no value is known", "Choose another"))
    scale = network_scale(tubes[colour], colour)
    tubes[colour] = tubes[colour] * scale.factor
    picture = _drawn(tubes, scale, colour, size)
    theme = THEMES["dark"]
    figure = Figure(figsize=(size[0] / 100, size[1] / 100), dpi=100, facecolor=theme.background)
    FigureCanvasAgg(figure)
    figure.figimage(picture, origin="upper", zorder=-1)
    axes = figure.add_axes((0.9, 0.2, 0.018, 0.55))
    bar = figure.colorbar(ScalarMappable(scale.norm, scale.colour_map), cax=axes)
    bar.outline.set(edgecolor=theme.faint)
    axes.tick_params(colors=theme.text)
    figure.text(0.87, 0.78, f"{scale.label}\n{scale.unit}", color=theme.text, size=11, wrap=True)
    sides = " × ".join(f"{side * 1e6:.4g}" for side in (high - low)[::-1])
    title = f"{network.source or 'network'}: {len(network.segments):,} segments, {sides} µm"
    figure.text(0.03, 0.95, title, color=theme.text, size=15, weight="bold")
    figure.savefig(out, facecolor=theme.background)
    return out


def _drawn(tubes: "PolyData", scale: ColourScale, colour: str, size: tuple[int, int]) -> np.ndarray:
    import pyvista

    probe_renderer()
    with headless():
        plotter = pyvista.Plotter(off_screen=True, window_size=list(size))
        theme = THEMES["dark"]
        plotter.set_background(theme.background, top=theme.top)  # type: ignore[arg-type]
        plotter.enable_anti_aliasing("ssaa")
        plotter.add_mesh(
            tubes,
            scalars=colour,
            cmap=scale.colour_map,
            clim=(scale.low, scale.high),
            log_scale=scale.log,
            nan_color=theme.unknown,
            show_scalar_bar=False,
            smooth_shading=True,
            ambient=0.25,
            specular=0.2,
        )
        plotter.view_vector(_DIRECTION, viewup=(0, 0, 1))  # type: ignore[arg-type]
        plotter.camera.zoom(1.25)
        picture = plotter.screenshot(None, return_img=True)
        plotter.close()
    assert picture is not None
    return picture
