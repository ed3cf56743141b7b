"""Films of a result, over time or around it: one output in memory at a time, every frame written as it is drawn."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorsim.errors import ConfigError, Problem
from tumorsim.render.aside import written_aside
from tumorsim.render.scene import SCENES, renderer, view_of
from tumorsim.render.view import Look, View

if TYPE_CHECKING:
    from tumorsim.results import Results

_SHRINK = 0.8
"""[D]: size of a frame over that of a picture, where none is asked for."""
_TURN = 72
"""[D]: frames of one turn around the tumour, 5 degrees each."""
_LENGTH, _SLOWEST, _FASTEST = 8.0, 2.0, 24.0
"""[D]: seconds that a film should last, and the frames per second between which that may be had."""
_BAR_COLOURS = 64
"""[D]: colours of a GIF's 256 that are those of the colour bar."""
_QUALITY = 8
"""[D] of 10, for the encoder: text stays sharp."""


def render_movie(
    results: "Results",
    *,
    out: Path,
    look: Look | None = None,
    other: "Results | None" = None,
    orbit: bool = False,
    frames: int | None = None,
    fps: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Film a result as ``out``, an MP4 or a GIF, on one colour scale for all times.

    A frame for every output, or for ``frames`` of them. With ``orbit`` the camera goes round, during the outputs or at
    the time of the ``look``. ``progress`` is told how many frames are done, and of how many. An MP4 needs the extra
    ``movie``. Raises as ``render_scene``, and ConfigError for more frames over time than outputs.
    """
    look = look or Look()
    views = film(results, look, other=other, orbit=orbit, frames=frames)
    writer = _writer(out)
    speed = fps or min(max(len(views) / _LENGTH, _SLOWEST), _FASTEST)
    with (
        renderer(SCENES[look.scene]),
        written_aside(out, what="film") as part,
        writer(part, views[0], speed) as write,
    ):
        for done, view in enumerate(views, start=1):
            write(SCENES[look.scene].picture(view))
            gc.collect()  # a stage and its meshes know each other, and would wait for it
            if progress:
                progress(done, len(views))
    return out


def film(
    results: "Results", look: Look, *, other: "Results | None", orbit: bool, frames: int | None
) -> list[View]:
    """What each frame shows. Raises ConfigError."""
    stored, still = len(results.times), orbit and look.time is not None
    if frames is not None and (frames < 1 or (frames > stored and not orbit)):
        fault = f"there are {stored} outputs to film"
        cure = 'Use fewer frames or --orbit, or run again with a shorter "output.every"'
        raise ConfigError(Problem("frames", frames, fault, cure))
    count = frames or (_TURN if orbit else stored)
    size = look.size or tuple(
        int(side * _SHRINK) // 2 * 2 for side in SCENES[look.scene].size
    )  # even, for MP4
    first = view_of(results, replace(look, same_scale=not still or look.same_scale, size=size), other=other)  # type: ignore[arg-type]
    steps = np.rint(np.linspace(0, stored - 1, count)).astype(int)
    turns = look.azimuth + (360 * np.arange(count) / count if orbit else np.zeros(count))
    times = [first.time if still else float(results.times[step]) for step in steps]
    return [
        replace(first, time=time, azimuth=float(turn), turning=orbit)
        for time, turn in zip(times, turns, strict=True)
    ]


Write = Callable[[np.ndarray], None]


def _writer(out: Path) -> Any:
    """What writes a film of this ending. Raises ConfigError."""
    writers = {".mp4": _mp4, ".gif": _gif}
    if out.suffix.lower() not in writers:
        raise ConfigError(
            Problem("out", str(out), "films are MP4 or GIF", "Let the name end in .mp4 or .gif")
        )
    if out.suffix.lower() == ".mp4":
        try:
            import imageio_ffmpeg  # noqa: F401
        except ImportError:
            cure = 'Run pip install "tumorsim[movie]", or let the name end in .gif'
            fault = "for an MP4 the package imageio-ffmpeg is needed, and is not installed"
            raise ConfigError(Problem("out", str(out), fault, cure)) from None
    return writers[out.suffix.lower()]


@contextmanager
def _mp4(path: Path, view: View, fps: float) -> Iterator[Write]:
    import imageio_ffmpeg

    even = (view.size[0] // 2 * 2, view.size[1] // 2 * 2)
    encoder = imageio_ffmpeg.write_frames(
        str(path), even, fps=fps, quality=_QUALITY, macro_block_size=2, ffmpeg_log_level="error"
    )
    encoder.send(None)
    try:
        yield lambda picture: encoder.send(np.ascontiguousarray(picture[: even[1], : even[0]]))
    finally:
        encoder.close()


@contextmanager
def _gif(path: Path, view: View, fps: float) -> Iterator[Write]:
    """Block by block, since Pillow's own way of saving a film keeps all of it in memory."""
    from PIL import GifImagePlugin, Image

    of_the_bar = np.round(view.scale.colour_map(np.linspace(0, 1, _BAR_COLOURS))[:, :3] * 255).astype(
        np.uint8
    )

    def reduced(picture: np.ndarray) -> Image.Image:
        """In 256 colours: those of the bar, which are few pixels but count, and the most frequent ones."""
        frame, palette = Image.fromarray(picture), Image.new("P", (1, 1))
        common = frame.quantize(256 - _BAR_COLOURS, method=Image.Quantize.FASTOCTREE).getpalette() or []
        palette.putpalette([*of_the_bar.ravel().tolist(), *common[: 3 * (256 - _BAR_COLOURS)]])
        return frame.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)

    with path.open("wb") as file:

        def write(picture: np.ndarray) -> None:
            frame = reduced(picture)
            if not file.tell():
                header, _ = GifImagePlugin.getheader(frame, info={"loop": 0})
                file.writelines(header)
            file.writelines(
                GifImagePlugin.getdata(frame, duration=round(1000 / fps), include_color_table=True)
            )

        yield write
        file.write(b";")
