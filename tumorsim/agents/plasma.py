"""The plasma concentration of an agent after a bolus or an infusion, and where the dose has gone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tumorsim.agents.agent import Agent
from tumorsim.errors import ConfigError, NumericsError, Problem

Array = NDArray[np.float64]
Value = float | Array

PLASMA_VOLUMES = {"human": 3.0e-3, "mouse": 1.0e-6, "rat": 7.8e-6}
"""m³ for an adult [D], a 25 g mouse [D] and a 250 g rat [M] (Davies and Morris 1993,
Pharm Res 10:1093)."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(10)
_NODES, _WEIGHTS = (_NODES + 1) / 2, _WEIGHTS / 2


@dataclass(frozen=True)
class PlasmaCurve:
    """A dose given at t = 0 as a bolus, or at a constant rate over ``infusion`` s, cleared in phases.

    C_p(t) = (Dose/V) e^{−λt} Σ a_i e^{−k_i t}                                            bolus
    C_p(t) = (Dose/V) e^{−λt} Σ a_i/(k_i T) (1 − e^{−k_i min(t,T)}) e^{−k_i max(t−T,0)}   infusion over T

    ``dose`` in ``amount_unit`` (mol, kg or Bq), ``volume`` V in m³, ``fractions`` a_i with sum 1, ``rates``
    k_i and ``decay_rate`` λ in 1/s. The dose of a radioactive agent is measured at t = 0 and decays in the
    syringe as it does in blood. At every t ≥ 0, exactly,

    injected(t) = amount(t) + cleared(t) + decayed(t)

    where ``injected`` counts what has entered the blood (not what decayed in the syringe), ``decayed``
    what has decayed while in plasma, and ``cleared`` what has left plasma by the rates k_i. The curve is
    prescribed: what a simulated tissue takes up is part of ``cleared``, and decays there on its own account.

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

    def concentration(self, time: Value) -> Array:
        """C_p at ``time`` (s, a number or an array), amount per m³ of plasma; 0 before t = 0."""
        t = np.asarray(time, dtype=float)
        after = np.maximum(t, 0.0)
        given = np.minimum(after, self.infusion)
        share = given / self.infusion if self.infusion > 0 else np.ones_like(given)
        phases = sum(
            a * share * _mean_decay(k * given) * np.exp(-k * (after - given)) for a, k in self._phases
        )
        initial = self.dose / self.volume
        return np.where(t < 0, 0.0, initial * np.exp(-self.decay_rate * after) * phases)[()]

    def mean(self, start: float, end: float) -> float:
        """The mean of C_p over [start, end], s, to rounding however short the interval; may straddle T."""
        if end < start:
            raise NumericsError(
                f"The mean over [{start} s, {end} s] was asked for, which ends before it starts."
            )
        if end == start:
            return float(self.concentration(start))
        return self._integral(max(start, 0.0), max(end, 0.0)) / (end - start)

    def auc(self, time: float = float("inf")) -> float:
        """∫₀ᵗ C_p dt, amount·s/m³; to t = ∞ by default: (Dose/V) Σ a_i/k_i for a bolus without decay."""
        return self._integral(0.0, max(time, 0.0))

    def amount(self, time: Value) -> Array:
        """The amount in plasma, V C_p."""
        return self.volume * self.concentration(time)

    def injected(self, time: Value) -> Array:
        """The amount that has entered the blood: all of the dose, less what decayed in the syringe."""
        t = np.asarray(time, dtype=float)
        given = np.clip(t, 0.0, self.infusion)
        share = given / self.infusion if self.infusion > 0 else np.where(t < 0, 0.0, 1.0)
        return self.dose * (share * _mean_decay(self.decay_rate * given))[()]

    def decayed(self, time: float) -> float:
        """The amount that has decayed while in plasma, λ V ∫₀ᵗ C_p dt."""
        return self.decay_rate * self.volume * self.auc(time) if self.decay_rate > 0 else 0.0

    def cleared(self, time: float) -> float:
        """The amount that has left plasma, into tissue or out of the body, by the difference of the rest."""
        return float(self.injected(time) - self.amount(time)) - self.decayed(time)

    @property
    def _phases(self) -> list[tuple[float, float]]:
        return list(zip(self.fractions, self.rates, strict=True))

    def _integral(self, start: float, end: float) -> float:
        """∫ C_p dt over 0 ≤ start ≤ end: the part during the infusion, then the part after it."""
        stop = self.infusion
        parts = 0.0
        for fraction, rate in self._phases:
            if start < stop:
                parts += fraction / stop * _rise(rate, self.decay_rate, start, min(end, stop) - start)
            if end > stop:
                first = max(start, stop)
                left = _mean_decay(rate * stop) * np.exp(-rate * (first - stop) - self.decay_rate * first)
                parts += fraction * left * _lasting(rate + self.decay_rate, end - first)
        return float(self.dose / self.volume * parts)


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
        decay_rate=float(np.log(2)) / agent.decay_half_life if agent.decay_half_life else 0.0,
    )


def _mean_decay(x: Value) -> Array:
    """(1 − e⁻ˣ)/x, the mean of e⁻ᵘ over [0, x]; 1 at x = 0."""
    x = np.asarray(x, dtype=float)
    return np.where(x > 0, -np.expm1(-x) / np.where(x > 0, x, 1.0), 1.0)[()]


def _lasting(rate: float, duration: float) -> float:
    """∫₀ᵈ e^{−ks} ds = (1 − e^{−kd})/k, the duration itself for k = 0."""
    return -float(np.expm1(-rate * duration)) / rate if rate > 0 else duration


def _rise(rate: float, decay: float, start: float, duration: float) -> float:
    """∫ e^{−λt} (1 − e^{−kt})/k dt over [start, start + duration], free of cancellation for small rates."""
    before = start * _mean_decay(rate * start) * _lasting(decay, duration)
    within = duration**2 * np.exp(-rate * start) * _second_mean(decay * duration, rate * duration)
    return float(np.exp(-decay * start) * (before + within))


def _second_mean(a: float, b: float) -> float:
    """∫₀¹ u e^{−au} m(bu) du with m = ``_mean_decay``, in whichever of two forms does not cancel."""
    if a + b < 1:
        return float(_WEIGHTS @ (_NODES * np.exp(-a * _NODES) * _mean_decay(b * _NODES)))
    return float(_mean_decay(a) - np.exp(-a) * _mean_decay(b)) / (a + b)


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
