"""A closed body: what the tissue takes up is missing in plasma, and the whole dose is somewhere.

The plasma of a run is otherwise prescribed, with the uptake of the tissue among what is cleared. Here it is the state
of a compartment model (agents.compartments), which every step drains by what the tissue took up, net::

    tissue:  the step, with C_p of the body as it would go on at the uptake of the step before
    body:    advanced with the uptake that the tissue then had

Amounts are conserved to rounding whatever the step, and C_p is of second order in it, since the guess of the uptake is
made good in every step.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tumorsim.agents.compartments import Body, BodyState
from tumorsim.device.twin import Array, Device
from tumorsim.transport.stepper import State, Stepper, TissueAlone


@dataclass(frozen=True)
class Account:
    """What the ledger asks of plasma, of a body as it is now."""

    state: BodyState

    def injected(self, t: float, /) -> float:
        return self.state.total

    def amount(self, t: float, /) -> float:
        return self.state.plasma

    def decayed(self, t: float, /) -> float:
        return self.state.decayed


@dataclass(frozen=True)
class _Guess:
    """C_p from ``start`` on, at a constant uptake and infusion, amount/s."""

    body: Body
    state: BodyState
    start: float
    uptake: float
    infusion: float

    def mean(self, start: float, end: float) -> float:
        then = self.body.advance(self.state, start - self.start, self.uptake, infusion_rate=self.infusion)
        return max(
            self.body.mean_concentration(then, end - start, self.uptake, infusion_rate=self.infusion), 0.0
        )


class ClosedBodyStepper(TissueAlone):
    """Steps tissue and body together; used like the `Stepper` it is made from.

    ``dose`` is given at time 0, or at a constant rate until ``infusion``, s. In the state, ``body`` holds the amounts
    in plasma, in every other compartment, eliminated, decayed and taken up, and the last uptake, amount/s.
    """

    def __init__(self, tissue: Stepper, body: Body, *, dose: float, infusion: float = 0.0):
        self._tissue, self._body, self._dose, self._infusion = tissue, body, dose, infusion
        self.device: Device = tissue.device
        self.step_size, self.limits, self.cell_peclet = tissue.step_size, tissue.limits, tissue.cell_peclet
        self.pools, self.amounts, self.concentrations = tissue.pools, tissue.amounts, tissue.concentrations

    def start(self, pools: Mapping[str, np.ndarray] | None = None) -> State:
        body = self._body.start(0.0 if self._infusion > 0 else self._dose)
        return replace(self._tissue.start(pools), body=self._packed(body, 0.0))

    def account(self, state: State) -> Account:
        """For the ledger."""
        return Account(self._unpacked(state)[0])

    def step(self, state: State, start: float, dt: float, plasma: Any = None) -> None:
        """Take ``state`` from time ``start`` over ``dt``, in place; ``plasma`` is not read."""
        body, uptake = self._unpacked(state)
        given = self._dose / self._infusion if start < self._infusion else 0.0
        before = self._net_uptake(state)
        self._tissue.step(state, start, dt, _Guess(self._body, body, start, uptake, given))
        uptake = (self._net_uptake(state) - before) / dt
        state.body = self._packed(self._body.advance(body, dt, uptake, infusion_rate=given), uptake)

    def _net_uptake(self, state: State) -> float:
        entered, returned = (float(self.device.sum(state.passed[k])) for k in (0, 1))
        return (entered - returned) * self._tissue.grid.voxel_volume

    def _packed(self, body: BodyState, uptake: float) -> Array:
        amounts = [body.plasma, *body.peripheral, body.eliminated, body.decayed, body.taken, uptake]
        return self.device.upload(np.array(amounts), np.float64)

    def _unpacked(self, state: State) -> tuple[BodyState, float]:
        plasma, *peripheral, eliminated, decayed, taken, uptake = self.device.download(state.body).tolist()
        return BodyState(plasma, tuple(peripheral), eliminated, decayed, taken), uptake
