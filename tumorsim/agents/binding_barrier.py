"""Whether binding stops an agent on its way: two moduli that must both be below 1 for it to reach everywhere.

``thiele`` compares internalisation with supply, while the concentration lasts; ``clearance`` compares the sites
to be filled with all that comes by. In a spheroid of radius R, or to the depth R from a surface,

    φ² = k_e R² B_max / (ε D C),      Γ = R² B_max / (ε D ∫C dt)                          (spheroid)

and with the vessel wall as the narrow passage, of which a tissue has the area S/V per volume,

    φ² = k_e B_max / (P (S/V) C),     Γ = B_max / (P (S/V) ∫C dt)                         (vessels)

the second from k_e B_max R_K²/(2 P R_c C) with S/V = 2R_c/R_K² of a Krogh cylinder [C]. B_max per tissue volume,
mol/m³; C the concentration at the surface or in plasma. Source: Thurber, Schmidt and Wittrup 2008,
doi 10.1016/j.addr.2008.04.012; versions differ by prefactors of order one [M].
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Moduli:
    """φ² and Γ."""

    thiele: float
    clearance: float


def spheroid_moduli(
    *,
    internalisation: float,
    binding_sites: float,
    radius: float,
    effective_diffusivity: float,
    concentration: float,
    exposure: float,
) -> Moduli:
    """φ² and Γ of diffusion to depth R; ``effective_diffusivity`` is εD, ``exposure`` ∫C dt in mol s/m³."""
    demand = radius**2 * binding_sites / effective_diffusivity
    return Moduli(internalisation * demand / concentration, demand / exposure)


def vascular_moduli(
    *,
    internalisation: float,
    binding_sites: float,
    wall_permeability_density: float,
    concentration: float,
    exposure: float,
) -> Moduli:
    """φ² and Γ of passage through the wall; ``wall_permeability_density`` is P S/V, 1/s."""
    demand = binding_sites / wall_permeability_density
    return Moduli(internalisation * demand / concentration, demand / exposure)
