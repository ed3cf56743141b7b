"""A measured clearance against the curve that half-lives and their fractions make, and the curve that agrees with it.

The area under a curve of phases is AUC = (Dose/V₁) Σ a_i/k_i, and a clearance says AUC = Dose/CL. Sources often print
half-lives, a clearance and a volume, but no fractions; those that are guessed can be wrong by an order of magnitude.
"""

from dataclasses import dataclass
from math import log

from tumorsim.agents.agent import Agent
from tumorsim.units import from_si

ALLOWED = 2.0
"""Ratio of two clearances that is let pass [D]: that of patients spreads as much."""


@dataclass(frozen=True)
class Phases:
    """V₁ in m³, and the part of every phase."""

    central_volume: float
    fractions: tuple[float, ...]


def implied_clearance(agent: Agent, volume: float) -> float:
    """CL = V₁/Σ(a_i/k_i) in m³/s, of the agent's half-lives and fractions in a first ``volume`` V₁, m³."""
    fractions = agent.plasma_fractions or (1.0,)
    return volume / sum(a * t / log(2) for a, t in zip(fractions, agent.plasma_half_lives, strict=True))


def two_phases(half_lives: tuple[float, float], *, clearance: float, steady_volume: float) -> Phases | None:
    """The two compartments with these half-lives (s), CL (m³/s) and volume of distribution in steady state V (m³).

    k10 k21 = αβ, k10 + k12 + k21 = α + β, V = V₁(1 + k12/k21) and CL = V₁ k10 have one solution,
    V₁ = CL/(α + β − αβ V/CL), k21 = αβ V₁/CL, and the parts (α − k21)/(α − β) and the rest; None where that has a
    negative rate or part, so that the four numbers are not of two compartments.
    """
    alpha, beta = sorted((log(2) / half_life for half_life in half_lives), reverse=True)
    elimination = alpha + beta - alpha * beta * steady_volume / clearance
    if elimination <= 0:
        return None
    volume = clearance / elimination
    inward = alpha * beta / elimination
    if not beta < inward < alpha or steady_volume < volume:
        return None
    slow = (inward - beta) / (alpha - beta)
    return Phases(volume, (1 - slow, slow))


def contradiction(agent: Agent, volume: float, *, table: str = "agent") -> str | None:
    """What is wrong with a curve whose clearance is off by more than ALLOWED, and the cure; None where it agrees.

    ``volume`` is the first volume in a human, m³, and ``table`` that of the config which describes the agent.
    """
    if agent.clearance is None or not agent.plasma_half_lives:
        return None
    implied = implied_clearance(agent, volume)
    if 1 / ALLOWED <= implied / agent.clearance <= ALLOWED:
        return None
    shown = [f"{from_si(value, 'm^3/s', 'L/h'):.3g} L/h" for value in (implied, agent.clearance)]
    return (
        f"{agent.name}: its half-lives and fractions in {volume * 1e3:.3g} L make a clearance of {shown[0]}, and its "
        f"source says {shown[1]}, so that exposure is {agent.clearance / implied:.3g} times what it should be. "
        f"{_cure(agent, volume * agent.clearance / implied, table)}"
    )


def _cure(agent: Agent, agreeing: float, table: str) -> str:
    """The fractions and V₁ of two compartments where the volume of distribution is known; else the V₁ that agrees."""
    half_lives, steady = agent.plasma_half_lives, agent.distribution_volume
    if len(half_lives) == 2 and steady is not None and agent.clearance is not None:
        found = two_phases((half_lives[0], half_lives[1]), clearance=agent.clearance, steady_volume=steady)
        if found is not None:
            slow = float(f"{found.fractions[1]:.3g}")
            parts = f"{1 - slow:.10g}, {slow:g}"  # which add up to 1
            volume = f"{found.central_volume * 1e3:.3g} L"
            return f'Set {table}.plasma_fractions = [{parts}] and {table}.central_volume = "{volume}"'
    return f'Set {table}.central_volume = "{agreeing * 1e3:.3g} L", or other {table}.plasma_fractions'
