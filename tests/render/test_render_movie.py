"""A film shows the outputs in their order on one scale, and goes round as often as it says."""

import gc
import sys
from dataclasses import replace

import numpy as np
import pytest

from tumorsim.errors import ConfigError, StorageError
from tumorsim.render.movie import film, render_movie
from tumorsim.render.scene import SCENES
from tumorsim.render.view import Look

SLICES = Look(scene="slices", size=(300, 200))


def frames_of(path):
    from PIL import Image, ImageSequence

    with Image.open(path) as gif:
        return [np.array(frame.convert("RGB")).astype(int) for frame in ImageSequence.Iterator(gif)]


@pytest.mark.parametrize("scene", ["slices", "overview"])
def test_a_gif_has_a_frame_for_every_output_and_brightens_with_the_agent(sphere, tmp_path, scene):
    seen = []
    out = render_movie(
        sphere,
        out=tmp_path / "new" / "a.gif",
        look=replace(SLICES, scene=scene),
        progress=lambda *done: seen.append(done),
    )
    early, late = frames_of(out)
    assert early.shape == (200, 300, 3)
    assert early[50:150, 20:240].sum() < late[50:150, 20:240].sum()
    assert seen == [(1, 2), (2, 2)]
    assert [path.name for path in out.parent.iterdir()] == ["a.gif"]


def test_the_colours_of_a_gif_are_nearly_those_of_the_picture(sphere, tmp_path):
    view = film(sphere, SLICES, other=None, orbit=False, frames=None)[-1]
    picture = SCENES["slices"].picture(view).astype(int)
    found = frames_of(render_movie(sphere, out=tmp_path / "a.gif", look=SLICES))[-1]
    assert np.abs(found - picture).mean() < 4  # 256 colours for all


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_mp4_has_all_frames(sphere, tmp_path):
    """imageio-ffmpeg leaves the pipes of its child to the garbage collector."""
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")
    out = render_movie(sphere, out=tmp_path / "a.mp4", look=SLICES, fps=4)
    reader = imageio_ffmpeg.read_frames(str(out))
    facts = next(reader)
    assert facts["size"] == (300, 200) and facts["fps"] == 4
    assert len(list(reader)) == 2
    del reader
    gc.collect()


def test_all_frames_share_one_scale(sphere):
    early, late = film(sphere, SLICES, other=None, orbit=False, frames=None)
    assert (early.time, late.time) == sphere.times
    assert early.scale == late.scale


def test_an_orbit_is_one_turn_at_one_size(sphere):
    views = film(sphere, Look(), other=None, orbit=True, frames=8)
    assert [view.azimuth for view in views] == [45.0 * n for n in range(8)]
    assert all(view.turning for view in views)
    assert {view.time for view in views} == set(sphere.times)
    still = film(sphere, Look(time="24 h"), other=None, orbit=True, frames=3)
    assert {view.time for view in still} == {86400.0}


def test_there_are_no_more_frames_than_outputs(sphere):
    with pytest.raises(ConfigError, match="2 outputs"):
        film(sphere, Look(), other=None, orbit=False, frames=3)


def test_what_an_mp4_needs_is_told(sphere, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(ConfigError, match=r"tumorsim\[movie\]"):
        render_movie(sphere, out=tmp_path / "a.mp4", look=SLICES)
    with pytest.raises(ConfigError, match=r"\.mp4 or \.gif"):
        render_movie(sphere, out=tmp_path / "a.avi", look=SLICES)


def test_a_film_that_cannot_be_written_is_a_storage_error(sphere, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write the film"):
        render_movie(sphere, out=tmp_path / "file" / "a.gif", look=SLICES)
