"""Pictures of a result. Reads files only; draws without a display."""

from tumorsim.render.scene import SCENES, draw_scene, render_scene

__all__ = ["SCENES", "draw_scene", "render_scene"]
