"""Exposure and peak of the pools, taken along with every step: what outputs far apart would miss."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

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
    is the state at the end of the last step, where an exposure needs it.
    """

    device: Device
    exposure: Mapping[str, Array]
    peak: Mapping[str, Array]
    before: Mapping[str, Array]

    def add(self, state: State, start: float, dt: float) -> None:
        """Count the step from ``start`` over ``dt`` that led to ``state``, s."""
        for name in {**self.exposure, **self.peak}:
            arrays = self.exposure.get(name), self.before.get(name), self.peak.get(name)
            seed = Stepper.seed(start) + 9
            tally(self.device, *arrays, getattr(state, name), half_step=dt / 2, seed=seed)

    def snapshot(self) -> "Tally":
        """As it is now, for another thread to download."""
        exposure, peak = (
            {name: self.device.snapshot(array) for name, array in arrays.items()}
            for arrays in (self.exposure, self.peak)
        )
        return Tally(self.device, exposure, peak, {})

    def fields(self, stepper: HasPools, state: State, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Those of the ``names`` that are POOL_exposure or POOL_peak; a pool that cannot be reached has none."""
        found: dict[str, np.ndarray] = {}
        for kind, arrays in (("exposure", self.exposure), ("peak", self.peak)):
            wanted = [pool for pool in ARRAYS if f"{pool}_{kind}" in names]
            pools = stepper.pools(replace(state, **arrays)) if wanted else {}
            found |= {f"{pool}_{kind}": pools[pool] for pool in wanted}
        return found


def begin_tally(device: Device, state: State, names: Sequence[str]) -> Tally:
    """The tally of the fields among ``names``, which begins with this state."""

    def arrays(kind: str) -> dict[str, Array]:
        wanted = [array for pool, array in ARRAYS.items() if f"{pool}_{kind}" in names]
        return {name: held for name in wanted if (held := getattr(state, name)) is not None}

    exposed, peaked = arrays("exposure"), arrays("peak")
    zero = {name: device.zeros(array.shape, array.dtype) for name, array in exposed.items()}
    return Tally(device, zero, _copies(device, peaked), _copies(device, exposed))


def resumed_tally(
    device: Device, state: State, names: Sequence[str], kept: Mapping[str, np.ndarray]
) -> Tally:
    """The tally that goes on from what `to_keep` gave."""
    begun = begin_tally(device, state, names)
    exposure, peak = (
        {name: device.upload(kept[f"{kind}/{name}"]) for name in arrays}
        for kind, arrays in (("exposure", begun.exposure), ("peak", begun.peak))
    )
    return replace(begun, exposure=exposure, peak=peak)


def to_keep(found: Tally) -> dict[str, np.ndarray]:
    """What a checkpoint holds of it, on the host."""
    groups = {"exposure": found.exposure, "peak": found.peak}
    return {
        f"{kind}/{name}": found.device.download(array)
        for kind, arrays in groups.items()
        for name, array in arrays.items()
    }


def _copies(device: Device, arrays: Mapping[str, Array]) -> dict[str, Array]:
    copies = {name: device.empty(array.shape, array.dtype) for name, array in arrays.items()}
    for name, copy in copies.items():
        copy[...] = arrays[name]
    return copies
