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
    """A nuclide and the ``chain`` of its daughters; energies and particles per decay are those in equilibrium.

    ``electron_shares``, ``alpha_shares`` and ``photon_shares`` are what each of the chain adds to these with every
    decay of its own, over the sum in equilibrium; empty where there are no daughters. ``half_life`` in s.
    ``electron_energy`` is that of beta particles, positrons, conversion and Auger electrons per decay, J.
    ``electron_r50`` and ``electron_r90`` are the radii in water within which a point source leaves half and nine tenths
    of it, m. ``alphas`` are pairs per alpha of the chain: energy per decay with its recoil and yield, and energy with
    which the alpha starts, J. ``positrons`` and ``photons`` are the positrons and the photons of the imaging window per
    decay, ``positron_range`` the mean distance from decay to annihilation in water, m; 0 where there are none, ``None``
    where they are not known here.
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
    chain: tuple[Radionuclide, ...] = ()
    electron_shares: tuple[float, ...] = ()
    alpha_shares: tuple[float, ...] = ()
    photon_shares: tuple[float, ...] = ()

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
    "Ra-223": _Added(686, 1797),
    "Fr-221": _Added(686, 1797, photons=0.114),
    "Bi-213": _Added(686, 1797, photons=0.261),
}
"""Radii: the straight-ahead range kernel over the spectra of ICRP 107 (2008) [C]. Mean positron ranges, photons
(208 keV of Lu-177, 364 keV of I-131, 218 keV of Fr-221, 440 keV of Bi-213), and the radii for alpha emitters [M]: their
electrons are those of daughters, of 0.42 to 0.49 MeV on the mean, for which Zr-89's of 0.40 MeV stand."""


@cache
def nuclide(name: str, *, until: str = "") -> Nuclide:
    """The nuclide called ``name`` ("Lu-177"), or its chain without the daughter ``until`` and what comes of that.

    Raises ConfigError that lists those known.
    """
    added = choose(_ADDED, name, key="nuclide")
    whole, left = decay_chain(name), [each.name for each in decay_chain(until)] if until else []
    yields = equilibrium_yields(whole)
    chain = tuple(each for each in whole if each.name not in left)
    of_alphas = [each for each in chain if each.alpha_yield]
    electrons = [each.betas + each.electrons for each in chain]
    photons = [_ADDED[each.name].photons if each.name in _ADDED else 0.0 for each in chain]

    def in_equilibrium(of_each: list[float]) -> float:
        return sum(yields[each.name] * value for each, value in zip(chain, of_each, strict=True))

    def shares(of_each: list[float]) -> tuple[float, ...]:
        total = in_equilibrium(of_each)
        return tuple(value / total for value in of_each) if len(chain) > 1 and total > 0 else ()

    return Nuclide(
        name,
        chain[0].half_life,
        electron_energy=in_equilibrium(electrons),
        electron_r50=added.r50 * 1e-6,
        electron_r90=added.r90 * 1e-6,
        alphas=tuple((yields[each.name] * each.alphas, _start(each)) for each in of_alphas),
        positrons=chain[0].positron_yield,
        positron_range=None if added.positron_range is None else added.positron_range * 1e-3,
        photons=in_equilibrium(photons),
        chain=chain,
        electron_shares=shares(electrons),
        alpha_shares=shares([each.alphas for each in chain]),
        photon_shares=shares(photons),
    )


def _start(of: Radionuclide) -> float:
    """Energy of an alpha at the start of its track, J: (A − 4)/A of its decay's, the rest is recoil."""
    mass_number = int(of.name.split("-")[1])
    return of.alphas / of.alpha_yield * (1 - _HELIUM / mass_number)
