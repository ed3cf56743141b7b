"""How an agent passes the vessel wall and the matrix of a tissue: one reading of its sizes, models and measurements.

``tissue`` gives a property of `tissue.properties` by its name, as a number, one value per region or a voxel map;
results have the broadcast shape.

A distributed size is integrated over the dose (`particle.size_classes`), with every class at the same plasma
concentration per dose. What the means are worth:

* P and 1 − σ average: Σ wᵢPᵢ and Σ wᵢ(1 − σᵢ) give the exact flux out of blood into clean tissue where
  diffusion or where filtration alone carries it. Between the two, and once classes differ in the tissue, not.
* ε and f average at equal concentration: Σ wᵢεᵢ is the room of the mixture, Σ wᵢfᵢ its speed with the fluid.
* D does not: a mixture has no single D. D̄ = Σ wᵢεᵢDᵢ / Σ wᵢεᵢ gives the flux down a common gradient and the
  growth of the mean squared displacement, 2D̄t per axis, but the small particles run ahead of any one profile,
  and the wall lets more of them through than the dose has. For that, run the size classes one by one.

Means are sums over 32 classes: 1e-4 of a wall of pores, and a few per cent of P in the wall mode "empirical",
whose cut-off is a step, where that lies within the distribution [C].
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tumorsim.agents.agent import Agent
from tumorsim.agents.interstitium import (
    VX2_CARCINOMA,
    FibreMatrix,
    PowerLaw,
    available_fraction,
    convective_retardation,
    hindered_diffusivity,
)
from tumorsim.agents.particle import SizeClasses, dose_median, free_diffusivity, size_classes
from tumorsim.errors import ConfigError, Problem
from tumorsim.vessels.wall import EMPIRICAL_ONLY, PORES_ONLY, WallCoefficients, wall_coefficients

Array = NDArray[np.float64]
Value = float | Array
Tissue = Callable[[str], Value]

QUADRATURE = 32
"""Size classes over which the coefficients are integrated."""
WALL_PROPERTIES = ("pore_radius", *PORES_ONLY, *EMPIRICAL_ONLY)
"""What a wall reads of the tissue, in one mode or the other."""


@dataclass(frozen=True)
class MatrixCoefficients:
    """D in the available fluid, m²/s; ε, available per tissue volume; f, speed over that of the fluid."""

    diffusivity: Value
    available_fraction: Value
    retardation: Value


def sizes(agent: Agent, *, count: int = QUADRATURE) -> SizeClasses:
    """The size classes of an agent; one where no spread is known.

    Raises ConfigError where the diameter is not known.
    """
    if agent.diameter is None:
        cure = 'Give it, for example "85 nm"'
        raise ConfigError(Problem("agent.diameter", None, f"is not known for {agent.name}", cure))
    log_sd = agent.diameter_log_sd or 0.0
    return size_classes(dose_median(agent.diameter, log_sd, basis=agent.diameter_basis), log_sd, count=count)


def wall_passage(agent: Agent, tissue: Tissue) -> WallCoefficients:
    """Lp, P and σ of the wall to the agent, in its ``wall_mode``.

    In the mode "empirical" a measured ``wall_permeability`` takes the place of the fit where the pores let
    the agent through; in the mode "pores" it is not read, for there P belongs to the pores as Lp does.
    """
    classes, properties = sizes(agent), {name: tissue(name) for name in WALL_PROPERTIES}
    walls = (_wall_of_one(agent, properties, radius=diameter / 2) for diameter in classes.diameters)
    conductivity, permeability, passing = classes.mean(
        np.stack(
            np.broadcast_arrays(
                wall.hydraulic_conductivity, wall.permeability, 1 - np.asarray(wall.reflection_coefficient)
            )
        )
        for wall in walls
    )
    if agent.wall_mode == "empirical" and agent.wall_permeability is not None:
        permeability = np.where(permeability > 0, agent.wall_permeability, 0.0)[()]
    return WallCoefficients(conductivity, permeability, 1 - passing)


def _wall_of_one(agent: Agent, properties: dict[str, Value], *, radius: float) -> WallCoefficients:
    return wall_coefficients(
        mode=agent.wall_mode,
        particle_radius=radius,
        diffusivity_in_plasma=free_diffusivity(2 * radius),
        charge_factor=agent.charge_factor,
        pore_model=agent.pore_model,
        **properties,
    )


def matrix_passage(agent: Agent, tissue: Tissue) -> MatrixCoefficients:
    """D, ε and f of the agent in the matrix by its models; a measured ``interstitial_diffusivity`` is D.

    Raises ConfigError where a model needs a value that is not known.
    """
    classes, fraction = sizes(agent), tissue("interstitial_fraction")
    fibres = FibreMatrix(tissue("fibre_radius"), tissue("fibre_volume_fraction"))

    def room(diameter: float) -> Array:
        return available_fraction(diameter / 2, fraction, model=agent.partition_model, fibres=fibres)

    def lag(diameter: float) -> Array:
        return convective_retardation(diameter / 2, model=agent.retardation_model, fibres=fibres)

    available = classes.mean(room(diameter) for diameter in classes.diameters)
    diffusivity = _diffusivities(agent, tissue, fibres=fibres)
    if len(classes.diameters) == 1:  # also where there is no room at all
        mean = diffusivity(float(classes.diameters[0]))
    else:
        mean = classes.mean(room(d) * diffusivity(d) for d in classes.diameters) / available
    return MatrixCoefficients(mean, available, classes.mean(lag(d) for d in classes.diameters))


def _diffusivities(agent: Agent, tissue: Tissue, *, fibres: FibreMatrix) -> Callable[[float], Array]:
    """D of a particle by its diameter, with the tissue read once: a map may come from a file."""
    conductivity, law = tissue("hydraulic_conductivity"), VX2_CARCINOMA
    if agent.interstitial_diffusivity is not None:
        measured = np.full(np.shape(conductivity), agent.interstitial_diffusivity)[()]
        return lambda diameter: measured
    if agent.matrix_model == "power_law":
        law = PowerLaw(tissue("power_law_diffusivity"), tissue("power_law_exponent"))
    return lambda diameter: hindered_diffusivity(
        diameter / 2,
        conductivity,
        model=agent.matrix_model,
        fibres=fibres,
        molar_mass=agent.molar_mass,
        power_law=law,
    )
