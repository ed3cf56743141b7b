"""A closed body: plasma, peripheral compartments and what has left, so that the whole dose is accounted for."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from tumorsim.agents.exponentials import Array
from tumorsim.errors import NumericsError


@dataclass(frozen=True)
class BodyState:
    """Amounts now, in the unit of the dose; ``taken`` is what the simulated tissue has taken up, net."""

    plasma: float
    peripheral: tuple[float, ...]
    eliminated: float = 0.0
    decayed: float = 0.0
    taken: float = 0.0

    @property
    def total(self) -> float:
        """All that was ever given: it changes with the infusion alone."""
        return self.plasma + sum(self.peripheral) + self.eliminated + self.decayed + self.taken


@dataclass(frozen=True)
class Body:
    """Plasma of ``volume`` (m³) in exchange with peripheral compartments (mammillary model), rates in 1/s.

    dA_p/dt = I − U − (k_e + λ + Σ k_out,j) A_p + Σ k_in,j A_j
    dA_j/dt = k_out,j A_p − (k_in,j + λ) A_j

    with ``elimination`` k_e, ``outward`` k_out, ``inward`` k_in, ``decay_rate`` λ, an infusion I and the net uptake U of
    the simulated tissue, which a prescribed curve would have counted as cleared. ``decayed`` counts decay in plasma
    and periphery; the tissue and what was eliminated keep their own account.
    """

    volume: float
    elimination: float
    outward: tuple[float, ...] = ()
    inward: tuple[float, ...] = ()
    decay_rate: float = 0.0

    @classmethod
    def from_phases(
        cls, volume: float, *, fractions: tuple[float, ...], rates: tuple[float, ...], decay_rate: float = 0.0
    ) -> "Body":
        """The body whose plasma, without uptake, falls as Σ a_i e^{−k_i t}; one compartment for each phase but one.

        Its rates come from the arrow form of QᵀKQ with K = diag(k_i) and Q orthogonal with first column √a_i:
        the corner m = Σ a_i k_i, the tips z_j = k_in,j, the shafts v_j² = k_out,j k_in,j, and k_e = 1/Σ(a_i/k_i).
        """
        shares, k = np.array(fractions), np.array(rates)
        shares, k = shares[shares > 0], k[shares > 0]
        basis, _ = np.linalg.qr(np.column_stack([np.sqrt(shares), np.eye(len(k))[:, 1:]]))
        arrow = basis.T @ np.diag(k) @ basis
        tips, turn = np.linalg.eigh(arrow[1:, 1:])
        shafts = (turn.T @ arrow[1:, 0]) ** 2
        elimination = 0.0 if np.any(k == 0) else 1 / float(np.sum(shares / k))
        return cls(volume, elimination, tuple((shafts / tips).tolist()), tuple(tips.tolist()), decay_rate)

    def start(self, bolus: float = 0.0) -> BodyState:
        """A bolus in plasma, and nothing anywhere else."""
        return BodyState(plasma=bolus, peripheral=(0.0,) * len(self.outward))

    def advance(self, state: BodyState, dt: float, uptake_rate: float, *, infusion_rate: float = 0.0) -> BodyState:
        """The state ``dt`` s on, exact for an uptake (net, amount/s) and an infusion that are constant meanwhile.

        Raises NumericsError where the tissue takes up more than there is.
        """
        after = self._propagated(state, dt, infusion_rate - uptake_rate)
        n = 1 + len(self.outward)
        if after[0] < -1e-12 * state.total:
            raise NumericsError(
                f"The tissue took up {uptake_rate * dt:g} within {dt:g} s, and plasma held {state.plasma:g}. "
                "Take shorter steps, or a smaller tissue"
            )
        return replace(
            state,
            plasma=float(after[0]),
            peripheral=tuple(after[1:n].tolist()),
            eliminated=state.eliminated + self.elimination * dt * float(after[n]),
            decayed=state.decayed + self.decay_rate * dt * float(after[n:].sum()),
            taken=state.taken + uptake_rate * dt,
        )

    def mean_concentration(
        self, state: BodyState, dt: float, uptake_rate: float = 0.0, *, infusion_rate: float = 0.0
    ) -> float:
        """The mean of C_p over the next ``dt`` s, amount/m³, exact as `advance` is."""
        if dt == 0:
            return state.plasma / self.volume
        mean_amount = self._propagated(state, dt, infusion_rate - uptake_rate)[1 + len(self.outward)]
        return float(mean_amount) / self.volume

    def _propagated(self, state: BodyState, dt: float, inflow: float) -> Array:
        """Amounts after ``dt`` and their means over it, (2n,), with ``inflow`` (amount/s) into plasma."""
        begin = np.array([state.plasma, *state.peripheral, *(0.0 for _ in (0, *self.outward)), inflow * dt])
        return (_propagator(self, dt) @ begin)[:-1]


@lru_cache(maxsize=32)
def _propagator(body: Body, dt: float) -> Array:
    """e^{M dt} over amounts (n), their means (n) and the inflow (1), which the same few steps ask for again."""
    from scipy.linalg import expm

    n = 1 + len(body.outward)
    rates = np.zeros((2 * n + 1, 2 * n + 1))
    rates[0, 0] = -(body.elimination + sum(body.outward))
    rates[1:n, 0] = body.outward
    rates[0, 1:n] = body.inward
    rates[range(1, n), range(1, n)] = [-rate for rate in body.inward]
    rates[range(n), range(n)] -= body.decay_rate
    rates *= dt
    rates[n : 2 * n, :n] = np.eye(n)
    rates[0, -1] = 1.0
    return np.asarray(expm(rates))
