"""What an agent is and does, in words and numbers for a reader, and as records for a program."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tumorsim.agents.agent import Agent
from tumorsim.agents.binding_barrier import spheroid_moduli, vascular_moduli
from tumorsim.agents.catalogue import QUANTITIES
from tumorsim.agents.particle import free_diffusivity
from tumorsim.agents.passage import matrix_passage, sizes, wall_passage
from tumorsim.agents.plasma import plasma_curve
from tumorsim.errors import ConfigError
from tumorsim.tissue.properties import RegionProperties
from tumorsim.units import from_si
from tumorsim.vessels.wall import WallCoefficients

WORDS = ("payload", "status", "target", "trigger", "release_model", "radionuclide", "note")
MODELS = ("wall_mode", "pore_model", "matrix_model", "partition_model", "retardation_model", "diameter_basis")


@dataclass(frozen=True)
class Transport:
    """How an agent moves in one tissue, SI; D₀ is that of the median diameter of the dose."""

    free_diffusivity: float
    diffusivity: float
    available_fraction: float
    retardation: float
    wall: WallCoefficients


@dataclass(frozen=True)
class Derived:
    """A number that follows for an agent in a tissue: SI, None where it cannot be told; by which model, or why."""

    value: float | None
    unit: str
    by: str


@dataclass(frozen=True)
class Exposure:
    """What the moduli of binding ask for: B_max in mol/m³, a dose in mol into plasma of m³, a depth R in m."""

    binding_sites: float
    dose: float
    plasma_volume: float
    radius: float = 100e-6


def transport(agent: Agent, tissue: RegionProperties) -> Transport | None:
    """D₀, D, ε, f, P and σ of the agent in a tissue by the agent's own models; None without a diameter.

    Measured values (``interstitial_diffusivity``, ``wall_permeability``) take the place of the models'; a
    distributed size is averaged (see `passage`). Raises ConfigError where a model needs a value that is not known.
    """
    if agent.diameter is None:
        return None

    def of_tissue(name: str) -> float:
        return float(getattr(tissue, name))

    matrix, wall = matrix_passage(agent, of_tissue), wall_passage(agent, of_tissue)
    return Transport(
        free_diffusivity=float(free_diffusivity(float(sizes(agent, count=1).diameters[0]))),
        diffusivity=float(matrix.diffusivity),
        available_fraction=float(matrix.available_fraction),
        retardation=float(matrix.retardation),
        wall=wall,
    )


def derived(
    agent: Agent, tissue: RegionProperties, *, exposure: Exposure | None = None
) -> dict[str, Derived]:
    """Every number that follows for the agent in a tissue, by name; the moduli of binding under an exposure."""
    try:
        moves, why = transport(agent, tissue), "needs a diameter"
    except ConfigError as error:
        moves, why = None, "; ".join(f"{problem.key} {problem.fault}" for problem in error.problems)
    values, origins = _values(moves, tissue), _origins(agent)
    found = {
        name: Derived(values.get(name), unit, origins[name] if moves else why)
        for name, unit in DERIVED_UNITS.items()
    }
    if exposure is not None:
        found |= _moduli(agent, tissue, moves, exposure)
    return found


DERIVED_UNITS = {
    "free_diffusivity": "m^2/s",
    "diffusivity": "m^2/s",
    "accessible_part": "1",
    "available_fraction": "1",
    "retardation": "1",
    "wall_hydraulic_conductivity": "m/(Pa s)",
    "wall_permeability": "m/s",
    "reflection_coefficient": "1",
    "wall_permeability_density": "1/s",
}
"""What follows for every agent in a tissue, with its unit."""


def _values(moves: Transport | None, tissue: RegionProperties) -> dict[str, float]:
    if moves is None:
        return {}
    permeability = float(moves.wall.permeability)
    return {
        "free_diffusivity": moves.free_diffusivity,
        "diffusivity": moves.diffusivity,
        "accessible_part": moves.available_fraction / tissue.interstitial_fraction,
        "available_fraction": moves.available_fraction,
        "retardation": moves.retardation,
        "wall_hydraulic_conductivity": float(moves.wall.hydraulic_conductivity),
        "wall_permeability": permeability,
        "reflection_coefficient": float(moves.wall.reflection_coefficient),
        "wall_permeability_density": permeability * tissue.vessel_area_density,
    }


def _origins(agent: Agent) -> dict[str, str]:
    """The model, or the quality of the measurement, that each number comes from."""
    spread = " (mean over sizes)" if agent.diameter_log_sd else ""
    pores, empirical = f"pores, {agent.pore_model}", agent.wall_mode == "empirical"
    permeability = f"empirical fit{spread}" if empirical else f"{pores}{spread}"
    if empirical and agent.wall_permeability is not None:
        permeability = f"{agent.quality('wall_permeability')} value"
    diffusivity = f"{agent.matrix_model}{spread}"
    if agent.interstitial_diffusivity is not None:
        diffusivity = f"{agent.quality('interstitial_diffusivity')} value"
    return {
        "free_diffusivity": "Stokes–Einstein, water at 37 °C",
        "diffusivity": diffusivity,
        "accessible_part": f"{agent.partition_model}{spread}",
        "available_fraction": "of tissue volume",
        "retardation": agent.retardation_model,
        "wall_hydraulic_conductivity": "of the tissue" if empirical else pores,
        "wall_permeability": permeability,
        "reflection_coefficient": f"{pores}{spread}",
        "wall_permeability_density": "P S/V",
    }


_MODULI = ("thiele_spheroid", "clearance_spheroid", "thiele_vessels", "clearance_vessels")


def _moduli(
    agent: Agent, tissue: RegionProperties, moves: Transport | None, exposure: Exposure
) -> dict[str, Derived]:
    """φ² and Γ with the plasma's peak as C: the best case, for a tissue lags behind its blood."""
    missing = [name for name in ("internalisation", "plasma_half_lives") if not getattr(agent, name)]
    density = float(moves.wall.permeability) * tissue.vessel_area_density if moves else 0.0
    if moves is None or missing or agent.internalisation is None or density == 0 or exposure.dose == 0:
        lacking = [*missing, *(["a diameter"] if agent.diameter is None else [])]
        why = f"needs {', '.join(lacking)}" if lacking else "nothing passes the wall"
        return {name: Derived(None, "1", why) for name in _MODULI}
    plasma = plasma_curve(agent, exposure.dose, amount_unit="mol", volume=exposure.plasma_volume)
    common = {
        "internalisation": agent.internalisation,
        "binding_sites": exposure.binding_sites,
        "concentration": exposure.dose / exposure.plasma_volume,
        "exposure": plasma.auc(),
    }
    effective = moves.available_fraction * moves.diffusivity
    spheroid = spheroid_moduli(**common, radius=exposure.radius, effective_diffusivity=effective)
    vessels = vascular_moduli(**common, wall_permeability_density=density)
    values = (spheroid.thiele, spheroid.clearance, vessels.thiele, vessels.clearance)
    depth = f"to {exposure.radius * 1e6:.4g} µm, below 1 to reach there"
    peak = "at the peak in plasma"
    words = (
        f"φ² {peak} {depth}",
        f"Γ {depth}",
        f"φ² of the wall {peak}, below 1 to saturate",
        "Γ of the wall",
    )
    return {n: Derived(value, "1", by) for n, value, by in zip(_MODULI, values, words, strict=True)}


def describe(
    agent: Agent, tissue: RegionProperties, *, name: str, exposure: Exposure | None = None
) -> list[str]:
    """The agent as lines of text: each value with its quality and source, then what follows in a tissue."""
    lines = [f"{agent.name}: {agent.agent_class or 'described by the user'}"]
    lines += [_line(agent, key) for key in QUANTITIES if key in agent.provenance]
    lines += [f"  {_label(word):28}{getattr(agent, word)}" for word in WORDS if getattr(agent, word)]
    lines += ["Models:", *(f"  {_label(model):28}{getattr(agent, model)}" for model in MODELS)]
    lines.append(f"In {name} tissue:")
    for key, number in derived(agent, tissue, exposure=exposure).items():
        lines.append(f"  {_label(key):28}{_shown(number):22}{number.by}")
    return lines + _class_lines(agent)


def _class_lines(agent: Agent) -> list[str]:
    """The five size classes of a distributed size."""
    if agent.diameter is None or not agent.diameter_log_sd:
        return []
    classes = sizes(agent, count=5)
    pairs = zip(classes.diameters, classes.weights, strict=True)
    return [
        "Size classes, to be run one by one:",
        *(f"  {f'{d * 1e9:.4g} nm':28}{w:.3%} of the dose" for d, w in pairs),
    ]


def _shown(number: Derived) -> str:
    if number.value is None:
        return "unknown"
    return f"{number.value:.3g}" + ("" if number.unit == "1" else f" {number.unit}")


def _line(agent: Agent, name: str) -> str:
    value, metadata = getattr(agent, name), QUANTITIES[name].metadata
    numbers = value if isinstance(value, tuple) else (value,)
    shown = ", ".join(f"{from_si(number, metadata['unit'], metadata['shown']):.4g}" for number in numbers)
    unit = "" if metadata["shown"] == "1" else f" {metadata['shown']}"
    return f"  {_label(name):28}{shown + unit:22}{agent.quality(name)}: {agent.source(name)}"


def _label(name: str) -> str:
    return name.replace("_", " ")


def brief(agent: Agent, numbers: Mapping[str, Derived] | None = None) -> dict[str, str]:
    """The agent as one line of a table: column and text."""
    diameter = "unknown" if agent.diameter is None else f"{agent.diameter * 1e9:.4g} nm"
    line = {"agent": agent.name, "diameter": diameter}
    if numbers is None:
        carried = agent.payload or agent.radionuclide
        return line | {"class": agent.agent_class, "carries": carried, "status": agent.status}
    return line | {column: _shown(numbers[key]) for column, key in BRIEFLY.items() if key in numbers}


BRIEFLY = {
    "D": "diffusivity",
    "ε": "available_fraction",
    "P": "wall_permeability",
    "σ": "reflection_coefficient",
    "P S/V": "wall_permeability_density",
    "φ² vessels": "thiele_vessels",
    "Γ vessels": "clearance_vessels",
}
"""Derived numbers that a table has room for."""


def record(agent: Agent, numbers: Mapping[str, Derived] | None = None) -> dict[str, Any]:
    """The agent for JSON: words, models, values in SI with unit, quality and source, and derived numbers."""
    values = {
        name: {
            "value": getattr(agent, name),
            "unit": QUANTITIES[name].metadata["unit"],
            "quality": agent.quality(name),
            "source": agent.source(name),
        }
        for name in QUANTITIES
        if name in agent.provenance
    }
    words = {"name": agent.name, "class": agent.agent_class} | {word: getattr(agent, word) for word in WORDS}
    made: dict[str, Any] = {
        **words,
        "values": values,
        "models": {model: getattr(agent, model) for model in MODELS},
    }
    if numbers is not None:
        made["derived"] = {key: {"value": n.value, "unit": n.unit, "by": n.by} for key, n in numbers.items()}
    return made


def flat_row(agent: Agent, numbers: Mapping[str, Derived] | None = None) -> dict[str, Any]:
    """The agent as one flat row, SI with the unit in the column's name; None is unknown."""
    flat: dict[str, Any] = {"name": agent.name, "class": agent.agent_class}
    flat |= {word: getattr(agent, word) for word in WORDS if word != "note"}
    for name, item in QUANTITIES.items():
        value = getattr(agent, name)
        column = f"{name} [{item.metadata['unit']}]"
        flat[column] = ";".join(f"{number:g}" for number in value) if isinstance(value, tuple) else value
    return flat | {f"derived {key} [{n.unit}]": n.value for key, n in (numbers or {}).items()}
