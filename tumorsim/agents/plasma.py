"""The plasma concentration of an agent after boluses and infusions, and where the dose has gone."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import floor, inf, log2

import numpy as np

from tumorsim.agents.agent import Agent
from tumorsim.agents.exponentials import Array, Value, lasting, mean_decay, rise
from tumorsim.errors import ConfigError, NumericsError, Problem


class Curve:
    """A prescribed plasma concentration C_p(t), and the balance of what was given. At every t ≥ 0, exactly,

    injected(t) = amount(t) + cleared(t) + decayed(t)

    where ``injected`` counts what has entered the blood (not what decayed in the syringe), ``decayed``
    what has decayed while in plasma, and ``cleared`` what has left plasma otherwise. What a simulated tissue
    takes up is part of ``cleared``, and decays there on its own account. Times in s, amounts in
    ``amount_unit`` (mol, kg or Bq), concentrations per m³ of plasma, of which there are ``volume``.
    """

    dose: float
    amount_unit: str
    volume: float
    decay_rate: float

    @property
    def landmarks(self) -> tuple[float, ...]:
        """The moments at which C_p or its slope jumps, rising, s."""
        raise NotImplementedError

    def derivatives(self, time: Array) -> Array:
        """C_p, dC_p/dt and d²C_p/dt², shape (3, *time.shape); from the right at a landmark."""
        raise NotImplementedError

    def injected(self, time: Value) -> Array:
        """The amount that has entered the blood: all of the dose, less what decayed in the syringe."""
        raise NotImplementedError

    def _integral(self, start: float, end: float) -> float:
        """∫ C_p dt over 0 ≤ start ≤ end, to rounding however short."""
        raise NotImplementedError

    def concentration(self, time: Value) -> Array:
        """C_p at ``time`` (s, a number or an array), amount per m³ of plasma; 0 before the first dose."""
        return self.derivatives(np.asarray(time, dtype=float))[0][()]

    def mean(self, start: float, end: float) -> float:
        """The mean of C_p over [start, end], s, to rounding however short the interval; any landmark may lie
        in it. Raises NumericsError where it ends before it starts."""
        if end < start:
            raise NumericsError(
                f"The mean over [{start} s, {end} s] was asked for, which ends before it starts."
            )
        if end == start:
            return float(self.concentration(start))
        return self._integral(max(start, 0.0), max(end, 0.0)) / (end - start)

    def auc(self, time: float = inf) -> float:
        """∫₀ᵗ C_p dt, amount·s/m³; to t = ∞ by default: (Dose/V) Σ a_i/k_i for a bolus without decay."""
        return self._integral(0.0, max(time, 0.0))

    def amount(self, time: Value) -> Array:
        """The amount in plasma, V C_p."""
        return self.volume * self.concentration(time)

    def decayed(self, time: float) -> float:
        """The amount that has decayed while in plasma, λ V ∫₀ᵗ C_p dt."""
        return self.decay_rate * self.volume * self.auc(time) if self.decay_rate > 0 else 0.0

    def cleared(self, time: float) -> float:
        """The amount that has left plasma, into tissue or out of the body, by the difference of the rest."""
        return float(self.injected(time) - self.amount(time)) - self.decayed(time)

    def step_limits(self, tolerance: float, *, negligible: float = 1e-4) -> tuple[tuple[float, float], ...]:
        """((until, longest step), …): how long a step may be, so that C_p is a straight line within it.

        A chord over Δt is off by |C_p″| Δt²/8. That stays below ``tolerance`` times the mean C_p of the step,
        or of ``negligible`` of the highest C_p where the plasma is all but empty. Every step is a power of
        two seconds, none below 1 s [D]; a piece ends at a landmark or after a whole number of its steps, a power of
        two seconds after a landmark, and the last at ∞. A step of ∞ is no limit.
        """
        if not tolerance > 0:
            raise NumericsError(f"Steps for a tolerance of {tolerance} were asked for; it must be positive.")
        offsets, ends = np.array(list(_cells(self.landmarks))).T
        starts = np.concatenate([[0.0], ends[:-1]])
        widths = np.where(np.isfinite(ends), ends - starts, offsets)
        value, slope, curvature = self.derivatives(starts[:, None] + widths[:, None] * np.arange(8) / 8)
        reference = tolerance * (value + negligible * value.max())
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            growth = tolerance * np.maximum(slope, 0.0) / (2 * np.abs(curvature))
            longest = 4 * (growth + np.sqrt(growth**2 + reference / (2 * np.abs(curvature))))
        limits = np.where(curvature != 0, longest, inf).min(axis=1)
        return tuple(_pieces(offsets.tolist(), ends.tolist(), limits.tolist()))


_OCTAVES = 27
"""Powers of two seconds after a landmark in which a curve is looked at: up to two years."""


def _cells(landmarks: tuple[float, ...]) -> Iterator[tuple[float, float]]:
    """Offset and end of intervals that together are [0, ∞): after a landmark the first second, then each octave."""
    if landmarks[0] > 0:
        yield 0.0, landmarks[0]
    for begin, end in pairwise((*landmarks, inf)):
        offsets = [0.0, *(2.0**k for k in range(_OCTAVES))]
        offsets = [offset for offset in offsets if begin + offset < end]
        yield from zip(offsets, [*(begin + offset for offset in offsets[1:]), end], strict=True)


def _pieces(offsets: list[float], ends: list[float], limits: list[float]) -> Iterator[tuple[float, float]]:
    """Neighbouring cells of one step as one piece, which holds a whole number of steps unless a landmark ends it.

    A piece begins at a landmark, or at the offset 2ᵏ ≥ its step: so it is a multiple of the step before, too.
    """
    until, step = 0.0, 0.0
    for offset, end, limit in zip(offsets, ends, limits, strict=True):
        allowed = 2.0 ** max(0, floor(log2(limit))) if limit < 2.0**_OCTAVES else inf
        if offset == 0:
            if step:
                yield until, step
            step = allowed
        elif offset < step:
            step = min(step, allowed)
        elif (longer := min(allowed, offset)) != step:
            yield until, step
            step = longer
        until = end
    yield until, step


@dataclass(frozen=True)
class PlasmaCurve(Curve):
    """A dose given at t = 0 as a bolus, or at a constant rate over ``infusion`` s, cleared in phases.

    C_p(t) = (Dose/V) e^{−λt} Σ a_i e^{−k_i t}                                            bolus
    C_p(t) = (Dose/V) e^{−λt} Σ a_i/(k_i T) (1 − e^{−k_i min(t,T)}) e^{−k_i max(t−T,0)}   infusion over T

    ``fractions`` a_i have the sum 1; ``rates`` k_i and ``decay_rate`` λ in 1/s. The dose of a radioactive agent
    is measured at t = 0 and decays in the syringe as it does in blood.

    Raises ConfigError, for all faults at once, where fractions and rates do not fit together or a number
    has the wrong sign.
    """

    dose: float
    amount_unit: str
    volume: float
    fractions: tuple[float, ...]
    rates: tuple[float, ...]
    infusion: float = 0.0
    decay_rate: float = 0.0

    def __post_init__(self) -> None:
        faults = [fault for fault in _faults(self) if fault is not None]
        if faults:
            raise ConfigError(*faults)

    @classmethod
    def from_half_lives(
        cls,
        dose: float,
        amount_unit: str,
        *,
        volume: float,
        half_lives: tuple[float, ...],
        fractions: tuple[float, ...] = (1.0,),
        infusion: float = 0.0,
        decay_rate: float = 0.0,
    ) -> "PlasmaCurve":
        """The curve with rates k_i = ln 2 / t½_i; half-lives in s."""
        rates = tuple(float(np.log(2)) / half_life for half_life in half_lives)
        return cls(dose, amount_unit, volume, fractions, rates, infusion=infusion, decay_rate=decay_rate)

    @classmethod
    def two_compartment(
        cls,
        dose: float,
        amount_unit: str,
        *,
        volume: float,
        elimination: float,
        outward: float,
        inward: float,
        infusion: float = 0.0,
        decay_rate: float = 0.0,
    ) -> "PlasmaCurve":
        """The curve of plasma (V₁ = ``volume``) that is eliminated at k10 and exchanges with a second compartment.

        dA₁/dt = −(k10 + k12) A₁ + k21 A₂,   dA₂/dt = k12 A₁ − k21 A₂

        with k10 = ``elimination`` = CL/V₁, k12 = ``outward`` = Q/V₁, k21 = ``inward`` = Q/V₂, 1/s. Its two phases are

        α, β = (s ± √(s² − 4 k10 k21))/2,   s = k10 + k12 + k21,   a = (α − k21)/(α − β),   b = (k21 − β)/(α − β)
        """
        fractions, rates = _two_phases(elimination, outward, inward)
        return cls(dose, amount_unit, volume, fractions, rates, infusion=infusion, decay_rate=decay_rate)

    @property
    def landmarks(self) -> tuple[float, ...]:
        return (0.0, self.infusion) if self.infusion > 0 else (0.0,)

    def derivatives(self, time: Array) -> Array:
        t = np.maximum(time, 0.0)
        total = np.zeros((3, *t.shape))
        for fraction, rate in self._phases:
            total += fraction * self._phase(rate, t)
        return np.where(time < 0, 0.0, self.dose / self.volume * total)

    def _phase(self, k: float, t: Array) -> Array:
        """One phase with its two derivatives at t ≥ 0, per initial concentration."""
        total, stop, decay = k + self.decay_rate, self.infusion, self.decay_rate
        left = np.exp(-k * np.maximum(t - stop, 0.0) - decay * t) * mean_decay(k * stop)
        after = np.array([left, -total * left, total**2 * left])
        if stop == 0:
            return after
        given = t * mean_decay(k * t) * np.exp(-decay * t) / stop
        inflow = np.exp(-total * t) / stop
        slope = inflow - decay * given
        during = np.array([given, slope, -decay * slope - total * inflow])
        return np.where(t < stop, during, after)

    def injected(self, time: Value) -> Array:
        t = np.asarray(time, dtype=float)
        given = np.clip(t, 0.0, self.infusion)
        share = given / self.infusion if self.infusion > 0 else np.where(t < 0, 0.0, 1.0)
        return self.dose * (share * mean_decay(self.decay_rate * given))[()]

    @property
    def _phases(self) -> list[tuple[float, float]]:
        return list(zip(self.fractions, self.rates, strict=True))

    def _integral(self, start: float, end: float) -> float:
        """∫ C_p dt over 0 ≤ start ≤ end: the part during the infusion, then the part after it."""
        stop = self.infusion
        parts = 0.0
        for fraction, rate in self._phases:
            if start < stop:
                parts += fraction / stop * rise(rate, self.decay_rate, start, min(end, stop) - start)
            if end > stop:
                first = max(start, stop)
                left = mean_decay(rate * stop) * np.exp(-rate * (first - stop) - self.decay_rate * first)
                parts += fraction * left * lasting(rate + self.decay_rate, end - first)
        return float(self.dose / self.volume * parts)


@dataclass(frozen=True)
class Superposition(Curve):
    """Doses one after another in the same plasma: C_p(t) = Σ C_j(t − t_j), for ``parts`` (t_j, C_j) in any order.

    Each dose is as large at its own time t_j ≥ 0 as its curve says at 0. Raises ConfigError where plasma volumes,
    units or decay rates differ, or a dose comes before t = 0.
    """

    parts: tuple[tuple[float, Curve], ...]

    def __post_init__(self) -> None:
        kinds = {(curve.volume, curve.amount_unit, curve.decay_rate) for _, curve in self.parts}
        faults = [
            _require(len(kinds) == 1, "dosing", None, "doses differ in volume, unit or decay", "Give all alike"),
            _require(
                min((start for start, _ in self.parts), default=0.0) >= 0,
                "dosing.times",
                [start for start, _ in self.parts],
                "a dose before the start",
                "Count from the first dose, at 0",
            ),
        ]
        if any(faults):
            raise ConfigError(*(fault for fault in faults if fault is not None))

    @property
    def dose(self) -> float:  # type: ignore[override]
        """All that is given in the end."""
        return sum(curve.dose for _, curve in self.parts)

    @property
    def amount_unit(self) -> str:  # type: ignore[override]
        return self.parts[0][1].amount_unit

    @property
    def volume(self) -> float:  # type: ignore[override]
        return self.parts[0][1].volume

    @property
    def decay_rate(self) -> float:  # type: ignore[override]
        return self.parts[0][1].decay_rate

    @property
    def landmarks(self) -> tuple[float, ...]:
        return tuple(sorted({start + moment for start, curve in self.parts for moment in curve.landmarks}))

    def derivatives(self, time: Array) -> Array:
        return np.sum([curve.derivatives(time - start) for start, curve in self.parts], axis=0)

    def injected(self, time: Value) -> Array:
        t = np.asarray(time, dtype=float)
        return np.sum([curve.injected(t - start) for start, curve in self.parts], axis=0)[()]

    def _integral(self, start: float, end: float) -> float:
        return sum(
            curve._integral(max(start - given, 0.0), end - given) for given, curve in self.parts if end > given
        )


def dose_times(
    *, times: tuple[float, ...] | None = None, every: float | None = None, count: int = 1
) -> tuple[float, ...]:
    """When doses are given, s: at ``times``, or ``count`` of them from 0 on, one ``every`` so long."""
    if times is not None:
        return times
    return tuple(k * (every or 0.0) for k in range(count))


def repeated(curve: Curve, times: tuple[float, ...]) -> Curve:
    """The same dose at each of ``times``, s; the curve itself for a single one at 0."""
    return curve if times == (0.0,) else Superposition(tuple((time, curve) for time in times))


def _two_phases(elimination: float, outward: float, inward: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Fractions and rates of the phases; without cancellation, α − k21 and k21 − β from their product k12 k21."""
    if outward == 0:
        return (1.0,), (elimination,)
    difference = elimination + outward - inward
    root = float(np.hypot(difference, 2 * np.sqrt(outward * inward)))
    fast = (elimination + outward + inward + root) / 2
    slow = elimination * inward / fast
    larger = (abs(difference) + root) / 2
    smaller = outward * inward / larger
    above, below = (larger, smaller) if difference > 0 else (smaller, larger)
    return (above / root, below / root), (fast, slow)


def plasma_curve(
    agent: Agent, dose: float, *, amount_unit: str, volume: float, infusion: float = 0.0
) -> PlasmaCurve:
    """The curve of an agent: its half-lives and fractions, and its decay where it has a half-life for that.

    Raises ConfigError where the agent has no half-lives, or fractions that do not belong to them.
    """
    half_lives, fractions = agent.plasma_half_lives, agent.plasma_fractions
    if not half_lives:
        cure = 'Give it, for example ["24 h"]'
        raise ConfigError(Problem("agent.plasma_half_lives", None, f"is not known for {agent.name}", cure))
    return PlasmaCurve.from_half_lives(
        dose,
        amount_unit,
        volume=volume,
        half_lives=half_lives,
        fractions=fractions or ((1.0,) if len(half_lives) == 1 else ()),
        infusion=infusion,
        decay_rate=agent.decay_rate,
    )


def _faults(curve: PlasmaCurve) -> list[Problem | None]:
    total = sum(curve.fractions)
    return [
        _require(curve.dose >= 0, "dosing.dose", curve.dose, "is negative", "Give a dose of zero or more"),
        _require(
            curve.volume > 0,
            "dosing.plasma_volume",
            curve.volume,
            "is not positive",
            'Give, for example, "3 L"',
        ),
        _require(
            len(curve.fractions) == len(curve.rates) > 0,
            "agent.plasma_fractions",
            curve.fractions,
            f"has {len(curve.fractions)} values, but there are {len(curve.rates)} half-lives",
            "Give one fraction for each half-life",
        ),
        _require(
            min(curve.fractions, default=0) >= 0 and abs(total - 1) < 1e-9,
            "agent.plasma_fractions",
            curve.fractions,
            f"must not be negative and must add up to 1, not {total:g}",
            "Divide each fraction by their sum",
        ),
        _require(
            min((*curve.rates, curve.decay_rate)) >= 0,
            "agent.plasma_half_lives",
            curve.rates,
            "gives a negative clearance or decay rate",
            "Give positive half-lives",
        ),
        _require(
            curve.infusion >= 0, "dosing.infusion", curve.infusion, "is negative", 'Give "0 h" for a bolus'
        ),
    ]


def _require(holds: bool, key: str, value: object, fault: str, cure: str) -> Problem | None:
    return None if holds else Problem(key, value, fault, cure)
