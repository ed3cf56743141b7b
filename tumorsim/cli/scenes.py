"""render, movie, view."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tumorsim.cli.app import ResultFile, app
from tumorsim.cli.printing import given_activity, new_console, say
from tumorsim.errors import ConfigError

if TYPE_CHECKING:
    from tumorsim.render.view import Look
    from tumorsim.results import Results


SCENE_NAMES = "overview, slices, pressure, velocity, delivery, penetration, compare, dose"
"""Written here, so that ``--help`` need not load what draws; a test keeps it true."""
SceneName = Annotated[str | None, typer.Option(help=f"One of {SCENE_NAMES}.")]
Time = Annotated[str | None, typer.Option(help='Such as "24 h"; by default the last.')]
FieldName = Annotated[str | None, typer.Option(help="The field to draw; by default that of the scene.")]
Background = Annotated[str | None, typer.Option(help="dark or light.")]
Size = Annotated[str | None, typer.Option(metavar="WxH", help="In pixels: 1600x1200.")]
Degrees = Annotated[float | None, typer.Option(help="Of the camera, in degrees.")]
Zoom = Annotated[float | None, typer.Option(help="Enlarges.")]
Cut = Annotated[
    str | None,
    typer.Option(
        metavar="X,Y,Z", help="Inner corner of the cut, 0 to 1 along each axis; 1,0,1 cuts nothing."
    ),
]
Limits = Annotated[str | None, typer.Option(metavar="LOW,HIGH", help="Of the colours, in the unit shown.")]
Log = Annotated[bool | None, typer.Option("--log/--linear", help="A logarithmic colour scale.")]
SameScale = Annotated[bool | None, typer.Option("--same-scale", help="One colour scale for all times.")]
LookFile = Annotated[
    Path | None, typer.Option("--look", help="A TOML of these settings; options here have the last word.")
]
Vessels = Annotated[
    str | None,
    typer.Option(
        metavar="BY",
        help="Colour vessels by plasma (what they carry), pressure, flow, haematocrit, leakiness or radius.",
    ),
]
Second = Annotated[Path | None, typer.Option("--with", help="The second result, for compare.")]
NuclideName = Annotated[str | None, typer.Option(help='On the agent, for dose: "Lu-177".')]
Activity = Annotated[str | None, typer.Option(help='Injected, for dose: "7.4 GBq".')]
DoseMap = Annotated[Path | None, typer.Option("--map", help="A dose map in Gy: NIfTI or .npy.")]


@app.command()
def render(
    file: ResultFile,
    scene: SceneName = None,
    time: Time = None,
    field: FieldName = None,
    out: Annotated[
        Path | None, typer.Option(help="The PNG; by default FILE_SCENE.png, in this folder.")
    ] = None,
    background: Background = None,
    size: Size = None,
    azimuth: Degrees = None,
    elevation: Degrees = None,
    zoom: Zoom = None,
    cut: Cut = None,
    limits: Limits = None,
    log: Log = None,
    vessels: Vessels = None,
    same_scale: SameScale = None,
    look: LookFile = None,
    second: Second = None,
    nuclide: NuclideName = None,
    activity: Activity = None,
    dose_map: DoseMap = None,
) -> None:
    """Draw a picture of a result: its anatomy, pressure, flow, delivery, penetration, dose, or a comparison."""
    from tumorsim.render.scene import render_scene

    chosen = _look(
        look, scene=scene, time=time, field=field, background=background, size=size, azimuth=azimuth,
        elevation=elevation, zoom=zoom, cut=cut, limits=limits, log=log, same_scale=same_scale, vessels=vessels,
    )  # fmt: skip
    results, other = _shown(file, second, nuclide=nuclide, activity=activity, dose_map=dose_map)
    out = out or Path(f"{file.stem}_{chosen.scene}.png")
    print(render_scene(results, out=out, look=chosen, other=other))


@app.command()
def movie(
    file: ResultFile,
    out: Annotated[
        Path | None, typer.Option(help="MP4 or GIF; by default FILE_SCENE.mp4, in this folder.")
    ] = None,
    scene: SceneName = None,
    orbit: Annotated[bool, typer.Option("--orbit", help="Go round the tumour once.")] = False,
    frames: Annotated[
        int | None, typer.Option(min=1, help="By default one an output, 72 with --orbit.")
    ] = None,
    fps: Annotated[float | None, typer.Option(min=0.1, help="Frames per second; by default for 8 s.")] = None,
    time: Annotated[str | None, typer.Option(help="With --orbit: stay at this time.")] = None,
    field: FieldName = None,
    background: Background = None,
    size: Size = None,
    azimuth: Degrees = None,
    elevation: Degrees = None,
    zoom: Zoom = None,
    cut: Cut = None,
    limits: Limits = None,
    log: Log = None,
    vessels: Vessels = None,
    look: LookFile = None,
    second: Second = None,
    nuclide: NuclideName = None,
    activity: Activity = None,
    dose_map: DoseMap = None,
) -> None:
    """Film a result over time, or around the tumour with --orbit."""
    from rich.progress import Progress

    from tumorsim.render.movie import render_movie

    chosen = _look(
        look, scene=scene, time=time, field=field, background=background, size=size, azimuth=azimuth,
        elevation=elevation, zoom=zoom, cut=cut, limits=limits, log=log, vessels=vessels,
    )  # fmt: skip
    results, other = _shown(file, second, nuclide=nuclide, activity=activity, dose_map=dose_map)
    out = out or Path(f"{file.stem}_{chosen.scene}.mp4")
    console = new_console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("filming", total=None)
        film = render_movie(
            results, out=out, look=chosen, other=other, orbit=orbit, frames=frames, fps=fps,
            progress=lambda done, of: bar.update(task, completed=done, total=of),
        )  # fmt: skip
    print(film)


@app.command()
def view(
    file: ResultFile,
    scene: SceneName = None,
    time: Time = None,
    field: FieldName = None,
    web: Annotated[bool, typer.Option("--web", help="In a browser instead of a window.")] = False,
    host: Annotated[
        str, typer.Option(help="Who may see the page: by default this machine only.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the page; 0 for any free one.")] = 8080,
    background: Background = None,
    size: Size = None,
    cut: Cut = None,
    limits: Limits = None,
    log: Log = None,
    vessels: Vessels = None,
    look: LookFile = None,
    nuclide: NuclideName = None,
    activity: Activity = None,
    dose_map: DoseMap = None,
) -> None:
    """Turn a 3D scene by hand and go through its outputs: in a window, or in a browser with --web."""
    from tumorsim.render.window import open_window, serve

    chosen = _look(
        look, scene=scene, time=time, field=field, background=background, size=size, cut=cut, limits=limits,
        log=log, vessels=vessels,
    )  # fmt: skip
    results, _ = _shown(file, None, nuclide=nuclide, activity=activity, dose_map=dose_map)
    if not web:
        return open_window(results, chosen)
    console = new_console(stderr=True)
    serve(
        results, chosen, host=host, port=port,
        ready=lambda address: say(console, f"Open {address} in a browser; Ctrl-C ends"),
    )  # fmt: skip


def _look(file: Path | None, **given: Any) -> "Look":
    """The settings of a file, and over them the options given."""
    from tumorsim.render.view import Look, read_look

    for name, parts in (("size", "x"), ("cut", ","), ("limits", ",")):
        if given.get(name) is not None:
            given[name] = _numbers(given[name], parts, key=name, count=3 if name == "cut" else 2)
    options = {name: value for name, value in given.items() if value is not None}
    return Look(**(read_look(file) if file else {}) | options)


def _numbers(text: str, separator: str, *, key: str, count: int) -> tuple[float, ...]:
    """Numbers in an option, such as "1600x1200"."""
    from tumorsim.errors import Problem

    try:
        numbers = tuple((int if key == "size" else float)(part) for part in text.split(separator))
    except ValueError:
        numbers = ()
    if len(numbers) != count:
        example = {"size": "1600x1200", "cut": "0.5,0.5,0.5", "limits": "0,1"}[key]
        raise ConfigError(
            Problem(f"--{key}", text, f"{count} numbers were expected", f"Write --{key} {example}")
        )
    return numbers


def _shown(
    file: Path, second: Path | None, *, nuclide: str | None, activity: str | None, dose_map: Path | None
) -> "tuple[Results, Results | None]":
    """The result to draw, with a dose if one is asked for, and the one to compare with."""
    from tumorsim.render.derived import with_dose, with_map
    from tumorsim.results import Results

    results = Results(file)
    if dose_map is not None:
        results = with_map(results, dose_map)
    elif nuclide is not None:
        bq = given_activity(activity)
        results = with_dose(results, nuclide=nuclide, activity=bq)
    return results, None if second is None else Results(second)
