"""Super-time-stepping: explicit stages of second order, as many as the step needs, that keep linear transport positive.

A step of s stages is a polynomial of the matrix L,

    C(t + dt) = (1 − b) C + b G_s(1 + w dt L) C,      G_s the Gegenbauer polynomial of index λ with G_s(1) = 1,

with w and b such that it is of second order (Runge–Kutta–Gegenbauer: Skaras, Saxton, Meyer, Aslam 2021, J Comput
Phys 425:109879 [M]; λ = ½ is RKL2 of Meyer, Balsara, Aslam 2014, 257:594). It is stable up to

    dt ≤ (s − 1)(s + 2λ + 1)/(2λ + 3) · min 1/|L_ii|

The index decides what becomes of a single filled voxel. RKL2 keeps it positive in one dimension, but in three
only up to 1.5 to 2 explicit steps, whatever s; beyond, up to twice the dose has the wrong sign. From λ = 2.5 on
every weight is ≥ 0 in three dimensions at any spacing, over the whole range of stability (checked for s ≤ 26 in a
uniform medium). λ = 3 is used. Where ε varies from voxel to voxel, or in the corners of an open box, no index short
of infinity is safe, so a step that leaves a negative value is taken again with λ = ∞,

    C(t + dt) = (1/s) C + (1 − 1/s)(1 + dt L/(s − 1))^s C,      dt ≤ (s − 1) · min 1/|L_ii|

a sum of products of non-negative matrices. Two stages are this same scheme for every λ: a step as short as one explicit
step, as particles take it, is safe from the start.
"""

from dataclasses import dataclass, replace
from functools import cache, lru_cache
from math import ceil, inf, sqrt

INDEX = 3.0
"""Gegenbauer index λ of the stages that are tried first [C]."""


@dataclass(frozen=True)
class Stage:
    """Weights of one stage for the change δ since the start; ``rate`` in units of the step (operators.transport_stage).

    In units of the step, ``time`` is when its argument holds, and ``weight`` how much the flows in it count.
    """

    again: float
    rate: float
    start_weight: float = 0.0
    part: float = 1.0
    time: float = 0.0
    weight: float = 0.0


def stages_for(ratio: float, *, index: float = INDEX) -> tuple[Stage, ...]:
    """The fewest stages that are stable over ``ratio`` explicit steps."""
    count = stages_needed(ratio, index=index)
    return _two_stages() if count == 2 else gegenbauer_stages(count, index=index)


@cache
def _two_stages() -> tuple[Stage, ...]:
    """Heun's method: what every index gives for s = 2, written so that δ₁ is all that is kept of the first stage."""
    return _timed([Stage(0.0, 1.0), Stage(0.0, 0.5)])


@lru_cache(maxsize=64)
def gegenbauer_stages(count: int, *, index: float = INDEX) -> tuple[Stage, ...]:
    """The ``count`` ≥ 3 stages.

    From ``G_j = (1 + a) x G_{j−1} − a G_{j−2}``, a = (j − 1)/(j + 2λ − 1), at x = 1 + w dt L, for δ_j = G_j − 1.
    """
    w = 1 / stability_limit(count, index=index)
    if index == inf:
        memory, part = [0.0] * count, 1 - 1 / count
    else:
        memory = [(j - 1) / (j + 2 * index - 1) for j in range(1, count + 1)]
        part = (2 * index + 1) / (w * count * (count + 2 * index))
    stages = [Stage(a, (1 + a) * w, (1 + a) * w) for a in memory]
    a = memory[1]  # the second finds δ₁ = w dt L₀ and δ₀ = 0
    stages[1] = Stage(0.0, (1 + a) * w, (1 + 2 * a) * w)
    return _timed([*stages[:-1], replace(stages[-1], part=part)])


def _timed(stages: list[Stage]) -> tuple[Stage, ...]:
    """The same stages with the times of their arguments, and the weights of the flows in these."""
    times, before = [0.0, stages[0].rate], 0.0
    for stage in stages[1:-1]:  # δ_j = c_j dt L₀ + O(dt²)
        after = times[-1] + stage.again * (times[-1] - before) + stage.start_weight
        before = times[-1]
        times.append(after)
    weights = _flow_weights(stages)
    return tuple(replace(s, time=t, weight=w) for s, t, w in zip(stages, times, weights, strict=True))


def _flow_weights(stages: list[Stage]) -> list[float]:
    """How much the flow in the argument of every stage counts: the recurrence of the stages, read backwards.

    What has flowed out obeys ``F_j = F_{j−1} + again_j (F_{j−1} − F_{j−2}) + rate_j f_j + start_weight_j f_1``, and
    ``part·F_s`` is the step's.
    """
    weights = [0.0] * len(stages)
    last, before = stages[-1].part, 0.0  # ∂(part F_s)/∂F_j and ∂/∂F_{j−1}, from j = s downwards
    for j in range(len(stages) - 1, 0, -1):
        stage = stages[j]
        weights[j] = last * stage.rate
        weights[0] += last * stage.start_weight
        last, before = before + last * (1 + stage.again), -last * stage.again
    weights[0] += last * stages[0].rate
    return weights


def stability_limit(count: int, *, index: float = INDEX) -> float:
    """The longest stable step of ``count`` stages, in explicit steps."""
    if index == inf:
        return count - 1.0
    return (count - 1) * (count + 2 * index + 1) / (2 * index + 3)


def stages_needed(ratio: float, *, index: float = INDEX) -> int:
    """The smallest number of stages ≥ 2 that is stable over ``ratio`` explicit steps."""
    if ratio <= 1:
        return 2
    if index == inf:
        return max(2, ceil(ratio) + 1)
    return max(2, ceil(-index + sqrt((index + 1) ** 2 + (2 * index + 3) * ratio)))
