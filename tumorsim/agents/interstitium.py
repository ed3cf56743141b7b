"""How a particle moves through the interstitial matrix: diffusivity, available volume, retardation.

Each question has a small table of models, so that a config can name one. The matrix is known by its
hydraulic conductivity, which is the fine mesh that resists flow, or by its collagen fibrils, which are
the coarse mesh that excludes particles. Neither explains the other: collagen alone would conduct 240
times better than tumours do [C]. A power law of the molar mass, fitted to dextrans, knows no matrix at all.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tumorsim.agents.particle import free_diffusivity
from tumorsim.constants import BODY_TEMPERATURE, WATER_VISCOSITY
from tumorsim.errors import ConfigError, Problem, choose
from tumorsim.vessels.hindrance import convective_lag

Array = NDArray[np.float64]
Value = float | Array


@dataclass(frozen=True)
class FibreMatrix:
    """Straight fibres at random: radius r_f in m, volume fraction φ, numbers or maps; default collagen [D]."""

    radius: Value = 20e-9
    volume_fraction: Value = 0.03

    @property
    def permeability(self) -> Value:
        """Darcy permeability k = 3 r_f² (−ln φ − 0.931)/(20 φ), m², for φ up to about 0.25.

        Source [M]: Jackson and James 1986, Can J Chem Eng 64:364.
        """
        fraction = self.volume_fraction
        return 3 * self.radius**2 * (-np.log(fraction) - 0.931) / (20 * fraction)

    @property
    def mean_half_spacing(self) -> Value:
        """Mean radius r̄ of the openings, m: random points lie r̄ + r_f = (r_f/2) √(π/φ) from a fibre axis.

        The mean of Ogston's 1958 distribution (Trans Faraday Soc 54:1754) of that distance [C].
        """
        return self.radius * (np.sqrt(np.pi / self.volume_fraction) / 2 - 1)

    def excluded(self, particle_radius: Value) -> Array:
        """f = φ (1 + r_s/r_f)², the volume fraction of fibres thickened by the particle's radius."""
        return self.volume_fraction * (1 + np.asarray(particle_radius, dtype=float) / self.radius) ** 2


COLLAGEN = FibreMatrix()


@dataclass(frozen=True)
class PowerLaw:
    """D = a (M / (g/mol))^−b in a tissue: a ``diffusivity`` in m²/s, b ``exponent``, numbers or maps.

    The default is VX2 carcinoma of rabbits; granulation tissue has a = 1e6 cm²/s and b = 2.96. Fitted to
    dextrans of 19 to 72 kDa; albumin diffused less than a dextran of its size, and outside that range
    the law is an extrapolation. Source [S] (abstract, which prints the 1.14 without its minus; cm²/s [M]):
    Nugent and Jain 1984, Cancer Res 44:238.
    """

    diffusivity: Value = 2.51e-2 * 1e-4
    exponent: Value = 1.14

    def at(self, molar_mass: float) -> Array:
        """D of a molecule of ``molar_mass`` kg/mol."""
        return np.asarray(self.diffusivity * (1e3 * molar_mass) ** -np.asarray(self.exponent, dtype=float))


VX2_CARCINOMA = PowerLaw()


def brinkman_hindrance(particle_radius: Value, permeability: Value) -> Array:
    """D/D₀ = 1/(1 + q + q²/9), q = r_s/√k: a sphere that moves through a resting porous medium.

    The coefficient is 1/9 because the sphere moves; the 1/3 that part of the literature prints belongs
    to a sphere held in a stream, which also feels the mean pressure gradient [C].
    Source: Brinkman 1947, doi 10.1007/BF02120313.
    """
    q = particle_radius / np.sqrt(np.asarray(permeability, dtype=float))
    return 1 / (1 + q + q**2 / 9)


def effective_medium(particle_radius: Value, permeability: Value, fibres: FibreMatrix) -> Array:
    """``brinkman_hindrance`` with the k = μK that also governs the flow of fluid; ``fibres`` are not read."""
    return brinkman_hindrance(particle_radius, permeability)


def fibre(particle_radius: Value, permeability: Value, fibres: FibreMatrix) -> Array:
    """D/D₀ = Brinkman(k of the fibres) · exp(−0.84 f^1.09): drag times obstruction; K is not read.

    Source [M]: Johnson et al. 1996, Biophys J 70:1017; Clague and Phillips 1996.
    """
    drag = brinkman_hindrance(particle_radius, fibres.permeability)
    return drag * _obstruction(particle_radius, fibres)


def ogston(particle_radius: Value, permeability: Value, fibres: FibreMatrix) -> Array:
    """D/D₀ = exp(−√φ r_s/r_f), jumps between fibres, for small solutes; K is not read.

    Source [M]: Ogston, Preston and Wells 1973, Proc R Soc A 333:297.
    """
    return np.exp(-np.sqrt(fibres.volume_fraction) * np.asarray(particle_radius, float) / fibres.radius)


def amsden(particle_radius: Value, permeability: Value, fibres: FibreMatrix) -> Array:
    """D/D₀ = exp(−(π/4) ((r_s + r_f)/(r̄ + r_f))²), r̄ the mean half-spacing of the fibres; K is not read.

    With r̄ of ``FibreMatrix`` this equals the Ogston partition coefficient: the chance that an opening is
    wide enough. Source [M]: Amsden 1998, Macromolecules 31:8382.
    """
    reach = np.asarray(particle_radius, dtype=float) + fibres.radius
    return np.exp(-np.pi / 4 * (reach / (fibres.mean_half_spacing + fibres.radius)) ** 2)


def two_mesh(particle_radius: Value, permeability: Value, fibres: FibreMatrix) -> Array:
    """D/D₀ = Brinkman(μK) · exp(−0.84 f^1.09): drag in the fine mesh, obstruction by the fibrils in it [D].

    The drag of the fibrils themselves is part of the measured K.
    """
    return brinkman_hindrance(particle_radius, permeability) * _obstruction(particle_radius, fibres)


def _obstruction(particle_radius: Value, fibres: FibreMatrix) -> Array:
    return np.exp(-0.84 * fibres.excluded(particle_radius) ** 1.09)


def unhindered(particle_radius: Value, permeability: Value, fibres: FibreMatrix) -> Array:
    """D/D₀ = 1."""
    return np.ones(np.broadcast_shapes(np.shape(particle_radius), np.shape(permeability)))


DIFFUSION_MODELS: dict[str, Callable[[Value, Value, FibreMatrix], Array]] = {
    "effective_medium": effective_medium,
    "fibre": fibre,
    "ogston": ogston,
    "amsden": amsden,
    "two_mesh": two_mesh,
    "none": unhindered,
}
"""Models of D/D₀ by the name a config gives them."""
MATRIX_MODELS = (*DIFFUSION_MODELS, "power_law")
"""Models of D: those of D/D₀, and the one of D itself."""


def hindered_diffusivity(
    particle_radius: Value,
    hydraulic_conductivity: Value,
    *,
    model: str = "effective_medium",
    fibres: FibreMatrix = COLLAGEN,
    molar_mass: float | None = None,
    power_law: PowerLaw = VX2_CARCINOMA,
    temperature: float = BODY_TEMPERATURE,
    viscosity: float = WATER_VISCOSITY,
) -> Array:
    """D in the available interstitial fluid, m²/s: Stokes–Einstein D₀ times the model's D/D₀.

    ``hydraulic_conductivity`` K in m²/(Pa s), a number or a voxel map. The default model takes k = μK, so
    that diffusion and flow answer together to the density of the matrix [D]. "power_law" takes D from the
    ``molar_mass`` (kg/mol), and D₀ where the law exceeds it [D]. The result has the broadcast shape of
    radius, K and fibres. Raises ConfigError for an unknown model, and for a power law without a molar mass.
    """
    free = free_diffusivity(2 * np.asarray(particle_radius), temperature=temperature, viscosity=viscosity)
    if model == "power_law":
        if molar_mass is None:
            fault = 'is not known, and the matrix model "power_law" needs it'
            cure = 'Give it, for example "150 kg/mol", or choose another agent.matrix_model'
            raise ConfigError(Problem("agent.molar_mass", None, fault, cure))
        return np.minimum(free, power_law.at(molar_mass)) * np.ones(np.shape(hydraulic_conductivity))
    if model not in DIFFUSION_MODELS:
        choose(dict.fromkeys(MATRIX_MODELS), model, key="agent.matrix_model")
    permeability = viscosity * np.asarray(hydraulic_conductivity, dtype=float)
    hindrance = DIFFUSION_MODELS[model](particle_radius, permeability, fibres)
    return free * hindrance * np.ones(np.shape(permeability))


def ogston_partition(particle_radius: Value, fibres: FibreMatrix) -> Array:
    """K_av = exp(−φ (1 + r_s/r_f)²): a sphere placed at random touches no fibre.

    Source [M]: Ogston 1958, Trans Faraday Soc 54:1754.
    """
    return np.exp(-fibres.excluded(particle_radius))


def schmidt_wittrup_partition(particle_radius: Value, fibres: FibreMatrix) -> Array:
    """K_av = 0.9 (1 − R/13.8 nm)²₊ + 0.1 (1 − R/1000 nm)²₊: two kinds of pores; ``fibres`` are not read.

    Source [S]: Schmidt and Wittrup 2009, doi 10.1158/1535-7163.MCT-09-0195, whose φ_i is 0.5.
    """
    radius = np.asarray(particle_radius, dtype=float)
    narrow, wide = (np.maximum(1 - radius / pore, 0) ** 2 for pore in (13.8e-9, 1000e-9))
    return 0.9 * narrow + 0.1 * wide


def full_partition(particle_radius: Value, fibres: FibreMatrix) -> Array:
    """K_av = 1: all interstitial fluid is open to the particle."""
    return np.ones(np.shape(particle_radius))


PARTITION_MODELS: dict[str, Callable[[Value, FibreMatrix], Array]] = {
    "ogston": ogston_partition,
    "schmidt_wittrup": schmidt_wittrup_partition,
    "none": full_partition,
}
"""Models of K_av by the name a config gives them."""


def available_fraction(
    particle_radius: Value,
    interstitial_fraction: Value,
    *,
    model: str = "ogston",
    fibres: FibreMatrix = COLLAGEN,
) -> Array:
    """ε = φ_i K_av, the part of the tissue volume that the particle's centre can reach.

    ``interstitial_fraction`` φ_i, a number or a voxel map. Raises ConfigError for an unknown model.
    """
    partition = choose(PARTITION_MODELS, model, key="agent.partition_model")
    return np.asarray(interstitial_fraction, dtype=float) * partition(particle_radius, fibres)


def carried_with_fluid(particle_radius: Value, fibres: FibreMatrix) -> Array:
    """f = 1: the particle moves with the fluid, as small ones do."""
    return np.ones(np.shape(particle_radius))


def carried_in_pores(particle_radius: Value, fibres: FibreMatrix) -> Array:
    """f = W/Φ of a cylindrical pore of radius r̄, the mean half-spacing of the fibres; 0 if it does not fit.

    Up to 1.35, because the particle keeps off the slow fluid at the fibres. Sources: ``vessels.hindrance``.
    """
    ratio = np.asarray(particle_radius, dtype=float) / fibres.mean_half_spacing
    return np.where(ratio < 1, convective_lag(ratio), 0.0)[()]


RETARDATION_MODELS: dict[str, Callable[[Value, FibreMatrix], Array]] = {
    "none": carried_with_fluid,
    "pore": carried_in_pores,
}
"""Models of f by the name a config gives them."""


def convective_retardation(
    particle_radius: Value, *, model: str = "none", fibres: FibreMatrix = COLLAGEN
) -> Array:
    """f, velocity of the particle over that of the fluid. Raises ConfigError for an unknown model."""
    return choose(RETARDATION_MODELS, model, key="agent.retardation_model")(particle_radius, fibres)
