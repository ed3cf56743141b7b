"""What an agent is and does, in words and numbers for a reader."""

from dataclasses import dataclass, replace

from tumorsim.agents.agent import Agent
from tumorsim.agents.catalogue import QUANTITIES
from tumorsim.agents.interstitium import available_fraction, convective_retardation, hindered_diffusivity
from tumorsim.agents.particle import free_diffusivity
from tumorsim.tissue.properties import PRESETS, RegionProperties
from tumorsim.units import from_si
from tumorsim.vessels.wall import WallCoefficients, wall_coefficients


@dataclass(frozen=True)
class Transport:
    """How an agent moves in one tissue, SI."""

    free_diffusivity: float
    diffusivity: float
    available_fraction: float
    retardation: float
    wall: WallCoefficients


def transport(agent: Agent, tissue: RegionProperties) -> Transport | None:
    """D₀, D, ε, f, P and σ of the agent in a tissue by the agent's own models; None without a diameter.

    Measured values (``interstitial_diffusivity``, ``wall_permeability``) take the place of the models'.
    """
    if agent.diameter is None:
        return None
    radius = agent.diameter / 2
    free = float(free_diffusivity(agent.diameter))
    wall = wall_coefficients(
        mode=agent.wall_mode,
        particle_radius=radius,
        pore_radius=tissue.pore_radius,
        pore_area_fraction=tissue.pore_area_fraction,
        wall_thickness=tissue.wall_thickness,
        wall_hydraulic_conductivity=tissue.wall_hydraulic_conductivity,
        diffusivity_in_plasma=free,
        charge_factor=agent.charge_factor,
    )
    if agent.wall_permeability is not None:
        wall = replace(wall, permeability=agent.wall_permeability)
    diffusivity = agent.interstitial_diffusivity
    if diffusivity is None:
        hindered = hindered_diffusivity(radius, tissue.hydraulic_conductivity, model=agent.matrix_model)
        diffusivity = float(hindered)
    available = available_fraction(radius, tissue.interstitial_fraction, model=agent.partition_model)
    return Transport(
        free_diffusivity=free,
        diffusivity=diffusivity,
        available_fraction=float(available),
        retardation=float(convective_retardation(radius, model=agent.retardation_model)),
        wall=wall,
    )


def describe(agent: Agent) -> list[str]:
    """The agent as lines of text: each value with its quality and source, then what follows in a tumour.

    The tumour is the preset of that name in ``tissue.properties``.
    """
    title = f"{agent.name}: {agent.agent_class}" + (f", carries {agent.payload}" if agent.payload else "")
    lines = [title, *(_line(agent, name) for name in QUANTITIES if name in agent.provenance)]
    words = ("target", "trigger", "release_model", "radionuclide", "wall_mode", "matrix_model", "note")
    lines += [f"  {_label(word):24} {getattr(agent, word)}" for word in words if getattr(agent, word)]
    moves = transport(agent, PRESETS["tumour"])
    if moves is None:
        return lines
    return [
        *lines,
        "In the tumour preset:",
        f"  {'free diffusivity D0':24} {moves.free_diffusivity:.3g} m^2/s",
        f"  {'diffusivity D':24} {moves.diffusivity:.3g} m^2/s",
        f"  {'available fraction ε':24} {moves.available_fraction:.3g}",
        f"  {'wall permeability P':24} {moves.wall.permeability:.3g} m/s",
        f"  {'reflection coefficient σ':24} {moves.wall.reflection_coefficient:.3g}",
    ]


def _line(agent: Agent, name: str) -> str:
    value, metadata = getattr(agent, name), QUANTITIES[name].metadata
    numbers = value if isinstance(value, tuple) else (value,)
    shown = ", ".join(f"{from_si(number, metadata['unit'], metadata['shown']):.4g}" for number in numbers)
    unit = "" if metadata["shown"] == "1" else f" {metadata['shown']}"
    return f"  {_label(name):24} {shown + unit:20} {agent.quality(name)}: {agent.source(name)}"


def _label(name: str) -> str:
    return name.replace("_", " ")
