"""Release of a drug from its carrier: how much is retained, at which rate it leaves, and what a step releases.

With R(t) the fraction retained at age t, k(t) = −d ln R/dt is the rate at which what is still inside leaves, and
over a step from t₀ to t₁

hazard = ∫k dt = ln R(t₀)/R(t₁),   mean rate = hazard/(t₁ − t₀),   released = 1 − e^{−hazard}  of what was inside

exactly, so N ← N e^{−hazard} is the solution of dN/dt = −k(t) N whatever the step.

Two families. Laws of age (`FirstOrder`, `Biphasic`, `Weibull`, `ZeroOrder`) know only how long a carrier has been in
the body. Only first order is memoryless, so that a voxel need not know the ages in it. After one short dose all
carriers have the same age, the time since the dose, wherever they are, and k(t) serves every voxel; each further dose
needs carriers of its own. A biphasic carrier is also two memoryless ones, in the shares `Biphasic.populations`. The law
of place (`Switch`) gives k from the local state, voxel by voxel and moment by moment, and is memoryless.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from tumorsim.agents.agent import Agent
from tumorsim.agents.exponentials import Array, Value
from tumorsim.errors import ConfigError, Problem


class AgeLaw(Protocol):
    """Release that depends on the age of the carrier, s."""

    @property
    def memoryless(self) -> bool: ...

    @property
    def mean_time(self) -> float:
        """∫R dt, how long a drug molecule stays inside on average, s."""

    def rate(self, age: Value) -> Array:
        """k(t), 1/s."""

    def hazard(self, start: float, end: float) -> float:
        """∫k dt over ages 0 ≤ start ≤ end; ∞ where nothing is left."""


def retained(law: AgeLaw, age: float) -> float:
    """R(t), the fraction still inside at an age."""
    return float(np.exp(-law.hazard(0.0, age)))


def released(law: AgeLaw, start: float, end: float) -> float:
    """Fraction, of what is inside at age ``start``, that is out at age ``end``."""
    return -float(np.expm1(-law.hazard(start, end)))


def mean_rate(law: AgeLaw, start: float, end: float) -> float:
    """The constant rate, 1/s, that releases within a step what the law does."""
    return law.hazard(start, end) / (end - start) if end > start else float(law.rate(start))


# laws of age ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FirstOrder:
    """R = e^{−kt}: each drug molecule leaves by chance, k = ``constant``, 1/s."""

    constant: float
    memoryless: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _require(self.constant >= 0, "release_rate", self.constant, "zero or more")

    @property
    def mean_time(self) -> float:
        return 1 / self.constant if self.constant > 0 else float("inf")

    def rate(self, age: Value) -> Array:
        return np.full(np.shape(age), self.constant)[()]

    def hazard(self, start: float, end: float) -> float:
        return self.constant * (end - start)


@dataclass(frozen=True)
class Biphasic:
    """R = b e^{−k_b t} + (1 − b) e^{−kt}: a burst of the fraction b, then the rest; rates in 1/s."""

    burst_fraction: float
    burst_rate: float
    constant: float
    memoryless: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _require(0 <= self.burst_fraction <= 1, "burst_fraction", self.burst_fraction, "from 0 to 1")
        _require(self.constant >= 0, "release_rate", self.constant, "zero or more")
        _require(self.burst_rate >= self.constant, "burst_rate", self.burst_rate, "that of the rest or more")

    @property
    def populations(self) -> tuple[tuple[float, FirstOrder], ...]:
        """Shares of the carriers, and their law, that together release just so, and know no age."""
        burst, rest = FirstOrder(self.burst_rate), FirstOrder(self.constant)
        return (self.burst_fraction, burst), (1 - self.burst_fraction, rest)

    @property
    def mean_time(self) -> float:
        return sum(share * law.mean_time for share, law in self.populations if share > 0)

    def rate(self, age: Value) -> Array:
        """Weighed by what is left, relative to the slower phase so that neither underflows."""
        burst = self.burst_fraction * np.exp(
            -(self.burst_rate - self.constant) * np.asarray(age, dtype=float)
        )
        rest = 1 - self.burst_fraction
        return (burst * self.burst_rate + rest * self.constant) / (burst + rest) if rest else self._burst(age)

    def _burst(self, age: Value) -> Array:
        return np.full(np.shape(age), self.burst_rate)[()]

    def hazard(self, start: float, end: float) -> float:
        """The slower rate, and how the share of the burst in what is inside falls."""
        if self.burst_fraction == 1:
            return self.burst_rate * (end - start)
        faster = self.burst_rate - self.constant
        burst = self.burst_fraction * np.exp(-faster * start)
        share = burst / (burst + 1 - self.burst_fraction)
        return self.constant * (end - start) - float(np.log1p(share * np.expm1(-faster * (end - start))))


@dataclass(frozen=True)
class Weibull:
    """R = exp(−(t/τ)^m): m < 1 starts fast, 1 is first order, m > 1 starts slowly; τ = ``scale``, s."""

    scale: float
    shape: float

    def __post_init__(self) -> None:
        _require(self.scale > 0, "release_scale", self.scale, "above zero")
        _require(self.shape > 0, "release_shape", self.shape, "above zero")

    @property
    def memoryless(self) -> bool:
        return self.shape == 1

    @property
    def mean_time(self) -> float:
        from scipy.special import gamma

        return float(self.scale * gamma(1 + 1 / self.shape))

    def rate(self, age: Value) -> Array:
        """(m/τ)(t/τ)^{m−1}; ∞ at age 0 where m < 1, so take `mean_rate` over a step."""
        with np.errstate(divide="ignore"):
            return self.shape / self.scale * (np.asarray(age, dtype=float) / self.scale) ** (self.shape - 1)

    def hazard(self, start: float, end: float) -> float:
        if start == 0:
            return float((end / self.scale) ** self.shape)
        grown = np.expm1(self.shape * np.log1p((end - start) / start))
        return float((start / self.scale) ** self.shape * grown)


@dataclass(frozen=True)
class ZeroOrder:
    """R = 1 − t/T until all is out at T = ``duration``, s: as much per time at the end as at the start."""

    duration: float
    memoryless: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _require(self.duration > 0, "release_duration", self.duration, "above zero")

    @property
    def mean_time(self) -> float:
        return self.duration / 2

    def rate(self, age: Value) -> Array:
        """1/(T − t), ∞ from T on."""
        left = np.maximum(self.duration - np.asarray(age, dtype=float), 0.0)
        return np.divide(1.0, left, out=np.full(left.shape, np.inf), where=left > 0)[()]

    def hazard(self, start: float, end: float) -> float:
        if end <= start:
            return 0.0
        if end >= self.duration:
            return float("inf")
        return -float(np.log1p(-(end - start) / (self.duration - start)))


# laws of place ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Switch:
    """k(x) = k_lo + (k_hi − k_lo)/(1 + e^{−(x − x_m)/w}) of a local state x, 1/s.

    ``resting`` k_lo far below the ``midpoint`` x_m and ``triggered`` k_hi far above it, for a ``width`` w > 0;
    the other way round for w < 0. `thermal` (x a temperature, K) and `acidic` (x a pH) are its two uses.
    """

    resting: float
    triggered: float
    midpoint: float
    width: float
    thermal: bool = False

    def __post_init__(self) -> None:
        _require(min(self.resting, self.triggered) >= 0, "release_rate", self.resting, "zero or more")
        _require(self.width != 0, "release_width", self.width, "other than zero")

    def rate(self, state: Value) -> Array:
        """k in every voxel, of the shape of ``state``."""
        from scipy.special import expit

        x = (np.asarray(state, dtype=float) - self.midpoint) / self.width
        return np.asarray(self.resting + (self.triggered - self.resting) * expit(x))


TRANSITION_TEMPERATURE = 273.15 + 40.8
"""K, of lysolipid thermosensitive liposomes [D], with the width below: "opens between 40 and 42 °C" [M]."""
TRANSITION_WIDTH = 0.35
"""K [D]."""
ACIDIC_MIDPOINT, ACIDIC_WIDTH = 6.7, 0.1
"""pH between blood (7.4) and the acid of tumours and endosomes (6.0), at both of which one rate all but rules [D]."""


def thermal(resting: float = 1.4e-5, triggered: float = 0.08) -> Switch:
    """k(T), T in K. Defaults [D] from "at most 5 % per hour at 37 °C, about 80 % in 20 s at 42 °C" [M]."""
    return Switch(resting, triggered, TRANSITION_TEMPERATURE, TRANSITION_WIDTH, thermal=True)


def acidic(resting: float, triggered: float) -> Switch:
    """k(pH): ``resting`` at the pH of blood, ``triggered`` in acid."""
    return Switch(resting, triggered, ACIDIC_MIDPOINT, -ACIDIC_WIDTH)


@dataclass(frozen=True)
class Window:
    """While a trigger is on, s: heat or light from ``start`` to ``end``."""

    start: float
    end: float

    @property
    def landmarks(self) -> tuple[float, float]:
        """Moments that a step should land on."""
        return self.start, self.end

    def mean_rate(self, off: Value, on: Value, *, start: float, end: float) -> Array:
        """The mean of k over a step from ``start`` to ``end`` in which it is ``on`` within the window, else ``off``."""
        inside = max(0.0, min(end, self.end) - max(start, self.start))
        share = inside / (end - start) if end > start else float(self.start <= start < self.end)
        return np.asarray((1 - share) * np.asarray(off) + share * np.asarray(on))


# agents -----------------------------------------------------------------------------------------------------

IN_CELLS = ("enzyme", "intracellular")
"""Models whose rate in the catalogue holds inside cells, for carriers that are internalised; next to none outside."""


RELEASE_MODELS = (
    "none", "first-order", "biphasic", "weibull", "zero-order", "temperature", "pH", *IN_CELLS, "decay",
)  # fmt: skip
"""What an agent's ``release_model`` may be."""


@dataclass(frozen=True)
class ReleaseLaws:
    """How an agent releases ``outside`` cells, in plasma and interstitium, and ``inside`` them; None: it does not."""

    outside: AgeLaw | Switch | None = None
    inside: AgeLaw | Switch | None = None


def release_laws(agent: Agent) -> ReleaseLaws:
    """The laws that an agent's ``release_model`` and rates stand for, as sure as ``agent.quality`` says of these.

    first-order, biphasic: the same in- and outside cells, where the catalogue says no better. pH: by the local pH, so
    inside cells in the acid of endosomes. decay: what decays becomes a daughter that leaves by recoil, everywhere.
    Raises ConfigError where the model is not known or a rate is missing.
    """
    model = agent.release_model
    if model == "none":
        return ReleaseLaws()
    if model == "decay":
        return ReleaseLaws(*[FirstOrder(_decay(agent))] * 2)
    if model in IN_CELLS:
        return ReleaseLaws(inside=FirstOrder(_rate(agent, "release_rate")))
    if model == "first-order":
        law: AgeLaw | Switch = FirstOrder(_rate(agent, "release_rate"))
    elif model == "biphasic":
        constants = [_rate(agent, name) for name in ("burst_fraction", "burst_rate", "release_rate")]
        law = Biphasic(*constants)
    elif model == "weibull":
        law = Weibull(_rate(agent, "release_time"), _rate(agent, "release_shape"))
    elif model == "zero-order":
        law = ZeroOrder(_rate(agent, "release_time"))
    elif model == "temperature":
        law = thermal(_rate(agent, "release_rate"), _rate(agent, "triggered_release_rate"))
    elif model == "pH":
        law = acidic(_rate(agent, "release_rate"), _rate(agent, "triggered_release_rate"))
    else:
        cure = f"Use one of {', '.join(RELEASE_MODELS)}"
        raise ConfigError(Problem("agent.release_model", model, "is not known", cure))
    return ReleaseLaws(outside=law, inside=law)


def _rate(agent: Agent, name: str) -> float:
    value = getattr(agent, name)
    if value is None:
        fault = f"is required where agent.release_model is {agent.release_model!r}, and not given"
        raise ConfigError(Problem(f"agent.{name}", None, fault, f"Add {name} to [agent]"))
    return float(value)


def _decay(agent: Agent) -> float:
    if agent.decay_rate == 0:
        fault = "is required where agent.release_model is 'decay', and not given"
        raise ConfigError(
            Problem("agent.radionuclide", None, fault, 'Add for example radionuclide = "Ac-225"')
        )
    return agent.decay_rate


def _require(holds: bool, key: str, value: float, expected: str) -> None:
    if not holds:
        raise ConfigError(Problem(f"agent.{key}", value, f"must be {expected}", "Correct it"))
