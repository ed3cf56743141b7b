"""Vessels that leak unlike each other: pores whose radius and number differ from segment to segment.

Both are factors on what the tissue of a region says of its walls, so a median of 1 leaves that as it is. The pores of
tumours differ from vessel to vessel and along one [S: Hobbs 1998, PMC22537]; how widely is a parameter [D].
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tumorsim.vessels.network import Network


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How the walls differ: radius and area of the pores are log-normal with median 1.

    Besides, on the part ``hot_spots`` of all wall area pores take ``hot_spot_factor`` times the area; and in vessels
    wider than ``wide_radius`` (m) ``wide_factor`` times it, for the walls of arteries and veins are tighter.
    """

    pore_radius_log_sd: float = 0.0
    pore_area_log_sd: float = 0.0
    hot_spots: float = 0.0
    hot_spot_factor: float = 10.0
    wide_radius: float = np.inf
    wide_factor: float = 0.1
    seed: int = 1


@dataclass(frozen=True, eq=False)
class Pores:
    """Factors (m,) on the radius of the pores of every segment and on the wall area that they take."""

    radius: np.ndarray
    area: np.ndarray

    def factor(self, name: str) -> np.ndarray | float:
        """On the property ``name`` of the tissue's wall."""
        law = WALL_PROPERTIES.get(name)
        return 1.0 if law is None else law(self.radius, self.area)

    @property
    def conductivity(self) -> np.ndarray:
        """The factor on Lp: area × radius²."""
        return self.area * self.radius**2


WALL_PROPERTIES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "pore_radius": lambda radius, area: radius,
    "large_pore_radius": lambda radius, area: radius,
    "pore_area_fraction": lambda radius, area: area,
    "large_pore_area_fraction": lambda radius, area: area,
    "wall_hydraulic_conductivity": lambda radius, area: area * radius**2,
}
"""What of a tissue's wall changes with the pores, and by which factor; nothing else does."""


def spread_pores(network: Network, spread: Spread) -> Pores:
    """The pores of every segment; the same seed gives the same to the same network.

    Hot spots are whole segments, drawn at random until they have their part of the wall area.
    """
    rng = np.random.default_rng(spread.seed)
    m = len(network.segments)
    radius = np.exp(rng.normal(0, spread.pore_radius_log_sd, m))
    area = np.exp(rng.normal(0, spread.pore_area_log_sd, m))
    order = rng.permutation(m)
    part = np.cumsum(network.wall_area[order]) / network.wall_area.sum()
    area[order[part <= spread.hot_spots]] *= spread.hot_spot_factor
    return Pores(radius, np.where(network.radius > spread.wide_radius, spread.wide_factor * area, area))


@dataclass(frozen=True)
class Scenario:
    """A treatment as factors on the untreated vessels: pore radius and area, number of vessels, and spread."""

    pore_radius: float = 1.0
    pore_area: float = 1.0
    vessels: float = 1.0
    spread: float = 1.0


SCENARIOS: dict[str, Scenario] = {
    "untreated": Scenario(),
    "normalised": Scenario(pore_radius=0.5, pore_area=0.5, vessels=1062 / 1602, spread=0.5),
    "disrupted": Scenario(pore_radius=1.5, pore_area=2.0, vessels=0.5, spread=1.5),
}
"""Before and after treatments, to be compared with each other.

The number of vessels changes in the models "continuum" and "generated"; a network from a file keeps its own.
"normalised": fewer and more regular vessels with smaller pores. The share of vessels is that of segments per volume
with bevacizumab, 1,062 of 1,602 per mm³ [M]; that pores become smaller is known (Chauhan et al. 2012,
doi 10.1038/nnano.2012.45 [M]), by how much is [D]. "disrupted": vessels lost, the rest leakier, all [D].
"""
