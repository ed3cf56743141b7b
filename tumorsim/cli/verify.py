"""verify."""

from pathlib import Path
from typing import Annotated

import typer

from tumorsim.cli.app import app
from tumorsim.cli.printing import columns_of, new_console, say
from tumorsim.errors import NumericsError


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
    meter = new_console(stderr=True)
    say(meter, f"Device {machine.name}: {machine.description} ({why})")
    with meter.status("verifying") as status:
        results = run_cases(
            cases, machine, quick=quick, progress=lambda r: status.update(f"{r.case.name} done")
        )
    new_console().print(columns_of(COLUMNS, [table_row(result) for result in results]))
    if json_file:
        write_json(json_file, results, machine, quick=quick)
    if figure:
        from tumorsim.verify.figure import write_figure

        write_figure(figure, results)
    failed = [result.case.name for result in results if not result.passed]
    if failed:
        raise NumericsError(f"{len(failed)} of {len(results)} cases failed: {', '.join(failed)}")
