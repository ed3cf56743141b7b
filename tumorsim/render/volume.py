"""The delivery scene: the agent as a luminous cloud, and the vessels that it came from."""

from typing import TYPE_CHECKING

import numpy as np

from tumorsim.grid import Grid
from tumorsim.render.anatomy import MICRON, Anatomy, block_mean, image_of
from tumorsim.render.overview import shown_values
from tumorsim.render.stage import Furnished, add_box, add_vessels
from tumorsim.render.view import View

if TYPE_CHECKING:
    from pyvista import ImageData, Plotter

_FINEST = 128
"""[D]: voxels of the cloud along its longest edge: rays through more cost minutes on a processor."""
_DENSITY = 4.0
"""[D]: optical depth of the highest value over the longest edge of the stage."""
_RAMP = 1.5
"""[D]: opacity rises with this power of the value, so that little does not hide much."""


def furnish_volume(plotter: "Plotter", view: View, shapes: Anatomy) -> Furnished:
    """Colours add up along a line of sight: the bar tells the colour of a place, the cloud shows where it is."""
    vessels = add_vessels(plotter, view, shapes)
    ramp = np.linspace(0, 1, 256) ** _RAMP
    plotter.add_volume(
        _cloud(view, shapes),
        scalars="field",
        cmap=view.scale.colour_map,
        clim=(view.scale.low, view.scale.high),
        log_scale=view.scale.log,
        opacity=255 * (1 - np.exp(-_DENSITY * ramp)),
        opacity_unit_distance=float(np.subtract(*shapes.stage[::-1]).max()) * MICRON,
        shade=False,
        show_scalar_bar=False,
        render=False,
        mapper="fixed_point",
    )
    add_box(plotter, view, shapes)
    return Furnished((view.scale,) if vessels is None else (view.scale, vessels))


def _cloud(view: View, shapes: Anatomy) -> "ImageData":
    """The field within the stage, in the unit shown, coarse enough for rays."""
    grid = shapes.grid
    first, last = (np.round((end - grid.origin) / grid.spacing).astype(int) for end in shapes.stage)
    part = shown_values(view, shapes)[tuple(map(slice, first, np.maximum(last, first + 1)))]
    factor = -(-max(part.shape) // _FINEST)
    coarse = block_mean(part, factor)
    dz, dy, dx = (h * factor for h in grid.spacing)
    z, y, x = grid.origin + first * np.array(grid.spacing)
    nz, ny, nx = coarse.shape
    return image_of(Grid((nz, ny, nx), (dz, dy, dx), (z, y, x)), {"field": coarse}, lower=(0, 0, 0))
