"""The ledger: where every part of the dose is, from the very fluxes that the update used.

::

    injected = plasma + cleared + free + bound + internalised + in_macrophages + lymph + boundary + decayed + degraded

The plasma curve is prescribed, so ``cleared`` is what left the plasma by neither decay nor this tissue. What is
*checked* is the tissue's own balance, which no definition can hide::

    initial + extravasated = what was listed from free on [+ released]

Where the agent is a carrier, all this is the drug inside carriers. What they release has a balance of its own::

    released + drug_extravasated = drug_free + drug_in_cells + drug_on_dna + drug_in_macrophages + drug_lymph
                                   + drug_boundary + drug_decayed

Where blood carries the agent through a network, so has the network::

    vessels_inflow + vessels_returned = vessels + vessels_given + vessels_outflow + vessels_decayed
"""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from tumorsim.errors import NumericsError

TOLERANCE = {"float64": 1e-12, "float32": 1e-6}
"""Largest imbalance, relative to all that ever entered the tissue [D]. The dose itself is larger still."""

TISSUE = ("free", "bound", "internalised", "in_macrophages")
DRUG_TERMS = (
    "drug_free",
    "drug_in_cells",
    "drug_on_dna",
    "drug_in_macrophages",
    "drug_lymph",
    "drug_boundary",
    "drug_decayed",
)
"""Where the agent in the tissue is, and what became of the drug that it released."""

LONG_NAMES = {
    "injected": "dose given so far",
    "plasma": "in plasma",
    "plasma_decayed": "decayed in plasma",
    "cleared": "left the plasma, neither decayed nor into this tissue",
    "initial": "in the tissue at the start, or injected into it so far",
    "entered": "from plasma into tissue, gross",
    "extravasated": "from plasma into tissue, net",
    "free": "free in the interstitium",
    "bound": "bound",
    "internalised": "inside cells",
    "in_macrophages": "inside macrophages",
    "lymph": "drained by lymphatics",
    "boundary": "left through the faces of the box, net",
    "decayed": "decayed in the tissue",
    "degraded": "degraded inside cells",
    "imbalance": "tissue balance: initial + extravasated less all that is accounted for",
}

DRUG_NAMES = {
    "released": "left its carriers in the tissue",
    "drug_plasma": "released drug in plasma",
    "drug_entered": "released drug from plasma into tissue, gross",
    "drug_extravasated": "released drug from plasma into tissue, net",
    "drug_free": "released drug in the interstitium",
    "drug_in_cells": "released drug free inside cells",
    "drug_on_dna": "released drug on the DNA of cells",
    "drug_in_macrophages": "released drug kept by macrophages",
    "drug_lymph": "released drug drained by lymphatics",
    "drug_boundary": "released drug that left through the faces of the box, net",
    "drug_decayed": "released drug that decayed in the tissue",
    "drug_imbalance": "balance of the released drug: released + extravasated less all that is accounted for",
}
"""What is added where the agent releases a drug."""

VESSEL_NAMES = {
    "vessels": "in the vessels of the network",
    "vessels_inflow": "into the network at its inflow ends",
    "vessels_outflow": "out of the network at its outflow ends",
    "vessels_given": "from the network into tissue, gross",
    "vessels_returned": "from tissue back into the network",
    "vessels_decayed": "decayed in the network",
    "vessels_imbalance": "balance of the network: inflow + returned less all that is accounted for",
}
"""What is added where the blood of a network carries the agent."""


_ALL_NAMES = LONG_NAMES | DRUG_NAMES | VESSEL_NAMES


class Plasma(Protocol):
    """What the ledger asks of a plasma curve (amounts up to time t)."""

    def injected(self, t: float, /) -> Any: ...
    def amount(self, t: float, /) -> Any: ...
    def decayed(self, t: float, /) -> float: ...


def entries(amounts: Mapping[str, float], plasma: Plasma, time: float, *, initial: float) -> dict[str, float]:
    """Every term of the ledger at ``time``, in the unit of the dose.

    ``amounts`` are those now free, bound and internalised, and what has passed so far: entered from plasma and
    returned to it, and lymph, boundary, decayed, degraded. ``initial`` is what was in the tissue at time 0.
    """
    tissue = {name: amounts.get(name, 0.0) for name in TISSUE}
    out = {name: amounts[name] for name in ("lymph", "boundary", "decayed", "degraded")}
    extravasated = amounts["entered"] - amounts["returned"]
    injected, in_plasma, lost = (float(f(time)) for f in (plasma.injected, plasma.amount, plasma.decayed))
    return {
        "injected": injected,
        "plasma": in_plasma,
        "plasma_decayed": lost,
        "cleared": injected - in_plasma - lost - extravasated,
        "initial": initial,
        "entered": amounts["entered"],
        "extravasated": extravasated,
        **tissue,
        **out,
        "imbalance": initial
        + extravasated
        - sum((*tissue.values(), *out.values(), amounts.get("released", 0.0))),
    }


def drug_entries(amounts: Mapping[str, float], plasma: Plasma, time: float) -> dict[str, float]:
    """The terms of DRUG_NAMES at ``time``, for a carrier's ``amounts`` and the ``plasma`` of the released drug."""
    here = {name: amounts[name] for name in DRUG_TERMS}
    extravasated = amounts["drug_entered"] - amounts["drug_returned"]
    return {
        "released": amounts["released"],
        "drug_plasma": float(plasma.amount(time)),
        "drug_entered": amounts["drug_entered"],
        "drug_extravasated": extravasated,
        **here,
        "drug_imbalance": amounts["released"] + extravasated - sum(here.values()),
    }


def vessel_entries(amounts: Mapping[str, float]) -> dict[str, float]:
    """The terms of VESSEL_NAMES for the ``amounts`` of a network that carries the agent; none without one."""
    if "vessels" not in amounts:
        return {}
    found = {name: amounts[name] for name in VESSEL_NAMES if name != "vessels_imbalance"}
    came = found["vessels_inflow"] + found["vessels_returned"]
    gone = ("vessels", "vessels_outflow", "vessels_given", "vessels_decayed")
    return {**found, "vessels_imbalance": came - sum(found[name] for name in gone)}


def closure(entries: Mapping[str, float]) -> float:
    """The imbalance over all that ever entered the tissue, 0 while nothing has; of agent, drug and network the largest.

    What entered through the faces of the box is known net of what left there: it is at least what is held.
    """
    held = sum(entries.get(name, 0.0) for name in TISSUE)
    came = max(abs(entries["initial"]) + abs(entries["entered"]), held, abs(entries["boundary"]))
    balances = [(entries["imbalance"], came)]
    if "drug_imbalance" in entries:
        balances.append((entries["drug_imbalance"], entries["released"] + entries["drug_entered"]))
    if "vessels_imbalance" in entries:
        came = entries["vessels_inflow"] + entries["vessels_returned"]
        balances.append((entries["vessels_imbalance"], came))
    return max(abs(imbalance) / scale if scale > 0 else 0.0 for imbalance, scale in balances)


def check_closure(entries: Mapping[str, float], *, precision: str, step: int) -> None:
    """Raise NumericsError when the ledger does not close, or holds what cannot be."""
    if not all(np.isfinite(value) for value in entries.values()):
        broken = [name for name, value in entries.items() if not np.isfinite(value)]
        raise NumericsError(
            f"step {step}: the ledger terms {', '.join(broken)} are not finite. Try a smaller run.cfl"
        )
    error = closure(entries)
    if error > TOLERANCE[precision]:
        table = "\n".join(f"  {name:<17} {value: .9e}  {_ALL_NAMES[name]}" for name, value in entries.items())
        raise NumericsError(
            f"step {step}: the ledger does not close: imbalance {error:.2e} of what entered the tissue, "
            f"{TOLERANCE[precision]:.0e} allowed in {precision}\n{table}\n"
            'Try run.precision = "float64"; if it persists, this is a bug worth reporting'
        )
