"""Numbers per region that are stored with every output."""

from collections.abc import Mapping, Sequence

import numpy as np

from tumorsim.constants import TISSUE_DENSITY
from tumorsim.fields import FIELDS, Field
from tumorsim.grid import Grid

_GRAM = 1e-3 / TISSUE_DENSITY
"""Volume of a gram of tissue, m³: 1e-6 at 1 g/mL [D]."""


def field_statistics(
    fields: Mapping[str, np.ndarray],
    *,
    labels: np.ndarray,
    region_names: Sequence[str],
    grid: Grid,
    dose: float,
) -> dict[str, float]:
    """What the regions hold: entries ``REGION/NAME`` as ``statistics_fields`` lists them.

    ``fields`` are amounts per tissue volume N (amount/m³), arrays of shape (nz, ny, nx) like ``labels``;
    together they are ``total``. For each: mean, largest value, standard deviation over the voxels and its
    ratio to the mean (coefficient of variation). For the total also the amount ∫N dV, its part of the dose,
    and

        %ID/g = 100 · mean N · 1e-6 m³/g / dose          at a tissue density of 1 g/mL [D]

    What has no value (a region without voxels, the variation around a mean of 0, parts of no dose) is nan.
    """
    numbers: dict[str, float] = {}
    for label, region in enumerate(region_names):
        inside = labels == label
        values = {name: array[inside].astype(np.float64, copy=False) for name, array in fields.items()}
        values["total"] = np.sum(list(values.values()), axis=0)
        volume = int(np.count_nonzero(inside)) * grid.voxel_volume
        amount = float(values["total"].sum()) * grid.voxel_volume
        for name, array in values.items():
            numbers |= {f"{region}/{kind}_{name}": number for kind, number in _moments(array).items()}
        numbers |= {
            f"{region}/volume": volume,
            f"{region}/amount": amount,
            f"{region}/percent_dose": _ratio(100 * amount, dose),
            f"{region}/percent_dose_per_gram": _ratio(100 * amount * _GRAM, volume * dose),
        }
    return numbers


def _moments(values: np.ndarray) -> dict[str, float]:
    if not values.size:
        return dict.fromkeys(("mean", "max", "sd", "cv"), float("nan"))
    mean, sd = float(values.mean()), float(values.std())
    return {"mean": mean, "max": float(values.max()), "sd": sd, "cv": _ratio(sd, mean)}


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def statistics_fields(region_names: Sequence[str], species: Sequence[str]) -> list[Field]:
    """Name, unit and meaning of every entry of ``field_statistics`` for the fields called ``species``."""
    listed = []
    for region in region_names:
        for name in (*species, "total"):
            what = f"agent in all forms in {region}" if name == "total" else f"{_meaning(name)} in {region}"
            listed += [
                Field(f"{region}/mean_{name}", "{amount}/m^3", f"mean of {what}"),
                Field(f"{region}/max_{name}", "{amount}/m^3", f"largest value of {what}"),
                Field(f"{region}/sd_{name}", "{amount}/m^3", f"standard deviation over voxels of {what}"),
                Field(f"{region}/cv_{name}", "1", f"coefficient of variation of {what}"),
            ]
        listed += [
            Field(f"{region}/volume", "m^3", f"volume of {region}"),
            Field(f"{region}/amount", "{amount}", f"agent in all forms in {region}"),
            Field(f"{region}/percent_dose", "%", f"part of the dose in {region}"),
            Field(f"{region}/percent_dose_per_gram", "%/g", f"part of the dose per gram of {region}"),
        ]
    return listed


def _meaning(species: str) -> str:
    """``agent bound to matrix or receptors``: what a field is, without the remark after the comma."""
    return FIELDS[species].long_name.partition(",")[0] if species in FIELDS else species
