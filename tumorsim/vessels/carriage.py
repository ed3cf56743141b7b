"""An agent that the blood carries along a network: what comes in, what leaves through walls and ends, and when.

::

    V dM̄/dt = Q (c_in − c_out) − out·c + returned − λ V M̄          a cell of blood, c its plasma concentration

Every segment is cut into cells. Q is the flow of *plasma water*, (1 − H) times that of blood with H the discharge
haematocrit: red cells hold nothing; a cell has (1 − H) of its lumen for V, so plasma moves at the speed of the
blood [D] (the lead of red cells, Fåhræus 1929, is left out). An agent that fills red cells like plasma has all of the
blood for Q and V. At nodes what arrives is mixed by flow.

Along a cell, c falls towards the balance with what returns as in the steady state, exactly: with g = out/Q and
Bernoulli's B, the wall sees Q (1 − B) c_in + (out − Q (1 − B)) c_out, which is Q (1 − e^−g) c_in where nothing
returns. What a cell holds is V (c_in + c_out)/2: of second order in space. Where blood passes less than half of a cell
in Δt that could turn negative, and c_out counts for more, as in an upwind scheme. Time is implicit (backward Euler), of
first order, which spreads fronts by √(transit time · Δt) and leaves mean transit times and balances exact; no step is
too long. Blood that stands still exchanges by diffusion along its segment.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from typing import Any

import numpy as np

from tumorsim.errors import NumericsError
from tumorsim.operators.wall_exchange_rates import bernoulli, wall_exchange_rates
from tumorsim.vessels.haematocrit import STILL
from tumorsim.vessels.network import Network
from tumorsim.vessels.rasterise import Pieces

FACTORS_KEPT = 4
"""Step lengths whose factorised matrices are kept [D]."""


_WITHOUT_PIVOTS: dict[str, Any] = {
    "permc_spec": "MMD_AT_PLUS_A",
    "diag_pivot_thresh": 0.0,
    "options": {"SymmetricMode": True},
}
"""The matrix has a dominant diagonal and no positive entry beside it; solves are then four times as fast [C]."""


@dataclass(frozen=True, eq=False)
class Contacts:
    """Where cells of blood touch voxels, (k,) each: ``cell``, and ``voxel`` as a number in ``voxels`` (flat indices).

    ``out`` and ``back`` are what passes per plasma and per interstitial concentration, m³/s; a contact is a ``share``
    of a ``piece``.
    """

    cell: np.ndarray
    voxel: np.ndarray
    voxels: np.ndarray
    out: np.ndarray
    back: np.ndarray
    piece: np.ndarray
    share: np.ndarray


@dataclass(frozen=True)
class Passed:
    """Amounts in a step: into the network and out of it at open ends, decayed in it, and ``given`` per contact (k,)."""

    inflow: float
    outflow: float
    decayed: float
    given: np.ndarray


@dataclass(frozen=True, eq=False)
class _Cells:
    """Cells of all segments, in order along each from its first node: segment, and place in it from ``first`` on."""

    segment: np.ndarray
    count: np.ndarray
    first: np.ndarray

    @property
    def number(self) -> np.ndarray:
        return np.arange(len(self.segment)) - self.first[self.segment]


@dataclass(frozen=True, eq=False)
class _System:
    """What the matrix of a step is made of: its factor, and the share of c_in in what a cell holds."""

    factor: Any
    inner: np.ndarray


@dataclass(frozen=True, eq=False)
class Carriage:
    """The agent in the vessels of ``network``, which has flow and haematocrit; ``pieces`` are those of its walls.

    ``out`` and ``back`` (k,) are the conductances of the pieces, m³/s, for what leaves at the plasma's concentration
    and comes back at the tissue's; cells are at most ``cell_length`` long, m. ``diffusivity``, m²/s, is that along
    blood that stands still; ``decay_rate`` λ in 1/s. ``red_cells_hold`` agent at the concentration of plasma, or none.

    ``filtered`` (k,), m³/s, is the fluid that leaves through the pieces: flow falls along a segment by (1 − H) of it,
    and is that of the network in the middle, as in `two_way_pressure`. What walls reflect is denser in what is left.

    Where more plasma leaves a node than arrives, the rest comes in at the systemic concentration; where more arrives,
    it leaves the network. So at open ends, and where the flow of the network knows of no filtration (one way).
    """

    network: Network
    pieces: Pieces
    out: np.ndarray
    back: np.ndarray
    cell_length: float
    diffusivity: float = 0.0
    decay_rate: float = 0.0
    filtered: np.ndarray | None = None
    red_cells_hold: bool = False
    _systems: OrderedDict[float, _System] = field(default_factory=OrderedDict, repr=False)

    @cached_property
    def _cells(self) -> _Cells:
        count = np.maximum(np.ceil(self.network.length / self.cell_length * (1 - 1e-9)), 1).astype(int)
        return _Cells(np.repeat(np.arange(len(count)), count), count, np.cumsum(count) - count)

    @property
    def cells(self) -> int:
        return len(self._cells.segment)

    @property
    def segment_cells(self) -> np.ndarray:
        """The segment of every cell, (c,)."""
        return self._cells.segment

    @cached_property
    def _plasma_part(self) -> np.ndarray:
        cells = self.network.haematocrit
        return np.ones(len(self.network.segments)) if cells is None or self.red_cells_hold else 1 - cells

    @cached_property
    def volume(self) -> np.ndarray:
        """Plasma in every cell, m³."""
        c = self._cells
        return (self.network.volume * self._plasma_part / c.count)[c.segment]

    @cached_property
    def plasma_flow(self) -> np.ndarray:
        """Flow of plasma water in every segment, m³/s, positive from its first node; 0 where blood stands still."""
        assert self.network.flow is not None
        flow = self.network.flow
        return np.where(np.abs(flow) <= STILL * np.abs(flow).max(), 0.0, flow * self._plasma_part)

    @cached_property
    def contacts(self) -> Contacts:
        """The pieces, cut where cells end."""
        c, pieces = self._cells, self.pieces
        count = c.count[pieces.segment]
        first = np.minimum((pieces.start * count).astype(int), count - 1)
        last = np.clip(np.ceil(pieces.end * count).astype(int) - 1, first, count - 1)
        repeats = last - first + 1
        k = np.repeat(np.arange(len(first)), repeats)
        number = first[k] + np.arange(len(k)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        low, high = number / count[k], (number + 1) / count[k]
        start, end = pieces.start[k], pieces.end[k]
        covered = np.maximum(np.minimum(high, end) - np.maximum(low, start), 0.0)
        share = covered / np.bincount(k, covered, minlength=len(first))[k]
        voxels, voxel = np.unique(pieces.voxel[k], return_inverse=True)
        cell = c.first[pieces.segment[k]] + number
        return Contacts(cell, voxel, voxels, self.out[k] * share, self.back[k] * share, k, share)

    @cached_property
    def _out(self) -> np.ndarray:
        return self.per_cell(self.contacts.out)

    def per_cell(self, amount: np.ndarray) -> np.ndarray:
        """The sum over the contacts of every cell."""
        return np.bincount(self.contacts.cell, amount, minlength=self.cells)

    # where blood comes from and goes to -----------------------------------------------------------------------

    @cached_property
    def _faces(self) -> tuple[np.ndarray, np.ndarray]:
        """Flow through the two ends of every cell, m³/s, positive from the first node of the segment."""
        c, pieces = self._cells, self.pieces
        m, fed = len(c.count), self.plasma_flow.copy()
        lost = np.zeros(self.cells)
        if self.filtered is not None:
            part = self.filtered * self._plasma_part[pieces.segment]
            middle = (pieces.start + pieces.end) / 2
            fed += np.bincount(pieces.segment, part * (1 - middle), minlength=m)
            lost = self.per_cell(part[self.contacts.piece] * self.contacts.share)
        before = np.cumsum(lost) - lost
        low = fed[c.segment] - (before - before[c.first][c.segment])
        return low, low - lost

    @cached_property
    def _ways(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Of every cell: the unknowns (cells, then nodes) below and above it, and what flows in from there, m³/s."""
        c, (low, high) = self._cells, self._faces
        first, last = (self.network.segments[c.segment] + self.cells).T
        index = np.arange(self.cells)
        below = np.where(c.number == 0, first, index - 1)
        above = np.where(c.number == c.count[c.segment] - 1, last, index + 1)
        return below, above, np.maximum(low, 0.0), np.maximum(-high, 0.0)

    @cached_property
    def _upstream(self) -> np.ndarray:
        """The unknown that is c_in of every cell."""
        below, above, from_below, from_above = self._ways
        return np.where(from_above > from_below, above, below)

    @cached_property
    def _ends(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Both ends of all segments: the cell there, the node, and the flow from the cell into the node, m³/s."""
        c, (low, high) = self._cells, self._faces
        last = c.first + c.count - 1
        cell, node = np.concatenate([c.first, last]), self.network.segments.T.ravel()
        return cell, node, np.concatenate([-low[c.first], high[last]])

    @cached_property
    def _nodes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of every node, m³/s: what flows on into segments; what comes in from outside; what leaves there."""
        _, node, flow = self._ends
        n = len(self.network.nodes)
        onward, arriving = (np.bincount(node, np.maximum(way, 0.0), minlength=n) for way in (-flow, flow))
        return onward, np.maximum(onward - arriving, 0.0), np.maximum(arriving - onward, 0.0)

    @cached_property
    def inflow(self) -> float:
        """Plasma water that enters the network, m³/s."""
        return float(self._nodes[1].sum())

    # a step ---------------------------------------------------------------------------------------------------

    @cached_property
    def _wall_weights(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What the wall takes per c_in and per c_out, m³/s, and B(g); 0 in a cell that both ends feed: it is mixed."""
        _, _, from_below, from_above = self._ways
        inward = from_below + from_above
        one_way = (inward > 0) & (np.minimum(from_below, from_above) == 0)
        g = np.divide(self._out, inward, out=np.zeros(self.cells), where=one_way)
        b = np.where(one_way, bernoulli(g), 0.0)
        inner = np.where(one_way, inward * (1 - b), 0.0)
        return inner, self._out - inner, b

    def _system(self, dt: float) -> _System:
        if dt not in self._systems:
            self._systems[dt] = self._assembled(dt)
            while len(self._systems) > FACTORS_KEPT:
                self._systems.popitem(last=False)
        self._systems.move_to_end(dt)
        return self._systems[dt]

    def _assembled(self, dt: float) -> _System:
        """The balances of all cells, then of all nodes, for c_out of the cells and c of the nodes."""
        from scipy.sparse import coo_array, diags_array
        from scipy.sparse.linalg import splu

        below, above, from_below, from_above = self._ways
        low, high = self._faces
        outward = np.maximum(-low, 0.0) + np.maximum(high, 0.0)
        onward, _, leaving = self._nodes
        end, node, arriving = (part[self._ends[2] > 0] for part in self._ends)
        wall_in, wall_out, b = self._wall_weights
        held = self.volume * (1 / dt + self.decay_rate)
        share = np.minimum(
            0.5, np.divide((from_below + from_above) * b, held, out=np.full(self.cells, 0.5), where=held > 0)
        )
        diagonal = np.concatenate([held * (1 - share) + outward + wall_out, onward + leaving])
        every = np.arange(len(diagonal))
        entries = [
            (every, every, diagonal),
            (every[: self.cells], self._upstream, held * share + wall_in),
            (every[: self.cells], below, -from_below),
            (every[: self.cells], above, -from_above),
            (self.cells + node, end, -arriving),
            *self._along_still_blood(),
        ]
        row, column, value = (np.concatenate(part) for part in zip(*entries, strict=True))
        matrix = coo_array((value, (row, column)), shape=(len(every), len(every))).tocsc()
        alone = np.where(matrix.diagonal() == 0, 1.0, 0.0)  # nothing comes there and nothing goes
        return _System(splu((matrix + diags_array(alone)).tocsc(), **_WITHOUT_PIVOTS), share)

    def _along_still_blood(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Diffusion between the middles of neighbouring cells of still segments, and to the nodes at their ends."""
        network, c = self.network, self._cells
        still = (self.plasma_flow == 0) & (self.diffusivity > 0)
        width = network.length / c.count
        unit = self.diffusivity * np.pi * network.radius**2 * self._plasma_part / width
        index = np.flatnonzero(still[c.segment])
        inner = index[c.number[index] > 0]
        low, high = c.first[still], (c.first + c.count - 1)[still]
        nodes = self.cells + network.segments[still]
        pairs = [
            (inner - 1, inner, unit[c.segment[inner]]),
            (low, nodes[:, 0], 2 * unit[still]),
            (high, nodes[:, 1], 2 * unit[still]),
        ]
        both = [(a, b, -g) for a, b, g in pairs] + [(b, a, -g) for a, b, g in pairs]
        return both + [(a, a, g) for a, _, g in pairs] + [(b, b, g) for _, b, g in pairs]

    def advance(
        self, held: np.ndarray, dt: float, *, arterial: Sequence[float], returned: np.ndarray
    ) -> tuple[np.ndarray, Passed]:
        """The amounts in the cells (c,) after ``dt``, s, from those ``held``, and what has passed.

        In as many equal steps as there are values of ``arterial``: the systemic C_p, each the mean over its step.
        ``returned`` (c,), amount/s, comes in through the walls. Exactly (to rounding)

        held after + given + outflow + decayed = held before + inflow + returned·dt

        Raises NumericsError where something is not finite.
        """
        part = dt / len(arterial)
        system = self._system(part)
        _, supply, leaving = self._nodes
        wall_in, wall_out, _ = self._wall_weights
        given = np.zeros(self.cells)
        inflow = outflow = decayed = 0.0
        for level in arterial:
            sources = np.concatenate([held / part + returned, supply * level])
            found = np.maximum(system.factor.solve(sources), 0.0)  # what is below is rounding
            c_in, c_out = found[self._upstream], found[: self.cells]
            held = self.volume * (system.inner * c_in + (1 - system.inner) * c_out)
            given += part * (wall_in * c_in + wall_out * c_out)
            inflow += part * level * self.inflow
            outflow += part * float(leaving @ found[self.cells :])
            decayed += part * self.decay_rate * float(held.sum())
        if not np.isfinite(given).all():
            raise NumericsError("the plasma concentration in the vessels is not finite: check vessels.file")
        return held, Passed(inflow, outflow, decayed, self._over_contacts(given))

    def _over_contacts(self, given: np.ndarray) -> np.ndarray:
        """What the cells gave by contacts, in proportion to their conductances."""
        contacts = self.contacts
        rate = np.divide(given, self._out, out=np.zeros(self.cells), where=self._out > 0)
        return rate[contacts.cell] * contacts.out

    def echo(self) -> np.ndarray:
        """Of what tissue of one concentration loses to the blood, the part that the blood gives it back, by voxel."""
        contacts = self.contacts
        back = np.bincount(contacts.voxel, contacts.back, minlength=len(contacts.voxels))
        system = self._system(inf)
        sources = np.concatenate([self.per_cell(contacts.back), np.zeros(len(self.network.nodes))])
        found = system.factor.solve(sources)
        wall_in, wall_out, _ = self._wall_weights
        given = self._over_contacts(wall_in * found[self._upstream] + wall_out * found[: self.cells])
        again = np.bincount(contacts.voxel, given, minlength=len(back))
        return np.divide(again, back, out=np.zeros(len(back)), where=back > 0)

    def segment_concentration(self, held: np.ndarray) -> np.ndarray:
        """Mean plasma concentration of every segment, (m,)."""
        segment = self._cells.segment
        return np.bincount(segment, held) / np.bincount(segment, self.volume)


def piece_conductances(
    permeability: np.ndarray, reflection: np.ndarray, filtration: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What pieces of wall let out per C_p and back per C (Patlak), m³/s, from P A, σ and the fluid J_v A (k,) each."""
    out, back = np.empty(len(permeability)), np.empty(len(permeability))
    wall_exchange_rates.body(out, back, permeability, reflection, filtration)
    return out, back
