"""The default scene: the tumour opened towards the viewer, the agent on the cut faces, and the vessels."""

from typing import TYPE_CHECKING, Any

import numpy as np

from tumorsim.render.anatomy import MICRON, Anatomy, anatomy, block_mean, cut_faces, surface
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
from tumorsim.render.colour_scale import ColourScale, pressure_scale, values
from tumorsim.render.vessel_tubes import vessel_tubes
from tumorsim.render.view import View

if TYPE_CHECKING:
    from pyvista import Plotter, PolyData

_DIRECTION = np.array([1.0, -1.25, 0.78])
"""[D]: towards the camera (x, y, z), into the missing octant."""
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


def draw_overview(view: View) -> np.ndarray:
    """The picture, uint8 (height, width, 3). The cut faces are unlit, so that their colours match the bar."""
    shapes = anatomy(view.results, view.time)
    plotter, bars, core_shows = build_overview(view, shapes)
    try:
        metres_per_pixel = _aim(plotter, view, shapes)
        picture = plotter.screenshot(None, return_img=True)
    finally:
        plotter.close()
    figure = sheet(view, picture)
    draw_heading(figure, view)
    draw_bars(figure, view, bars)
    draw_scale_bar(figure, view, metres_per_pixel=metres_per_pixel, corner=(0.035, 0.045))
    draw_axes(figure, view, axes=np.array(_basis(view)[:2]).T, centre=(0.055, 0.108))
    if core_shows:
        draw_key(figure, view, text=shapes.core_name, colour=view.theme.necrosis, corner=(0.855, 0.045))
    return pixels(figure)


def build_overview(view: View, shapes: Anatomy) -> "tuple[Plotter, list[Bar], bool]":
    """The 3D scene before it is drawn, its colour bars, and whether the necrotic core shows."""
    import pyvista

    plotter = pyvista.Plotter(off_screen=True, window_size=list(view.size), lighting="none")
    plotter.set_background(view.theme.background, top=view.theme.top)  # type: ignore[arg-type]
    plotter.enable_anti_aliasing("ssaa")
    plotter.enable_depth_peeling(number_of_peels=8)  # type: ignore[call-arg]
    pressure = _add_vessels(plotter, view, shapes)
    if not shapes.fills_the_box:
        _add_shell(plotter, view, shapes)
    core_shows = _add_cut_faces(plotter, view, shapes)
    _add_box(plotter, view, shapes)
    _add_lights(plotter)
    if pressure is None:
        return plotter, [Bar(view.scale, (0.855, 0.2, 0.018, 0.5))], core_shows
    upper, lower = (0.855, 0.50, 0.018, 0.25), (0.855, 0.13, 0.018, 0.22)
    return plotter, [Bar(view.scale, upper), Bar(pressure, lower)], core_shows


def _add_shell(plotter: "Plotter", view: View, shapes: Anatomy) -> None:
    """The tumour's surface: solid, or of glass if there are vessels to see in it."""
    shell = surface(shapes)
    look: dict[str, Any] = {"smooth_shading": True, "specular_power": 14}
    if view.results.network is None:
        plotter.add_mesh(shell, color=view.theme.tissue, ambient=0.18, diffuse=0.82, specular=0.22, **look)
        return
    shell["glass"] = _glass(shell.point_normals, view)
    plotter.add_mesh(shell, scalars="glass", rgb=True, ambient=0.35, diffuse=0.65, specular=0.3, **look)


def _add_cut_faces(plotter: "Plotter", view: View, shapes: Anatomy) -> bool:
    """The field on the faces of the cut; return whether the core shows on them."""
    scale, core_shows = view.scale, False
    field = block_mean(values(view.results, view.field, view.time), shapes.factor) * scale.factor
    for face in cut_faces(shapes, field):
        if not face.n_cells:
            continue
        plotter.add_mesh(
            face,
            scalars="field",
            cmap=scale.colour_map,
            clim=(scale.low, scale.high),
            log_scale=scale.log,
            lighting=False,
            show_scalar_bar=False,
            copy_mesh=True,
        )
        rim = face.extract_feature_edges(
            boundary_edges=True, feature_edges=False, manifold_edges=False, non_manifold_edges=False
        )
        _add_line(plotter, view, rim, colour="white", width=2.2, opacity=0.6)
        core = face.contour([0.5], scalars="core")
        _add_line(plotter, view, core, colour=view.theme.necrosis, width=3.5)
        core_shows |= core.n_cells > 0
    return core_shows


def _glass(normals: np.ndarray, view: View) -> np.ndarray:
    """Colours (rgba) of a surface that is clear where it faces the viewer and dense at its outline."""
    from matplotlib.colors import to_rgb

    facing = np.abs(normals @ _basis(view)[2])
    alpha = _GLASS[0] + (_GLASS[1] - _GLASS[0]) * (1 - facing) ** 2
    colour = np.tile(to_rgb(view.theme.tissue), (len(alpha), 1))
    return np.round(np.column_stack([colour, alpha]) * 255).astype(np.uint8)


def _add_line(
    plotter: "Plotter", view: View, line: "PolyData", *, colour: str, width: float, opacity: float = 1.0
) -> None:
    """A line on a surface, lifted along the projection: it is not hidden, and shows where it was."""
    if not line.n_cells:
        return
    lifted = line.translate(_basis(view)[2] * line.length * 0.01, inplace=False)
    plotter.add_mesh(
        lifted,
        color=colour,
        line_width=width * view.size[1] / 1200,
        opacity=opacity,
        lighting=False,
        show_scalar_bar=False,
    )


def _add_vessels(plotter: "Plotter", view: View, shapes: Anatomy) -> ColourScale | None:
    """Add the network, if there is one, and return the scale of its pressures, if they are known."""
    network = view.results.network
    tubes = None if network is None else vessel_tubes(network, within=shapes.stage)
    if tubes is None:
        return None
    shine: dict[str, Any] = {"smooth_shading": True, "specular": 0.35, "specular_power": 18, "ambient": 0.2}
    if not np.isfinite(tubes["pressure"]).any():
        plotter.add_mesh(tubes, color=view.theme.unknown, **shine)
        return None
    scale = pressure_scale(tubes["pressure"])
    tubes["pressure"] = tubes["pressure"] * scale.factor
    plotter.add_mesh(
        tubes,
        scalars="pressure",
        cmap=scale.colour_map,
        clim=(scale.low, scale.high),
        nan_color=view.theme.unknown,
        show_scalar_bar=False,
        **shine,
    )
    return scale


def _add_box(plotter: "Plotter", view: View, shapes: Anatomy) -> None:
    """The edges of the stage, except the three that meet in front of it."""
    import pyvista

    corners = _corners(shapes)
    front = int(np.argmax(corners @ _basis(view)[2]))
    ends = [(n, n | 1 << axis) for n in range(8) for axis in range(3) if not n >> axis & 1]
    lines = np.array([(2, *pair) for pair in ends if front not in pair])
    edges = pyvista.PolyData(corners, lines=lines.ravel())
    plotter.add_mesh(
        edges, color=view.theme.faint, line_width=view.size[1] / 400, opacity=0.6, lighting=False
    )


def _corners(shapes: Anatomy) -> np.ndarray:
    """The eight corners of the stage (x, y, z), µm; bit k of the row tells low from high along axis k."""
    ends = [corner[::-1] * MICRON for corner in shapes.stage]
    return np.array([[ends[n >> axis & 1][axis] for axis in range(3)] for n in range(8)])


def _basis(view: View) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors (x, y, z) to the right and up in the picture, and towards the camera."""
    x, y, z = _DIRECTION / np.linalg.norm(_DIRECTION)
    angle = np.radians(view.azimuth)
    towards = np.array([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle), z])
    right = np.cross((0, 0, 1), towards)
    right /= np.linalg.norm(right)
    return right, np.cross(towards, right), towards


def _add_lights(plotter: "Plotter") -> None:
    import pyvista

    for position, intensity in _LIGHTS:
        plotter.add_light(pyvista.Light(position=position, intensity=intensity, light_type="camera light"))


def _aim(plotter: "Plotter", view: View, shapes: Anatomy) -> float:
    """Put the camera so that the stage fills its frame; return metres per pixel."""
    corners = _corners(shapes)
    right, up, towards = _basis(view)
    width, height = view.size
    across, along = corners @ right, corners @ up
    left, bottom, wide, tall = _FRAME
    scale = max(np.ptp(across) / (wide * width), np.ptp(along) / (tall * height))
    # the picture's centre lies beside the frame's: move the focus by the difference
    shift = right * (0.5 - left - wide / 2) * width * scale + up * (0.5 - bottom - tall / 2) * height * scale
    middle = corners.mean(axis=0)
    centre = middle + right * ((across.max() + across.min()) / 2 - middle @ right)
    centre = centre + up * ((along.max() + along.min()) / 2 - middle @ up) + shift
    camera = plotter.camera
    camera.focal_point, camera.up = centre, (0, 0, 1)
    camera.position = centre + towards * 4 * np.linalg.norm(np.ptp(corners, axis=0))
    camera.enable_parallel_projection()
    camera.parallel_scale = scale * height / 2
    plotter.renderer.ResetCameraClippingRange()
    return float(scale / MICRON)
