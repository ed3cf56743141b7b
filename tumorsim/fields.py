"""The fields a result can hold: name, unit and meaning, in one place."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Field:
    """A named voxel field. ``unit`` may contain ``{amount}``: the unit in which the dose was given (mol, kg, Bq)."""

    name: str
    unit: str
    long_name: str
    components: int = 1
    label: bool = False


_ALL = (
    Field("region", "1", "tissue region label", label=True),
    Field("pressure", "Pa", "interstitial fluid pressure"),
    Field("velocity", "m/s", "interstitial fluid (Darcy) velocity at voxel centres, x y z", components=3),
    Field("vessel_area_density", "1/m", "blood vessel wall area per tissue volume"),
    Field("vessel_volume_fraction", "1", "blood vessel volume per tissue volume"),
    Field("hydraulic_conductivity", "m^2/(Pa s)", "interstitial hydraulic conductivity"),
    Field("wall_permeability", "m/s", "vessel wall permeability to the agent"),
    Field("temperature", "K", "tissue temperature while heated"),
    Field("injection_pressure", "Pa", "interstitial fluid pressure during the injection"),
    Field("free", "{amount}/m^3", "agent free in the interstitium, amount per tissue volume"),
    Field("bound", "{amount}/m^3", "agent bound to matrix or receptors, amount per tissue volume"),
    Field("internalised", "{amount}/m^3", "agent inside cells, amount per tissue volume"),
    Field("in_macrophages", "{amount}/m^3", "agent inside macrophages, amount per tissue volume"),
    Field("drug_free", "{amount}/m^3", "released drug in the interstitium, amount per tissue volume"),
    Field("drug_in_cells", "{amount}/m^3", "released drug free inside cells, amount per tissue volume"),
    Field("drug_on_dna", "{amount}/m^3", "released drug on the DNA of cells, amount per tissue volume"),
    Field(
        "drug_in_macrophages", "{amount}/m^3", "released drug kept by macrophages, amount per tissue volume"
    ),
)

POOLS = (
    "free", "bound", "internalised", "in_macrophages",
    "drug_free", "drug_in_cells", "drug_on_dna", "drug_in_macrophages",
)  # fmt: skip
"""What a voxel holds, pool by pool; those of macrophages and of a drug where there are any."""
_WHAT = {field.name: field.long_name.split(",")[0] for field in _ALL if field.name in POOLS}
_TALLIES = [
    Field(f"{name}_exposure", "{amount} s/m^3", f"{what} over time, integral since the start")
    for name, what in _WHAT.items()
]
_TALLIES += [
    Field(f"{name}_peak", "{amount}/m^3", f"{what} at its peak, highest since the start")
    for name, what in _WHAT.items()
]
TALLIES = tuple(field.name for field in _TALLIES)
"""Exposure ∫N dt and highest N of every pool, since the start; taken at every step where they are asked for."""
FIELDS = {field.name: field for field in (*_ALL, *_TALLIES)}
CHANGING = (*POOLS, *TALLIES)
"""The fields that change in time."""


def of_other_pools(pools: Collection[str]) -> set[str]:
    """The fields that tell of pools other than these: their amounts, exposures and peaks."""
    others = [pool for pool in POOLS if pool not in pools]
    return {name for pool in others for name in (pool, f"{pool}_exposure", f"{pool}_peak")}
