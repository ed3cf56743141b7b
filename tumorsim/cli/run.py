"""validate, run, info, devices."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from tumorsim.cli.app import ConfigFile, ResultFile, Settings, app
from tumorsim.cli.printing import Meter, columns_of, new_console, say, shown


@app.command()
def validate(config: ConfigFile, settings: Settings = None) -> None:
    """Check a config: every error at once, else its size, memory, time steps and dimensionless numbers."""
    from tumorsim.case import load
    from tumorsim.limits import limits, notes

    case = load(config, overrides=settings or ())
    rows = [(name, shown(value, unit), meaning) for name, (value, unit, meaning) in limits(case).items()]
    console = new_console()
    say(console, f"{config} is valid: {case!r}")
    console.print(columns_of(("limit", "value", "meaning"), rows))
    for note in notes(case):
        say(console, f"note: {note}")


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

    case = load(config, overrides=settings or (), device=device)
    machine, why = select_device(device)
    console = new_console(stderr=True)
    say(console, f"{case!r}")
    say(console, f"Device {machine.name}: {machine.description} ({why})")
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
    console = new_console()
    say(console, repr(results))
    made_by = (f"{name} {value}" for name, value in report["made_by"].items() if value)
    say(console, f"  made by  {', '.join(made_by)}")
    for note in (report["vessels"] or {"notes": []})["notes"]:
        say(console, f"  vessels  {note}")
    for part in ("ledger", "statistics"):
        rows = [(name, shown(n["value"], n["unit"]), n["long_name"]) for name, n in report[part].items()]
        console.print(columns_of((part, "at the end", "meaning"), rows))


@app.command()
def devices() -> None:
    """The devices that a run can use here, and why the others cannot be."""
    from tumorsim.device.select import describe_devices

    rows = [(name, "yes" if there else "no", detail) for name, there, detail in describe_devices()]
    new_console().print(columns_of(("device", "usable", "what it is, or why not"), rows))


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """SIGTERM, with which SLURM ends a job, leaves a checkpoint as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
