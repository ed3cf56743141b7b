"""The radionuclides that the readouts know, with what imaging and dosimetry need of each."""

from dataclasses import dataclass
from math import log

from tumorsim.errors import choose

MEV = 1.602176634e-13
"""J, exact (SI 2019)."""
DAY, HOUR, MINUTE = 86400.0, 3600.0, 60.0


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


def _entry(name: str, half_life: float, *electrons: float, **more: float) -> Nuclide:
    """Energies in MeV, radii in µm, the range of positrons in mm."""
    energy, r50, r90 = electrons
    if "positron_range" in more:
        more["positron_range"] *= 1e-3
    return Nuclide(name, half_life, energy * MEV, r50 * 1e-6, r90 * 1e-6, **more)  # type: ignore[arg-type]


_ACTINIUM_ALPHAS = ((5.892, 5.83), (6.42, 6.34), (7.20, 7.07), (0.125, 5.87), (8.36, 8.376))
"""MeV of Ac-225, Fr-221, At-217, Bi-213 (2.09 %) and Po-213 (97.91 %): with recoil and yield [S: ICRP 107];
at the start of the track [M]."""

_ALL = (
    _entry("Lu-177", 6.647 * DAY, 0.1480, 165, 593, photons=0.104),
    _entry("Y-90", 64.1 * HOUR, 0.9331, 2217, 5348),
    _entry("I-131", 8.021 * DAY, 0.1919, 292, 852, photons=0.815),
    _entry("Tb-161", 6.906 * DAY, 0.2025, 135, 605),
    _entry("Cu-64", 12.7 * HOUR, 0.1248, 335, 910, positrons=0.174, positron_range=0.6),
    _entry("Zr-89", 78.41 * HOUR, 0.1019, 686, 1797, positrons=0.227, positron_range=1.2),
    _entry("F-18", 109.8 * MINUTE, 0.2416, 381, 986, positrons=0.967, positron_range=0.6),
    _entry("Ga-68", 67.71 * MINUTE, 0.7380, 1788, 4217, positrons=0.889, positron_range=2.9),
    _entry("I-124", 4.176 * DAY, 0.1943, 1679, 4336, positrons=0.229, positron_range=3.0),
    Nuclide(
        "Ac-225",
        10.0 * DAY,
        electron_energy=0.69 * MEV,
        electron_r50=686e-6,
        electron_r90=1797e-6,
        alphas=tuple((energy * MEV, track * MEV) for energy, track in _ACTINIUM_ALPHAS),
    ),
)
"""Half-lives, energies and positron yields: ICRP 107 (2008) by the PyPI package icrp107-database 0.0.3 [S].
Radii: the straight-ahead range kernel over its spectra [C]. Mean positron ranges, photons (208 keV of Lu-177, 364 keV
of I-131) and the electron radii of Ac-225's daughters, for which those of Zr-89 of like mean energy stand [M]."""

_NUCLIDES = {each.name: each for each in _ALL}


def nuclide(name: str) -> Nuclide:
    """The nuclide called ``name`` ("Lu-177"). Raises ConfigError that lists those known."""
    return choose(_NUCLIDES, name, key="nuclide")
