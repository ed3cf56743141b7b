"""vessels."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tumorsim.cli.app import app
from tumorsim.cli.printing import columns_of, given_quantity, new_console, say
from tumorsim.errors import ConfigError, TumorsimError

if TYPE_CHECKING:
    from tumorsim.vessels.network import Network


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
    console = new_console()
    say(console, repr(network))
    console.print(columns_of((str(file.name), "", ""), quality.table(report)))
    for mended in network.repairs:
        say(console, f"  {'mended' if mended.done else 'found'}: {mended.sentence}")
    said = {mended.sentence for mended in network.repairs}
    for note in dict.fromkeys([*network.notes, *(flow.notes if flow else ())]):
        if note not in said:
            say(console, f"  note: {note}")
    if failure:
        say(console, f"  no blood flow: {failure}")
    if figure:
        say(console, f"  {figure}")


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
        default_radius=given_quantity(default_radius, "m", "--default-radius"),
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
