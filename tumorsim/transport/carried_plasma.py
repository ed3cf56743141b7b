"""Tissue and the blood of its network: what leaves a vessel enters its voxels, what comes back goes on with the blood.

A step knows the interstitial concentration that the vessels see only when it is over. So::

    return:   guessed for the step from its start and the mean of the step before (of second order)
    vessels:  advanced with it (vessels.carriage); what they give is a steady source of their voxels
    tissue:   one step, in which κ, the walls' loss, takes out what really comes back
    owed:     the difference of the two, which the vessels get, or miss, in the next step

Amounts are conserved to rounding whatever the guess was, and nothing is negative. Vessels of which nothing is resolved
stay at the systemic concentration.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf
from typing import Any

import numpy as np

from tumorsim.device.twin import Array, Device
from tumorsim.operators.collect import collect
from tumorsim.transport.linear import Drive
from tumorsim.transport.stepper import Plasma, State, Stepper, TissueAlone
from tumorsim.vessels.carriage import Carriage

PARTS = 4
"""Steps of the blood within one of the tissue [D]."""
ECHO = 1.0
"""Longest step in the times in which tissue would lose what it gets back through the blood [D]; a few 1e-4 off [C]."""


@dataclass
class _Blood:
    """The state of the vessels: amounts in the cells and owed to them (c,), the mean C in the voxels in the last step.

    ``books`` are, since the start: inflow, outflow, decayed, given to the tissue, got back from it.
    """

    held: np.ndarray
    owed: np.ndarray
    mean: np.ndarray
    last_step: float
    books: np.ndarray

    @classmethod
    def unpacked(cls, packed: np.ndarray, cells: int) -> "_Blood":
        held, owed, mean, rest = np.split(packed, [cells, 2 * cells, len(packed) - 6])
        return cls(held, owed, mean, float(rest[0]), rest[1:])

    def packed(self) -> np.ndarray:
        return np.concatenate([self.held, self.owed, self.mean, [self.last_step], self.books])


class CarriedStepper(TissueAlone):
    """Steps tissue and vessels together; used like the `Stepper` it is made from.

    The ``uptake_rate`` of ``tissue`` is that of cells, ``cell_uptake`` (1/s on N, a map), and the walls' κ/ε, with κ
    the sum of ``back`` over the volume of a voxel. ``diffusivity`` is the least of the tissue, m²/s. In the state,
    ``blood`` is what the vessels hold.
    """

    def __init__(
        self, tissue: Stepper, carriage: Carriage, *, cell_uptake: np.ndarray, diffusivity: float = 0.0
    ):
        self._tissue, self._carriage = tissue, carriage
        self.device: Device = tissue.device
        self.grid = tissue.grid
        self.pools, self.concentrations = tissue.pools, tissue.concentrations
        self.cell_peclet = tissue.cell_peclet
        device, shape, real = self.device, self.grid.shape, tissue.real
        contacts, volume = carriage.contacts, self.grid.voxel_volume
        self._places = device.upload(contacts.voxels, np.int64)
        self._rows = contacts.voxels // shape[2]
        self._loss = np.bincount(contacts.voxel, contacts.back, minlength=len(contacts.voxels)) / volume
        epsilon = tissue.available_fraction.ravel()[contacts.voxels].astype(float)
        kept = epsilon * np.broadcast_to(cell_uptake, shape).ravel()[contacts.voxels]
        everything = self._loss + kept
        self._wall_share = np.divide(self._loss, everything, out=np.zeros_like(kept), where=everything > 0)
        self._to_cells = self._cell_share(cell_uptake)
        drive = tissue.drive or Drive(*(device.zeros(shape, real) for _ in range(2)))
        self._drive = replace(drive, source=device.zeros(shape, real))
        again = np.zeros(shape)
        again.ravel()[contacts.voxels] = carriage.echo() * self._loss / epsilon
        limit = echo_limit(
            again, diffusivity=diffusivity, spacing=self.grid.spacing, longest=tissue.step_size
        )
        self.limits = {**tissue.limits, "echo": limit}
        self.step_size = min(self.limits.values())

    def _cell_share(self, cell_uptake: np.ndarray) -> Array | None:
        """Of what a voxel loses to cells and walls, the part that goes to cells; None without uptake."""
        if not np.any(cell_uptake):
            return None
        share = np.ones(self.grid.shape)
        share.ravel()[self._carriage.contacts.voxels] = 1 - self._wall_share
        return self.device.upload(share, self._tissue.real)

    def start(self, pools: Mapping[str, np.ndarray] | None = None) -> State:
        """As `Stepper.start`, with vessels that hold nothing."""
        cells = np.zeros(self._carriage.cells)
        blood = _Blood(cells, cells, np.zeros(len(self._loss)), 0.0, np.zeros(5))
        return replace(self._tissue.start(pools), blood=self._upload(blood))

    def amounts(self, state: State) -> dict[str, float]:
        """As `Stepper.amounts`, and ``vessels``, what the network holds, and what has passed there."""
        blood = self._blood(state)
        held = {"vessels": float(blood.held.sum() + blood.owed.sum())}
        names = ("vessels_inflow", "vessels_outflow", "vessels_decayed", "vessels_given", "vessels_returned")
        return {
            **self._tissue.amounts(state),
            **held,
            **dict(zip(names, map(float, blood.books), strict=True)),
        }

    def segment_concentration(self, state: State) -> np.ndarray:
        """Mean plasma concentration in every segment of the network, (m,)."""
        return self._carriage.segment_concentration(self._blood(state).held)

    def step(self, state: State, start: float, dt: float, plasma: Plasma) -> None:
        """Take ``state`` from time ``start`` over ``dt``, in place."""
        blood, carriage, contacts = self._blood(state), self._carriage, self._carriage.contacts
        guess = self._guess(blood, self._gathered(state.concentration), dt)
        expected = carriage.per_cell(contacts.back * guess[contacts.voxel]) * dt
        returned = np.maximum(expected + blood.owed, 0.0)
        times = (start + dt * k / PARTS for k in range(PARTS + 1))
        blood.held, passed = carriage.advance(
            blood.held,
            dt,
            arterial=[plasma.mean(*span) for span in pairwise(times)],
            returned=returned / dt,
        )
        given = self._give(passed.given, dt)
        self._tissue.step(state, start, dt, plasma, drive=self._drive)
        taken = self._take(state, start)
        blood.mean = self._mean(taken, guess, dt)
        back = carriage.per_cell(self._per_contact(taken))
        blood.owed += back - returned + self._rounded_off(passed.given, given)
        blood.last_step = dt
        blood.books += [passed.inflow, passed.outflow, passed.decayed, given.sum(), taken.sum()]
        self._book(state, given, taken)
        state.blood = self._upload(blood)

    @staticmethod
    def _guess(blood: _Blood, now: np.ndarray, dt: float) -> np.ndarray:
        """The mean of C over the step: on along the line through the mean of the last step and ``now``."""
        if not blood.last_step > 0:
            return now
        return np.clip(now + (now - blood.mean) * (dt / blood.last_step), 0.0, 2 * now)

    def _give(self, given: np.ndarray, dt: float) -> np.ndarray:
        """Set the source of the step; the amount that every voxel gets, in the precision of the state."""
        volume = self.grid.voxel_volume
        source = (self._per_voxel(given) / (dt * volume)).astype(self._tissue.real)
        assert self._drive.source is not None
        self._drive.source.reshape(-1)[self._places] = self.device.upload(source)
        return source.astype(float) * (dt * volume)

    def _rounded_off(self, meant: np.ndarray, given: np.ndarray) -> np.ndarray:
        """What of the amounts that contacts were ``meant`` to give was lost in the rounding of the source, per cell."""
        contacts, total = self._carriage.contacts, self._per_voxel(meant)
        part = np.divide(total - given, total, out=np.zeros_like(total), where=total > 0)
        return self._carriage.per_cell(meant * part[contacts.voxel])

    def _take(self, state: State, start: float) -> np.ndarray:
        """The amount that came back from every voxel; what is left is collected in cells."""
        captured = self._drive.captured
        if self._to_cells is not None:
            seed = self._tissue.seed(start) + 20
            collect(self.device, state.internalised, captured * self._to_cells, seed=seed)
        return self._gathered(captured) * self._wall_share * self.grid.voxel_volume

    def _mean(self, taken: np.ndarray, guess: np.ndarray, dt: float) -> np.ndarray:
        loss = self._loss * (dt * self.grid.voxel_volume)
        return np.divide(taken, loss, out=guess.copy(), where=loss > 0)

    def _per_voxel(self, amount: np.ndarray) -> np.ndarray:
        contacts = self._carriage.contacts
        return np.bincount(contacts.voxel, amount, minlength=len(contacts.voxels))

    def _per_contact(self, amount: np.ndarray) -> np.ndarray:
        """The amounts of voxels over their contacts, in proportion to what these take back."""
        contacts, loss = self._carriage.contacts, self._loss * self.grid.voxel_volume
        rate = np.divide(amount, loss, out=np.zeros_like(amount), where=loss > 0)
        return rate[contacts.voxel] * contacts.back

    def _book(self, state: State, given: np.ndarray, taken: np.ndarray) -> None:
        """Entered and returned, amount per voxel volume and row."""
        rows, volume = self.grid.shape[:2], self.grid.voxel_volume
        for term, amount in enumerate((given, taken)):
            sums = np.bincount(self._rows, amount / volume, minlength=rows[0] * rows[1])
            state.passed[term] += self.device.upload(sums.reshape(rows))

    def _gathered(self, field: Array) -> np.ndarray:
        return self.device.download(field.reshape(-1)[self._places]).astype(float)

    def _blood(self, state: State) -> _Blood:
        return _Blood.unpacked(self.device.download(state.blood), self._carriage.cells)

    def _upload(self, blood: _Blood) -> Any:
        return self.device.upload(blood.packed(), np.float64)


def echo_limit(
    again: np.ndarray, *, diffusivity: float, spacing: tuple[float, float, float], longest: float
) -> float:
    """The longest step, s, in which tissue gets back at most ECHO of what it holds; infinite from ``longest`` on.

    ``again`` (nz, ny, nx) is the rate of that, 1/s, in every voxel; agent that spreads over √(2 D Δt) has the mean rate
    of the box of twice that.
    """
    from scipy.ndimage import uniform_filter

    fastest = float(again.max())
    step = ECHO / fastest if fastest > 0 else inf
    while step < longest:
        reach = np.sqrt(2 * diffusivity * 2 * step)
        box = [2 * min(int(reach / h), n) + 1 for h, n in zip(spacing, again.shape, strict=True)]
        if 2 * step * float(uniform_filter(again, box, mode="reflect").max()) > ECHO:
            return step
        step *= 2
    return inf
