"""The default scene: the tumour opened towards the viewer, the agent on the cut faces, and the vessels."""

from typing import TYPE_CHECKING

import numpy as np

from tumorsim.render.anatomy import Anatomy, block_mean, cut_faces, edges_of
from tumorsim.render.colour_scale import values
from tumorsim.render.stage import Furnished, add_box, add_coloured, add_line, add_shell, add_vessels
from tumorsim.render.view import View

if TYPE_CHECKING:
    from pyvista import Plotter, PolyData


def furnish_overview(plotter: "Plotter", view: View, shapes: Anatomy) -> Furnished:
    """The cut faces are unlit, so that their colours match the bar."""
    vessels = add_vessels(plotter, view, shapes)
    add_shell(plotter, view, shapes, glass=view.results.network is not None)
    core_shows = add_cut_faces(plotter, view, shapes)
    add_box(plotter, view, shapes)
    return Furnished((view.scale,) if vessels is None else (view.scale, vessels), core_shows)


def furnish_levels(plotter: "Plotter", view: View, shapes: Anatomy) -> Furnished:
    """The overview with lines of equal value at the ticks of the colour bar."""
    furnished = furnish_overview(plotter, view, shapes)
    for face in cut_faces(shapes, shown_values(view, shapes)):
        add_levels(plotter, view, face)
    return furnished


def add_levels(plotter: "Plotter", view: View, face: "PolyData") -> None:
    """Lines of equal value on a face that carries ``field``."""
    levels = [level for level in view.scale.ticks if view.scale.low < level < view.scale.high]
    if face.n_cells and levels:
        lines = face.contour(levels, scalars="field")
        add_line(plotter, view, lines, colour="white", width=1.6, opacity=0.75)


def shown_values(view: View, shapes: Anatomy) -> np.ndarray:
    """The field on the grid drawn, in the unit shown."""
    return block_mean(values(view.results, view.field, view.time), shapes.factor) * view.scale.factor


def add_cut_faces(plotter: "Plotter", view: View, shapes: Anatomy) -> bool:
    """The field on the faces of the cut; return whether the core shows on them."""
    core_shows = False
    for face in cut_faces(shapes, shown_values(view, shapes)):
        if not face.n_cells:
            continue
        add_coloured(plotter, face, view.scale)
        add_line(plotter, view, edges_of(face), colour="white", width=2.2, opacity=0.6)
        core = face.contour([0.5], scalars="core")
        add_line(plotter, view, core, colour=view.theme.necrosis, width=3.5)
        core_shows |= core.n_cells > 0
    return core_shows
