"""The command line. Every command imports what it needs itself, so that ``--help`` is quick."""

import json
import platform
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from tumorsim import __version__
from tumorsim.errors import ConfigError, NumericsError, TumorsimError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from tumorsim.agents.agent import Agent
    from tumorsim.agents.description import Exposure
    from tumorsim.readouts.table import Table as Readouts
    from tumorsim.render.view import Look
    from tumorsim.results import Results
    from tumorsim.simulation import Progress
    from tumorsim.tissue.properties import RegionProperties
    from tumorsim.vessels.network import Network

INTERRUPTED = 130
SCENE_NAMES = "overview, slices, pressure, velocity, delivery, penetration, compare, dose"
"""Written here, so that ``--help`` need not load what draws; a test keeps it true."""
OUT_OF_MEMORY = 3


class Commands(TyperGroup):
    """The commands, whose expected errors become a few lines on stderr and an exit status."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except TumorsimError as error:
            _report(error)
            raise typer.Exit(error.exit_status) from None
        except MemoryError as error:
            _say_error(f"the memory ran out ({error}). Use a larger domain.spacing or a smaller box")
            raise typer.Exit(OUT_OF_MEMORY) from None
        except KeyboardInterrupt:
            _say_error("interrupted")
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)

ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="A TOML config.", show_default=False)]
ResultFile = Annotated[Path, typer.Argument(metavar="FILE", help="A result (.vtkhdf).", show_default=False)]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="TABLE.KEY=VALUE", help='Override a key: --set "run.duration=2 h".'),
]


def main() -> None:
    """Run the command line and exit."""
    try:
        app()
    except Exception:
        traceback.print_exc()
        versions = f"tumorsim {__version__}, Python {platform.python_version()}, {platform.system()}"
        _say_error(f"sorry, this is a fault of tumorsim. Please report it with the lines above ({versions})")
        sys.exit(1)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"tumorsim {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Where a nanomedicine goes in a tumour: leaky vessels, interstitial flow, transport, binding."""


# commands ---------------------------------------------------------------------------------------------------


@app.command()
def validate(config: ConfigFile, settings: Settings = None) -> None:
    """Check a config: every error at once, else its size, memory, time steps and dimensionless numbers."""
    from tumorsim.case import load
    from tumorsim.limits import limits

    case = load(config, overrides=settings or ())
    rows = [(name, shown(value, unit), meaning) for name, (value, unit, meaning) in limits(case).items()]
    console = _console()
    _say(console, f"{config} is valid: {case!r}")
    console.print(_table(("limit", "value", "meaning"), rows))


@app.command()
def run(
    config: ConfigFile,
    out: Annotated[
        Path | None, typer.Option(help="The result; by default CONFIG with .vtkhdf, in this folder.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cuda, cuda:N, native or numpy.")] = "auto",
    settings: Settings = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the newest checkpoint.")] = False,
    no_progress: Annotated[bool, typer.Option("--no-progress", help="Do not say how far it is.")] = False,
) -> None:
    """Simulate a config and write the result."""
    from tumorsim.case import load
    from tumorsim.device.select import select_device
    from tumorsim.simulation import simulate

    case = load(config, overrides=settings or ())
    machine, why = select_device(device)
    console = _console(stderr=True)
    _say(console, f"{case!r}")
    _say(console, f"Device {machine.name}: {machine.description} ({why})")
    meter = Meter(console, silent=no_progress)
    with _terminated_like_interrupted(), meter:
        results = simulate(
            case, out=out, device=device, resume=resume, progress=None if no_progress else meter
        )
    print(results.path)


@app.command()
def info(
    file: ResultFile,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, in SI units.")] = False,
) -> None:
    """What made a result, what is in it, its ledger and its summary numbers."""
    from tumorsim.results import Results, summary

    results = Results(file)
    report = summary(results)
    if as_json:
        print(json.dumps(report, indent=2))
        return
    console = _console()
    _say(console, repr(results))
    made_by = (f"{name} {value}" for name, value in report["made_by"].items() if value)
    _say(console, f"  made by  {', '.join(made_by)}")
    for part in ("ledger", "statistics"):
        rows = [(name, shown(n["value"], n["unit"]), n["long_name"]) for name, n in report[part].items()]
        console.print(_table((part, "at the end", "meaning"), rows))


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
        elevation=elevation, zoom=zoom, cut=cut, limits=limits, log=log, same_scale=same_scale,
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
        elevation=elevation, zoom=zoom, cut=cut, limits=limits, log=log,
    )  # fmt: skip
    results, other = _shown(file, second, nuclide=nuclide, activity=activity, dose_map=dose_map)
    out = out or Path(f"{file.stem}_{chosen.scene}.mp4")
    console = _console(stderr=True)
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
    look: LookFile = None,
    nuclide: NuclideName = None,
    activity: Activity = None,
    dose_map: DoseMap = None,
) -> None:
    """Turn a 3D scene by hand: in a window, or in a browser with --web."""
    from tumorsim.render.window import open_window, serve

    chosen = _look(
        look, scene=scene, time=time, field=field, background=background, size=size, cut=cut, limits=limits,
        log=log,
    )  # fmt: skip
    results, _ = _shown(file, None, nuclide=nuclide, activity=activity, dose_map=dose_map)
    if not web:
        return open_window(results, chosen)
    console = _console(stderr=True)
    serve(
        results, chosen, host=host, port=port,
        ready=lambda address: _say(console, f"Open {address} in a browser; Ctrl-C ends"),
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
        bq = None if activity is None else _given(activity, "Bq", "--activity")
        results = with_dose(results, nuclide=nuclide, activity=bq)
    return results, None if second is None else Results(second)


@app.command()
def readouts(
    file: ResultFile,
    out: Annotated[
        Path | None, typer.Option(help="A folder; by default FILE_readouts, in this folder.")
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="The region of the profiles; by default the tumour.")
    ] = None,
    time: Annotated[str | None, typer.Option(help='Such as "24 h"; by default the last.')] = None,
    threshold: Annotated[
        str | None, typer.Option(help='Such as "1 uM" or "0.01 %/g": what is above counts as reached.')
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the tables as JSON; files only with --out.")
    ] = False,
) -> None:
    """Measure delivery: %ID, ratios, curves, penetration, heterogeneity, as CSV, JSON and figures."""
    from tumorsim.readouts.delivery import threshold_amount
    from tumorsim.readouts.report import OVERVIEW, delivery_report
    from tumorsim.readouts.table import json_text
    from tumorsim.results import Results

    results = Results(file)
    level = None if threshold is None else threshold_amount(results, threshold)
    report = delivery_report(results, region=region, step=results.step_at(time), threshold=level)
    folder = out or Path(f"{file.stem}_readouts")
    if out or not as_json:
        report.write(folder)
    if as_json:
        print(json_text(report.tables))
        return
    _console().print(_readout_table(report.table("uptake"), OVERVIEW))
    print(folder)


@app.command()
def image(
    file: ResultFile,
    modality: Annotated[str, typer.Option(help="pet, spect, mri (of iron) or ct (of gold).")] = "pet",
    out: Annotated[
        Path | None, typer.Option(help="A folder; by default FILE_MODALITY, in this folder.")
    ] = None,
    nuclide: Annotated[str | None, typer.Option(help='On the agent: "Zr-89". For pet and spect.')] = None,
    activity: Annotated[
        str | None, typer.Option(help='Injected: "185 MBq"; by default the dose, if it is in Bq.')
    ] = None,
    scanner: Annotated[str, typer.Option(help="Of pet and spect: clinical or preclinical.")] = "preclinical",
    time: Annotated[str | None, typer.Option(help='End of the frame: "24 h"; by default the last.')] = None,
    duration: Annotated[str, typer.Option(help="Length of the frame, for pet and spect.")] = "20 min",
    field: Annotated[str, typer.Option(help='Magnet for mri: "1.5 T" or "3 T".')] = "3 T",
    body_mass: Annotated[str | None, typer.Option(help='For SUV: "25 g".')] = None,
    seed: Annotated[int, typer.Option(help="Of the noise.")] = 0,
) -> None:
    """Show a result as a scanner would: truth and image as NIfTI, a montage, recovery by region."""
    from tumorsim.readouts.image_report import make_image
    from tumorsim.results import Results

    results = Results(file)
    report = make_image(
        results,
        modality,
        nuclide=nuclide,
        activity=None if activity is None else _given(activity, "Bq", "--activity"),
        scanner=scanner,
        time=time,
        duration=_given(duration, "s", "--duration"),
        magnet=field,
        body_mass=None if body_mass is None else _given(body_mass, "kg", "--body-mass"),
        seed=seed,
    )
    folder = out or Path(f"{file.stem}_{modality}")
    report.write(folder)
    console = _console()
    console.print(_readout_table(report.table, report.table.columns))
    _say(console, report.remarks)
    print(folder)


@app.command()
def dose(
    file: ResultFile,
    nuclide: Annotated[str, typer.Option(help='On the agent: "Lu-177".')],
    out: Annotated[Path | None, typer.Option(help="A folder; by default FILE_dose, in this folder.")] = None,
    activity: Annotated[
        str | None, typer.Option(help='Injected: "7.4 GBq"; by default the dose, if it is in Bq.')
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="The region of the histogram; by default the tumour.")
    ] = None,
    kernel: Annotated[
        str, typer.Option(help="Of the electrons: nuclide, local, or a file of two columns, mm and F(r).")
    ] = "nuclide",
    tail: Annotated[
        bool, typer.Option(help="After the last output the agent stays and decays; or count to there only.")
    ] = True,
    biological_half_life: Annotated[
        str | None, typer.Option(help="With which the agent leaves after the last output.")
    ] = None,
    blood: Annotated[bool, typer.Option(help="Count the decays in the tissue's blood, too.")] = False,
    mirrored: Annotated[
        bool, typer.Option(help="The tissue goes on beyond the box as its mirror image.")
    ] = False,
) -> None:
    """Absorbed dose as transported and as if evenly taken up: NIfTI, histogram, BED and survival."""
    from tumorsim.readouts.activity import label
    from tumorsim.readouts.delivery import chosen_region
    from tumorsim.readouts.dose_report import OVERVIEW, dose_report
    from tumorsim.readouts.dosimetry import chosen_emissions
    from tumorsim.readouts.nuclides import nuclide as nuclide_called
    from tumorsim.results import Results

    results = Results(file)
    bq = None if activity is None else _given(activity, "Bq", "--activity")
    of = label(results, nuclide_called(nuclide), injected=bq)
    half_life = _given(biological_half_life, "s", "--biological-half-life") if biological_half_life else None
    report = dose_report(
        results,
        of,
        region=chosen_region(results, region),
        emitted=chosen_emissions(of.nuclide, kernel),
        tail=tail,
        biological_half_life=half_life or float("inf"),
        blood=blood,
        mirrored=mirrored,
    )
    folder = out or Path(f"{file.stem}_dose")
    report.write(folder)
    console = _console()
    console.print(_readout_table(report.tables[0], OVERVIEW))
    _say(console, report.remarks)
    print(folder)


@app.command()
def report(
    file: ResultFile,
    out: Annotated[
        Path | None, typer.Option(help="The page; by default FILE_report.html, in this folder.")
    ] = None,
    time: Time = None,
    region: Annotated[
        str | None, typer.Option(help="The region of the profiles; by default the tumour.")
    ] = None,
    threshold: Annotated[
        str | None, typer.Option(help='Such as "1 uM" or "0.01 %/g": what is above counts as reached.')
    ] = None,
    nuclide: Annotated[str | None, typer.Option(help='On the agent: "Lu-177" adds the dose.')] = None,
    activity: Annotated[
        str | None, typer.Option(help='Injected: "7.4 GBq"; by default the dose, if it is in Bq.')
    ] = None,
) -> None:
    """Write one page to send: pictures, curves, tables, the config and what made it, as self-contained HTML."""
    from tumorsim.readouts.activity import label
    from tumorsim.readouts.delivery import chosen_region, threshold_amount
    from tumorsim.readouts.dose_report import dose_report
    from tumorsim.readouts.nuclides import nuclide as nuclide_called
    from tumorsim.report import write_report
    from tumorsim.results import Results

    results, doses = Results(file), None
    region = chosen_region(results, region)
    if nuclide is not None:
        bq = None if activity is None else _given(activity, "Bq", "--activity")
        doses = dose_report(results, label(results, nuclide_called(nuclide), injected=bq), region=region)
    out = out or Path(f"{file.stem}_report.html")
    level = None if threshold is None else threshold_amount(results, threshold)
    print(write_report(results, out, time=time, region=region, threshold=level, dose=doses))


@app.command()
def verify(
    device: Annotated[str, typer.Option(help="auto, cuda, cuda:N, native or numpy.")] = "auto",
    quick: Annotated[bool, typer.Option("--quick", help="Smaller grids: half a minute.")] = False,
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A case, or what its name begins with.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the numbers.")
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw errors against resolution: .png, .pdf or .svg.")
    ] = None,
) -> None:
    """Check the numerics against closed forms: errors at three resolutions, observed and expected order."""
    from tumorsim.device.select import select_device
    from tumorsim.verify.cases import run_cases, select_cases
    from tumorsim.verify.report import COLUMNS, table_row, write_json

    cases = select_cases(only or ())
    machine, why = select_device(device)
    meter = _console(stderr=True)
    _say(meter, f"Device {machine.name}: {machine.description} ({why})")
    with meter.status("verifying") as status:
        results = run_cases(
            cases, machine, quick=quick, progress=lambda r: status.update(f"{r.case.name} done")
        )
    _console().print(_table(COLUMNS, [table_row(result) for result in results]))
    if json_file:
        write_json(json_file, results, machine, quick=quick)
    if figure:
        from tumorsim.verify.figure import write_figure

        write_figure(figure, results)
    failed = [result.case.name for result in results if not result.passed]
    if failed:
        raise NumericsError(f"{len(failed)} of {len(results)} cases failed: {', '.join(failed)}")


@app.command()
def agents(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One agent.", show_default=False)
    ] = None,
    agent_class: Annotated[str, typer.Option("--class", help="Those with this in their class.")] = "",
    payload: Annotated[str, typer.Option(help="Those that carry this.")] = "",
    status: Annotated[str, typer.Option(help='Such as "approved" or "phase II".')] = "",
    larger_than: Annotated[str, typer.Option(metavar="LENGTH", help="In diameter.")] = "0 nm",
    smaller_than: Annotated[str, typer.Option(metavar="LENGTH", help="In diameter.")] = "1 m",
    file: Annotated[Path | None, typer.Option(help="Agents of your own, instead of the catalogue.")] = None,
    tissue: Annotated[
        str, typer.Option(help="normal, tumour or necrotic, or a region of --config.")
    ] = "tumour",
    config: Annotated[
        Path | None, typer.Option(help="The tissue and, without NAME, the agent of a case.")
    ] = None,
    derived: Annotated[bool, typer.Option("--derived", help="Also what follows in the tissue.")] = False,
    binding_sites: Annotated[str, typer.Option(help='With --dose, for the moduli of binding: "1 uM".')] = "",
    dose: Annotated[str, typer.Option(help='Such as "1 umol".')] = "",
    plasma: Annotated[str, typer.Option(metavar="VOLUME", help="For the dose.")] = "3 L",
    depth: Annotated[str, typer.Option(help="How far the agent is to reach.")] = "100 um",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, in SI units.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV, in SI units.")] = False,
) -> None:
    """List the agents of the catalogue, or say all about one: values, how sure they are, sources, what follows."""
    from tumorsim.agents import description
    from tumorsim.agents.catalogue import agent_names, find_agents, load_agent

    region, of_case = _agent_and_tissue(tissue, config)
    exposure = _exposure(binding_sites, dose, plasma=plasma, depth=depth, region=region)
    one = load_agent(name, file=file) if name else of_case
    found = (
        [one]
        if one
        else find_agents(
            (load_agent(each, file=file) for each in agent_names(file)),
            agent_class=agent_class,
            payload=payload,
            status=status,
            smallest=_option("--larger-than", larger_than, "m"),
            largest=_option("--smaller-than", smaller_than, "m"),
        )
    )
    wanted = derived or one is not None or exposure is not None
    numbers = [description.derived(agent, region, exposure=exposure) if wanted else None for agent in found]
    if as_json:
        records = [description.record(*each) for each in zip(found, numbers, strict=True)]
        print(json.dumps(records[0] if one else records, indent=2, ensure_ascii=False))
    elif as_csv:
        print_csv([description.flat_row(*each) for each in zip(found, numbers, strict=True)])
    elif one:
        print("\n".join(description.describe(one, region, name=tissue, exposure=exposure)))
    else:
        table = [description.brief(*each) for each in zip(found, numbers, strict=True)]
        _console().print(_table(list(table[0]) if table else (), [list(line.values()) for line in table]))
        _say(_console(stderr=True), f"{len(found)} agent{'' if len(found) == 1 else 's'}")


def _option(name: str, text: str, unit: str, *, typical: str = "") -> float:
    """A quantity on the command line."""
    from tumorsim.errors import Problem
    from tumorsim.units import UnitError, example, to_si

    try:
        return to_si(text, unit)
    except UnitError as error:
        fault = str(error).split("; for example")[0]
        raise ConfigError(
            Problem(name, text, fault, f'Write for example "{typical or example(unit)}"')
        ) from None


def _exposure(
    binding_sites: str, dose: str, *, plasma: str, depth: str, region: "RegionProperties"
) -> "Exposure | None":
    """What the moduli of binding need; None without a dose. The sites are by default those of the tissue."""
    from tumorsim.agents.description import Exposure
    from tumorsim.errors import Problem

    sites = _option("--binding-sites", binding_sites or "0 uM", "mol/m^3") or region.binding_sites
    amount = _option("--dose", dose or "0 mol", "mol", typical="1 umol")
    volume = _option("--plasma", plasma, "m^3")
    radius = _option("--depth", depth, "m", typical="100 um")
    if not binding_sites and not dose:
        return None
    if not (sites and amount and volume and radius):
        fault = "the moduli of binding need sites, a dose, a volume of plasma and a depth, none of them zero"
        cure = 'Give for example --binding-sites "1 uM" --dose "1 umol"'
        raise ConfigError(Problem("--binding-sites", binding_sites or None, fault, cure))
    return Exposure(binding_sites=sites, dose=amount, plasma_volume=volume, radius=radius)


def _agent_and_tissue(tissue: str, config: Path | None) -> "tuple[RegionProperties, Agent | None]":
    """The properties of a preset, or of a region of a case with the agent of that case."""
    from tumorsim.errors import choose
    from tumorsim.tissue.properties import PRESETS

    if config is None:
        return choose(PRESETS, tissue, key="--tissue"), None
    from tumorsim.config.load import load_config

    case = load_config(config)
    regions = {name: case.tissue.properties(name) for name in case.tissue.region_names}
    return choose(PRESETS | regions, tissue, key="--tissue"), case.agent.chosen()


def print_csv(rows: Sequence[dict[str, Any]]) -> None:
    """Rows with the same or further columns, empty where a value is unknown."""
    import csv

    columns = dict.fromkeys(column for row in rows for column in row)
    writer = csv.DictWriter(sys.stdout, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


@app.command()
def vessels(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A vessel graph, or a config that has one.", show_default=False),
    ],
    unit: Annotated[
        str | None, typer.Option(help='Of coordinates and radii, such as "um" or "0.9 um".')
    ] = None,
    pressure_unit: Annotated[str | None, typer.Option(help='Such as "mmHg".')] = None,
    default_radius: Annotated[str, typer.Option(help="Of segments without one.")] = "5 um",
    repair: Annotated[str, typer.Option(help="all, none, or names with commas.")] = "all",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, in SI units.")] = False,
    figure: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it: .png.")] = None,
    colour: Annotated[
        str, typer.Option(help="By pressure, flow, haematocrit, leakiness or radius.")
    ] = "pressure",
) -> None:
    """Judge a vessel graph: size, density, defects and what was mended, and the blood flow it would have."""
    from tumorsim.vessels import quality

    if file.suffix == ".toml":
        from tumorsim.case import load

        network = flow = load(file).network
        if network is None:
            from tumorsim.errors import Problem

            cure = 'Set model = "network" or "generated"'
            raise ConfigError(Problem("vessels.model", None, f"{file} has no network", cure))
        text, failure = "m", ""
    else:
        network, text = _vessel_graph(file, unit, pressure_unit, default_radius=default_radius, repair=repair)
        flow, failure = _typical_flow(network)
    report = quality.quality(network, unit=text, flow=flow)
    if figure:
        from tumorsim.render.network_figure import network_figure

        network_figure(flow or network, figure, colour=colour)
    if as_json:
        print(json.dumps(report | {"flow_failure": failure}, indent=2, ensure_ascii=False))
        return
    console = _console()
    _say(console, repr(network))
    console.print(_table((str(file.name), "", ""), quality.table(report)))
    for mended in network.repairs:
        _say(console, f"  {'mended' if mended.done else 'found'}: {mended.sentence}")
    said = {mended.sentence for mended in network.repairs}
    for note in dict.fromkeys([*network.notes, *(flow.notes if flow else ())]):
        if note not in said:
            _say(console, f"  note: {note}")
    if failure:
        _say(console, f"  no blood flow: {failure}")
    if figure:
        _say(console, f"  {figure}")


def _vessel_graph(
    file: Path, unit: str | None, pressure_unit: str | None, *, default_radius: str, repair: str
) -> "tuple[Network, str]":
    """The network in a file, and how its unit is known."""
    from tumorsim.errors import choose
    from tumorsim.vessels.read import read_network, read_scale
    from tumorsim.vessels.repair import NAMES

    allowed = {"all": NAMES, "none": ()}.get(repair) or tuple(
        name for name in repair.split(",") if repair != "none"
    )
    for name in allowed:
        choose(dict.fromkeys(NAMES), name, key="--repair")
    network = read_network(
        file,
        unit=unit,
        pressure_unit=pressure_unit,
        default_radius=_option("--default-radius", default_radius, "m"),
        repair=allowed,
    )
    return network, read_scale(file, unit=unit).text


def _typical_flow(network: "Network") -> "tuple[Network | None, str]":
    """The network with the blood that it has by the defaults of a config; or why it has none."""
    from tumorsim.config.schema import Vessels
    from tumorsim.vessels.blood_flow import blood_flow

    usual = Vessels()
    try:
        return blood_flow(
            network, arterial_pressure=usual.arterial_pressure, venous_pressure=usual.venous_pressure
        ), ""
    except TumorsimError as error:
        return None, str(error)


@app.command()
def devices() -> None:
    """The devices that a run can use here, and why the others cannot be."""
    from tumorsim.device.select import describe_devices

    rows = [(name, "yes" if there else "no", detail) for name, there, detail in describe_devices()]
    _console().print(_table(("device", "usable", "what it is, or why not"), rows))


# what is shown ----------------------------------------------------------------------------------------------


class Meter:
    """Tells how far a run is: a bar with the simulated time on a terminal, else a line now and then."""

    SECONDS_BETWEEN_LINES = 10.0

    def __init__(self, console: "Console", *, silent: bool):
        from rich.progress import BarColumn, Progress, TextColumn

        self.console, self.silent = console, silent
        self.bar = Progress(BarColumn(20), TextColumn("{task.description}"), console=console, transient=True)
        self.task = self.bar.add_task("starting", total=1.0)
        self.first: tuple[float, float] | None = None
        self.next_line = 0.0

    def __enter__(self) -> "Meter":
        if self.console.is_terminal and not self.silent:
            self.bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.bar.stop()

    def __call__(self, progress: "Progress") -> None:
        if self.silent:
            return
        self.first = self.first or (progress.time, progress.wall_seconds)
        line = progress_line(progress, first=self.first)
        last = progress.time >= progress.duration
        if self.console.is_terminal:
            part = progress.time / progress.duration
            self.bar.update(self.task, completed=part, description=line, refresh=last)
        if last or (not self.console.is_terminal and progress.wall_seconds >= self.next_line):
            _say(self.console, line)
            self.next_line = progress.wall_seconds + self.SECONDS_BETWEEN_LINES


def progress_line(progress: "Progress", *, first: tuple[float, float]) -> str:
    """Simulated time, step, time to go and ledger. ``first`` is when this run began: simulated, wall, s."""
    done, spent = progress.time - first[0], progress.wall_seconds - first[1]
    to_go = f"{span(spent * (progress.duration - progress.time) / done)} to go" if done > 0 else "..."
    if progress.time >= progress.duration:
        to_go = f"took {span(progress.wall_seconds)}"
    return (
        f"{span(progress.time)} of {span(progress.duration)}, dt {span(progress.dt)}, "
        f"{to_go}, ledger {progress.ledger_error:.1e}"
    )


def span(seconds: float) -> str:
    """A length of time for people: "90 s", "12.5 min", "24 h", "3 d"."""
    for unit, size, enough in (("d", 86400.0, 259200.0), ("h", 3600.0, 7200.0), ("min", 60.0, 120.0)):
        if seconds >= enough:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def shown(value: float | None, unit: str) -> str:
    """A number in SI for people: times, lengths and bytes in a unit of their size."""
    if value is None:
        return "unknown"
    if unit == "s":
        return span(value)
    if unit == "m" and value > 0:
        name, size = next((n, s) for n, s in (("mm", 1e-3), ("um", 1e-6), ("nm", 0.0)) if value >= s)
        return f"{value / (size or 1e-9):.4g} {name}"
    if unit in ("B", "byte"):
        return f"{value / 2**20:,.1f} MiB" if value < 2**30 else f"{value / 2**30:,.2f} GiB"
    number = f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
    return number if unit in ("", "1") else f"{number} {unit}"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=box.SIMPLE, header_style="bold", show_header=any(columns))
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _given(text: str, unit: str, option: str) -> float:
    """The number of SI ``unit`` in an option; above zero."""
    from tumorsim.errors import Problem
    from tumorsim.units import UnitError, example, to_si

    try:
        value = to_si(text, unit)
    except UnitError as error:
        cure = f'Write for example "{example(unit)}"'
        raise ConfigError(Problem(option, text, str(error), cure)) from None
    if value <= 0:
        raise ConfigError(
            Problem(option, text, "it is not above zero", f'Write for example "{example(unit)}"')
        )
    return value


def _readout_table(table: "Readouts", columns: Sequence[str]) -> "Table":
    """Some ``columns`` of a table of readouts."""
    chosen = [table.columns.index(name) for name in columns]
    rows = [
        [
            row[k] or "–" if table.units[k] == "" or row[k] is None else shown(row[k], table.units[k])
            for k in chosen
        ]
        for row in table.rows
    ]
    return _table(columns, rows)


def _console(*, stderr: bool = False) -> "Console":
    """A console that breaks no line where nobody looks at it."""
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=200)


def _say(console: "Console", text: str) -> None:
    console.print(text, markup=False, soft_wrap=True)


def _say_error(text: str) -> None:
    from rich.text import Text

    line = Text.assemble(("error: ", "bold red"), text)
    _console(stderr=True).print(line, soft_wrap=True)


def _report(error: TumorsimError) -> None:
    """One red line, then a block for every problem: the key and its value, the fault, the cure."""
    if not isinstance(error, ConfigError):
        return _say_error(str(error))
    count = len(error.problems)
    _say_error(f"{count} problems" if count > 1 else "1 problem")
    console = _console(stderr=True)
    for problem in error.problems:
        written = json.dumps(problem.value, ensure_ascii=False, default=str)  # as TOML has it
        value = "" if problem.value is None else f" = {written}"
        _say(console, f"\n  {problem.key}{value}\n    {problem.fault}\n    → {problem.cure}")


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """SIGTERM, with which SLURM ends a job, leaves a checkpoint as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
