"""From the amounts in a result to activity: at an instant, as the mean over a frame, and added up over time.

Between outputs the *amount* of agent is taken to change linearly and its label to decay exactly, so that

    ∫ A dt = A_inj/dose · Σ_k w_k N_k ,     w_k = ∫ hat_k(t) e^{−λt} dt

with hat_k the piecewise linear function that is 1 at output k and 0 at the others. A run that decays its agent by
itself holds N e^{−λt}; it is first corrected for that decay.

Daughters that stay on the agent go where it goes. Their activity is everywhere the same multiple A_i/A of that of the
nuclide, which depends on nothing but the time since the agent was labelled with the pure nuclide: Bateman's equations,
in agents.radionuclide. Readouts ask for Σ s_i A_i, with the ``shares`` s_i of a nuclide's chain.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import isclose, log

import numpy as np

from tumorsim.agents.radionuclide import chain_activities, chain_remaining
from tumorsim.errors import ConfigError, Problem
from tumorsim.fields import POOLS
from tumorsim.readouts.blood import amount_in_blood
from tumorsim.readouts.nuclides import Nuclide
from tumorsim.readouts.nuclides import nuclide as nuclide_called
from tumorsim.results import Results, time_text

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(20)
"""Gauss points: exact to rounding for intervals between outputs of up to some ten half-lives."""
_OCTAVES = 30
"""Of seconds after the labelling, in which daughters grow in: up to 17 years."""
_FINEST = 20
"""Points per mean life of the nuclide on a curve of its activity [D]: straight lines between are right to 3e-4."""
HALF_LIFE_SLACK = 0.02
"""Relative difference between the half-life of the run and that of the nuclide that is let pass [D]."""


@dataclass(frozen=True)
class Label:
    """A nuclide on the agent of a result: ``injected`` is the activity at time 0 in Bq, of the whole ``dose``.

    ``age`` is the time from the labelling, with the nuclide without daughters, to time 0, s. ``daughter`` is the
    nuclide that leaves by recoil, where the result has it as a drug; the chain of the ``nuclide`` then ends before it.
    """

    nuclide: Nuclide
    injected: float
    dose: float
    age: float = 0.0
    daughter: Nuclide | None = None

    @property
    def per_amount(self) -> float:
        """Activity of a unit of the dose at time 0, Bq."""
        return self.injected / self.dose


def nuclide_of(results: Results, name: str | None) -> Nuclide:
    """The nuclide called ``name``, by default that of the run; raises ConfigError where that has none."""
    name = name or results.config.get("agent", {}).get("radionuclide")
    if not name:
        fault = "is not given, and the agent of the run is not radioactive"
        raise ConfigError(Problem("nuclide", None, fault, "Give one, for example --nuclide Lu-177"))
    return nuclide_called(name)


def label(
    results: Results, nuclide: Nuclide, *, injected: float | None = None, age: float | None = None
) -> Label:
    """The agent labelled with ``nuclide``; ``injected`` in Bq, by default the dose where that is an activity.

    ``age`` as in `Label`, by default ``dosing.waiting`` of the run.

    Raises ConfigError without either, and where the run itself decayed with another half-life.
    """
    problems = []
    if results.steady:
        fault = "a steady state under a constant plasma concentration has no injected activity"
        problems.append(Problem("run.mode", "steady", fault, 'Use a run with mode = "transient"'))
    own = results.config.get("agent", {}).get("decay_half_life")
    if own and not isclose(own, nuclide.half_life, rel_tol=HALF_LIFE_SLACK):
        fault = f"the run decayed with a half-life of {time_text(own)}, {nuclide.name} has another"
        problems.append(Problem("nuclide", nuclide.name, fault, "Name the nuclide of the run"))
    if injected is None:
        injected = results.dose if results.amount_unit == "Bq" else None
    if injected is None or not results.dose:
        fault = "the injected activity is not known from the dose of the run"
        problems.append(Problem("activity", None, fault, 'Give it, for example "185 MBq"'))
    elif injected <= 0:
        problems.append(Problem("activity", injected, "it is not above zero", 'Give for example "185 MBq"'))
    if problems or injected is None or results.dose is None:
        raise ConfigError(*problems)
    waiting = results.config.get("dosing", {}).get("waiting", 0.0)
    age = waiting if age is None else age
    daughter = recoiling_daughter(results)
    if daughter is None:
        return Label(nuclide, injected, results.dose, age)
    parent = nuclide_called(nuclide.name, until=daughter.name)
    return Label(parent, injected, results.dose, age, daughter)


def recoiling_daughter(results: Results) -> Nuclide | None:
    """The daughter that the result has as a drug, which the decay of the agent leaves; None where there is none.

    Raises ConfigError where readouts know nothing of it.
    """
    drug = results.config.get("drug")
    if not drug or results.config["agent"].get("release_model") != "decay":
        return None
    return nuclide_called(drug.get("radionuclide") or "")


Factor = Callable[[np.ndarray], np.ndarray]


def grown_in(of: Label, shares: tuple[float, ...]) -> Factor | None:
    """``Σ s_i A_i/A`` of the chain as a function of time, s; None without shares, where it is 1."""
    chain, rate = of.nuclide.chain, of.nuclide.decay_rate

    def factor(time: np.ndarray) -> np.ndarray:
        since = np.asarray(time) + of.age
        return np.asarray(chain_activities(chain, 1.0, since) @ np.array(shares) * np.exp(rate * since))

    return factor if shares else None


def frame_weights(
    times: np.ndarray,
    start: float,
    end: float,
    *,
    decay_rate: float,
    factor: Factor | None = None,
    age: float = 0.0,
) -> np.ndarray:
    """``w_k = ∫_start^end hat_k(t) e^{−λt} f(t) dt`` for outputs at ``times`` (T,), s.

    Without f they add up to ∫ e^{−λt} dt. f is a ``factor`` that may change fast soon after −``age``: its integral is
    taken in octaves from there on. Raises ConfigError for a frame that is not within the outputs.
    """
    slack = 1e-9 * times[-1]
    if not times[0] - slack <= start < end <= times[-1] + slack:
        fault = f"the outputs go from {time_text(times[0])} to {time_text(times[-1])}"
        shown = f"{time_text(start)} to {time_text(end)}"
        raise ConfigError(Problem("frame", shown, fault, "Choose a frame within them, or run for longer"))
    weights = np.zeros(len(times))
    for k, (t0, t1) in enumerate(pairwise(times)):
        edges = [max(t0, start), min(t1, end)]
        if factor is not None:
            edges[1:1] = [mark for mark in 2.0 ** np.arange(_OCTAVES) - age if edges[0] < mark < edges[1]]
        for low, high in pairwise(edges):
            if low < high:
                t = low + (high - low) * (_NODES + 1) / 2
                density = _WEIGHTS * (high - low) / 2 * np.exp(-decay_rate * t)
                if factor is not None:
                    density = density * factor(t)
                later = (t - t0) / (t1 - t0)
                weights[k] += (density * (1 - later)).sum()
                weights[k + 1] += (density * later).sum()
    return weights


def tail_weight(end: float, *, decay_rate: float, biological_half_life: float = float("inf")) -> float:
    """``∫_end^∞ e^{−λt} 2^{−(t−end)/T_b} dt``: what the last output adds after it, s.

    With an infinite biological half-life T_b everything stays and decays in place: the physical tail.
    """
    return float(np.exp(-decay_rate * end) / (decay_rate + log(2) / biological_half_life))


def weighted_activity(
    results: Results, of: Label, weights: np.ndarray, *, blood_weights: np.ndarray | None = None
) -> np.ndarray:
    """``A_inj/dose · Σ_k w_k N_k``, (nz, ny, nx), Bq/m³ times the unit of the weights.

    ``weights`` (T,) one per output, for the amounts without decay. With ``blood_weights`` the blood in the tissue
    counts too: ``v_b C_b`` with the weight of its own. Outputs of weight 0 are not read.
    """
    scale, gain = of.per_amount, _decay_correction(results, of)
    total = np.zeros(results.grid.shape)
    for step in np.flatnonzero(weights):
        total += weights[step] * gain[step] * scale * _labelled(results, of, int(step))
    if blood_weights is not None:
        total += scale * amount_in_blood(results, blood_weights * gain)
    return total


def _labelled(results: Results, of: Label, step: int) -> np.ndarray:
    """The amount per tissue volume that carries the label: without daughters that have left it."""
    if of.daughter is None:
        return results.total(step=step)
    return _pools(results, step, released=False)


def daughter_decays(
    results: Results, of: Label, *, tail: bool = True, biological_half_life: float = float("inf")
) -> np.ndarray:
    """Decays per m³ of the daughter that leaves by recoil, (nz, ny, nx): ``λ_d ∫ n_d dt``, trapezoids over the outputs.

    Amounts are atoms, in units of which the parent's activity is λ_p n: that of the daughter is λ_d/λ_p of its amount.
    In the ``tail`` it stays where it is, and falls with the parent's λ_p and ``biological_half_life``; there are then
    no more of its decays in the box than of its parent's, for none comes with the blood any more.
    """
    assert of.daughter is not None
    times, rate = results.times, of.nuclide.decay_rate
    weights = np.zeros(len(times))
    if len(times) > 1:
        weights = frame_weights(times, float(times[0]), float(times[-1]), decay_rate=0.0)
    if tail:
        last, scale = len(times) - 1, of.daughter.decay_rate / rate
        daughters, parents = float(_daughters(results, last).sum()), float(_labelled(results, of, last).sum())
        balance = min(1.0, parents / (scale * daughters)) if daughters > 0 else 1.0
        weights[-1] += balance / (rate + log(2) / biological_half_life)
    return _weighted_daughters(results, of, weights)


def daughter_activity(results: Results, of: Label, start: float, end: float) -> np.ndarray:
    """Activity of the daughter that leaves by recoil, averaged over the frame from ``start`` to ``end`` (s), Bq/m³."""
    weights = frame_weights(results.times, start, end, decay_rate=0.0) / (end - start)
    return _weighted_daughters(results, of, weights)


def _weighted_daughters(results: Results, of: Label, weights: np.ndarray) -> np.ndarray:
    """``λ_d/λ_p Σ_k w_k N_d,k`` in Bq/m³ times the unit of the weights."""
    assert of.daughter is not None
    total = np.zeros(results.grid.shape)
    for step in np.flatnonzero(weights):
        total += weights[step] * _daughters(results, int(step))
    return total * of.per_amount * of.daughter.decay_rate / of.nuclide.decay_rate


def _daughters(results: Results, step: int) -> np.ndarray:
    """The amount per tissue volume of daughters that have left the agent."""
    return _pools(results, step, released=True)


def _pools(results: Results, step: int, *, released: bool) -> np.ndarray:
    """The sum of the pools of what was released, or of all others."""
    names = [name for name in POOLS if name in results.fields and name.startswith("drug_") == released]
    pools = (results.field(name, step=step).astype(np.float64) for name in names)
    return sum(pools, np.zeros(results.grid.shape))


def _decay_correction(results: Results, of: Label) -> np.ndarray:
    """What the amounts of every output are to be multiplied with to undo the decay in the run."""
    decays = bool(results.config.get("agent", {}).get("decay_half_life"))
    return np.exp(of.nuclide.decay_rate * results.times) if decays else np.ones(len(results.times))


def mean_activity(
    results: Results,
    of: Label,
    start: float,
    end: float,
    *,
    blood: bool = True,
    shares: tuple[float, ...] = (),
) -> np.ndarray:
    """Activity averaged over the frame from ``start`` to ``end`` (s), Bq/m³, with the blood unless ``blood`` is off.

    With ``shares`` it is Σ s_i A_i over the chain.
    """
    weights = _weights(results, of, start, end, shares=shares) / (end - start)
    return weighted_activity(results, of, weights, blood_weights=weights if blood else None)


def time_integrated_activity(
    results: Results,
    of: Label,
    *,
    tail: bool = True,
    biological_half_life: float = float("inf"),
    blood: bool = False,
    shares: tuple[float, ...] = (),
) -> np.ndarray:
    """``Ã = ∫ A dt`` from the first output on, decays per m³, (nz, ny, nx) (physics.md G.2).

    With ``shares`` it is that of Σ s_i A_i over the chain. After the last output the agent stays (or leaves with
    ``biological_half_life``, s) and decays, ``tail`` off ends it there. ``blood`` adds the blood in the tissue up to
    the last output; it has no tail, since blood clears.
    """
    rate, last = of.nuclide.decay_rate, float(results.times[-1])
    weights = np.zeros(len(results.times))
    if len(results.times) > 1:
        weights = _weights(results, of, float(results.times[0]), last, shares=shares)
    blood_weights = weights.copy() if blood else None
    if tail and not shares:
        weights[-1] += tail_weight(last, decay_rate=rate, biological_half_life=biological_half_life)
    elif tail:
        injected, leaving = float(np.exp(rate * of.age)), log(2) / biological_half_life  # 1 Bq at time 0
        left = chain_remaining(of.nuclide.chain, injected, last + of.age, leaving=leaving)
        weights[-1] += float(np.array(shares) @ left)
    return weighted_activity(results, of, weights, blood_weights=blood_weights)


def _weights(
    results: Results, of: Label, start: float, end: float, *, shares: tuple[float, ...]
) -> np.ndarray:
    factor, rate = grown_in(of, shares), of.nuclide.decay_rate
    return frame_weights(results.times, start, end, decay_rate=rate, factor=factor, age=of.age)


def decay_over_frame(start: float, end: float, *, decay_rate: float) -> float:
    """``e^{−λt₁}(1 − e^{−λΔ})/(λΔ)``: mean over a frame of what decay leaves of an activity at time 0."""
    x = decay_rate * (end - start)
    return float(np.exp(-decay_rate * start) * (-np.expm1(-x) / x if x else 1.0))


def mean_course(results: Results, of: Label, region: str) -> tuple[np.ndarray, np.ndarray]:
    """Times (s) and a region's mean activity in tissue (Bq/m³), also between outputs: decay looks straight there."""
    amount = results.statistics[f"{region}/mean_total"] * _decay_correction(results, of)
    pieces = np.ceil(_FINEST * of.nuclide.decay_rate * np.diff(results.times)).astype(int) + 1
    spans = zip(pairwise(results.times), pieces, strict=True)
    parts = [np.linspace(start, end, n, endpoint=False) for (start, end), n in spans]
    times = np.concatenate([*parts, results.times[-1:]])
    decay = np.exp(-of.nuclide.decay_rate * times)
    return times, of.per_amount * np.interp(times, results.times, amount) * decay
