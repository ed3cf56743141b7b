"""A scene to turn by hand: where it cannot be shown, the cure is told; a page is served to this machine alone."""

import re
import subprocess
import sys
from urllib.request import urlopen

import pytest

from tumorsim.errors import ConfigError, RenderError
from tumorsim.render.probe import headless
from tumorsim.render.scene import view_of
from tumorsim.render.view import Look
from tumorsim.render.window import furnished_plotter, has_screen, open_window, serve

SMALL = Look(size=(300, 200))


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
    with headless():
        plotter = furnished_plotter(view_of(with_vessels, SMALL), off_screen=True)
        titles = list(plotter.scalar_bars.keys())
        plotter.close()
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
