"""An injection that takes time: one flow while fluid comes out of the needle, another after it.

While it lasts, fluid enters a ball at s = Q/V, and with it the dose at a constant rate; the flow that this drives
carries the agent off. Both flows are steady Darcy flow in tissue that does not yield. At a stiffness M of 10 kPa [M]
pressure settles in 1/(G M), 4 min in a tumour with leaky vessels, and without vessels in L²/(K M), an hour for a
millimetre [C]. A step is made of as many shorter ones as the flow of the injection needs, so that those after it may
be long.
"""

from dataclasses import replace
from math import ceil
from typing import Any

import numpy as np

from tumorsim.device.twin import Device
from tumorsim.operators.collect import collect
from tumorsim.transport.linear import Drive
from tumorsim.transport.stepper import State, Stepper, TissueAlone


class InjectionStepper(TissueAlone):
    """Steps through an injection and what follows; used like the `Stepper` it is made from.

    ``during`` steps until ``duration``, s, while ``source`` (a map, amount/(m³ s)) comes in, ``after`` from then on.
    ``step_size`` is that of ``after``; the ``limits`` say of ``injection`` how long the steps within are.
    """

    def __init__(self, during: Stepper, after: Stepper, *, source: np.ndarray, duration: float):
        self._during, self._after, self._duration = during, after, duration
        self.device: Device = after.device
        self.step_size = after.step_size
        self.limits = {**after.limits, "injection": during.step_size}
        self.cell_peclet = max(during.cell_peclet, after.cell_peclet)
        self.pools, self.amounts, self.concentrations = after.pools, after.amounts, after.concentrations
        self.start = after.start
        shape, real = source.shape, after.real
        entering = self.device.upload(source, real)
        zeros, empty = self.device.zeros(shape, real), self.device.empty(shape, real)
        self._drive = replace(during.drive or Drive(zeros, empty), source=entering)
        self._rate = float(self.device.sum(entering.astype(np.float64))) * after.grid.voxel_volume

    def given(self, time: float) -> float:
        """What has come in until ``time``, in the unit of the dose."""
        return self._rate * min(time, self._duration)

    def step(self, state: State, start: float, dt: float, plasma: Any) -> None:
        """Take ``state`` from time ``start`` over ``dt``, in place."""
        end = start + dt
        switch = min(max(self._duration, start), end)
        count = ceil((switch - start) / self._during.step_size * (1 - 1e-12))
        for k in range(count):
            begin, stop = (start + (switch - start) * j / count for j in (k, k + 1))
            self._inject(state, begin, stop - begin, plasma)
        if switch < end:
            self._after.step(state, switch, end - switch, plasma)

    def _inject(self, state: State, start: float, dt: float, plasma: Any) -> None:
        self._during.step(state, start, dt, plasma, drive=self._drive)
        if self._during.drive is not None:
            seed = self._during.seed(start) + 6
            collect(self.device, state.internalised, self._drive.captured, seed=seed)
