"""What all 3D scenes share: camera, light, box, vessels, glass, lines, and the way to a picture."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorsim.render.anatomy import MICRON, Anatomy, anatomy, surface
from tumorsim.render.annotate import (
    Bar,
    draw_axes,
    draw_bars,
    draw_heading,
    draw_key,
    draw_scale_bar,
    pixels,
    sheet,
)
from tumorsim.render.colour_scale import ColourScale
from tumorsim.render.vessel_colours import tube_scale
from tumorsim.render.vessel_tubes import vessel_tubes
from tumorsim.render.view import View

if TYPE_CHECKING:
    from pyvista import Plotter, PolyData

_TOWARDS = np.radians(-51.3)
"""[D]: direction of the camera about the vertical axis: into the missing octant."""
_STEEPEST = 89.0
"""Degrees; straight from above there is no direction that is up."""
_FRAME = (0.02, 0.03, 0.81, 0.84)
"""[D]: left, bottom, width and height of the part of the picture that the tissue fills."""
_GLASS = (0.10, 0.75)
"""[D]: opacity of the tumour's surface around vessels, face on and at its outline."""
_LIGHTS = (
    ((-0.6, 0.8, 0.9), 0.75),
    ((1.0, -0.3, 0.5), 0.35),
    ((0.4, 0.9, -0.8), 0.7),
    ((-0.8, -0.8, 0.6), 0.3),
)
"""[D]: position in camera coordinates (right, up, to the viewer) and intensity: key, fill, rim, bounce."""
_LATER: dict[str, Any] = {"show_scalar_bar": False, "render": False}
"""Nothing is drawn before all of it is there."""
_BARS = {1: ((0.855, 0.2, 0.018, 0.5),), 2: ((0.855, 0.50, 0.018, 0.25), (0.855, 0.13, 0.018, 0.22))}
"""[D]: boxes of one and of two colour bars."""


@dataclass(frozen=True)
class Furnished:
    """What a scene put on the stage that has to be explained: its colour scales, and whether the core shows."""

    scales: tuple[ColourScale, ...]
    core_shows: bool = False


Furnish = Callable[["Plotter", View, Anatomy], Furnished]
"""Adds the meshes of a scene to a plotter."""


def draw_solid(view: View, furnish: Furnish, *, whole_box: bool = False) -> np.ndarray:
    """The picture of a 3D scene, uint8 (height, width, 3), of the tumour or of the whole box."""
    shapes = stage_of(view, whole_box=whole_box)
    plotter = new_plotter(view)
    try:
        furnished = furnish(plotter, view, shapes)
        metres_per_pixel = aim(plotter, view, shapes)
        picture = plotter.screenshot(None, return_img=True)
    finally:
        plotter.close()
    figure = sheet(view, picture)
    draw_heading(figure, view)
    boxes = _BARS[len(furnished.scales)]
    draw_bars(figure, view, [Bar(*each) for each in zip(furnished.scales, boxes, strict=True)])
    draw_scale_bar(figure, view, metres_per_pixel=metres_per_pixel, corner=(0.035, 0.045))
    draw_axes(figure, view, axes=np.array(basis(view)[:2]).T, centre=(0.055, 0.108))
    if furnished.core_shows:
        draw_key(figure, view, text=shapes.core_name, colour=view.theme.necrosis, corner=(0.855, 0.045))
    return pixels(figure)


def stage_of(view: View, *, whole_box: bool) -> Anatomy:
    """The anatomy of the view; with ``whole_box`` its stage is the box of the result."""
    shapes = anatomy(view.results, view.time, cut=view.cut)
    return replace(shapes, surroundings=np.inf) if whole_box else shapes


def new_plotter(view: View, *, off_screen: bool = True) -> "Plotter":
    """An empty, lit stage in the dress of the view."""
    import pyvista

    plotter = pyvista.Plotter(off_screen=off_screen, window_size=list(view.size), lighting="none")
    plotter.set_background(view.theme.background, top=view.theme.top)  # type: ignore[arg-type]
    plotter.enable_anti_aliasing("ssaa")
    plotter.enable_depth_peeling(number_of_peels=8)  # type: ignore[call-arg]
    for position, intensity in _LIGHTS:
        plotter.add_light(pyvista.Light(position=position, intensity=intensity, light_type="camera light"))
    return plotter


def add_shell(plotter: "Plotter", view: View, shapes: Anatomy, *, glass: bool) -> None:
    """The tumour's surface: solid, or of glass if there is something to see in it."""
    if shapes.fills_the_box:
        return
    shell = surface(shapes)
    if not shell.n_cells:
        return
    look: dict[str, Any] = {"smooth_shading": True, "specular_power": 14, **_LATER}
    if not glass:
        plotter.add_mesh(shell, color=view.theme.tissue, ambient=0.18, diffuse=0.82, specular=0.22, **look)
        return
    shell["glass"] = _glass(shell.point_normals, view)
    plotter.add_mesh(shell, scalars="glass", rgb=True, ambient=0.35, diffuse=0.65, specular=0.3, **look)


def _glass(normals: np.ndarray, view: View) -> np.ndarray:
    """Colours (rgba) of a surface that is clear where it faces the viewer and dense at its outline."""
    from matplotlib.colors import to_rgb

    facing = np.abs(normals @ basis(view)[2])
    alpha = _GLASS[0] + (_GLASS[1] - _GLASS[0]) * (1 - facing) ** 2
    colour = np.tile(to_rgb(view.theme.tissue), (len(alpha), 1))
    return np.round(np.column_stack([colour, alpha]) * 255).astype(np.uint8)


def add_coloured(plotter: "Plotter", mesh: "PolyData", scale: ColourScale, *, scalars: str = "field") -> None:
    """A mesh whose values, in the unit of the scale, have the colours of its bar: unlit."""
    plotter.add_mesh(
        mesh,
        scalars=scalars,
        cmap=scale.colour_map,
        clim=(scale.low, scale.high),
        log_scale=scale.log,
        lighting=False,
        copy_mesh=True,
        **_LATER,
    )


def add_line(
    plotter: "Plotter", view: View, line: "PolyData", *, colour: str, width: float, opacity: float = 1.0
) -> None:
    """A line on a surface, lifted along the projection: it is not hidden, and shows where it was."""
    if not line.n_cells:
        return
    lifted = line.translate(basis(view)[2] * line.length * 0.01, inplace=False)
    plotter.add_mesh(
        lifted,
        color=colour,
        line_width=width * view.size[1] / 1200,
        opacity=opacity,
        lighting=False,
        **_LATER,
    )


def add_vessels(plotter: "Plotter", view: View, shapes: Anatomy) -> ColourScale | None:
    """Add the network, if there is one, and return the scale of its colours, if they are known."""
    results, colour = view.results, view.vessels
    if results.network is None:
        return None
    levels = None
    if view.plasma is not None and results.in_blood is not None:
        levels = results.in_blood[results.step_at(view.time)]
    tubes = vessel_tubes(results.network, within=shapes.stage, colour=colour, levels=levels)
    if tubes is None:
        return None
    shine: dict[str, Any] = {"smooth_shading": True, "specular": 0.35, "specular_power": 18, "ambient": 0.2}
    shine |= _LATER
    if not np.isfinite(tubes[colour]).any():
        plotter.add_mesh(tubes, color=view.theme.unknown, **shine)
        return None
    scale = view.plasma or tube_scale(tubes[colour], colour)
    tubes[colour] = tubes[colour] * scale.factor
    plotter.add_mesh(
        tubes,
        scalars=colour,
        cmap=scale.colour_map,
        clim=(scale.low, scale.high),
        log_scale=scale.log,
        nan_color=view.theme.unknown,
        **shine,
    )
    return scale


def add_box(plotter: "Plotter", view: View, shapes: Anatomy) -> None:
    """The edges of the stage, except the three that meet in front of it."""
    import pyvista

    ends_of = corners(shapes)
    front = int(np.argmax(ends_of @ basis(view)[2]))
    ends = [(n, n | 1 << axis) for n in range(8) for axis in range(3) if not n >> axis & 1]
    lines = np.array([(2, *pair) for pair in ends if front not in pair])
    edges = pyvista.PolyData(ends_of, lines=lines.ravel())
    plotter.add_mesh(
        edges, color=view.theme.faint, line_width=view.size[1] / 400, opacity=0.6, lighting=False, **_LATER
    )


def corners(shapes: Anatomy) -> np.ndarray:
    """The eight corners of the stage (x, y, z), µm; bit k of the row tells low from high along axis k."""
    ends = [corner[::-1] * MICRON for corner in shapes.stage]
    return np.array([[ends[n >> axis & 1][axis] for axis in range(3)] for n in range(8)])


def basis(view: View) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors (x, y, z) to the right and up in the picture, and towards the camera."""
    around = _TOWARDS + np.radians(view.azimuth)
    above = np.radians(np.clip(view.elevation, -_STEEPEST, _STEEPEST))
    flat = np.cos(above)
    towards = np.array([flat * np.cos(around), flat * np.sin(around), np.sin(above)])
    right = np.array([-np.sin(around), np.cos(around), 0.0])
    return right, np.cross(towards, right), towards


def aim(plotter: "Plotter", view: View, shapes: Anatomy) -> float:
    """Put the camera so that the stage fills its frame; return metres per pixel."""
    ends = corners(shapes)
    right, up, towards = basis(view)
    width, height = view.size
    across, along = ends @ right, ends @ up
    left, bottom, wide, tall = _FRAME
    extent = _extent_of_all_turns(ends, view) if view.turning else (np.ptp(across), np.ptp(along))
    scale = max(extent[0] / (wide * width), extent[1] / (tall * height)) / view.zoom
    # the picture's centre lies beside the frame's: move the focus by the difference
    shift = right * (0.5 - left - wide / 2) * width * scale + up * (0.5 - bottom - tall / 2) * height * scale
    middle = ends.mean(axis=0)
    centre = middle + right * ((across.max() + across.min()) / 2 - middle @ right)
    centre = centre + up * ((along.max() + along.min()) / 2 - middle @ up) + shift
    camera = plotter.camera
    camera.focal_point, camera.up = centre, (0, 0, 1)
    camera.position = centre + towards * 4 * np.linalg.norm(np.ptp(ends, axis=0))
    camera.enable_parallel_projection()
    camera.parallel_scale = scale * height / 2
    plotter.renderer.ResetCameraClippingRange()
    return float(scale / MICRON)


def _extent_of_all_turns(ends: np.ndarray, view: View) -> tuple[float, float]:
    """Largest width and height of the stage while the camera goes round: a film must not breathe."""
    x, y, z = np.ptp(ends, axis=0)
    above = np.radians(view.elevation)
    return np.hypot(x, y), np.hypot(x, y) * abs(np.sin(above)) + z * np.cos(above)
