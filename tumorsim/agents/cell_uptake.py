"""Constants of the uptake of a free drug by cells, saturable both ways, and of its binding to albumin.

Per cell, with ρ cells per tissue volume, the drug F outside (per tissue volume), the extracellular fraction φ and I in
cells,

    μ = V_max F/(F + K_e φ) in,      ν = V_max C_i/(C_i + K_i) out,   C_i = I/ρ

(El-Kareh and Secomb 2000, Neoplasia 2:325 [S for doxorubicin, DOI not checked]). In equilibrium C_i/K_i = F/(K_e φ)
where nothing is pumped. A run takes these steps in operators.cell_exchange, with albumin in equilibrium.
"""

from dataclasses import dataclass, replace

from tumorsim.errors import ConfigError, Problem

ALBUMIN_BOUND_DIFFUSIVITY = 8.8e-12
"""m²/s, of doxorubicin on albumin: 530 µm²/min (El-Kareh and Secomb 2000 [S])."""
ALBUMIN_BOUND_PERMEABILITY = 8.3e-9
"""m/s, of a tumour vessel wall for it: 0.5 µm/min, from the same source [S]."""


@dataclass(frozen=True)
class CellUptake:
    """Constants of a drug, SI. The amount unit is kg for the defaults, `in_mol` changes it.

    Defaults: doxorubicin of El-Kareh and Secomb 2000 [S], with ``efflux`` and DNA off [D]. ``fastest`` V_max per
    cell, amount/s; ``half_outside`` K_e, amount/m³ of extracellular space; ``half_inside`` K_i, amount per cell;
    ``efflux`` by pumps; ``albumin_on``, ``albumin_off`` at the albumin of tissue; ``dna_on``, ``dna_off`` between
    drug that is free in a cell and drug on its DNA (0: none); all in 1/s.
    Raises ConfigError where a constant is negative, or one that must not be is zero.
    """

    fastest: float = 4.67e-20
    half_outside: float = 2.19e-4
    half_inside: float = 1.37e-17
    efflux: float = 0.0
    albumin_on: float = 50 / 60
    albumin_off: float = 17 / 60
    dna_on: float = 0.0
    dna_off: float = 0.0

    def __post_init__(self) -> None:
        positive = ("half_outside", "half_inside")
        faults = [
            Problem(
                f"drug.{name}",
                value,
                "must be above zero" if name in positive else "is negative",
                "Correct it",
            )
            for name, value in vars(self).items()
            if value < 0 or (name in positive and value == 0)
        ]
        if faults:
            raise ConfigError(*faults)

    def in_mol(self, molar_mass: float) -> "CellUptake":
        """The same for amounts in mol, of a drug of ``molar_mass`` in kg/mol."""
        named = ("fastest", "half_outside", "half_inside")
        return replace(self, **{name: getattr(self, name) / molar_mass for name in named})

    @property
    def albumin_bound_fraction(self) -> float:
        """A/(A + F) in equilibrium, k_a/(k_a + k_d): 0.746 for doxorubicin."""
        return self.albumin_on / (self.albumin_on + self.albumin_off)
