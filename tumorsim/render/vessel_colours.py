"""What vessels can be coloured by, and the colour scale of each."""

from typing import TYPE_CHECKING

import numpy as np

from tumorsim.constants import MMHG
from tumorsim.render.colour_scale import ColourScale, pressure_scale

if TYPE_CHECKING:
    from tumorsim.results import Results
    from tumorsim.vessels.network import Network

PLASMA = "plasma"
"""The plasma concentration that a vessel carries: of an output, not of the network."""
COLOURS: dict[str, tuple[str, str, float, bool, str]] = {
    "pressure": ("blood pressure", "mmHg", 1 / MMHG, False, "coolwarm"),
    "flow": ("blood flow", "nl/min", 60e12, True, "viridis"),
    "haematocrit": ("discharge haematocrit", "", 1.0, False, "Reds"),
    "leakiness": ("leakiness of the wall, relative to its tissue", "", 1.0, True, "plasma"),
    "radius": ("vessel radius", "µm", 1e6, True, "cividis"),
}
"""What is known of a network: label, unit, its size, whether on a logarithmic scale, and colour map."""
_DECADES = 4
"""[D]: decades below the 99th percentile that a logarithmic scale shows."""


def known_colours(network: "Network") -> list[str]:
    """Those of ``COLOURS`` that this network has numbers for."""
    return [name for name in COLOURS if getattr(network, name) is not None]


def shown_colours(results: "Results") -> list[str]:
    """What the vessels of a result can be coloured by."""
    carried = [] if results.in_blood is None else [PLASMA]
    return carried + ([] if results.network is None else known_colours(results.network))


def usual_colour(results: "Results", field: str) -> str:
    """Beside an amount of agent what blood carries of it, where that is stored; else the blood pressure."""
    carried = results.in_blood is not None and results.unit(field) == f"{results.amount_unit}/m^3"
    return PLASMA if carried else "pressure"


def network_scale(values: np.ndarray, colour: str) -> ColourScale:
    """From the least to the highest of ``values`` (SI), without the hundredth that lies outside on either side."""
    label, unit, factor, log, colours = COLOURS[colour]
    known = values[np.isfinite(values)] * factor
    low, high = (float(limit) for limit in np.percentile(known, [1, 99]))
    if log:
        high = high or 1.0
        low = max(low, high * 10.0**-_DECADES)
    if not high > low:
        low, high = (low / 2, 2 * low) if log else (low - 0.5, low + 0.5)
    clipped = bool(known.max() > high * (1 + 1e-6))
    return ColourScale(label, unit, factor, low, high, log, clipped, colours=(colours, 0.0, 1.0))


def tube_scale(values: np.ndarray, colour: str) -> ColourScale:
    """The scale of vessels beside a field, whose colours must be others."""
    return pressure_scale(values) if colour == "pressure" else network_scale(values, colour)
