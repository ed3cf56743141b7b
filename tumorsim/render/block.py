"""The pressure scene: the whole box as a block without an octant, with lines of equal value and the tumour's rim."""

from typing import TYPE_CHECKING

from tumorsim.render.anatomy import CUT_FACES, Anatomy, block_faces, edges_of
from tumorsim.render.overview import add_levels, shown_values
from tumorsim.render.stage import Furnished, add_box, add_coloured, add_line, add_vessels
from tumorsim.render.view import View

if TYPE_CHECKING:
    from pyvista import Plotter


def furnish_block(plotter: "Plotter", view: View, shapes: Anatomy) -> Furnished:
    """The field on all faces of the block; the tumour's outline is white, that of its core coloured."""
    vessels, core_shows = add_vessels(plotter, view, shapes), False
    for number, face in enumerate(block_faces(shapes, shown_values(view, shapes))):
        add_coloured(plotter, face, view.scale)
        if not face.n_cells:
            continue
        if number < CUT_FACES:
            add_line(plotter, view, edges_of(face), colour="white", width=1.6, opacity=0.5)
        add_levels(plotter, view, face)
        outline = face.contour([0.5], scalars="solid")
        add_line(plotter, view, outline, colour="white", width=3.0)
        core = face.contour([0.5], scalars="core")
        add_line(plotter, view, core, colour=view.theme.necrosis, width=3.0)
        core_shows |= core.n_cells > 0
    add_box(plotter, view, shapes)
    return Furnished((view.scale,) if vessels is None else (view.scale, vessels), core_shows)
