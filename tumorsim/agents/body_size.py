"""Bodies that are dosed, and how plasma kinetics scale from one to another."""

from dataclasses import dataclass
from types import MappingProxyType

from tumorsim.errors import choose


@dataclass(frozen=True)
class Species:
    """An adult: mass in kg, plasma volume in m³."""

    mass: float
    plasma_volume: float


BODIES = MappingProxyType(
    {
        "human": Species(70.0, 3.0e-3),
        "mouse": Species(0.025, 1.0e-6),
        "rat": Species(0.25, 7.8e-6),
    }
)
"""Human 70 kg and 3 L [D], mouse 25 g and 1 mL [D], rat 250 g and 7.8 mL [M] (Davies and Morris 1993,
Pharm Res 10:1093)."""

HALF_LIFE_EXPONENT = 0.25
"""Of body mass: clearance goes as mass^0.75 and volumes as mass^1, so half-lives as mass^0.25 (Boxenbaum 1982,
J Pharmacokinet Biopharm 10:201 [M]). Fitted to small drugs and proteins; nanocarriers, which macrophages clear,
stray from it by several times [M], so a half-life measured in the species itself is better where there is one."""


def plasma_volume(body: str, *, mass: float | None = None) -> float:
    """Plasma volume in m³ of a ``body`` of BODIES, in proportion to its ``mass`` in kg where that is given."""
    kind = choose(BODIES, body, key="dosing.body")
    return kind.plasma_volume * (1.0 if mass is None else mass / kind.mass)


def first_volume(body: str, *, mass: float | None = None, in_human: float | None = None) -> float:
    """The volume that a dose fills at once, m³: plasma, or that ``in_human`` in proportion to plasma volumes [D]."""
    plasma = plasma_volume(body, mass=mass)
    return plasma if in_human is None else plasma * in_human / BODIES["human"].plasma_volume


def half_life_factor(measured_in: str, body: str, *, mass: float | None = None) -> float:
    """(mass/mass of the species measured in)^0.25: by how much half-lives are longer in ``body``."""
    source = choose(BODIES, measured_in, key="dosing.half_lives_of")
    target = choose(BODIES, body, key="dosing.body")
    return float(((target.mass if mass is None else mass) / source.mass) ** HALF_LIFE_EXPONENT)
