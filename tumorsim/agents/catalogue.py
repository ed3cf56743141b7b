"""The agents that come with the package, ``data/*.toml``, and those of a user's own file of the same form.

One table an agent. Each number is a small table with its ``value``, its ``quality`` and its ``source``; the
rest is plain text. A value that nobody knows is absent. In a user's file a number may stand alone, and then
has the quality "given" and the file as its source.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import Field, fields
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from math import isfinite
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tumorsim.agents.agent import QUALITIES, Agent, Provenance
from tumorsim.agents.interstitium import MATRIX_MODELS, PARTITION_MODELS, RETARDATION_MODELS
from tumorsim.agents.particle import DIAMETER_BASES, log_sd_from_polydispersity
from tumorsim.agents.radionuclide import radionuclide, radionuclide_names
from tumorsim.errors import ConfigError, Problem
from tumorsim.units import UnitError, example, to_si
from tumorsim.vessels.hindrance import PORE_MODELS
from tumorsim.vessels.wall import WALL_MODES

Table = Mapping[str, Any]

QUANTITIES: dict[str, Field[Any]] = {item.name: item for item in fields(Agent) if "unit" in item.metadata}
"""The fields of an agent that are numbers; their metadata holds the SI ``unit`` and the one ``shown``."""
CHOICES: dict[str, Iterable[str]] = {
    "diameter_basis": DIAMETER_BASES,
    "wall_mode": WALL_MODES,
    "pore_model": PORE_MODELS,
    "matrix_model": MATRIX_MODELS,
    "partition_model": PARTITION_MODELS,
    "retardation_model": RETARDATION_MODELS,
}
"""The fields of an agent that name a model, with the names there are."""
_NOT_IN_FILES = {"name", "agent_class", "provenance"}
KEYS = ("class", "aliases", *(item.name for item in fields(Agent) if item.name not in _NOT_IN_FILES))
"""What a table of an agent may hold."""
_ONE_PHASE = Provenance("computed", "a single phase")
_FROM_AFFINITY = Provenance("computed", "dissociation constant × association rate")
_FROM_NUCLIDE = Provenance("published", "ICRP publication 107 (2008)")
_FROM_INDEX = Provenance("computed", "sqrt(ln(1 + polydispersity index)), of a log-normal")


@cache
def _tables() -> dict[str, Table]:
    """Every agent's table by its name, in the order of the files."""
    tables: dict[str, Table] = {}
    for file in sorted(files("tumorsim.agents").joinpath("data").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            tables |= tomllib.loads(file.read_text(encoding="utf-8"))
    return tables


def agent_names(file: Path | None = None) -> list[str]:
    """The names of all agents of the package, family by family, or of a user's ``file``."""
    return list(_tables() if file is None else read_tables(file))


def load_agent(name: str, *, file: Path | None = None) -> Agent:
    """The agent called ``name``, or known by that alias; capitals do not matter.

    Those in ``file`` come before those of the package. Raises ConfigError with the nearest name where there
    is none, and with every fault of the file.
    """
    own = read_tables(file) if file is not None else {}
    for tables, source in ((own, file.name if file else ""), (_tables(), "")):
        if (key := _spelled(tables).get(name.lower())) is not None:
            return _agent(key, tables[key], source=source)
    raise ConfigError(_unknown(name, {**_tables(), **own}))


def _spelled(tables: Mapping[str, Table]) -> dict[str, str]:
    """The key of every table by its names in small letters."""
    aliases = {alias.lower(): key for key, table in tables.items() for alias in table.get("aliases", ())}
    return aliases | {key.lower(): key for key in tables}


def _unknown(name: str, tables: Mapping[str, Table]) -> Problem:
    spelled = _spelled(tables)
    near = get_close_matches(name.lower(), spelled, n=3)
    near = near or [known for known in spelled if name and name.lower() in known][:3]
    names = dict.fromkeys(spelled[known] for known in near)
    hint = f"Did you mean {' or '.join(names)}? " if near else ""
    cure = f"{hint}`tumorsim agents` lists all {len(tables)}"
    return Problem("agent.name", name, "is not in the catalogue of agents", cure)


def find_agents(
    agents: Iterable[Agent],
    *,
    agent_class: str = "",
    payload: str = "",
    status: str = "",
    smallest: float = 0.0,
    largest: float = 1.0,
) -> list[Agent]:
    """Those whose class, payload (or radionuclide) and status contain the texts, and whose size is within.

    Capitals do not matter. Diameters in m; an agent of unknown size is only found where any size is asked for.
    """
    any_size = smallest == 0 and largest >= 1

    def fits(agent: Agent) -> bool:
        sized = any_size if agent.diameter is None else smallest <= agent.diameter <= largest
        said = (
            (agent_class, agent.agent_class),
            (payload, f"{agent.payload} {agent.radionuclide}"),
            (status, agent.status),
        )
        return sized and all(wanted.lower() in found.lower() for wanted, found in said)

    return [agent for agent in agents if fits(agent)]


# a user's file ----------------------------------------------------------------------------------------------


def read_tables(file: Path) -> dict[str, Table]:
    """The tables of a user's own agents. Raises ConfigError with every fault of the file."""
    tables = _parsed(file)
    problems = [problem for name, table in tables.items() for problem in problems_of(name, table)]
    spellings: dict[str, str] = {}
    for name, table in tables.items() if not problems else ():
        for spelling in {name.lower(), *(alias.lower() for alias in table.get("aliases", ()))}:
            if spellings.setdefault(spelling, name) != name:
                fault = f"[{spellings[spelling]}] has this name too"
                problems.append(Problem(f"[{name}]", spelling, fault, "Rename one of the two"))
    if problems:
        raise ConfigError(*(Problem(f"{file.name} {p.key}", p.value, p.fault, p.cure) for p in problems))
    return tables


def _parsed(file: Path) -> dict[str, Table]:
    key, cure = "agent.file", 'Give a TOML file with a table for each agent, such as ["my liposome"]'
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        near = get_close_matches(file.name, [other.name for other in file.parent.glob("*.toml")], n=1)
        cure = f"Did you mean {near[0]}?" if near else cure
        raise ConfigError(Problem(key, str(file), "no such file", cure)) from None
    except OSError as error:
        raise ConfigError(Problem(key, str(file), f"cannot be read ({error.strerror})", cure)) from None
    except ValueError as error:  # of TOML and of UTF-8
        raise ConfigError(Problem(key, str(file), f"not TOML: {error}", cure)) from None


def problems_of(name: str, table: Any) -> Iterator[Problem]:
    """Every fault of the table of an agent."""
    here = f"[{name}]"
    if not isinstance(table, dict):
        yield Problem(
            name, table, "stands outside any agent", 'Write it below the name, such as ["my agent"]'
        )
        return
    if "class" not in table:
        yield Problem(f"{here} class", None, "is missing", 'Add for example class = "liposome"')
    for key, entry in table.items():
        fault = _fault(key, entry)
        if fault is not None:
            shown = None if isinstance(entry, dict) else entry
            yield Problem(f"{here} {key}", shown, *fault)
    yield from _contradictions(here, table)


def _contradictions(here: str, table: Table) -> Iterator[Problem]:
    if {"diameter_log_sd", "polydispersity_index"} <= table.keys():
        fault = "the spread of sizes is given twice"
        yield Problem(f"{here} polydispersity_index", None, fault, "Leave it or diameter_log_sd out")
    nuclide = table.get("radionuclide")
    if nuclide and "decay_half_life" not in table and nuclide not in radionuclide_names():
        fault = f"no half-life is known for this one, only for {', '.join(radionuclide_names())}"
        cure = 'Add decay_half_life, for example "6.65 d"'
        yield Problem(f"{here} radionuclide", nuclide, fault, cure)
    if table.get("wall_mode") == "pores" and "wall_permeability" in table:
        cure = 'Remove it, or set wall_mode = "empirical"'
        yield Problem(f"{here} wall_permeability", None, "is not read in the wall mode pores", cure)


def _fault(key: str, entry: Any) -> tuple[str, str] | None:
    """What is wrong with a value, and the cure."""
    if key in QUANTITIES:
        return _fault_of_number(key, entry)
    if key not in KEYS:
        near = get_close_matches(key, KEYS, n=1)
        return "unknown key", f'Did you mean "{near[0]}"?' if near else f"Known here: {', '.join(KEYS)}"
    if key == "aliases":
        texts = isinstance(entry, list) and all(isinstance(alias, str) for alias in entry)
        return None if texts else ("a list of texts was expected", 'Write ["one", "another"]')
    if not isinstance(entry, str):
        return "text was expected", "Write text in quotes"
    if entry not in (names := list(CHOICES.get(key, [entry]))):
        near = get_close_matches(entry, names, n=1, cutoff=0.5)
        return "unknown choice", f'Did you mean "{near[0]}"?' if near else f"Use one of {', '.join(names)}"
    return None


def _fault_of_number(key: str, entry: Any) -> tuple[str, str] | None:
    item = QUANTITIES[key]
    typical = f'"{example(unit)}"' if (unit := item.metadata["unit"]) != "1" else "0.1"
    if isinstance(entry, dict):
        form = f'{{ value = {typical}, quality = "measured", source = "where it is from" }}'
        if entry.keys() != {"value", "quality", "source"}:
            return "a value, its quality and its source were expected, or the value alone", f"Write {form}"
        if entry["quality"] not in QUALITIES:
            return f"unknown quality {entry['quality']!r}", f"Use one of {', '.join(QUALITIES)}"
        if not isinstance(entry["source"], str) or not entry["source"].strip():
            return "the source is empty", f"Write {form}"
        entry = entry["value"]
    if isinstance(entry, list) != (item.default == ()):
        several = item.default == ()
        return ("a list was expected", f"Write [{typical}]") if several else ("one value was expected", "")
    try:
        values = _in_si(entry, unit)
    except UnitError as error:
        return str(error).split("; for example")[0], f"Write for example {typical}"
    for value in values if isinstance(values, tuple) else (values,):
        if not isfinite(value) or (value < 0 and not item.metadata["signed"]):
            return "is negative" if value < 0 else "is not finite", f"Give for example {typical}"
        if value == 0 and item.metadata["positive"]:
            return "is zero", f"Give for example {typical}, or leave out what is not known"
    return None


# from table to agent ----------------------------------------------------------------------------------------


def _agent(name: str, table: Table, *, source: str) -> Agent:
    values: dict[str, Any] = {"name": name, "agent_class": table["class"]}
    provenance: dict[str, Provenance] = {}
    for key, entry in table.items():
        if key in QUANTITIES:
            full = (
                entry if isinstance(entry, dict) else {"value": entry, "quality": "given", "source": source}
            )
            values[key] = _in_si(full["value"], QUANTITIES[key].metadata["unit"])
            provenance[key] = Provenance(full["quality"], full["source"])
        elif key not in ("class", "aliases"):
            values[key] = entry
    _complete(values, provenance)
    return Agent(**values, provenance=MappingProxyType(provenance))


def _in_si(value: Any, unit: str) -> Any:
    """A number, or a tuple of numbers. Raises UnitError for what is none in this unit."""
    if isinstance(value, list):
        return tuple(_in_si(item, unit) for item in value)
    if unit == "1" and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return to_si(value, unit)


def _complete(values: dict[str, Any], provenance: dict[str, Provenance]) -> None:
    """Add what follows from the values that are there."""
    if len(values.get("plasma_half_lives", ())) == 1 and "plasma_fractions" not in values:
        values["plasma_fractions"], provenance["plasma_fractions"] = (1.0,), _ONE_PHASE
    if {"dissociation_constant", "binding_on"} <= values.keys() and "binding_off" not in values:
        values["binding_off"] = values["dissociation_constant"] * values["binding_on"]
        provenance["binding_off"] = _FROM_AFFINITY
    if values.get("radionuclide") and "decay_half_life" not in values:
        values["decay_half_life"] = radionuclide(values["radionuclide"]).half_life
        provenance["decay_half_life"] = _FROM_NUCLIDE
    if "polydispersity_index" in values:
        values["diameter_log_sd"] = float(log_sd_from_polydispersity(values["polydispersity_index"]))
        provenance["diameter_log_sd"] = _FROM_INDEX
