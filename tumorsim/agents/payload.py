"""A carrier and its drug, before they meet a tissue: release over a run, and both plasma curves."""

from dataclasses import dataclass, replace

import numpy as np

from tumorsim.agents.agent import Agent
from tumorsim.agents.circulating_release import ReleasedDrug
from tumorsim.agents.plasma import Curve, PlasmaCurve
from tumorsim.agents.release import AgeLaw, ReleaseLaws, Switch, Window, mean_rate
from tumorsim.constants import BODY_TEMPERATURE
from tumorsim.errors import ConfigError, Problem

BLOOD_PH, ENDOSOME_PH = 7.4, 5.5
"""Where carriers with a trigger by acid are outside and inside cells: as in blood [D], and in late endosomes [M]."""


@dataclass(frozen=True)
class ReleaseRates:
    """Mean rates of a step, 1/s: of carriers ``outside`` and ``inside`` cells, the part of the trigger's map, and of
    carriers ``in_macrophages``."""

    outside: float
    inside: float
    triggered: float = 0.0
    in_macrophages: float = 0.0


@dataclass(frozen=True, eq=False)
class ScheduledRelease:
    """The release of one dose given at time 0: the age of the carriers is the time.

    ``triggered_rate`` is what the heat or light of ``window`` adds to the rate in every voxel, and ``place_rate`` what
    the tissue adds outside cells, at all times (1/s, None for nothing). ``in_macrophages`` is the constant rate there,
    1/s; None: as in other cells.
    """

    laws: ReleaseLaws
    window: Window | None = None
    triggered_rate: np.ndarray | None = None
    place_rate: np.ndarray | None = None
    in_macrophages: float | None = None

    def rates(self, start: float, end: float) -> ReleaseRates:
        """The mean rates of a step."""
        hot = 0.0
        if self.window is not None:
            hot = float(self.window.mean_rate(0.0, 1.0, start=start, end=end))
        inside = _mean(self.laws.inside, start, end, ph=ENDOSOME_PH)
        outside = _mean(self.laws.outside, start, end, ph=BLOOD_PH)
        return ReleaseRates(
            outside, inside, hot, inside if self.in_macrophages is None else self.in_macrophages
        )


def _mean(law: AgeLaw | Switch | None, start: float, end: float, *, ph: float) -> float:
    if law is None:
        return 0.0
    if isinstance(law, Switch):
        return float(law.rate(BODY_TEMPERATURE if law.thermal else ph))
    return mean_rate(law, start, end)


def heated_rate_map(laws: ReleaseLaws, temperature: np.ndarray) -> np.ndarray | None:
    """What heat to ``temperature`` (K, per voxel) adds to the rate of release, 1/s; None if it does nothing."""
    law = laws.outside
    if not isinstance(law, Switch) or not law.thermal:
        return None
    return np.asarray(law.rate(temperature) - law.rate(BODY_TEMPERATURE))


def resting_rate(laws: ReleaseLaws) -> float:
    """The constant rate of release in blood, 1/s: that at rest, or 1/(mean time inside) of a law of age [D]."""
    law = laws.outside
    if law is None:
        return 0.0
    return _mean(law, 0.0, 0.0, ph=BLOOD_PH) if isinstance(law, Switch) else 1 / law.mean_time


def encapsulated_curve(carrier: Curve, *, release_rate: float, unencapsulated: float) -> PlasmaCurve:
    """The drug in circulating carriers: the given curve, none of whose phases is slower than the release [D].

    Half-lives of a carrier are measured on its drug, so that release is part of them. Raises ConfigError unless the
    curve is a sum of exponentials, of one dose.
    """
    if not isinstance(carrier, PlasmaCurve):
        cure = "Give half-lives and one dose, or leave [drug] out"
        fault = "the plasma curve of a carrier with a [drug] must be a sum of exponentials after one dose"
        raise ConfigError(Problem("dosing", type(carrier).__name__, fault, cure))
    rates = tuple(max(rate, release_rate) for rate in carrier.rates)
    return replace(carrier, dose=carrier.dose * (1 - unencapsulated), rates=rates)


def daughter_curve(carrier: PlasmaCurve, daughter: Agent, *, volume: float) -> ReleasedDrug:
    """The daughter that the decay of a circulating ``carrier`` leaves in ``volume``, cleared and decaying by itself.

    Amounts are atoms, in the unit of the carrier's dose. Raises ConfigError where its half-lives are not known.
    """
    leaving = tuple(rate + daughter.decay_rate for rate in _drug_rates(daughter))
    intact = replace(carrier, decay_rate=0.0)
    return ReleasedDrug(intact, carrier.decay_rate, volume, daughter.plasma_fractions or (1.0,), leaving)


def _drug_rates(drug: Agent) -> tuple[float, ...]:
    if not drug.plasma_half_lives:
        cure = 'Add for example plasma_half_lives = ["1 h"] to [drug]'
        raise ConfigError(Problem("drug.plasma_half_lives", None, f"is not known for {drug.name}", cure))
    return tuple(float(np.log(2)) / half_life for half_life in drug.plasma_half_lives)


def free_drug_curve(
    encapsulated: PlasmaCurve,
    drug: Agent,
    *,
    dose: float,
    release_rate: float,
    unencapsulated: float,
    volume: float,
) -> ReleasedDrug:
    """The free drug that circulating carriers have released into ``volume``, cleared with its own half-lives.

    Raises ConfigError where these are not known.
    """
    cleared = _drug_rates(drug)
    intact = replace(encapsulated, dose=dose, rates=tuple(rate - release_rate for rate in encapsulated.rates))
    return ReleasedDrug(
        intact,
        release_rate,
        volume,
        drug.plasma_fractions or (1.0,),
        cleared,
        unencapsulated,
    )
