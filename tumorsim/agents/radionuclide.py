"""Radionuclides: half-lives and radiation from a table, the chain of daughters, activity and amount."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import numpy as np

from tumorsim.agents.exponentials import Array, Value, transition
from tumorsim.constants import AVOGADRO
from tumorsim.errors import choose
from tumorsim.units import to_si


@dataclass(frozen=True)
class Radionuclide:
    """Decay data, SI: half-life in s and mean energies in J per decay, of one nuclide without its daughters.

    ``betas`` are β⁻ and β⁺ together, ``electrons`` conversion and Auger electrons, ``photons`` γ, X and
    annihilation quanta, ``alphas`` with their recoil; yields are particles per decay. ``daughters`` maps each
    radioactive daughter to its branching. From ICRP publication 107 (2008), summed over the emissions [S, C].
    """

    name: str
    half_life: float
    betas: float = 0.0
    electrons: float = 0.0
    photons: float = 0.0
    alphas: float = 0.0
    alpha_yield: float = 0.0
    positron_yield: float = 0.0
    daughters: MappingProxyType[str, float] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def decay_rate(self) -> float:
        """λ = ln 2 / T½, 1/s."""
        return float(np.log(2)) / self.half_life

    @property
    def charged_energy(self) -> float:
        """J per decay that stays near the place of decay: betas, electrons, alphas and recoils."""
        return self.betas + self.electrons + self.alphas


@cache
def _tables() -> dict[str, dict[str, Any]]:
    return tomllib.loads(files("tumorsim.agents").joinpath("radionuclides.toml").read_text(encoding="utf-8"))


def radionuclide_names() -> tuple[str, ...]:
    """The names in the table, as "Lu-177"."""
    return tuple(_tables())


@cache
def radionuclide(name: str) -> Radionuclide:
    """The nuclide called ``name``. Raises ConfigError with the nearest name where there is none."""
    entries = dict(choose(_tables(), name, key="agent.radionuclide"))
    units = dict.fromkeys(("betas", "electrons", "photons", "alphas"), "J") | {"half_life": "s"}
    values = {key: to_si(value, units[key]) if key in units else value for key, value in entries.items()}
    return Radionuclide(name, **values | {"daughters": MappingProxyType(entries.get("daughters", {}))})


def decay_chain(parent: str) -> tuple[Radionuclide, ...]:
    """The nuclide and all its radioactive descendants, every one after those it comes from."""
    order: list[str] = []

    def visit(name: str) -> None:
        for daughter in radionuclide(name).daughters:
            visit(daughter)
        if name not in order:
            order.append(name)

    visit(parent)
    return tuple(radionuclide(name) for name in reversed(order))


def decay_matrix(chain: Sequence[Radionuclide]) -> Array:
    """M of dN/dt = M N, 1/s: −λ_j on the diagonal, branching × λ_j from parent j into daughter i."""
    rates = np.diag([-nuclide.decay_rate for nuclide in chain])
    for j, parent in enumerate(chain):
        for i, daughter in enumerate(chain):
            rates[i, j] += parent.daughters.get(daughter.name, 0.0) * parent.decay_rate
    return rates


def chain_activities(chain: Sequence[Radionuclide], activity: float, time: Value) -> Array:
    """Activities of the chain, shape (..., n), a ``time`` after its parent alone had ``activity``.

    Bateman's equations, A_i = λ_i N_i with N(t) = e^{Mt} N(0), for branches and equal constants alike.
    """
    rates = np.array([nuclide.decay_rate for nuclide in chain])
    return transition(decay_matrix(chain), time)[..., :, 0] * rates * activity / rates[0]


def chain_decays(chain: Sequence[Radionuclide], activity: float, time: float) -> Array:
    """Decays of each of the chain (n,) during the first ``time`` s, λ_i ∫ N_i dt."""
    n, rates = len(chain), np.array([nuclide.decay_rate for nuclide in chain])
    counted = np.zeros((2 * n, 2 * n))
    counted[:n, :n] = decay_matrix(chain)
    counted[n:, :n] = np.diag(rates)
    return np.asarray(transition(counted, time)[n:, 0] * activity / rates[0])


def chain_remaining(
    chain: Sequence[Radionuclide], activity: float, time: float, *, leaving: float = 0.0
) -> Array:
    """Decays of each of the chain (n,) from ``time`` s on for ever, while all of it leaves at ``leaving``, 1/s, too.

    λ_i ∫ e^{(M − μ)s} ds N(t) = λ_i [(μ − M)⁻¹ e^{Mt} N(0)]_i, with μ the rate of leaving.
    """
    n, rates = len(chain), np.array([nuclide.decay_rate for nuclide in chain])
    matrix = decay_matrix(chain)
    now = transition(matrix, time)[:, 0] * activity / rates[0]
    return np.asarray(rates * np.linalg.solve(leaving * np.eye(n) - matrix, now))


def equilibrium_yields(chain: Sequence[Radionuclide]) -> dict[str, float]:
    """Decays of each of the chain per decay of the parent, when every daughter decays in its turn."""
    shares = {nuclide.name: 0.0 for nuclide in chain} | {chain[0].name: 1.0}
    for nuclide in chain:
        for daughter, branching in nuclide.daughters.items():
            shares[daughter] += branching * shares[nuclide.name]
    return shares


def equilibrium_energy(chain: Sequence[Radionuclide]) -> tuple[float, float]:
    """J per decay of the parent in charged particles, and in photons, when every daughter decays in its turn."""
    shares = equilibrium_yields(chain)
    charged = sum(shares[nuclide.name] * nuclide.charged_energy for nuclide in chain)
    return charged, sum(shares[nuclide.name] * nuclide.photons for nuclide in chain)


def decayed_dose(dose: float, decay_rate: float, *, waiting: float) -> float:
    """What is left of a dose measured ``waiting`` s before, D e^{−λ·waiting}."""
    return dose * float(np.exp(-decay_rate * waiting))


def activity_of(amount: Value, nuclide: Radionuclide) -> Value:
    """Bq of ``amount`` mol: λ N_A n."""
    return amount * (nuclide.decay_rate * AVOGADRO)


def amount_of(activity: Value, nuclide: Radionuclide) -> Value:
    """mol that have ``activity`` Bq: A/(λ N_A)."""
    return activity / (nuclide.decay_rate * AVOGADRO)
