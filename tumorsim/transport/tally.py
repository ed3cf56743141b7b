"""Exposure and peak of the pools, taken along with every step: what outputs far apart would miss."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from tumorsim.device.twin import Array, Device
from tumorsim.operators.tally import tally
from tumorsim.transport.stepper import State, Stepper

ARRAYS = {
    "free": "concentration",
    "bound": "bound",
    "internalised": "internalised",
    "in_macrophages": "in_macrophages",
    "drug_free": "drug",
    "drug_in_cells": "drug_in_cells",
    "drug_on_dna": "drug_on_dna",
    "drug_in_macrophages": "drug_in_macrophages",
}
"""The array of the state that holds each pool."""


class HasPools(Protocol):
    """What makes amounts per tissue volume of a state."""

    def pools(self, state: State) -> dict[str, np.ndarray]: ...


@dataclass(frozen=True)
class Tally:
    """``exposure`` ∫N dt by the trapezoids of all steps, and ``peak``, the highest N at the end of a step.

    They are like the arrays of the state, and named after them: of the free agent it is C that is counted. ``before``
    is the state at the end of the last step, where an exposure needs it. What nobody asked for is not there.
    """

    exposure: Mapping[str, Array] = field(default_factory=dict)
    peak: Mapping[str, Array] = field(default_factory=dict)
    before: Mapping[str, Array] = field(default_factory=dict)

    def add(self, device: Device, state: State, start: float, dt: float) -> None:
        """Count the step from ``start`` over ``dt`` that led to ``state``, s."""
        for name in {**self.exposure, **self.peak}:
            arrays = self.exposure.get(name), self.before.get(name), self.peak.get(name)
            seed = Stepper.seed(start) + 9
            tally(device, *arrays, getattr(state, name), half_step=dt / 2, seed=seed)

    def each(self, take: Callable[[Array], Any]) -> "Tally":
        """What ``take`` makes of every exposure and peak."""
        exposure, peak = (
            {name: take(array) for name, array in arrays.items()} for arrays in (self.exposure, self.peak)
        )
        return Tally(exposure, peak)

    def fields(self, stepper: HasPools, state: State, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Those of the ``names`` that are POOL_exposure or POOL_peak; a pool that cannot be reached has none."""
        found: dict[str, np.ndarray] = {}
        for kind, arrays in (("exposure", self.exposure), ("peak", self.peak)):
            wanted = [pool for pool in ARRAYS if f"{pool}_{kind}" in names]
            pools = stepper.pools(replace(state, **arrays)) if wanted else {}
            found |= {f"{pool}_{kind}": pools[pool] for pool in wanted}
        return found

    def kept(self, device: Device) -> dict[str, np.ndarray]:
        """What a checkpoint holds of it, on the host."""
        found = self.each(device.download)
        groups = {"exposure": found.exposure, "peak": found.peak}
        return {f"{kind}/{name}": array for kind, arrays in groups.items() for name, array in arrays.items()}


def begin_tally(
    device: Device, state: State, names: Sequence[str], *, kept: Mapping[str, np.ndarray] | None = None
) -> Tally:
    """The tally of the fields among ``names``: begun with this state, or gone on with from what was ``kept``."""

    def counted(kind: str) -> dict[str, Array]:
        wanted = [array for pool, array in ARRAYS.items() if f"{pool}_{kind}" in names]
        return {name: held for name in wanted if (held := getattr(state, name)) is not None}

    exposed, peaked = counted("exposure"), counted("peak")
    before = {name: _copy(device, array) for name, array in exposed.items()}
    if kept is not None:
        return Tally(
            {name: device.upload(kept[f"exposure/{name}"]) for name in exposed},
            {name: device.upload(kept[f"peak/{name}"]) for name in peaked},
            before,
        )
    exposure = {name: device.zeros(array.shape, array.dtype) for name, array in exposed.items()}
    return Tally(exposure, {name: _copy(device, array) for name, array in peaked.items()}, before)


def _copy(device: Device, array: Array) -> Array:
    copy = device.empty(array.shape, array.dtype)
    copy[...] = array
    return copy
