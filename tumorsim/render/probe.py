"""Does this machine draw at all? Asked in a child process, for VTK answers "no" with a segmentation fault.

VTK's wheel brings no OpenGL of its own. On a bare Debian the first render ends the process until ``libegl1``
(the EGL library) and ``libgl1-mesa-dri`` (the software rasteriser) are installed; nothing else is needed,
neither libgl1 nor libxrender1 nor an X server.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tumorsim.errors import RenderError

_CURE = "Install the drawing libraries: apt-get install libegl1 libgl1-mesa-dri"
_PATIENCE = 120.0
"""s [D]; a cold start of VTK from a network file system takes some tens of seconds."""


def headless_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What ``environment`` lacks for VTK to go to EGL at once where there is no display, and quietly."""
    wanted = {"EGL_LOG_LEVEL": "fatal"}
    if sys.platform == "linux" and not environment.get("DISPLAY"):
        wanted["VTK_DEFAULT_OPENGL_WINDOW"] = "vtkEGLRenderWindow"
    return {name: value for name, value in wanted.items() if name not in environment}


@contextmanager
def headless() -> Iterator[None]:
    """While inside, VTK draws through EGL where there is no display, and keeps its warnings to itself."""
    import pyvista

    added = headless_environment(os.environ)
    os.environ.update(added)
    try:
        with pyvista.vtk_verbosity("off"):
            yield
    finally:
        for name in added:
            os.environ.pop(name, None)


_TRIAL = (sys.executable, "-P", str(Path(__file__).with_name("trial.py")))


@cache
def probe_renderer(command: tuple[str, ...] = _TRIAL) -> None:
    """Return if ``command``, by default a tiny off-screen render in a child process, succeeds.

    A success is remembered for the life of the process, a failure is not. Raises RenderError, which names the
    packages to install, when the child dies, fails or hangs.
    """
    environment = {**os.environ, **headless_environment(os.environ)}
    try:
        child = subprocess.run(
            command, env=environment, capture_output=True, text=True, errors="replace", timeout=_PATIENCE
        )
    except subprocess.TimeoutExpired:
        raise RenderError(f"3D rendering does not answer within {_PATIENCE:.0f} s. {_CURE}") from None
    except OSError as error:
        raise RenderError(f"3D rendering cannot be tried: {error}. {_CURE}") from None
    if child.returncode:
        raise RenderError(f"3D rendering does not work here: {_ending(child)}. {_CURE}")


def _ending(child: subprocess.CompletedProcess[str]) -> str:
    if child.returncode < 0:
        return f"a trial render was ended by {signal.Signals(-child.returncode).name}"
    last = child.stderr.strip().splitlines()[-1:] or ["no message"]
    return f"a trial render failed with exit status {child.returncode} ({last[0].strip()})"
