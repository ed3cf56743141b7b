"""Agent in blood, as a result tells it: for ratios to blood and for the blood that a scanner sees in tissue."""

import numpy as np

from tumorsim.agents.body_size import first_volume
from tumorsim.results import Results

HAEMATOCRIT = 0.45
"""Red cells per blood volume [M]; the agent is taken to stay out of them."""


def plasma_concentration(results: Results) -> np.ndarray:
    """``C_p`` at every output, amount per plasma volume; nan where the result does not tell it.

    The amount in plasma of the ledger over the volume that it fills in the config; in a steady state the constant one.
    """
    dosing = results.config.get("dosing", {})
    if results.steady:
        given = dosing.get("plasma_concentration")
        return np.full(len(results.times), given["value"] if given else np.nan)
    volume, body = dosing.get("plasma_volume"), dosing.get("body")
    if volume is None and body is not None:
        own = results.config.get("agent", {}).get("central_volume")
        volume = first_volume(body, mass=dosing.get("body_mass"), in_human=own)
    if volume is None or "plasma" not in results.ledger:
        return np.full(len(results.times), np.nan)
    return results.ledger["plasma"] / volume


def blood_concentration(results: Results, *, haematocrit: float = HAEMATOCRIT) -> np.ndarray:
    """``C_b = (1 − Hct) C_p`` at every output, amount per blood volume."""
    return (1 - haematocrit) * plasma_concentration(results)


def blood_volume_fraction(results: Results) -> np.ndarray:
    """Blood volume per tissue volume, (nz, ny, nx).

    The field ``vessel_volume_fraction`` where it is stored; that of the network where there is one; else from
    the wall area of cylinders of the radius r = ``vessels.default_radius``, ``v_b = (S/V) r/2``, capillaries of
    5 µm unless the config says otherwise [D]. Zero where the file holds none of these.
    """
    if "vessel_volume_fraction" in results.fields:
        return results.field("vessel_volume_fraction").astype(np.float64)
    if results.network is not None:
        from tumorsim.vessels.rasterise import rasterise

        return rasterise(results.network, results.grid).volume_fraction
    if "vessel_area_density" not in results.fields:
        return np.zeros(results.grid.shape)
    radius = float(results.config["vessels"]["default_radius"])
    return results.field("vessel_area_density").astype(np.float64) * radius / 2


def amount_in_blood(results: Results, weights: np.ndarray) -> np.ndarray:
    """Agent in the blood of every voxel, ``v_b Σ_k w_k C_b``, per tissue volume and times the unit of ``weights`` (T,).

    Where blood carried the agent through a network, C_b is that of each segment, with the network's own haematocrit
    (with none where red cells hold the agent).
    """
    network, levels = results.network, results.in_blood
    if network is None or levels is None:
        level = float((weights * np.nan_to_num(blood_concentration(results))).sum())
        return level * blood_volume_fraction(results) if level else np.zeros(results.grid.shape)
    from tumorsim.vessels.rasterise import in_lumen

    cells = HAEMATOCRIT if network.haematocrit is None else network.haematocrit
    if results.config["vessels"]["carried_in"] == "blood":
        cells = 0.0
    return in_lumen((weights @ levels) * (1 - cells) * network.volume, network, results.grid)


def total_with_blood(results: Results, *, step: int) -> np.ndarray:
    """Amount per tissue volume that a scanner sees, tissue and blood in it: ``N + v_b C_b``, (nz, ny, nx)."""
    at_step = np.zeros(len(results.times))
    at_step[step] = 1.0
    return results.total(step=step) + amount_in_blood(results, at_step)
