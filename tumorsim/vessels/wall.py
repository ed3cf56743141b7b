"""The vessel wall: how fluid and particles get through it, from pore theory or from a measured fit."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorsim.constants import WATER_VISCOSITY
from tumorsim.errors import ConfigError, Problem, choose
from tumorsim.vessels.hindrance import PORE_MODELS, centre_line_diffusive_hindrance

Array = NDArray[np.float64]
Value = float | Array

FIT_DIFFUSIVITY = 3e-19
"""m³/s: Schmidt and Wittrup's own free diffusivity is D₀ = 3e-6 cm²/s / (R / nm) = 3e-19/R."""
FIT_PORES = ((4.5e-9, 1760.0), (500e-9, 65.0))
"""Schmidt and Wittrup's two pores: radius in m and γ/L in 1/m (17.6 and 0.65 1/cm)."""


@dataclass(frozen=True)
class WallCoefficients:
    """What a wall lets through: Lp in m/(Pa s), P in m/s, σ of the particle. Numbers, or arrays per voxel."""

    hydraulic_conductivity: Value
    permeability: Value
    reflection_coefficient: Value


def porous_wall(
    *,
    particle_radius: Value,
    pore_radius: Value,
    pore_area_fraction: Value,
    wall_thickness: Value,
    diffusivity_in_plasma: Value,
    charge_factor: Value = 1.0,
    pore_model: str = "dechadilok_deen",
    viscosity: float = WATER_VISCOSITY,
) -> WallCoefficients:
    """A wall of thickness L with straight pores of radius r₀ on the area fraction γ. Broadcasts.

    Lp = γ r₀²/(8 μ L),  P = γ H(λ) D₀/L,  σ = 1 − W(λ),  λ = r/r₀     (a slit: r₀ is the half-width, 3 for 8)

    ``diffusivity_in_plasma`` is D₀ in the fluid that fills the pores, and ``viscosity`` that fluid's
    (water by default [D]: the filtrate of plasma). ``charge_factor``, exp(−ΔE/k_BT), multiplies the
    partition coefficient, so H and W alike [D]; above 1 it can make σ negative. Sources: ``hindrance``.
    """
    return lognormal_wall(
        particle_radius=particle_radius,
        median_pore_radius=pore_radius,
        pore_radius_log_sd=0.0,
        pore_area_fraction=pore_area_fraction,
        wall_thickness=wall_thickness,
        diffusivity_in_plasma=diffusivity_in_plasma,
        charge_factor=charge_factor,
        pore_model=pore_model,
        viscosity=viscosity,
    )


def schmidt_wittrup_permeability(particle_radius: Value) -> Array:
    """Diffusive permeability of tumour vessels, P = Σ (γ/L) H(r/r₀) · 3e-19/r over two pores, m/s.

    A fit to measured permeabilities; D₀ is the fit's own. The pore constants are [S]: Schmidt and Wittrup
    2009, doi 10.1158/1535-7163.MCT-09-0195. H is that of a particle on the pore axis (Bungay and Brenner),
    which reproduces the published figures [C]; the cross-section average would lie up to 8 % lower.
    """
    radius = np.asarray(particle_radius, dtype=float)
    conductance = sum(
        openness * centre_line_diffusive_hindrance(radius / pore) for pore, openness in FIT_PORES
    )
    return conductance * FIT_DIFFUSIVITY / radius


def empirical_wall(
    *,
    particle_radius: Value,
    pore_radius: Value,
    wall_hydraulic_conductivity: Value,
    charge_factor: Value = 1.0,
    pore_model: str = "dechadilok_deen",
) -> WallCoefficients:
    """Lp as given, P of the Schmidt–Wittrup fit, σ = 1 − W(r/r₀) of the wall's own pores. Broadcasts.

    The three are independent on purpose [D]: measured permeabilities contain filtration, so no single set
    of pores gives both the measured Lp and the measured P. The pores are the cut-off of all three: a
    particle that does not fit (r ≥ r₀) has P = 0 and σ = 1, whatever the fit says.
    """
    ratio = particle_radius / np.asarray(pore_radius, dtype=float)
    permeability = charge_factor * schmidt_wittrup_permeability(particle_radius)
    convective = choose(PORE_MODELS, pore_model, key="agent.pore_model").convective
    return WallCoefficients(
        hydraulic_conductivity=np.asarray(wall_hydraulic_conductivity, dtype=float)[()],
        permeability=np.where(ratio < 1, permeability, 0.0)[()],
        reflection_coefficient=1 - charge_factor * convective(ratio),
    )


def lognormal_wall(
    *,
    particle_radius: Value,
    median_pore_radius: Value,
    pore_radius_log_sd: Value,
    pore_area_fraction: Value,
    wall_thickness: Value,
    diffusivity_in_plasma: Value,
    charge_factor: Value = 1.0,
    pore_model: str = "dechadilok_deen",
    viscosity: float = WATER_VISCOSITY,
    nodes: int = 64,
) -> WallCoefficients:
    """A wall whose pore radii are log-normal: ln r₀ has mean ln(median) and standard deviation s. Broadcasts.

    Lp = γ/(8μL) ⟨r₀⁴⟩/⟨r₀²⟩,  P = γ D₀/L ⟨r₀² H⟩/⟨r₀²⟩,  σ = 1 − ⟨r₀⁴ W⟩/⟨r₀⁴⟩

    with ⟨·⟩ the mean over pores by number.
    Each pore counts for diffusion by its area and for filtration by its flow. A log-normal weighted by
    r₀ⁿ is the log-normal with median·exp(n s²), so both means are Gauss–Hermite sums over a shifted
    median. Pores that the particle does not fit contribute nothing.
    """
    pore = choose(PORE_MODELS, pore_model, key="agent.pore_model")
    median, log_sd = np.asarray(median_pore_radius, dtype=float), np.asarray(pore_radius_log_sd, dtype=float)
    z, weights = np.polynomial.hermite_e.hermegauss(nodes if np.any(log_sd) else 1)
    weights = weights / weights.sum()

    def weighted(hindrance: Callable[[Value], Array], power: int) -> Array:
        ratio = particle_radius / (median * np.exp(power * log_sd**2))
        return sum(w * hindrance(ratio * np.exp(-log_sd * x)) for x, w in zip(z, weights, strict=True))

    openness = np.asarray(pore_area_fraction, dtype=float) / wall_thickness
    mean_square_radius = median**2 * np.exp(6 * log_sd**2)
    return WallCoefficients(
        hydraulic_conductivity=openness * mean_square_radius / (pore.resistance * viscosity),
        permeability=openness * charge_factor * weighted(pore.diffusive, 2) * diffusivity_in_plasma,
        reflection_coefficient=1 - charge_factor * weighted(pore.convective, 4),
    )


def in_parallel(*walls: WallCoefficients) -> WallCoefficients:
    """Pathways side by side: Lp = Σ Lpᵢ, P = Σ Pᵢ, σ = Σ Lpᵢσᵢ / Σ Lpᵢ (weighted by flow, not by area).

    Where nothing conducts, σ is that of the first: no fluid is left to reflect anything.
    """
    conductivity = np.asarray(sum(wall.hydraulic_conductivity for wall in walls))
    reflected = sum(wall.hydraulic_conductivity * wall.reflection_coefficient for wall in walls)
    first = walls[0].reflection_coefficient
    flow = np.where(conductivity > 0, conductivity, 1.0)
    return WallCoefficients(
        hydraulic_conductivity=conductivity[()],
        permeability=np.asarray(sum(wall.permeability for wall in walls))[()],
        reflection_coefficient=np.where(conductivity > 0, reflected / flow, first)[()],
    )


def pore_wall(
    *,
    particle_radius: Value,
    pore_radius: Value,
    pore_radius_log_sd: Value,
    pore_area_fraction: Value,
    large_pore_radius: Value,
    large_pore_area_fraction: Value,
    wall_thickness: Value,
    diffusivity_in_plasma: Value,
    charge_factor: Value = 1.0,
    pore_model: str = "dechadilok_deen",
) -> WallCoefficients:
    """Log-normal pores, and beside them a second kind of one radius; both through the same wall. Broadcasts.

    One kind of one radius with ``pore_radius_log_sd`` = 0 and ``large_pore_area_fraction`` = 0.
    """
    common: dict[str, Any] = {
        "particle_radius": particle_radius,
        "wall_thickness": wall_thickness,
        "diffusivity_in_plasma": diffusivity_in_plasma,
        "charge_factor": charge_factor,
        "pore_model": pore_model,
    }
    main = lognormal_wall(
        median_pore_radius=pore_radius,
        pore_radius_log_sd=pore_radius_log_sd,
        pore_area_fraction=pore_area_fraction,
        **common,
    )
    if not np.any(large_pore_area_fraction):
        return main
    large = porous_wall(pore_radius=large_pore_radius, pore_area_fraction=large_pore_area_fraction, **common)
    return in_parallel(main, large)


_EVERY_MODE = ("particle_radius", "pore_radius", "charge_factor")
PORES_ONLY = (
    "pore_radius_log_sd",
    "pore_area_fraction",
    "large_pore_radius",
    "large_pore_area_fraction",
    "wall_thickness",
)
"""What a tissue says of its pores that only the mode "pores" reads."""
EMPIRICAL_ONLY = ("wall_hydraulic_conductivity",)
"""What a tissue says of its wall that only the mode "empirical" reads."""
WALL_MODES: dict[str, tuple[Callable[..., WallCoefficients], tuple[str, ...]]] = {
    "empirical": (empirical_wall, (*_EVERY_MODE, *EMPIRICAL_ONLY)),
    "pores": (pore_wall, (*_EVERY_MODE, *PORES_ONLY, "diffusivity_in_plasma")),
}
"""Each wall mode with the quantities it reads."""
_MAY_BE_ZERO = (  # a wall that lets nothing through, and pores of one kind and radius
    "wall_hydraulic_conductivity",
    "pore_area_fraction",
    "large_pore_area_fraction",
    "pore_radius_log_sd",
)


def wall_coefficients(
    *,
    mode: str,
    particle_radius: Value,
    pore_radius: Value,
    pore_radius_log_sd: Value = 0.0,
    pore_area_fraction: Value | None = None,
    large_pore_radius: Value | None = None,
    large_pore_area_fraction: Value = 0.0,
    wall_thickness: Value | None = None,
    wall_hydraulic_conductivity: Value | None = None,
    diffusivity_in_plasma: Value | None = None,
    charge_factor: Value = 1.0,
    pore_model: str = "dechadilok_deen",
) -> WallCoefficients:
    """Lp, P and σ of a wall for one particle, for numbers, values per region or voxel maps alike.

    "pores": all three follow from the pores (``pore_wall``); ``wall_hydraulic_conductivity`` is not read.
    "empirical": Lp is given and P is a fit to measurements (``empirical_wall``); of the pores it reads the
    radius alone, for σ and the cut-off, and neither γ, L nor D₀.
    Particles as large as the pores or larger have P = 0 and σ = 1 in both. The modes disagree about P
    by an order of magnitude and must not be mixed within a case. ``pore_model``, one of ``PORE_MODELS``,
    is the shape and theory of the pores in both; the fit of P has its own.

    Raises ConfigError naming every quantity of the mode that is missing or not positive.
    """
    quantities: dict[str, Value | None] = {
        "particle_radius": particle_radius,
        "pore_radius": pore_radius,
        "pore_radius_log_sd": pore_radius_log_sd,
        "pore_area_fraction": pore_area_fraction,
        "large_pore_radius": np.inf if large_pore_radius is None else large_pore_radius,
        "large_pore_area_fraction": large_pore_area_fraction,
        "wall_thickness": wall_thickness,
        "wall_hydraulic_conductivity": wall_hydraulic_conductivity,
        "diffusivity_in_plasma": diffusivity_in_plasma,
        "charge_factor": charge_factor,
    }
    wall, read = choose(WALL_MODES, mode, key="agent.wall_mode")
    faults = [fault for name in read if (fault := _fault(name, quantities[name], mode))]
    if large_pore_radius is None and np.any(large_pore_area_fraction):
        faults.append(_missing("large_pore_radius", mode))
    if faults:
        raise ConfigError(*faults)
    return wall(**{name: quantities[name] for name in read}, pore_model=pore_model)


def _missing(name: str, mode: str) -> Problem:
    return Problem(name, None, "is missing", f'The wall mode "{mode}" needs it')


def _fault(name: str, value: Value | None, mode: str) -> Problem | None:
    if value is None:
        return _missing(name, mode)
    lowest = float(np.min(value))
    if lowest > 0 or (lowest == 0 and name in _MAY_BE_ZERO):
        return None
    return Problem(name, lowest, "is not positive", "Give a value above zero")
