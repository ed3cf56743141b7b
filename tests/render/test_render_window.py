"""A scene to turn by hand, at any output; where it cannot be shown, the cure is told; a page is for one machine."""

import asyncio
import gc
import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from urllib.request import urlopen

import numpy as np
import pytest

from tumorsim.errors import ConfigError, RenderError
from tumorsim.render.probe import headless
from tumorsim.render.scene import view_of
from tumorsim.render.view import Look
from tumorsim.render.window import Course, has_screen, open_window, serve, steer

SMALL = Look(size=(300, 200), same_scale=True)


@contextmanager
def staged(results, look=SMALL):
    with headless():
        course = Course(view_of(results, look), off_screen=True)
        yield course
        course.plotter.close()


def picture(course):
    course.plotter.screenshot(None, return_img=True)  # the first one sets the plotter up
    course.plotter.render()
    return course.plotter.screenshot(None, return_img=True)


@pytest.mark.skipif(sys.platform != "linux", reason="only there a window needs DISPLAY")
def test_without_a_screen_the_browser_is_named(sphere, monkeypatch):
    assert has_screen({"DISPLAY": ":0"})
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(RenderError, match="--web"):
        open_window(sphere, SMALL)


def test_a_flat_scene_cannot_be_turned(sphere):
    with pytest.raises(ConfigError, match="overview, pressure, velocity, delivery, dose"):
        open_window(sphere, Look(scene="slices"))


def test_what_a_page_needs_is_told(sphere, monkeypatch):
    monkeypatch.setitem(sys.modules, "trame.app", None)
    with pytest.raises(ConfigError, match=r"tumorsim\[web\]"):
        serve(sphere, SMALL)


def test_the_stage_has_its_bars(with_vessels):
    with staged(with_vessels) as course:
        titles = list(course.plotter.scalar_bars.keys())
    assert titles == ["Doxil free in\nthe interstitium\n[%ID/g]", "blood pressure\n[mmHg]"]


def test_a_page_is_served_to_this_machine_alone(stored):
    pytest.importorskip("trame_pyvista")
    command = (sys.executable, "-m", "tumorsim", "view", str(stored.path), "--web", "--port", "0")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
        try:
            said = child.stderr.readline()
            address = re.search(r"http://127\.0\.0\.1:[1-9][0-9]*/", said)
            assert address, said + child.stderr.read()
            with urlopen(address.group(), timeout=10) as page:
                assert page.status == 200 and b"<html" in page.read()
        finally:
            child.terminate()


@pytest.mark.parametrize("scene", ["overview", "delivery"])
def test_a_scene_goes_through_the_outputs_and_the_camera_stays(with_vessels, scene):
    """There and back it is the same picture, in the same colours: the agent comes with time."""
    with staged(with_vessels, replace(SMALL, scene=scene)) as course:
        course.plotter.camera.azimuth = 20.0
        course.plotter.renderer.ResetCameraClippingRange()  # as a hand does
        seen, scale = course.plotter.camera_position, course.view.scale
        late = picture(course)
        assert course.go(0) and course.heading == ("A sphere", "1 h")
        early = picture(course)
        assert course.go(1) and course.heading == ("A sphere", "24 h")
        again = picture(course)
        assert course.plotter.camera_position == seen and course.view.scale == scale
        assert list(course.plotter.scalar_bars.keys())[1] == "blood pressure\n[mmHg]"
    assert len(np.unique(early.reshape(-1, 3), axis=0)) > 500
    assert (early != late).any(axis=-1).mean() > 0.02
    assert (again == late).all()


def test_there_is_nothing_beyond_the_first_and_the_last_output(sphere):
    with staged(sphere) as course:
        assert course.step == course.last == 1
        assert not course.go(7) and not course.go(1.4) and course.go(-3) and course.step == 0
    with staged(replace(sphere, times=(1.0,), steady=True)) as course:
        assert not course.last and not course.go(1) and steer(course) is None
        assert course.heading == ("A sphere", "steady state")


def test_a_dose_has_no_course(sphere, wish):
    shown, _ = wish(sphere, "dose")
    with staged(shown, replace(SMALL, scene="dose")) as course:
        assert not course.last and course.heading == ("A sphere",)


def test_moves_leave_nothing_behind(with_vessels):
    """As many actors and meshes as after the first moves there and back."""
    import pyvista

    def held():
        gc.collect()
        return len(course.plotter.actors), sum(isinstance(o, pyvista.DataSet) for o in gc.get_objects())

    with staged(with_vessels) as course:
        found = [(course.go(0), course.go(1), held())[-1] for _ in range(4)]
    assert len(set(found)) == 1


def test_the_slider_and_the_keys_go_through_the_outputs(sphere):
    with staged(sphere) as course:
        slider = steer(course)
        handle = slider.GetRepresentation()
        assert handle.GetValue() == 1
        handle.SetValue(0.3)
        slider.InvokeEvent("EndInteractionEvent")
        assert (course.step, handle.GetValue()) == (0, 0)
        assert course.plotter.renderer.HasViewProp(handle)
        press(course, "Right")
        assert (course.step, handle.GetValue()) == (1, 1)
        press(course, "Left")
        assert (course.step, handle.GetValue()) == (0, 0)


def press(course, key):
    keyboard = course.plotter.iren.interactor
    keyboard.SetKeySym(key)
    keyboard.InvokeEvent("KeyPressEvent")


def test_the_slider_of_a_page_goes_through_the_outputs(stored, monkeypatch):
    """It tells the time of what it draws."""
    pytest.importorskip("trame_pyvista")
    from trame.app import get_server

    server, told = get_server(client_type="vue3"), []

    async def moves():
        server.state.ready()
        for step in (0, 1, 0):
            with server.state:
                server.state.step = step
            await asyncio.sleep(0.05)
            told.append(server.state.moment)

    monkeypatch.setenv("TRAME_ARGS", "")  # which is set for the process
    monkeypatch.setattr(type(server), "start", lambda *_, **__: asyncio.run(moves()))
    serve(stored, SMALL)
    assert told == ["1 h", "24 h", "1 h"]
