"""Where a nanomedicine goes in a tumour: leaky vessels, interstitial pressure and flow, transport, binding.

``load(config) → Case``, ``simulate(case) → Results`` and ``open(file) → Results``.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tumorsim.case import load
    from tumorsim.results import Results as open
    from tumorsim.simulation import simulate

__all__ = ["__version__", "load", "open", "simulate"]

__version__ = "0.1.0"

_ROOMS = {
    "load": ("tumorsim.case", "load"),
    "simulate": ("tumorsim.simulation", "simulate"),
    "open": ("tumorsim.results", "Results"),
}


def __getattr__(name: str) -> Any:
    """Import a room of the house when something of it is first asked for."""
    from importlib import import_module

    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room, item = _ROOMS[name]
    return getattr(import_module(room), item)
