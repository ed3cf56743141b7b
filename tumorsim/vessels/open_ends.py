"""What is known or assumed of the blood at the open ends of a network, and how easily it flows through segments."""

from dataclasses import dataclass

import numpy as np

from tumorsim.errors import ConfigError, Problem
from tumorsim.vessels.boundary_estimate import estimate_pressures
from tumorsim.vessels.network import Network
from tumorsim.vessels.viscosity import HAEMATOCRIT, PLASMA_VISCOSITY, relative_viscosity

BOUNDARIES = ("split", "estimated")
"""How the pressures at open ends are found where a file has none."""


@dataclass(frozen=True)
class Blood:
    """What flows: the haematocrit at the inlets, whether its cells part at branchings, and how viscous it is."""

    haematocrit: float = HAEMATOCRIT
    phase_separation: bool = False
    viscosity: str = "in_vivo_1994"
    plasma_viscosity: float = PLASMA_VISCOSITY


def conductance(
    network: Network,
    *,
    haematocrit: np.ndarray | float = HAEMATOCRIT,
    plasma_viscosity: float = PLASMA_VISCOSITY,
    viscosity: str = "in_vivo_1994",
) -> np.ndarray:
    """Flow per pressure drop of every segment, π D⁴/(128 μ ℓ), m³/(Pa s)."""
    diameter = 2 * network.radius
    relative = relative_viscosity(diameter, haematocrit=haematocrit, law=viscosity)
    return np.pi * diameter**4 / (128 * plasma_viscosity * relative * network.length)


def boundary_pressures(
    network: Network, blood: Blood, rule: str, arterial: float | None, venous: float | None
) -> tuple[np.ndarray, list[str]]:
    """Pressures (n,) where they are known or set by a rule of ``BOUNDARIES``, nan elsewhere, and what was done.

    Raises ConfigError when there is no pressure to start from.
    """
    nothing = network.pressure is None and network.boundary_flow is None
    known = np.full(len(network.nodes), np.nan) if network.pressure is None else network.pressure
    if rule == "estimated" and np.isnan(known[network.boundary_nodes]).any():
        return _estimated(network, blood, known)
    if nothing:
        if arterial is None or venous is None:
            raise no_pressure(network)
        known = split_ends(network, arterial_pressure=arterial, venous_pressure=venous)
        return known, [_split_note(known, arterial, venous)]
    return _with_level(network, known, venous)


def split_ends(network: Network, *, arterial_pressure: float, venous_pressure: float) -> np.ndarray:
    """A pressure for every open end, nan elsewhere, (n,) in Pa: which ends are arterial, which venous [D].

    What flows in must flow out, so within each connected part both sides get nearly the same flow capacity
    Σr³ (Murray's law): its ends are taken from the widest down, ties by position, and each goes to the side
    with the smaller sum, the first to the venous side since venules are the wider vessels [M]. So a part with
    two ends or more has both; a part with a single open end cannot flow and gets the mean.

    Raises ConfigError unless the arterial pressure exceeds the venous one and there is an open end.
    """
    if not arterial_pressure > venous_pressure:
        fault = f"not above the venous pressure of {venous_pressure:g} Pa"
        cure = "Raise it, or lower the venous one"
        raise ConfigError(Problem("vessels.arterial_pressure", arterial_pressure, fault, cure))
    radius = np.zeros(len(network.nodes))
    radius[network.segments] = network.radius[:, None]  # right at an end, which has one segment
    ends = network.boundary_nodes
    if not len(ends):
        fault = "no open end at which blood could enter or leave"
        raise ConfigError(Problem("vessels.file", network.source, fault, "Give its nodal pressures instead"))
    z, y, x = network.nodes[ends].T
    ends = ends[np.lexsort((x, y, z, -radius[ends]))]
    part = network.components
    capacity = np.zeros((part.max() + 1, 2))
    pressure = np.full(len(network.nodes), np.nan)
    for end in ends:
        side = int(np.argmin(capacity[part[end]]))
        capacity[part[end], side] += radius[end] ** 3
        pressure[end] = (venous_pressure, arterial_pressure)[side]
    alone = np.bincount(part[ends], minlength=len(capacity))[part] == 1
    pressure[alone & ~np.isnan(pressure)] = (arterial_pressure + venous_pressure) / 2
    return pressure


def _estimated(network: Network, blood: Blood, known: np.ndarray) -> tuple[np.ndarray, list[str]]:
    g = conductance(
        network,
        haematocrit=blood.haematocrit,
        plasma_viscosity=blood.plasma_viscosity,
        viscosity=blood.viscosity,
    )
    found = estimate_pressures(network, g, known=known, inflow=network.boundary_flow)
    gates = network.boundary_nodes
    blind = gates if network.boundary_flow is None else gates[np.isnan(network.boundary_flow[gates])]
    open_ends = blind[np.isnan(known[blind])]
    pressure = known.copy()
    pressure[open_ends] = found.pressure[open_ends]
    low, high = found.pressure[gates].min(), found.pressure[gates].max()
    note = (
        f"pressures of {len(open_ends)} open ends estimated from a target pressure and shear stress (ends then span "
        f"{low:.4g} to {high:.4g} Pa; {found.reversals} directions still changed in the last pass)"
    )
    return pressure, [note]


def _with_level(network: Network, known: np.ndarray, venous: float | None) -> tuple[np.ndarray, list[str]]:
    """With the venous pressure at the widest outlet of every part that knows flows alone: they fix no level."""
    if network.boundary_flow is None:
        return known, []
    part, known, count = network.components, known.copy(), 0
    levelled = np.bincount(part, ~np.isnan(known)) > 0
    fed = np.bincount(part, np.nan_to_num(network.boundary_flow) != 0) > 0
    for lone in np.flatnonzero(fed & ~levelled):
        gates = network.boundary_nodes[part[network.boundary_nodes] == lone]
        if not len(gates) or venous is None:
            raise no_pressure(network)
        inflow = network.boundary_flow[gates]
        unknown = np.isnan(inflow)
        known[gates[unknown] if unknown.any() else gates[np.argmin(inflow)]] = venous
        count += 1
    return known, [f"venous pressure of {venous:g} Pa at the outlets of {count} parts"] if count else []


def no_pressure(network: Network) -> ConfigError:
    fault = f"{network.source or 'the network'} has no blood pressures, and none is given for its open ends"
    cure = "Give arterial_pressure and venous_pressure"
    return ConfigError(Problem("vessels.arterial_pressure", None, fault, cure))


def _split_note(pressure: np.ndarray, arterial: float, venous: float) -> str:
    counts = [int(np.count_nonzero(pressure == value)) for value in (arterial, venous)]
    return f"{counts[0]} open ends taken as arterial ({arterial:g} Pa), {counts[1]} as venous ({venous:g} Pa)"
