"""A picture shows what is in the result, and a wrong wish is answered before anything is drawn."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.image import imread

from tumorsim.cli.scenes import SCENE_NAMES
from tumorsim.errors import ConfigError, RenderError, StorageError
from tumorsim.readouts.nifti import write_nifti
from tumorsim.render import SCENES, draw_scene, render_scene
from tumorsim.render import scene as scene_module
from tumorsim.render.derived import with_map
from tumorsim.render.scene import view_of
from tumorsim.render.view import Look, read_look

SMALL = (400, 300)
"""px; enough to see every element, and a render takes about 0.2 s."""


def share(picture, colour, *, tolerance=2):
    """Share of the pixels that have a colour (0 to 255), to within rounding in the renderer."""
    return (np.abs(picture.astype(int) - colour).max(axis=-1) <= tolerance).mean()


def mapped(position):
    from tumorsim.render.colour_scale import ColourScale

    colours = ColourScale("", "", 1.0, 0.0, 1.0).colour_map
    return np.round(np.array(colours(position)[:3]) * 255).astype(int)


@pytest.mark.parametrize("scene", SCENES)
def test_every_scene_writes_a_picture_that_is_not_blank(sphere, wish, tmp_path, scene):
    """On white and on black."""
    shown, more = wish(sphere, scene)
    for background in ("dark", "light"):
        out = render_scene(shown, out=tmp_path / "new" / "a.png", size=SMALL, background=background, **more)
        picture = np.round(imread(out)[..., :3] * 255).astype(np.uint8)
        assert picture.shape == (300, 400, 3)
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 500
        assert (picture[0, 0].mean() < 80) == (background == "dark")
        assert [path.name for path in out.parent.iterdir()] == ["a.png"]


@pytest.mark.parametrize("scene", ["overview", "slices", "pressure", "dose", "penetration"])
def test_a_uniform_concentration_has_the_colour_that_the_bar_gives_it(sphere, wish, scene):
    """Half of the scale everywhere: the middle of the map covers the cut, unshaded."""
    even, more = wish(sphere.with_field("free", np.ones(sphere.grid.shape)), scene)
    picture = draw_scene(even, field="free", size=SMALL, limits=(0.0, 2.0), **more)
    assert share(picture, mapped(0.5)) > 0.06
    picture = draw_scene(even, field="free", size=SMALL, limits=(0.1, 10.0), log=True, **more)
    assert share(picture, mapped(0.5)) > 0.06


@pytest.mark.parametrize("scene", SCENES)
def test_twice_the_concentration_looks_different_at_a_fixed_scale_only(sphere, wish, scene):
    """Twice the field that the scene shows: pressure, velocity, dose. A scale of its own is twice as high."""
    limits = {"pressure": (0.0, 20.0), "velocity": (0.01, 3.0)}.get(scene, (0.0, 3.0))
    cases = [wish(r, scene) for r in (sphere, sphere.twice())]
    fixed = [draw_scene(shown, size=SMALL, limits=limits, **more) for shown, more in cases]
    assert (fixed[0] != fixed[1]).any(axis=-1).mean() > 0.02  # streamlines are thin
    own = [draw_scene(shown, size=SMALL, **more) for shown, more in cases]
    tissue = np.s_[70:270, :170] if scene == "penetration" else np.s_[70:270, :330]
    # the scale's end is rounded to 1 % of it or less, and so are the colours
    assert np.abs(own[0][tissue].astype(int) - own[1][tissue]).mean() < 2.5


@pytest.mark.parametrize("scene", SCENES)
def test_a_colour_bar_is_in_the_picture(sphere, wish, scene):
    """A column right of the tissue runs through the whole map, from high at the top to low at the bottom."""
    shown, more = wish(sphere.with_field("free", np.zeros(sphere.grid.shape)), scene)
    colours = view_of(shown, Look(scene=scene)).scale.colour_map
    picture = draw_scene(shown, size=(800, 600), **more).astype(int)
    left = 0.45 if scene == "penetration" else 0.855
    right = picture[:, int(800 * left) : int(800 * (left + 0.03))]
    wanted = [np.round(np.array(colours(p)[:3]) * 255) for p in (0.9, 0.5, 0.1)]
    found = [np.flatnonzero((np.abs(right - colour).max(axis=-1) <= 6).any(axis=1)) for colour in wanted]
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

    assert blue(plain) < 1e-3 < 5e-3 < blue(vessels)


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


@pytest.mark.parametrize("shape", [(1, 12, 14), (12, 1, 1), (1, 1, 1)])
@pytest.mark.parametrize("scene", SCENES)
def test_flat_and_tiny_volumes_can_be_drawn(made, wish, shape, scene):
    shown, more = wish(made(np.ones(shape)), scene)
    if scene == "penetration":
        with pytest.raises(ConfigError, match="neither a vessel network nor a tumour with a rim"):
            draw_scene(shown, size=(200, 200), **more)
        return
    picture = draw_scene(shown, size=(200, 200), **more)
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


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"scene": "dose"}, "Name a nuclide"),
        ({"scene": "compare"}, "--with FILE"),
        ({"scene": "velocity", "field": "free"}, "it is no velocity"),
        ({"cut": (0.5, 2.0, 0.5)}, "0 to 1"),
        ({"zoom": 0.0}, "zoom"),
    ],
)
def test_what_a_scene_needs_is_told(sphere, wrong, said):
    with pytest.raises(ConfigError, match=said):
        draw_scene(sphere, size=SMALL, **wrong)


def test_a_cut_beyond_the_tumour_leaves_it_closed(sphere):
    """No concentration to see, only the surface."""
    even = sphere.with_field("free", np.ones(sphere.grid.shape))
    assert share(draw_scene(even, size=SMALL, limits=(0.0, 2.0), cut=(1.0, 0.0, 1.0)), mapped(0.5)) < 0.01


def test_the_middle_of_a_difference_is_nothing(sphere):
    """Equal results: the third slice is white."""
    picture = draw_scene(sphere, scene="compare", other=sphere, size=SMALL)
    assert share(picture[:, 200:330], (247, 247, 247), tolerance=4) > 0.2


def test_results_on_other_voxels_can_be_compared(sphere, made):
    fine = made(np.ones((52, 56, 60)))
    fine = replace(fine, grid=replace(fine.grid, spacing=(5e-5,) * 3))
    assert draw_scene(sphere, scene="compare", other=fine, size=SMALL).size
    small = made(np.ones((5, 5, 5)))
    with pytest.raises(ConfigError, match="does not cover"):
        draw_scene(sphere, scene="compare", other=small, size=SMALL)


def test_maps_come_from_files(sphere, tmp_path):
    dose = np.arange(sphere.arrays["free"].size, dtype=float).reshape(sphere.grid.shape)
    np.save(tmp_path / "dose.npy", dose)
    write_nifti(tmp_path / "dose.nii.gz", dose, sphere.grid, unit="Gy", meaning="dose")
    for name in ("dose.npy", "dose.nii.gz"):
        shown = with_map(sphere, tmp_path / name)
        assert (shown.field("dose") == dose).all() and shown.unit("dose") == "Gy"
    np.save(tmp_path / "other.npy", dose[1:])
    with pytest.raises(ConfigError, match="along x, y, z"):
        with_map(sphere, tmp_path / "other.npy")
    (tmp_path / "text.nii").write_text("no image")
    for name in ("absent.npy", "text.nii"):
        with pytest.raises(StorageError, match=name):
            with_map(sphere, tmp_path / name)


def test_a_look_comes_from_a_file(tmp_path):
    (tmp_path / "a.toml").write_text('scene = "slices"\nsize = [300, 200]\nlog = true\n')
    assert Look(**read_look(tmp_path / "a.toml")) == Look(scene="slices", size=(300, 200), log=True)
    (tmp_path / "b.toml").write_text("azimut = 3")
    with pytest.raises(ConfigError, match="azimuth"):
        read_look(tmp_path / "b.toml")


def test_the_command_line_knows_the_scenes():
    assert tuple(SCENE_NAMES.split(", ")) == tuple(SCENES)


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
