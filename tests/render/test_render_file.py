"""A picture of a file is the picture of what was written to it."""

import pytest

from tumorsim.render import SCENES, draw_scene


@pytest.mark.parametrize("scene", [name for name in SCENES if name not in ("compare", "dose")])
@pytest.mark.parametrize("time", ["1 h", None])
def test_a_file_and_its_contents_give_the_same_picture(stored, with_vessels, scene, time):
    wish = {"scene": scene, "time": time, "size": (200, 200)}
    same = draw_scene(stored, **wish) == draw_scene(with_vessels, **wish)
    assert same.all()
