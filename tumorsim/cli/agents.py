"""agents."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tumorsim.cli.app import app
from tumorsim.cli.printing import columns_of, given_quantity, new_console, print_csv, say
from tumorsim.errors import ConfigError

if TYPE_CHECKING:
    from tumorsim.agents.agent import Agent
    from tumorsim.agents.description import Exposure
    from tumorsim.tissue.properties import RegionProperties


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
            smallest=given_quantity(larger_than, "m", "--larger-than", least=0.0),
            largest=given_quantity(smaller_than, "m", "--smaller-than", least=0.0),
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
        new_console().print(
            columns_of(list(table[0]) if table else (), [list(line.values()) for line in table])
        )
        say(new_console(stderr=True), f"{len(found)} agent{'' if len(found) == 1 else 's'}")


def _exposure(
    binding_sites: str, dose: str, *, plasma: str, depth: str, region: "RegionProperties"
) -> "Exposure | None":
    """What the moduli of binding need; None without a dose. The sites are by default those of the tissue."""
    from tumorsim.agents.description import Exposure
    from tumorsim.errors import Problem

    sites = (
        given_quantity(binding_sites or "0 uM", "mol/m^3", "--binding-sites", least=0.0)
        or region.binding_sites
    )
    amount = given_quantity(dose or "0 mol", "mol", "--dose", least=0.0, typical="1 umol")
    volume = given_quantity(plasma, "m^3", "--plasma", least=0.0)
    radius = given_quantity(depth, "m", "--depth", least=0.0, typical="100 um")
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
