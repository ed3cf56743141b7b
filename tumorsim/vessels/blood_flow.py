"""Blood flow through a vessel network: Poiseuille segments with the in-vivo viscosity of blood."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tumorsim.errors import ConfigError, NumericsError, Problem
from tumorsim.vessels.network import Network

PLASMA_VISCOSITY = 1.0466e-3
"""Pa·s at 37 °C [S, physics.md 0: the value network codes use]."""
HAEMATOCRIT = 0.45
"""Discharge haematocrit, the same in every vessel [D]."""
NARROWEST_DIAMETER = 3e-6
"""m [D]: the viscosity law is not evaluated below this diameter."""
CONSERVATION = 1e-3
"""Largest nodal imbalance of a solved network, relative to its largest segment flow [D].

As a rule it is 1e-13; where all blood must pass a bottleneck of radius r, the rounding of the pressure in
vessels of radius R makes it 1e-16 (R/r)⁴.
"""


def relative_viscosity(diameter: np.ndarray | float, *, haematocrit: float = HAEMATOCRIT) -> np.ndarray:
    """Apparent viscosity of blood over that of plasma in a living vessel, for a diameter in m.

    With D in µm, not below 3 µm::

        μ45 = 6 e^(−0.085 D) + 3.2 − 2.44 e^(−0.06 D^0.645)
        C = (0.8 + e^(−0.075 D)) (q − 1) + q,   q = 1/(1 + 1e-11 D^12)
        μ = [1 + (μ45 − 1) ((1 − H)^C − 1)/(0.55^C − 1) w] w,   w = (D/(D − 1.1))²

    Raises ConfigError for a haematocrit H outside 0…1. Source: Pries et al. 1994, Circ Res 75:904 [S].
    """
    if not 0 <= haematocrit < 1:
        raise ConfigError(
            Problem("vessels.haematocrit", haematocrit, "not a fraction", "Give one, such as 0.45")
        )
    d = np.maximum(np.asarray(diameter, float), NARROWEST_DIAMETER) * 1e6
    at_45 = 6 * np.exp(-0.085 * d) + 3.2 - 2.44 * np.exp(-0.06 * d**0.645)
    q = 1 / (1 + 1e-11 * d**12)
    c = (0.8 + np.exp(-0.075 * d)) * (q - 1) + q
    wall = (d / (d - 1.1)) ** 2
    log_plasma, log_55 = np.log1p(-haematocrit), np.log(0.55)
    near_zero = np.abs(c) < 1e-8  # at 8.05 µm, where the ratio is 0/0
    safe = np.where(near_zero, 1.0, c)
    ratio = np.where(near_zero, log_plasma / log_55, np.expm1(safe * log_plasma) / np.expm1(safe * log_55))
    return (1 + (at_45 - 1) * ratio * wall) * wall


def conductance(
    network: Network, *, haematocrit: float = HAEMATOCRIT, plasma_viscosity: float = PLASMA_VISCOSITY
) -> np.ndarray:
    """Flow per pressure drop of every segment, π D⁴/(128 μ ℓ), m³/(Pa s)."""
    diameter = 2 * network.radius
    viscosity = plasma_viscosity * relative_viscosity(diameter, haematocrit=haematocrit)
    return np.pi * diameter**4 / (128 * viscosity * network.length)


def blood_flow(
    network: Network,
    *,
    arterial_pressure: float | None = None,
    venous_pressure: float | None = None,
    haematocrit: float = HAEMATOCRIT,
    plasma_viscosity: float = PLASMA_VISCOSITY,
) -> Network:
    """The network with a pressure at every node (Pa) and a flow in every segment (m³/s).

    Pressures the network already has are kept, and nothing else is used. Where only some are known the others
    follow from ΣQ = 0, and open ends of unknown pressure are blind; so with nan in place of its inner
    pressures a file's flow conserves blood. A network without any is given ``arterial_pressure`` and
    ``venous_pressure`` at its open ends by the rule of ``split_ends``. The ``notes`` say what was done, and
    how far pressures given at every node are from ΣQ = 0 with this haematocrit.

    Raises ConfigError when there is no pressure to start from, NumericsError as ``solve_pressure`` does.
    """
    notes = list(network.notes)
    pressure = network.pressure
    if pressure is None:
        if arterial_pressure is None or venous_pressure is None:
            raise _no_pressure(network)
        pressure = split_ends(network, arterial_pressure=arterial_pressure, venous_pressure=venous_pressure)
        notes.append(_split_note(pressure, arterial_pressure, venous_pressure))
    law = {"haematocrit": haematocrit, "plasma_viscosity": plasma_viscosity}
    solved = bool(np.isnan(pressure).any())
    if solved:
        notes += _unperfused_note(network, pressure)
        pressure = solve_pressure(network, boundary_pressure=pressure, **law)
    flow = conductance(network, **law) * _drop(network, pressure)
    result = replace(network, pressure=pressure, flow=flow)
    if not solved:
        notes.append(_imbalance_note(result, flow, haematocrit=haematocrit))
    return replace(result, notes=tuple(notes))


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


def solve_pressure(
    network: Network,
    *,
    boundary_pressure: Mapping[int, float] | np.ndarray,
    haematocrit: float = HAEMATOCRIT,
    plasma_viscosity: float = PLASMA_VISCOSITY,
) -> np.ndarray:
    """Nodal pressures (n,) in Pa from Σ_j g_ij (p_i − p_j) = 0 at every node whose pressure is not given.

    ``boundary_pressure`` maps node → Pa, or is an (n,) array with nan where unknown; an open end without a
    value is blind. Nothing flows in a connected part without two different values: it gets the one it has or,
    without any, the pressure midway between the lowest and the highest value given anywhere [D].

    Raises ConfigError when no value is given, NumericsError when the solution does not conserve flow.
    """
    known = _as_array(network, boundary_pressure)
    given = ~np.isnan(known)
    if not given.any():
        raise _no_pressure(network)
    lowest, highest = _ranges(network, known)
    middle = (np.nanmin(known) + np.nanmax(known)) / 2
    rest = np.where(np.isfinite(lowest), lowest, middle)  # pressure of a part in which nothing flows
    pressure = np.where(given, known, rest[network.components])
    free = np.flatnonzero((highest > lowest)[network.components] & ~given)
    if len(free):
        g = conductance(network, haematocrit=haematocrit, plasma_viscosity=plasma_viscosity)
        pressure[free] = middle + _solve(network, g, pressure - middle, free=free)
        _check_conservation(network, g * _drop(network, pressure), free=free)
    return pressure


def nodal_imbalance(network: Network) -> np.ndarray:
    """Net flow ΣQ from its segments into every node, (n,) in m³/s: 0 at inner nodes of a network in balance.

    At an open end it is the flow that leaves the network there (negative where blood enters).
    """
    if network.flow is None:
        raise ConfigError(Problem("network.flow", None, "there is no flow", "Use blood_flow first"))
    return _net_flow(network, network.flow)


def _drop(network: Network, pressure: np.ndarray) -> np.ndarray:
    """Pressure at the first node of every segment less that at the second."""
    return pressure[network.segments[:, 0]] - pressure[network.segments[:, 1]]


def _net_flow(network: Network, flow: np.ndarray) -> np.ndarray:
    start, end = network.segments.T
    n = len(network.nodes)
    return np.bincount(end, flow, minlength=n) - np.bincount(start, flow, minlength=n)


def _solve(network: Network, g: np.ndarray, known: np.ndarray, *, free: np.ndarray) -> np.ndarray:
    """Pressures at the ``free`` nodes that conserve flow, with ``known`` at all others."""
    from scipy.sparse import coo_array, diags_array
    from scipy.sparse.linalg import splu

    n = len(network.nodes)
    start, end = network.segments.T
    ends = np.concatenate([start, end]), np.concatenate([end, start])
    links = coo_array((np.tile(g, 2), ends), shape=(n, n)).tocsr()
    total = links.sum(axis=1)[free]
    scale = 1 / np.sqrt(total)  # unit diagonal: conductances span many decades
    matrix = diags_array(scale) @ (diags_array(total) - links[free][:, free]) @ diags_array(scale)
    held = known.copy()
    held[free] = 0
    try:
        factors = splu(matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
    except RuntimeError as error:
        raise NumericsError(f"blood flow: the network's pressure equations are singular ({error})") from None
    return scale * factors.solve(scale * (links[free] @ held))


def _check_conservation(network: Network, flow: np.ndarray, *, free: np.ndarray) -> None:
    worst, largest = np.abs(_net_flow(network, flow)[free]).max(), np.abs(flow).max()
    if not worst <= CONSERVATION * largest:
        raise NumericsError(
            f"blood flow: {worst:.3g} m³/s is lost at a node, the largest flow being {largest:.3g} m³/s; "
            f"vessel radii span {network.radius.min():.3g} to {network.radius.max():.3g} m. "
            "Correct or remove the thinnest segments"
        )


def _as_array(network: Network, values: Mapping[int, float] | np.ndarray) -> np.ndarray:
    if not isinstance(values, Mapping):
        return np.array(values, float)
    pressure = np.full(len(network.nodes), np.nan)
    pressure[list(values)] = list(values.values())
    return pressure


def _no_pressure(network: Network) -> ConfigError:
    fault = f"{network.source or 'the network'} has no blood pressures, and none is given for its open ends"
    cure = "Give arterial_pressure and venous_pressure"
    return ConfigError(Problem("vessels.arterial_pressure", None, fault, cure))


def _split_note(pressure: np.ndarray, arterial: float, venous: float) -> str:
    counts = [int(np.count_nonzero(pressure == value)) for value in (arterial, venous)]
    return f"{counts[0]} open ends taken as arterial ({arterial:g} Pa), {counts[1]} as venous ({venous:g} Pa)"


def _ranges(network: Network, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest known pressure in every connected part; ±inf where there is none."""
    part, given = network.components, ~np.isnan(known)
    lowest, highest = np.full(part.max() + 1, np.inf), np.full(part.max() + 1, -np.inf)
    np.minimum.at(lowest, part[given], known[given])
    np.maximum.at(highest, part[given], known[given])
    return lowest, highest


def _unperfused_note(network: Network, known: np.ndarray) -> list[str]:
    lowest, highest = _ranges(network, known)
    still = ~(highest > lowest)
    segments = np.count_nonzero(still[network.components[network.segments[:, 0]]])
    return [f"parts not perfused: {np.count_nonzero(still)} ({segments} segments)"] if still.any() else []


def _imbalance_note(network: Network, flow: np.ndarray, *, haematocrit: float) -> str:
    """How far the given pressures are from conserving blood: net flow over flow through, at inner nodes."""
    inner = network.degree > 1
    through = np.bincount(network.segments.ravel(), np.abs(flow).repeat(2), minlength=len(inner)) / 2
    share = np.abs(_net_flow(network, flow))[inner] / np.maximum(through[inner], np.finfo(float).tiny)
    median, worst = (np.median(share), share.max()) if inner.any() else (0.0, 0.0)
    return (
        f"given pressures leave a nodal imbalance of {median:.2g} (median; worst {worst:.2g}) of the flow "
        f"through a node at haematocrit {haematocrit:g}"
    )
