"""Pictures of a result. Reads files only; draws without a display."""

from tumorsim.render.scene import SCENES, draw_scene, render_scene
from tumorsim.render.view import Look

__all__ = ["SCENES", "Look", "draw_scene", "render_scene"]
