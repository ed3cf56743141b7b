"""The radionuclides that the readouts know: the table of the agents, and what imaging and dosimetry add to it."""

from dataclasses import dataclass
from functools import cache
from math import log

from tumorsim.agents.radionuclide import Radionuclide, decay_chain, equilibrium_yields
from tumorsim.errors import choose

MEV = 1.602176634e-13
"""J, exact (SI 2019)."""
_HELIUM = 4
"""Mass number of an alpha."""


@dataclass(frozen=True)
class Nuclide:
    """A nuclide, or a chain in equilibrium with its first member.

    ``half_life`` in s. ``electron_energy`` is that of beta particles, positrons, conversion and Auger electrons
    per decay, J. ``electron_r50`` and ``electron_r90`` are the radii in water within which a point source
    leaves half and nine tenths of it, m. ``alphas`` are pairs per alpha of the chain: energy per decay with its
    recoil and yield, and energy with which the alpha starts, J. ``positrons`` and ``photons`` are the positrons
    and the photons of the imaging window per decay, ``positron_range`` the mean distance from decay to
    annihilation in water, m; 0 where there are none, ``None`` where they are not known here.
    """

    name: str
    half_life: float
    electron_energy: float
    electron_r50: float
    electron_r90: float
    alphas: tuple[tuple[float, float], ...] = ()
    positrons: float = 0.0
    positron_range: float | None = None
    photons: float = 0.0

    @property
    def decay_rate(self) -> float:
        """λ = ln 2 / T½, 1/s."""
        return log(2) / self.half_life

    @property
    def alpha_energy(self) -> float:
        """Energy of the alphas and their recoils per decay, J."""
        return sum((energy for energy, _ in self.alphas), 0.0)


@dataclass(frozen=True)
class _Added:
    """What the table of the agents has not: radii in µm, the range of positrons in mm, photons per decay."""

    r50: float
    r90: float
    positron_range: float | None = None
    photons: float = 0.0


_ADDED = {
    "Lu-177": _Added(165, 593, photons=0.104),
    "Y-90": _Added(2217, 5348),
    "I-131": _Added(292, 852, photons=0.815),
    "Tb-161": _Added(135, 605),
    "Cu-64": _Added(335, 910, positron_range=0.6),
    "Zr-89": _Added(686, 1797, positron_range=1.2),
    "F-18": _Added(381, 986, positron_range=0.6),
    "Ga-68": _Added(1788, 4217, positron_range=2.9),
    "I-124": _Added(1679, 4336, positron_range=3.0),
    "Ac-225": _Added(686, 1797),
}
"""Radii: the straight-ahead range kernel over the spectra of ICRP 107 (2008) [C]. Mean positron ranges, photons
(208 keV of Lu-177, 364 keV of I-131) and the electron radii of Ac-225's daughters, for which those of Zr-89 of like
mean energy stand [M]."""


@cache
def nuclide(name: str) -> Nuclide:
    """The nuclide called ``name`` ("Lu-177"). Raises ConfigError that lists those known."""
    added = choose(_ADDED, name, key="nuclide")
    chain = decay_chain(name)
    yields = equilibrium_yields(chain)
    of_alphas = [each for each in chain if each.alpha_yield]
    return Nuclide(
        name,
        chain[0].half_life,
        electron_energy=sum(yields[each.name] * (each.betas + each.electrons) for each in chain),
        electron_r50=added.r50 * 1e-6,
        electron_r90=added.r90 * 1e-6,
        alphas=tuple((yields[each.name] * each.alphas, _start(each)) for each in of_alphas),
        positrons=chain[0].positron_yield,
        positron_range=None if added.positron_range is None else added.positron_range * 1e-3,
        photons=added.photons,
    )


def _start(of: Radionuclide) -> float:
    """Energy of an alpha at the start of its track, J: (A − 4)/A of its decay's, the rest is recoil."""
    mass_number = int(of.name.split("-")[1])
    return of.alphas / of.alpha_yield * (1 - _HELIUM / mass_number)
