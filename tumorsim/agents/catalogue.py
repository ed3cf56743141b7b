"""The agents that come with the package: ``data/*.toml``, one table an agent, one file a family.

Each number in the files is a small table with its ``value``, its ``quality`` and its ``source``; the rest
is plain text. A value that nobody knows is absent.
"""

import tomllib
from dataclasses import Field, fields
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from tumorsim.agents.agent import Agent, Provenance
from tumorsim.errors import ConfigError, Problem
from tumorsim.units import to_si

QUANTITIES: dict[str, Field[Any]] = {item.name: item for item in fields(Agent) if "unit" in item.metadata}
"""The fields of an agent that are numbers; their metadata holds the SI ``unit`` and the one ``shown``."""
_ONE_PHASE = Provenance("computed", "a single phase")
_FROM_AFFINITY = Provenance("computed", "dissociation constant × association rate")


@cache
def _tables() -> dict[str, dict[str, Any]]:
    """Every agent's table by its name, in the order of the files."""
    tables: dict[str, dict[str, Any]] = {}
    for file in sorted(files("tumorsim.agents").joinpath("data").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            tables |= tomllib.loads(file.read_text(encoding="utf-8"))
    return tables


def agent_names() -> list[str]:
    """The names of all agents, family by family."""
    return list(_tables())


def load_agent(name: str) -> Agent:
    """The agent called ``name`` in the catalogue, or known by that alias; capitals do not matter.

    Raises ConfigError with the nearest name where there is none.
    """
    tables = _tables()
    known = {key.lower(): key for key in tables}
    known |= {alias.lower(): key for key, table in tables.items() for alias in table.get("aliases", ())}
    key = known.get(name.lower())
    if key is None:
        raise ConfigError(_unknown(name, list(known), list(tables)))
    return _agent(key, tables[key])


def _unknown(name: str, known: list[str], names: list[str]) -> Problem:
    near = get_close_matches(name.lower(), known, n=3)
    spelled = {key.lower(): key for key in names}
    hint = f"Did you mean {' or '.join(spelled.get(key, key) for key in near)}? " if near else ""
    cure = f"{hint}`tumorsim agents` lists all {len(names)}"
    return Problem("agent.name", name, "is not in the catalogue of agents", cure)


def _agent(name: str, table: dict[str, Any]) -> Agent:
    values: dict[str, Any] = {"name": name, "agent_class": table["class"]}
    provenance: dict[str, Provenance] = {}
    for key, entry in table.items():
        if key in QUANTITIES:
            values[key] = _in_si(entry["value"], QUANTITIES[key].metadata["unit"])
            provenance[key] = Provenance(entry["quality"], entry["source"])
        elif key not in ("class", "aliases"):
            values[key] = entry
    _complete(values, provenance)
    return Agent(**values, provenance=MappingProxyType(provenance))


def _in_si(value: Any, unit: str) -> Any:
    if isinstance(value, list):
        return tuple(_in_si(item, unit) for item in value)
    return to_si(value, unit) if isinstance(value, str) else float(value)


def _complete(values: dict[str, Any], provenance: dict[str, Provenance]) -> None:
    """Add what follows from the values that are there."""
    if len(values.get("plasma_half_lives", ())) == 1 and "plasma_fractions" not in values:
        values["plasma_fractions"], provenance["plasma_fractions"] = (1.0,), _ONE_PHASE
    if {"dissociation_constant", "binding_on"} <= values.keys() and "binding_off" not in values:
        values["binding_off"] = values["dissociation_constant"] * values["binding_on"]
        provenance["binding_off"] = _FROM_AFFINITY
