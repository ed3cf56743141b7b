"""Blood flow through a vessel network: Poiseuille segments, with red cells that part at branchings or do not."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from tumorsim.errors import ConfigError, NumericsError, Problem
from tumorsim.vessels.haematocrit import cell_imbalance, directed, spread_cells
from tumorsim.vessels.network import Network
from tumorsim.vessels.open_ends import Blood, boundary_pressures, conductance, no_pressure
from tumorsim.vessels.poiseuille import Leak, NodalEquations, drop, net_flow
from tumorsim.vessels.viscosity import HAEMATOCRIT, PLASMA_VISCOSITY

RELAXATION, MOST_SWEEPS = 0.5, 600
"""[D]: of the haematocrit between sweeps of flow and cells; physics.md F.2 has 0.5."""
CALMER, BOLDER = 0.7, 1.1
"""[D]: factors on the relaxation of a segment whose haematocrit swings, and of one that goes its way."""
SETTLED = 1e-4
"""[D]: sweeps end when no haematocrit changes by more, in segments with at least FAINT of the median flow."""
FAINT = 1e-4
MOST_CELLS = 0.99
"""[D]: haematocrit to which the next sweep is held; the balance of cells is not."""
CELLS_KEPT = 1e-10
"""[D]: red cells that may be missing at a node, of all that enter."""


def blood_flow(
    network: Network,
    *,
    arterial_pressure: float | None = None,
    venous_pressure: float | None = None,
    haematocrit: float = HAEMATOCRIT,
    plasma_viscosity: float = PLASMA_VISCOSITY,
    viscosity: str = "in_vivo_1994",
    phase_separation: bool = False,
    boundary: str = "split",
    leak: Leak | None = None,
) -> Network:
    """The network with a pressure at every node (Pa), and a flow (m³/s) and haematocrit in every segment.

    Pressures and boundary flows that the network has are kept. Where only some are known the others follow from
    ΣQ = 0, and open ends of which nothing is known are blind; so with nan in place of its inner pressures a
    file's flow conserves blood. A network of which nothing is known is given ``arterial_pressure`` and
    ``venous_pressure`` at its open ends by the rule of ``split_ends``; or with ``boundary`` "estimated" every
    open end that is not known gets the pressure of ``estimate_pressures``. With ``phase_separation`` flow and
    red cells are iterated until neither changes. ``leak`` is what the walls let out. The ``notes`` say what was
    done, and how far pressures given at every node are from ΣQ = 0 with this haematocrit.

    Raises ConfigError when there is no pressure to start from, NumericsError when blood is lost at a node or the
    haematocrit does not settle.
    """
    blood = Blood(haematocrit, phase_separation, viscosity, plasma_viscosity)
    start = replace(network, flow=None, haematocrit=None)
    notes = list(network.notes)
    known, remarks = boundary_pressures(start, blood, boundary, arterial_pressure, venous_pressure)
    notes += remarks
    if not np.isnan(known).any():
        result = _with_flow(start, known, blood, np.full(len(start.segments), haematocrit))
        notes.append(_imbalance_note(result, haematocrit=haematocrit))
        return replace(result, notes=tuple(notes))
    notes += _unperfused_note(start, known)
    if not phase_separation:
        cells = np.full(len(start.segments), haematocrit)
        return replace(_solved(start, known, blood, cells, leak), notes=tuple(notes))
    result, remark = _separated(start, known, blood, leak)
    return replace(result, notes=(*notes, remark))


def _with_flow(network: Network, pressure: np.ndarray, blood: Blood, cells: np.ndarray) -> Network:
    g = conductance(
        network, haematocrit=cells, plasma_viscosity=blood.plasma_viscosity, viscosity=blood.viscosity
    )
    return replace(network, pressure=pressure, flow=g * drop(network, pressure), haematocrit=cells)


def _solved(
    network: Network,
    known: np.ndarray,
    blood: Blood,
    cells: np.ndarray,
    leak: Leak | None,
) -> Network:
    pressure = solve_pressure(
        network,
        boundary_pressure=known,
        haematocrit=cells,
        plasma_viscosity=blood.plasma_viscosity,
        viscosity=blood.viscosity,
        leak=leak,
    )
    return _with_flow(network, pressure, blood, cells)


def _separated(network: Network, known: np.ndarray, blood: Blood, leak: Leak | None) -> tuple[Network, str]:
    """Flow and red cells, each from the other, until the haematocrit settles."""
    inlet = np.full(len(network.nodes), blood.haematocrit)
    if network.inlet_haematocrit is not None:
        inlet = np.where(np.isnan(network.inlet_haematocrit), inlet, network.inlet_haematocrit)
    cells = np.full(len(network.segments), blood.haematocrit)
    relaxation, before = np.full(len(cells), RELAXATION), np.zeros(len(cells))
    for sweep in range(1, MOST_SWEEPS + 1):
        result = _solved(network, known, blood, cells, leak)
        ways = directed(result)
        flow = np.where(ways.still, 0.0, ways.flow)
        carried = spread_cells(result, ways, cells, inlet=inlet)
        found = np.divide(carried, flow, out=np.zeros(len(flow)), where=flow > 0)
        change = np.minimum(found, MOST_CELLS) - cells
        largest = float(np.abs(change)[flow > FAINT * np.median(flow[flow > 0])].max())
        if largest < SETTLED:
            result = replace(result, haematocrit=found)
            _check_cells(result, leak)
            return result, f"phase separation: haematocrit settled to {largest:.1g} in {sweep} sweeps"
        swings = change * before < 0
        relaxation = np.where(swings, CALMER * relaxation, np.minimum(BOLDER * relaxation, RELAXATION))
        before = change
        cells = cells + relaxation * change
    raise NumericsError(
        f"blood flow: the haematocrit still changes by {largest:.2g} after {MOST_SWEEPS} sweeps of phase separation. "
        "Set vessels.phase_separation = false, or look for loops of nearly no flow in the network"
    )


def _check_cells(network: Network, leak: Leak | None) -> None:
    missing = cell_imbalance(network)
    if leak is None and not missing <= CELLS_KEPT:
        raise NumericsError(f"blood flow: {missing:.2g} of the red cells are lost at a node")


def solve_pressure(
    network: Network,
    *,
    boundary_pressure: Mapping[int, float] | np.ndarray,
    haematocrit: np.ndarray | float = HAEMATOCRIT,
    plasma_viscosity: float = PLASMA_VISCOSITY,
    viscosity: str = "in_vivo_1994",
    leak: Leak | None = None,
) -> np.ndarray:
    """Nodal pressures (n,) in Pa from Σ_j g_ij (p_i − p_j) = 0 at every node whose pressure is not given.

    ``boundary_pressure`` maps node → Pa, or is an (n,) array with nan where unknown; an open end without a
    value is blind, unless the network has a ``boundary_flow`` there. Nothing flows in a connected part without a
    flow or two different values: it gets the one it has or, without any, the pressure midway between the lowest
    and the highest value given anywhere [D]. ``leak`` is what leaves through the walls of the parts with flow.

    Raises ConfigError when no value is given, NumericsError when the solution does not conserve flow.
    """
    g = conductance(network, haematocrit=haematocrit, plasma_viscosity=plasma_viscosity, viscosity=viscosity)
    return pressure_solver(network, _as_array(network, boundary_pressure), g, leak=leak)(leak)


def pressure_solver(
    network: Network, known: np.ndarray, g: np.ndarray, *, leak: Leak | None = None
) -> Callable[[Leak | None], np.ndarray]:
    """`solve_pressure` for conductances ``g`` (m,), which takes a ``leak`` that differs in what it draws alone."""
    given = ~np.isnan(known)
    if not given.any():
        raise no_pressure(network)
    lowest, _ = _ranges(network, known)
    middle = (np.nanmin(known) + np.nanmax(known)) / 2
    rest = np.where(np.isfinite(lowest), lowest, middle)  # pressure of a part in which nothing flows
    pressure = np.where(given, known, rest[network.components])
    free = np.flatnonzero(_perfused(network, known)[network.components] & ~given)
    if not len(free):
        return lambda leak: pressure
    inflow = None if network.boundary_flow is None else np.nan_to_num(network.boundary_flow)
    equations = NodalEquations(network, g, free=free, leak=leak)
    if leak is None:  # about the middle, where pressures round least
        return lambda _: middle + equations.pressures(pressure - middle, inflow=inflow)
    return lambda leak: equations.pressures(pressure, inflow=inflow, leak=leak)


def nodal_imbalance(network: Network) -> np.ndarray:
    """Net flow ΣQ from its segments into every node, (n,) in m³/s: 0 at inner nodes of a network in balance.

    At an open end it is the flow that leaves the network there (negative where blood enters).
    """
    if network.flow is None:
        raise ConfigError(Problem("network.flow", None, "there is no flow", "Use blood_flow first"))
    return net_flow(network, network.flow)


def _as_array(network: Network, values: Mapping[int, float] | np.ndarray) -> np.ndarray:
    if not isinstance(values, Mapping):
        return np.array(values, float)
    pressure = np.full(len(network.nodes), np.nan)
    pressure[list(values)] = list(values.values())
    return pressure


def _ranges(network: Network, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest known pressure in every connected part; ±inf where there is none."""
    part, given = network.components, ~np.isnan(known)
    lowest, highest = np.full(part.max() + 1, np.inf), np.full(part.max() + 1, -np.inf)
    np.minimum.at(lowest, part[given], known[given])
    np.maximum.at(highest, part[given], known[given])
    return lowest, highest


def _perfused(network: Network, known: np.ndarray) -> np.ndarray:
    """Whether blood flows in each connected part: it has two different pressures, or a flow at an end."""
    lowest, highest = _ranges(network, known)
    if network.boundary_flow is None:
        return highest > lowest
    fed = np.bincount(network.components, np.nan_to_num(network.boundary_flow) != 0) > 0
    return (highest > lowest) | fed & np.isfinite(lowest)


def _unperfused_note(network: Network, known: np.ndarray) -> list[str]:
    still = ~_perfused(network, known)
    segments = np.count_nonzero(still[network.components[network.segments[:, 0]]])
    return [f"parts not perfused: {np.count_nonzero(still)} ({segments} segments)"] if still.any() else []


def _imbalance_note(network: Network, *, haematocrit: float) -> str:
    """How far the given pressures are from conserving blood: net flow over flow through, at inner nodes."""
    assert network.flow is not None
    inner, flow = network.degree > 1, network.flow
    through = np.bincount(network.segments.ravel(), np.abs(flow).repeat(2), minlength=len(inner)) / 2
    share = np.abs(net_flow(network, flow))[inner] / np.maximum(through[inner], np.finfo(float).tiny)
    median, worst = (np.median(share), share.max()) if inner.any() else (0.0, 0.0)
    return (
        f"given pressures leave a nodal imbalance of {median:.2g} (median; worst {worst:.2g}) of the flow "
        f"through a node at haematocrit {haematocrit:g}"
    )
