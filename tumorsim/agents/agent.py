"""An agent: the numbers that say what a particle is, each with where it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import log
from types import MappingProxyType
from typing import Any

QUALITIES = {
    "measured-in-human": "measured in patients or volunteers, in the source",
    "measured-in-mouse": "measured in mice, in the source",
    "measured": "measured on the agent itself in the laboratory, in the source",
    "published": "stated in the source, which did not measure it",
    "recalled": "recalled from the literature, not looked up: verify before relying on it",
    "class-default": "a typical value of this class of agents, not of this agent",
    "assumed": "a guess",
    "computed": "follows from other values of the agent",
    "given": "set by the user",
}
"""How sure a value is, best first. A list of values has the quality of its weakest member."""


@dataclass(frozen=True)
class Provenance:
    """Where a value comes from: one of QUALITIES, and a source or reason in words."""

    quality: str
    source: str


def _quantity(
    unit: str, *, shown: str, default: Any = None, positive: bool = False, signed: bool = False
) -> Any:
    """A number of an agent: not negative, unless ``signed``; not zero either where ``positive``."""
    metadata = {"unit": unit, "shown": shown, "positive": positive, "signed": signed}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Agent:
    """A nanomedicine, antibody, drug or tracer, in SI. ``None`` is unknown: nothing is made up for it.

    ``diameter`` is hydrodynamic, of the kind that ``diameter_basis`` names (`particle.DIAMETER_BASES`), and
    ``diameter_log_sd`` the standard deviation of ln d over the population, log-normal; where it is
    unknown all particles count as one size. ``clearance`` and the volumes of distribution, in steady state and
    at once (``central_volume``; the plasma volume where it is unknown), are those of a human of 70 kg.
    ``polydispersity_index`` is that of light scattering.
    ``wall_permeability`` (read in the wall mode "empirical") and ``interstitial_diffusivity`` are measured
    values that stand in for the models where given. Fields without a unit are names: of the models that
    apply, or plain description; ``status`` is the clinical stage as a review states it, perhaps out of date.
    """

    name: str
    agent_class: str = ""
    payload: str = ""
    status: str = ""
    diameter: float | None = _quantity("m", shown="nm", positive=True)
    diameter_log_sd: float | None = _quantity("1", shown="1")
    polydispersity_index: float | None = _quantity("1", shown="1")
    diameter_basis: str = "dose"
    molar_mass: float | None = _quantity("kg/mol", shown="g/mol", positive=True)
    zeta_potential: float | None = _quantity("V", shown="mV", signed=True)
    plasma_half_lives: tuple[float, ...] = _quantity("s", shown="h", default=(), positive=True)
    plasma_fractions: tuple[float, ...] = _quantity("1", shown="1", default=())
    clearance: float | None = _quantity("m^3/s", shown="L/h", positive=True)
    distribution_volume: float | None = _quantity("m^3", shown="L", positive=True)
    central_volume: float | None = _quantity("m^3", shown="L", positive=True)
    release_model: str = "none"
    release_rate: float | None = _quantity("1/s", shown="1/h")
    release_time: float | None = _quantity("s", shown="h", positive=True)
    release_shape: float | None = _quantity("1", shown="1", positive=True)
    burst_fraction: float | None = _quantity("1", shown="1")
    burst_rate: float | None = _quantity("1/s", shown="1/h")
    triggered_release_rate: float | None = _quantity("1/s", shown="1/h")
    trigger: str = ""
    target: str = ""
    dissociation_constant: float | None = _quantity("mol/m^3", shown="nM")
    binding_on: float | None = _quantity("m^3/(mol s)", shown="1/(M s)")
    binding_off: float | None = _quantity("1/s", shown="1/s")
    internalisation: float | None = _quantity("1/s", shown="1/s")
    degradation: float | None = _quantity("1/s", shown="1/h")
    radionuclide: str = ""
    decay_half_life: float | None = _quantity("s", shown="h", positive=True)
    wall_permeability: float | None = _quantity("m/s", shown="m/s")
    interstitial_diffusivity: float | None = _quantity("m^2/s", shown="m^2/s", positive=True)
    charge_factor: float = _quantity("1", shown="1", default=1.0, positive=True)
    wall_mode: str = "empirical"
    pore_model: str = "dechadilok_deen"
    matrix_model: str = "effective_medium"
    partition_model: str = "ogston"
    retardation_model: str = "none"
    note: str = ""
    provenance: Mapping[str, Provenance] = field(default_factory=lambda: MappingProxyType({}), repr=False)

    @property
    def decay_rate(self) -> float:
        """λ = ln 2 / T½ of its radionuclide, 1/s; 0 where it does not decay."""
        return log(2) / self.decay_half_life if self.decay_half_life else 0.0

    def quality(self, name: str) -> str:
        """How sure the value of a field is, one of QUALITIES; empty where nothing is recorded."""
        return self.provenance[name].quality if name in self.provenance else ""

    def source(self, name: str) -> str:
        """Where the value of a field comes from; empty where nothing is recorded."""
        return self.provenance[name].source if name in self.provenance else ""

    def with_values(self, **values: Any) -> "Agent":
        """The agent with some fields replaced, and their quality now "given"."""
        given = dict.fromkeys(values, Provenance("given", "set by the user"))
        return replace(self, **values, provenance=MappingProxyType({**self.provenance, **given}))
