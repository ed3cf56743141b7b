"""A picture shows what is in the result, and a wrong wish is answered before anything is drawn."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.image import imread

from tumorsim.errors import ConfigError, RenderError, StorageError
from tumorsim.render import SCENES, draw_scene, render_scene
from tumorsim.render import scene as scene_module

SMALL = (400, 300)
"""px; enough to see every element, and a render takes about 0.2 s."""


def share(picture, colour, *, tolerance=2):
    """Share of the pixels that have a colour (0 to 255), to within rounding in the renderer."""
    return (np.abs(picture.astype(int) - colour).max(axis=-1) <= tolerance).mean()


def mapped(position):
    from tumorsim.render.colour_scale import ColourScale

    colours = ColourScale("", "", 1.0, 0.0, 1.0).colour_map
    return np.round(np.array(colours(position)[:3]) * 255).astype(int)


@pytest.mark.parametrize("background", ["dark", "light"])
@pytest.mark.parametrize("scene", SCENES)
def test_every_scene_writes_a_picture_that_is_not_blank(sphere, tmp_path, scene, background):
    out = render_scene(sphere, scene=scene, out=tmp_path / "new" / "a.png", size=SMALL, background=background)
    picture = np.round(imread(out)[..., :3] * 255).astype(np.uint8)
    assert picture.shape == (300, 400, 3)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 500
    assert (picture[0, 0].mean() < 80) == (background == "dark")
    assert [path.name for path in out.parent.iterdir()] == ["a.png"]


@pytest.mark.parametrize("scene", SCENES)
def test_a_uniform_concentration_has_the_colour_that_the_bar_gives_it(sphere, scene):
    """Half of the scale everywhere: the middle of the map covers the cut, unshaded."""
    even = sphere.with_field("free", np.ones(sphere.grid.shape))
    picture = draw_scene(even, scene=scene, size=SMALL, limits=(0.0, 2.0))
    assert share(picture, mapped(0.5)) > 0.06
    picture = draw_scene(even, scene=scene, size=SMALL, limits=(0.1, 10.0), log=True)
    assert share(picture, mapped(0.5)) > 0.06


@pytest.mark.parametrize("scene", SCENES)
def test_twice_the_concentration_looks_different_at_a_fixed_scale_only(sphere, scene):
    twice = sphere.with_field("free", 2 * sphere.arrays["free"])
    fixed = [draw_scene(r, scene=scene, size=SMALL, limits=(0.0, 3.0)) for r in (sphere, twice)]
    assert (fixed[0] != fixed[1]).any(axis=-1).mean() > 0.05
    own = [draw_scene(r, scene=scene, size=SMALL) for r in (sphere, twice)]
    tissue = np.s_[70:270, :330]
    assert np.abs(own[0][tissue].astype(int) - own[1][tissue]).mean() < 1  # the scale's end is rounded


@pytest.mark.parametrize("scene", SCENES)
def test_a_colour_bar_is_in_the_picture(sphere, scene):
    """A column right of the tissue runs through the whole map, from high at the top to low at the bottom."""
    nothing = sphere.with_field("free", np.zeros(sphere.grid.shape))
    picture = draw_scene(nothing, scene=scene, size=(800, 600)).astype(int)
    right = picture[:, int(800 * 0.855) :]
    found = [
        np.flatnonzero((np.abs(right - mapped(p)).max(axis=-1) <= 6).any(axis=1)) for p in (0.9, 0.5, 0.1)
    ]
    rows = [np.median(hits) for hits in found]
    assert rows[0] < rows[1] < rows[2]


def test_the_scale_bar_has_its_length(sphere):
    """Slices: the three boxes are 3.0, 3.0 and 2.8 mm wide, so the bar can be measured against them."""
    picture = draw_scene(sphere, scene="slices", size=(1800, 800), background="light").astype(int)
    text = np.abs(picture - (0x14, 0x18, 0x1F)).max(axis=-1) < 8
    below = text[740:]  # where only the scale bar is this long
    longest = below.sum(axis=1).max()
    pixels_per_mm = (0.79 - 2 * 0.02) * 1800 / (3.0 + 3.0 + 2.8)
    assert longest == pytest.approx(1.0 * pixels_per_mm, abs=3)  # 1 mm; its ends fall between pixels


def test_vessels_bring_their_own_colours_and_bar(sphere, with_vessels):
    plain, vessels = (draw_scene(r, size=SMALL) for r in (sphere, with_vessels))

    def blue(picture):
        red, green, blue = picture.astype(int).transpose(2, 0, 1)
        return ((blue > red + 60) & (green > red + 20)).mean()

    assert blue(plain) < 1e-3 < 1e-2 < blue(vessels)


def test_vessels_of_unknown_pressure_are_drawn_without_a_bar(with_vessels):
    unknown = replace(with_vessels, network=replace(with_vessels.network, pressure=None))
    bare = replace(with_vessels, network=None)
    assert (draw_scene(unknown, size=SMALL) != draw_scene(bare, size=SMALL)).any()


def test_the_camera_turns(sphere):
    front, turned = (draw_scene(sphere, size=SMALL, azimuth=a) for a in (0.0, 60.0))
    assert (front[70:, :330] != turned[70:, :330]).any(axis=-1).mean() > 0.1


def test_early_times_are_dark_on_the_scale_of_all_times(sphere):
    own = draw_scene(sphere, time="1 h", size=SMALL)
    same = draw_scene(sphere, time="1 h", size=SMALL, same_scale=True)
    assert same[100:250, 80:250].mean() < 0.8 * own[100:250, 80:250].mean()


@pytest.mark.parametrize("shape", [(1, 12, 14), (12, 1, 1), (2, 3, 4), (1, 1, 1)])
@pytest.mark.parametrize("scene", SCENES)
def test_flat_and_tiny_volumes_can_be_drawn(made, shape, scene):
    picture = draw_scene(made(np.ones(shape)), scene=scene, size=SMALL)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 100


def test_all_wrong_wishes_are_told_at_once(sphere):
    with pytest.raises(ConfigError) as caught:
        draw_scene(
            sphere, scene="overvew", background="pink", field="region", size=(10, 10), limits=(2.0, 1.0)
        )
    assert {problem.key for problem in caught.value.problems} == {
        "scene",
        "background",
        "field",
        "size",
        "limits",
    }
    assert "overview, slices" in str(caught.value)


def test_a_logarithmic_scale_cannot_start_at_zero(sphere):
    with pytest.raises(ConfigError, match="logarithmic"):
        draw_scene(sphere, limits=(0.0, 1.0), log=True)


def test_no_picture_is_left_where_nothing_can_be_drawn(sphere, tmp_path, monkeypatch):
    def broken():
        raise RenderError("no EGL")

    monkeypatch.setattr(scene_module, "probe_renderer", broken)
    with pytest.raises(RenderError):
        render_scene(sphere, out=tmp_path / "a.png", size=SMALL)
    assert not list(tmp_path.iterdir())
    assert render_scene(
        sphere, scene="slices", out=tmp_path / "b.png", size=SMALL
    ).exists()  # needs no renderer


def test_a_picture_is_a_png(sphere, tmp_path):
    with pytest.raises(ConfigError, match=r"end in \.png"):
        render_scene(sphere, out=tmp_path / "a.jpg")


def test_a_picture_that_cannot_be_written_is_a_storage_error(sphere, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write the picture"):
        render_scene(sphere, scene="slices", out=tmp_path / "file" / "a.png", size=SMALL)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(StorageError):
        render_scene(sphere, scene="slices", out=tmp_path / "folder.png", size=SMALL)
    assert {path.name for path in tmp_path.iterdir()} == {"file", "folder.png"}
