"""Blood flow through a vessel network: Poiseuille segments, with red cells that part at branchings or do not."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tumorsim.errors import ConfigError, NumericsError, Problem
from tumorsim.vessels.haematocrit import cell_imbalance, directed, spread_cells
from tumorsim.vessels.network import Network
from tumorsim.vessels.open_ends import Blood, boundary_pressures, conductance, no_pressure
from tumorsim.vessels.poiseuille import RESIDUAL, Leak, NodalEquations, drop, net_flow
from tumorsim.vessels.viscosity import HAEMATOCRIT, PLASMA_VISCOSITY

RELAXATION, MOST_SWEEPS = 0.8, 300
"""[D]: of the haematocrit between sweeps of flow and cells, at most; with 1 it swings, with 0.5 it takes longer [C]."""
CALMER, BOLDER = 0.7, 1.1
"""[D]: factors on the relaxation of a segment whose haematocrit swings, and of one that goes its way."""
SETTLED = 1e-4
"""[D]: sweeps end when no haematocrit changes by more, in segments with at least FAINT of the median flow."""
FAINT = 1e-4
RESTLESS = 1e-3
"""[D]: part of the segments that may still change by more after the last sweep; the note then says so."""
AHEAD = 1e-10
"""[D]: residual of the pressures over the change of haematocrit: faint flows are differences of nearly equal ones."""
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
        flow = _conductance(start, blood, haematocrit) * drop(start, known)
        cells = np.full(len(start.segments), haematocrit)
        result = replace(start, pressure=known, flow=flow, haematocrit=cells)
        notes.append(_imbalance_note(result, haematocrit=haematocrit))
        return replace(result, notes=tuple(notes))
    notes += _unperfused_note(start, known)
    if not phase_separation:
        cells = np.full(len(start.segments), haematocrit)
        return replace(_solved(start, known, blood, cells, leak), notes=tuple(notes))
    result, remark = _separated(start, known, blood, leak)
    return replace(result, notes=(*notes, remark))


def _conductance(network: Network, blood: Blood, cells: np.ndarray | float) -> np.ndarray:
    law = {"plasma_viscosity": blood.plasma_viscosity, "viscosity": blood.viscosity}
    return conductance(network, haematocrit=cells, **law)  # type: ignore[arg-type]


def _solved(
    network: Network, known: np.ndarray, blood: Blood, cells: np.ndarray, leak: Leak | None
) -> Network:
    g = _conductance(network, blood, cells)
    pressure = BloodPressure(network, known).solve(g, leak)
    return replace(network, pressure=pressure, flow=g * drop(network, pressure), haematocrit=cells)


def _separated(network: Network, known: np.ndarray, blood: Blood, leak: Leak | None) -> tuple[Network, str]:
    """Flow and red cells, each from the other, until the haematocrit settles, or all but a few segments' does."""
    inlet = np.full(len(network.nodes), blood.haematocrit)
    if network.inlet_haematocrit is not None:
        inlet = np.where(np.isnan(network.inlet_haematocrit), inlet, network.inlet_haematocrit)
    cells = np.full(len(network.segments), blood.haematocrit)
    relaxation, before = np.full(len(cells), RELAXATION), np.zeros(len(cells))
    equations, largest = BloodPressure(network, known), 1.0
    for sweep in range(1, MOST_SWEEPS + 1):
        g = _conductance(network, blood, cells)
        accuracy = max(RESIDUAL, AHEAD * largest)
        pressure = equations.solve(g, leak, accuracy=accuracy)
        result = replace(network, pressure=pressure, flow=g * drop(network, pressure))
        ways = directed(result)
        flow = np.where(ways.still, 0.0, ways.flow)
        carried = spread_cells(result, ways, cells, inlet=inlet)
        found = np.divide(carried, flow, out=np.zeros(len(flow)), where=flow > 0)
        change = np.minimum(found, MOST_CELLS) - cells
        counted = np.abs(change)[flow > FAINT * np.median(flow[flow > 0])]
        largest = float(counted.max())
        if largest < SETTLED and accuracy <= RESIDUAL:
            note = f"phase separation: haematocrit settled to {largest:.1g} in {sweep} sweeps"
            return _with_cells(result, found, leak), note
        swings = change * before < 0
        relaxation = np.where(swings, CALMER * relaxation, np.minimum(BOLDER * relaxation, RELAXATION))
        before = change
        cells = cells + relaxation * change
    moving = np.count_nonzero(counted >= SETTLED) / len(counted)
    mean = float((np.abs(change) * flow).sum() / flow.sum())
    if moving <= RESTLESS and mean <= SETTLED:
        note = (
            f"phase separation: after {sweep} sweeps the haematocrit of {moving:.2%} of the segments still changes by "
            f"more than {SETTLED:g}, at most {largest:.2g}; by {mean:.1g} on average over the flow"
        )
        return _with_cells(result, found, leak), note
    raise NumericsError(
        f"blood flow: the haematocrit still changes by {largest:.2g} after {MOST_SWEEPS} sweeps of phase separation. "
        "Set vessels.phase_separation = false, or look for loops of nearly no flow in the network"
    )


def _with_cells(network: Network, haematocrit: np.ndarray, leak: Leak | None) -> Network:
    network = replace(network, haematocrit=haematocrit)
    _check_cells(network, leak)
    return network


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
    return BloodPressure(network, _as_array(network, boundary_pressure)).solve(g, leak)


class BloodPressure:
    """The pressures of a network with ``known`` ends (n,), for one set of conductances or leaks after another.

    What follows from the ends alone is found once; each solve begins with what the last one left.
    """

    def __init__(self, network: Network, known: np.ndarray):
        given = ~np.isnan(known)
        if not given.any():
            raise no_pressure(network)
        lowest, _ = _ranges(network, known)
        self.middle = (np.nanmin(known) + np.nanmax(known)) / 2
        rest = np.where(np.isfinite(lowest), lowest, self.middle)  # pressure of a part in which nothing flows
        self.network, self._ends = network, np.where(given, known, rest[network.components])
        self.free = np.flatnonzero(_perfused(network, known)[network.components] & ~given)
        self.inflow = None if network.boundary_flow is None else np.nan_to_num(network.boundary_flow)
        self._equations: NodalEquations | None = None
        self._last: np.ndarray | None = None

    def solve(self, g: np.ndarray, leak: Leak | None = None, *, accuracy: float = RESIDUAL) -> np.ndarray:
        """Pressures (n,) for the conductances ``g`` (m,); if they are the last ones, ``leak`` only draws otherwise."""
        if not len(self.free):
            return self._ends
        if self._equations is None or self._equations.conductance is not g:
            self._equations = NodalEquations(self.network, g, free=self.free, leak=leak, like=self._equations)
        middle = self.middle if leak is None else 0.0  # about it pressures round least
        self._last = middle + self._equations.pressures(
            self._ends - middle,
            inflow=self.inflow,
            leak=leak,
            guess=None if self._last is None else self._last - middle,
            accuracy=accuracy,
        )
        return self._last


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
