"""Drug that leaves its carrier while both circulate: what stays encapsulated, and what is free in plasma."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from tumorsim.agents.exponentials import Array, Value, lasting, transition
from tumorsim.agents.plasma import Curve, PlasmaCurve
from tumorsim.errors import ConfigError, Problem


def encapsulated(carrier: PlasmaCurve, *, release_rate: float, unencapsulated: float = 0.0) -> PlasmaCurve:
    """The drug inside circulating carriers: (1 − f₀) × the carrier's curve × e^{−rt}, each carrier losing drug at r.

    ``carrier`` is the curve of intact carriers, its dose the drug that they bring; ``unencapsulated`` is f₀, the
    part of the dose that is free in the vial. Release is part of ``cleared``.
    """
    rates = tuple(rate + release_rate for rate in carrier.rates)
    return replace(carrier, dose=carrier.dose * (1 - unencapsulated), rates=rates)


@dataclass(frozen=True)
class ReleasedDrug(Curve):
    """Free drug in plasma that comes from circulating carriers, and clears in phases b_j, q_j of its own.

    E(t) = D (1 − f₀) Σ a_i e^{−(k_i + r)t}                              in carriers, after a bolus
    A(t) = f₀ D Σ b_j e^{−q_j t} + r Σ b_j ∫₀ᵗ E(s) e^{−q_j (t−s)} ds      free, C_p = A/V

    all times e^{−λt}, and averaged over the carrier's infusion. With the syringe, the phases of the carrier and those
    of the drug as links of one chain this is an exponential of a triangular matrix, right to rounding also where rates
    are equal. ``injected`` counts drug once it is free in plasma, at release or in the vial.

    ``carrier`` is the curve of intact carriers with the drug's dose, ``release_rate`` r (1/s) constant in blood,
    ``volume`` the drug's volume of distribution V (m³), ``fractions`` b_j (sum 1), ``rates`` q_j (1/s).
    Raises ConfigError where a rate is negative or fractions and rates do not fit.
    """

    carrier: PlasmaCurve
    release_rate: float
    volume: float
    fractions: tuple[float, ...]
    rates: tuple[float, ...]
    unencapsulated: float = 0.0

    def __post_init__(self) -> None:
        PlasmaCurve(0.0, self.amount_unit, self.volume, self.fractions, self.rates)  # the same faults
        if self.release_rate < 0 or not 0 <= self.unencapsulated <= 1:
            fault = f"release at {self.release_rate:g} 1/s with {self.unencapsulated:g} free in the vial"
            cure = "Give a rate of zero or more, and a fraction from 0 to 1"
            raise ConfigError(Problem("agent.release_rate", self.release_rate, fault, cure))

    @property
    def dose(self) -> float:  # type: ignore[override]
        """All the drug that is given, in carriers and free."""
        return self.carrier.dose

    @property
    def amount_unit(self) -> str:  # type: ignore[override]
        return self.carrier.amount_unit

    @property
    def decay_rate(self) -> float:  # type: ignore[override]
        return self.carrier.decay_rate

    @property
    def landmarks(self) -> tuple[float, ...]:
        return self.carrier.landmarks

    @cached_property
    def _chain(self) -> tuple[Array, Array, slice]:
        """M with the syringe running, the amounts at t = 0, and where the free drug stands.

        Links: syringe, carrier phases, drug phases, then the integrals ∫A dt and ∫ of what became free.
        """
        n, m = len(self.carrier.rates), len(self.rates)
        inside, free = slice(1, n + 1), slice(n + 1, n + m + 1)
        stop = self.carrier.infusion
        into_carriers = (1 - self.unencapsulated) * np.array(self.carrier.fractions)
        into_blood = self.unencapsulated * np.array(self.fractions)
        rates, begin = np.zeros((n + m + 3, n + m + 3)), np.zeros(n + m + 3)
        rates[free, inside] = self.release_rate * np.array(self.fractions)[:, None]
        leaving = np.array([0.0, *(k + self.release_rate for k in self.carrier.rates), *self.rates])
        rates[range(n + m + 1), range(n + m + 1)] = -(leaving + self.decay_rate)
        rates[-2, free] = 1.0
        rates[-1, inside] = self.release_rate
        if stop > 0:
            begin[0] = self.dose
            rates[inside, 0], rates[free, 0] = into_carriers / stop, into_blood / stop
            rates[-1, 0] = self.unencapsulated / stop
        else:
            begin[inside], begin[free] = self.dose * into_carriers, self.dose * into_blood
            begin[-1] = self.dose * self.unencapsulated
        return rates, begin, free

    @cached_property
    def _after(self) -> Array:
        """M once the syringe is empty."""
        rates = self._chain[0].copy()
        rates[1:, 0] = 0.0
        return rates

    def _amounts(self, time: Array) -> Array:
        """All links at ``time`` ≥ 0, shape (*time.shape, links)."""
        rates, begin, _ = self._chain
        stop = self.carrier.infusion
        during = transition(rates, np.minimum(time, stop)) @ begin
        return np.einsum("...ij,...j->...i", transition(self._after, np.maximum(time - stop, 0.0)), during)

    def derivatives(self, time: Array) -> Array:
        t = np.maximum(time, 0.0)
        amounts = self._amounts(t)
        running = (t < self.carrier.infusion)[..., None]
        found = [amounts]
        for _ in range(2):
            found.append(np.where(running, found[-1] @ self._chain[0].T, found[-1] @ self._after.T))
        free = np.array([links[..., self._chain[2]].sum(axis=-1) for links in found])
        return np.where(time < 0, 0.0, free / self.volume)

    def injected(self, time: Value) -> Array:
        t = np.asarray(time, dtype=float)
        return np.where(t < 0, 0.0, self._amounts(np.maximum(t, 0.0))[..., -1])[()]

    def _integral(self, start: float, end: float) -> float:
        stop = self.carrier.infusion
        edges = [start, stop, end] if start < stop < end else [start, end]
        return sum(self._exposure(a, b - a) for a, b in zip(edges[:-1], edges[1:], strict=True)) / self.volume

    def _exposure(self, start: float, duration: float) -> float:
        """∫A dt over a part on one side of the end of the infusion; to ∞ by Σ of what is left over the rates."""
        links = self._amounts(np.array(start))
        links[-2] = 0.0
        if np.isinf(duration):
            return self._remaining(links)
        rates = self._chain[0] if start < self.carrier.infusion else self._after
        return float((transition(rates, duration) @ links)[-2])

    def _remaining(self, links: Array) -> float:
        """∫A dt from now to ∞: each phase empties at its own rate, carriers into drug."""
        n, drug = len(self.carrier.rates), np.array(self.rates) + self.decay_rate
        carriers = links[1 : n + 1]
        leaving = np.array(self.carrier.rates) + self.release_rate + self.decay_rate
        still_to_come = sum(
            self.release_rate * amount * lasting(rate, np.inf)
            for amount, rate in zip(carriers, leaving, strict=True)
            if amount > 0 and self.release_rate > 0
        )
        phases = links[self._chain[2]] + still_to_come * np.array(self.fractions)
        return sum(amount * lasting(rate, np.inf) for amount, rate in zip(phases, drug, strict=True) if amount > 0)
