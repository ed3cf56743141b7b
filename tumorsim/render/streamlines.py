"""The velocity scene: where the interstitial fluid goes from the tumour's rim, as tubes coloured by its speed."""

from typing import TYPE_CHECKING

import numpy as np

from tumorsim.render.anatomy import MICRON, Anatomy, block_mean, image_of, surface
from tumorsim.render.stage import Furnished, add_box, add_shell, add_vessels
from tumorsim.render.view import View

if TYPE_CHECKING:
    from pyvista import Plotter, PolyData

_LINES = 160
"""[D]: streamlines at most; more hide each other."""
_ARROWS = 70
"""[D]: arrow heads at most."""
_STEPS = 1000
"""[D]: of about a voxel; a line through the largest grid drawn takes 440."""
_STILL = 1e-3
"""[D]: share of the highest speed below which a line ends: it would turn around a sink."""
_SEED = 0
_THIN = 0.0022
"""[D]: radius of a tube as a share of the stage's diagonal."""


def furnish_streamlines(plotter: "Plotter", view: View, shapes: Anatomy) -> Furnished:
    """Lines through points on the rim, both ways, with arrow heads where they cross it."""
    vessels = add_vessels(plotter, view, shapes)
    add_shell(plotter, view, shapes, glass=True)
    add_box(plotter, view, shapes)
    lines, size = streamlines(view, shapes), _diagonal(shapes)
    if lines.n_cells:
        tubes = lines.tube(radius=_THIN * size, n_sides=6)
        _add_shaded(plotter, view, tubes)
        _add_shaded(plotter, view, _arrows(lines, size))
    return Furnished((view.scale,) if vessels is None else (view.scale, vessels))


def streamlines(view: View, shapes: Anatomy) -> "PolyData":
    """Streamlines in µm, with point data ``velocity`` and ``speed``, both in the unit shown."""
    import pyvista

    velocity = view.results.field(view.field, time=view.time)
    drawn = block_mean(velocity, shapes.factor) * view.scale.factor
    image = image_of(shapes.grid, {"velocity": drawn}, lower=(0, 0, 0))
    lines = image.streamlines_from_source(
        pyvista.PolyData(_seeds(shapes)),
        vectors="velocity",
        integration_direction="both",
        initial_step_length=1.0,
        max_length=2 * _diagonal(shapes),
        max_steps=_STEPS,
        terminal_speed=_STILL * float(np.linalg.norm(drawn, axis=-1).max()),
    )
    if lines.n_points:
        lines["speed"] = np.linalg.norm(lines["velocity"], axis=-1)
    return lines


def _seeds(shapes: Anatomy) -> np.ndarray:
    """Points (x, y, z) in µm on the tumour's rim, or throughout a box that is all tumour; always the same ones."""
    random = np.random.default_rng(_SEED)
    if not shapes.fills_the_box:
        rim = np.asarray(surface(shapes).points)
        if len(rim):
            return rim[random.choice(len(rim), min(_LINES, len(rim)), replace=False)]
    low, high = (corner[::-1] * MICRON for corner in shapes.stage)
    return low + (high - low) * random.random((_LINES, 3))


def _arrows(lines: "PolyData", size: float) -> "PolyData":
    """Cones along the flow in the middle of some of the lines."""
    import pyvista

    offsets, ids = (
        pyvista.convert_array(array)
        for array in (lines.GetLines().GetOffsetsArray(), lines.GetLines().GetConnectivityArray())
    )
    middles = ids[(offsets[:-1] + offsets[1:]) // 2]
    chosen = middles[:: -(-len(middles) // _ARROWS)]
    points = pyvista.PolyData(np.asarray(lines.points)[chosen])
    points["velocity"], points["speed"] = lines["velocity"][chosen], lines["speed"][chosen]
    cone = pyvista.Cone(height=9 * _THIN * size, radius=3 * _THIN * size, resolution=12)
    return points.glyph(orient="velocity", scale=False, geom=cone)


def _add_shaded(plotter: "Plotter", view: View, mesh: "PolyData") -> None:
    scale = view.scale
    plotter.add_mesh(
        mesh,
        scalars="speed",
        cmap=scale.colour_map,
        clim=(scale.low, scale.high),
        log_scale=scale.log,
        show_scalar_bar=False,
        render=False,
        smooth_shading=True,
        ambient=0.55,
        diffuse=0.5,
    )


def _diagonal(shapes: Anatomy) -> float:
    """Of the stage, µm."""
    return float(np.linalg.norm(np.subtract(*shapes.stage))) * MICRON
