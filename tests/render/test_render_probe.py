"""A machine that cannot draw says so, and says what to install, without taking the process with it."""

import os
import subprocess
import sys

import pytest

from tumorsim.errors import RenderError
from tumorsim.render.probe import headless, headless_environment, probe_renderer


def child(script):
    return (sys.executable, "-c", script)


def test_this_machine_draws():
    probe_renderer()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (child("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"), "SIGSEGV"),
        (child("import sys; print('first'); sys.exit('no EGL here')"), "exit status 1 (no EGL here)"),
        (child("raise SystemExit(3)"), "exit status 3 (no message)"),
        (("/no/such/program",), "cannot be tried"),
    ],
)
def test_a_trial_that_dies_is_an_error_that_names_the_packages(command, said):
    with pytest.raises(RenderError) as caught:
        probe_renderer(command)
    assert said in str(caught.value)
    assert str(caught.value).endswith("apt-get install libegl1 libgl1-mesa-dri")
    assert caught.value.exit_status == 4


def test_a_trial_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr("tumorsim.render.probe._PATIENCE", 0.2)
    with pytest.raises(RenderError, match="does not answer"):
        probe_renderer(child("import time; time.sleep(30)"))


def test_success_is_remembered_and_failure_is_not(tmp_path):
    runs = tmp_path / "runs"
    good = child(f"open({str(runs)!r}, 'a').write('x')")
    probe_renderer(good)
    probe_renderer(good)
    assert runs.read_text() == "x"

    bad = child(f"open({str(runs)!r}, 'a').write('y'); raise SystemExit(1)")
    for _ in range(2):
        with pytest.raises(RenderError):
            probe_renderer(bad)
    assert runs.read_text() == "xyy"


@pytest.mark.skipif(sys.platform != "linux", reason="EGL is asked for on Linux only")
def test_egl_is_asked_for_only_without_a_display_and_against_nobodys_will():
    assert headless_environment({})["VTK_DEFAULT_OPENGL_WINDOW"] == "vtkEGLRenderWindow"
    assert "VTK_DEFAULT_OPENGL_WINDOW" not in headless_environment({"DISPLAY": ":0"})
    assert "VTK_DEFAULT_OPENGL_WINDOW" not in headless_environment({"VTK_DEFAULT_OPENGL_WINDOW": "other"})


def test_the_environment_is_as_before_afterwards():
    before = dict(os.environ)
    with pytest.raises(ZeroDivisionError), headless():
        assert os.environ["EGL_LOG_LEVEL"]
        raise ZeroDivisionError
    assert dict(os.environ) == before


def test_vtk_prints_nothing_while_it_draws():
    script = (
        "import pyvista\n"
        "from tumorsim.render.probe import headless\n"
        "with headless():\n"
        "    plotter = pyvista.Plotter(off_screen=True, window_size=[32, 32])\n"
        "    plotter.add_mesh(pyvista.Sphere())\n"
        "    plotter.screenshot(None, return_img=True)\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
    drawn = subprocess.run(child(script), capture_output=True, text=True, env=environment, check=True)
    assert drawn.stdout + drawn.stderr == ""
