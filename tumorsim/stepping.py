"""From one moment of a run to the next: by steps that are laid down beforehand, or as long as their error allows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from tumorsim.device.twin import Array, Device
from tumorsim.errors import NumericsError
from tumorsim.schedule import Schedule, Step
from tumorsim.transport.stepper import State
from tumorsim.transport.tally import Tally

SAFETY, LEAST_FACTOR, MOST_FACTOR = 0.9, 0.2, 2.0
"""How a step length may change at once, and the part of the predicted length that is used [D]."""
SHORTEST = 1e-6
"""Part of the longest step at which the search for a step with a small enough error is given up [D]."""


class Steps(Protocol):
    """What takes steps: a `Stepper`, or what is used like one; ``plasma`` is what it asks for levels."""

    device: Device
    step_size: float
    limits: dict[str, float]
    cell_peclet: float

    def start(self, pools: Mapping[str, np.ndarray] | None = None) -> State: ...
    def pools(self, state: State) -> dict[str, np.ndarray]: ...
    def amounts(self, state: State) -> dict[str, float]: ...
    def concentrations(self, state: State) -> tuple[Array, ...]: ...
    def step(self, state: State, start: float, dt: float, plasma: Any) -> None: ...
    def given(self, time: float) -> float: ...
    def account(self, state: State) -> Any: ...
    def segment_concentration(self, state: State) -> np.ndarray | None: ...


@dataclass
class Moment:
    """All that a run knows after ``step`` steps: what a checkpoint holds.

    ``initial`` is the amount in the tissue at time 0; ``next_step`` is the length to try, s; ``tally`` counts what of
    the pools is to be counted.
    """

    step: int
    time: float
    outputs: int
    state: State
    initial: float = 0.0
    next_step: float | None = None
    tally: Tally = field(default_factory=Tally)


def planned_steps(moment: Moment, stepper: Steps, schedule: Schedule, plasma: Any) -> Iterator[Step]:
    """Take the moment through every step that the schedule has left."""
    for step in schedule.steps(after=moment.step):
        stepper.step(moment.state, step.start, step.length, plasma)
        moment.step, moment.time = step.number, step.end
        yield step


def controlled_steps(
    moment: Moment, stepper: Steps, schedule: Schedule, plasma: Any, *, tolerance: float
) -> Iterator[Step]:
    """Take the moment to the end by steps whose step-doubling error is at most ``tolerance``.

    A step is taken once as a whole and once as two halves; the halves are kept if they differ by at most
    ``tolerance`` (see `doubled_step`), else a shorter one is tried from the same state. The next length is

        dt ← dt · min(2, max(0.2, 0.9 (tolerance/error)^⅓)),

    the error of a second-order step being of third order (Hairer, Nørsett, Wanner 1993, Solving Ordinary Differential
    Equations I, II.4). No step exceeds the limit of the schedule, and steps land on all its moments.
    """
    while moment.time < schedule.duration:
        start, wanted = moment.time, min(moment.next_step or schedule.limit, schedule.limit)
        end = _landing(start, wanted, schedule.next_moment(start))
        length = end - start
        state, error = doubled_step(stepper, moment.state, start, length, plasma)
        factor = step_factor(error, tolerance)
        if error > tolerance:
            moment.next_step = length * factor
            _require_hope(moment, schedule, error, tolerance)
            continue
        bent = length < wanted and factor >= 1  # the length that was wanted before may still be right
        moment.next_step = max(wanted, length * factor) if bent else length * factor
        moment.state, moment.step, moment.time = state, moment.step + 1, end
        yield Step(moment.step, start, end, end in schedule.output_times)


def doubled_step(stepper: Steps, state: State, start: float, dt: float, plasma: Any) -> tuple[State, float]:
    """Where two steps of ``dt``/2 lead from ``state``, which is left as it is, and their error.

    The error is max|C₂ − C₁|/max C₂, with C₂ after the halves and C₁ after one step of ``dt``, 0 where C₂ = 0; of the
    agent, or of carrier and drug the larger.
    """
    whole, halves = _copy(state), _copy(state)
    stepper.step(whole, start, dt, plasma)
    stepper.step(halves, start, dt / 2, plasma)
    stepper.step(halves, start + dt / 2, dt / 2, plasma)
    device, errors = stepper.device, [0.0]
    for finer, coarser in zip(stepper.concentrations(halves), stepper.concentrations(whole), strict=True):
        largest = device.maximum(finer)
        errors.append(device.maximum(abs(finer - coarser)) / largest if largest > 0 else 0.0)
    return halves, max(errors)


def step_factor(error: float, tolerance: float) -> float:
    """By how much the next step is longer."""
    if error <= 0:
        return MOST_FACTOR
    return float(min(MOST_FACTOR, max(LEAST_FACTOR, SAFETY * (tolerance / error) ** (1 / 3))))


def _copy(state: State) -> State:
    return state.each(lambda array: array.copy())


def _landing(start: float, length: float, moment: float) -> float:
    """The end of a step of about ``length``: on the next moment that must be met, or halfway where that is near."""
    left = moment - start
    if length >= left * (1 - 1e-9):
        return moment
    return start + min(length, left / 2)


def _require_hope(moment: Moment, schedule: Schedule, error: float, tolerance: float) -> None:
    if moment.next_step is not None and moment.next_step < SHORTEST * schedule.limit:
        raise NumericsError(
            f"step {moment.step + 1} at {moment.time:g} s: the step-doubling error stays at {error:.1e}, above "
            f"run.step_error = {tolerance:g}, however short the step. Raise run.step_error, or set "
            'run.precision = "float64"'
        )
