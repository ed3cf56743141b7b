"""Free drug in tissue: bound to albumin, taken up by cells, pumped out, and bound to DNA.

The four pools of a voxel, amounts per tissue volume, form a chain of exchanges between neighbours:

albumin-bound A ⇌ free F ⇌ in cells I ⇌ on DNA G

dA/dt = k_a F − k_d A
dF/dt = −k_a F + k_d A − ρ (μ − ν) + p I
dI/dt = ρ (μ − ν) − p I − κ_on I + κ_off G
dG/dt = κ_on I − κ_off G

with per cell (El-Kareh and Secomb 2000, Neoplasia 2:325 [S for doxorubicin, DOI not checked])

μ = V_max F/(F + K_e φ),   ν = V_max C_i/(C_i + K_i),   C_i = I/ρ

for ρ cells per tissue volume and the extracellular fraction φ. In equilibrium C_i/K_i = F/(K_e φ) where nothing is
pumped (p = 0).
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from tumorsim.agents.exponentials import Array
from tumorsim.errors import ConfigError, Problem

ALBUMIN_BOUND_DIFFUSIVITY = 8.8e-12
"""m²/s, of doxorubicin on albumin: 530 µm²/min (El-Kareh and Secomb 2000 [S])."""
ALBUMIN_BOUND_PERMEABILITY = 8.3e-9
"""m/s, of a tumour vessel wall for it: 0.5 µm/min, from the same source [S]."""


@dataclass(frozen=True)
class CellUptake:
    """Constants of a drug, SI. The amount unit is kg for the defaults, `in_mol` changes it.

    Defaults: doxorubicin of El-Kareh and Secomb 2000 [S] but for what is 0, off [D]. ``fastest`` V_max per cell, amount/s;
    ``half_outside`` K_e, amount/m³ of extracellular space; ``half_inside`` K_i, amount per cell; ``efflux`` p by pumps
    (1/s); ``albumin_on`` and ``albumin_off`` at the albumin of tissue (1/s); ``dna_on`` and ``dna_off`` (1/s).
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
            Problem(f"drug.{name}", value, "must be above zero" if name in positive else "is negative", "Correct it")
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


class DrugPools(NamedTuple):
    """Amounts per tissue volume, arrays of one shape (or rates of change of them)."""

    bound: Array
    free: Array
    cells: Array
    dna: Array


def uptake_coefficients(
    uptake: CellUptake, pools: DrugPools, *, cells_per_volume: Array | float, extracellular_fraction: Array | float
) -> tuple[Array, Array]:
    """First-order rates of F into cells and of I out of them, 1/s, at the present pools.

    ρV/(F + K_e φ), and ρV/(I + ρK_i) + p; zero where there are no cells.
    """
    fastest = np.asarray(cells_per_volume * uptake.fastest)
    into = fastest / (pools.free + uptake.half_outside * extracellular_fraction)
    capacity = pools.cells + cells_per_volume * uptake.half_inside
    out = np.divide(fastest, capacity, out=np.zeros(np.shape(fastest + capacity)), where=capacity > 0)
    return into, out + uptake.efflux


def rates_of_change(
    uptake: CellUptake, pools: DrugPools, *, cells_per_volume: Array | float, extracellular_fraction: Array | float
) -> DrugPools:
    """The right-hand side of the equations above, amount/(m³ s)."""
    into, out = uptake_coefficients(
        uptake, pools, cells_per_volume=cells_per_volume, extracellular_fraction=extracellular_fraction
    )
    binding = uptake.albumin_on * pools.free - uptake.albumin_off * pools.bound
    entering = into * pools.free - out * pools.cells
    settling = uptake.dna_on * pools.cells - uptake.dna_off * pools.dna
    return DrugPools(binding, -binding - entering, entering - settling, settling)


def exchange_pools(
    uptake: CellUptake,
    pools: DrugPools,
    dt: float,
    *,
    cells_per_volume: Array | float,
    extracellular_fraction: Array | float,
) -> DrugPools:
    """The pools ``dt`` s on, by an implicit step of the whole chain: first order in dt, and L-stable.

    The chain is linear but for the coefficients of uptake and efflux. A first solution takes those of the start, the
    second those of the first solution, so that saturation is seen however long the step. Each is a tridiagonal system
    solved without subtraction: nothing becomes negative whatever dt, the sum of the pools stays, to rounding, and an
    equilibrium of the equations stays put. Uptake takes seconds: longer steps hold F at its quasi-equilibrium. Plain
    arithmetic per voxel without branches.
    """
    place = {"cells_per_volume": cells_per_volume, "extracellular_fraction": extracellular_fraction}
    first = _implicit(uptake, pools, dt, *uptake_coefficients(uptake, pools, **place))
    return _implicit(uptake, pools, dt, *uptake_coefficients(uptake, first, **place))


def _implicit(uptake: CellUptake, old: DrugPools, dt: float, into: Array, out: Array) -> DrugPools:
    """Backward Euler of the chain with given rates into and out of cells: A and G eliminated, then I, then F."""
    on, off = uptake.albumin_on * dt, uptake.albumin_off * dt
    dna_on, dna_off = uptake.dna_on * dt, uptake.dna_off * dt
    into, out = into * dt, out * dt
    held = 1 + dna_on / (1 + dna_off)
    cells_alone = (old.cells + dna_off / (1 + dna_off) * old.dna) / (held + out)
    entering = into / (held + out)
    offered = old.free + off / (1 + off) * old.bound + out * cells_alone
    free = offered / (1 + on / (1 + off) + held * entering)
    cells = cells_alone + entering * free
    return DrugPools((old.bound + on * free) / (1 + off), free, cells, (old.dna + dna_on * cells) / (1 + dna_off))


def cell_concentration_at_equilibrium(
    uptake: CellUptake, free: Array | float, *, extracellular_fraction: Array | float
) -> Array:
    """C_i per cell, amount, where uptake and efflux of the carrier balance without pumps: K_i F/(K_e φ)."""
    return np.asarray(uptake.half_inside * np.asarray(free) / (uptake.half_outside * extracellular_fraction))
