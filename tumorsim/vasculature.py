"""The vessels of a case: their blood, their walls in every voxel, and pressures that agree with the tissue's."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tumorsim.config.schema import Vessels
from tumorsim.errors import ConfigError, Problem
from tumorsim.grid import Grid
from tumorsim.vessels.blood_flow import blood_flow
from tumorsim.vessels.coupling import (
    PieceWalls,
    VoxelWalls,
    two_way_pressure,
    voxel_walls,
    well_factor,
)
from tumorsim.vessels.leakiness import SCENARIOS, Pores, spread_pores
from tumorsim.vessels.network import Network
from tumorsim.vessels.open_ends import Blood, boundary_pressures
from tumorsim.vessels.rasterise import WIDE, Pieces, piece_pressure, wall_pieces, whole_walls
from tumorsim.vessels.wall import WallCoefficients

TissueValue = Callable[[str], np.ndarray]
TissuePressure = Callable[[np.ndarray, float], np.ndarray]
WallOf = Callable[[TissueValue], WallCoefficients]


def perfused(vessels: Vessels, network: Network) -> Network:
    """The network with its blood, and how its walls differ.

    Where it carries an agent (``plasma``) the pressures inside follow from those at its ends: those of a file may not
    conserve blood.
    """
    flow = blood_flow(
        ends_alone(network) if vessels.plasma == "carried" else network,
        arterial_pressure=vessels.arterial_pressure,
        venous_pressure=vessels.venous_pressure,
        haematocrit=vessels.haematocrit,
        plasma_viscosity=vessels.plasma_viscosity,
        viscosity=vessels.viscosity,
        phase_separation=vessels.phase_separation,
        boundary=vessels.boundary,
    )
    pores = network_pores(vessels, flow)
    return flow if pores is None else replace(flow, leakiness=pores.conductivity)


def ends_alone(network: Network) -> Network:
    """The network without the pressures that it knows of nodes inside; a note says so."""
    inside = network.degree > 1
    if network.pressure is None or np.isnan(network.pressure[inside]).all():
        return network
    known = np.where(inside, np.nan, network.pressure)
    note = "pressures inside are solved from those at the ends, for the blood that carries the agent"
    pressure = None if np.isnan(known).all() else known
    return replace(network, pressure=pressure, notes=(*network.notes, note))


def with_lumen_note(network: Network, fraction: np.ndarray) -> Network:
    """The network with a note of the voxels that would be more than full of blood, and count as full.

    ``fraction`` is the lumen volume per tissue volume, as it is.
    """
    overfull = int(np.count_nonzero(fraction > 1))
    if not overfull:
        return network
    lost = float(np.maximum(fraction - 1, 0).sum() / fraction.sum())
    note = (
        f"lumen: {overfull} voxels are smaller than the vessels that meet or overlap there and count as full of blood; "
        f"{lost:.2g} of the blood volume in the box has no room in vessel_volume_fraction"
    )
    return replace(network, notes=(*network.notes, note))


def network_pores(vessels: Vessels, network: Network) -> Pores | None:
    """The pores of every segment by [vessels.leakiness]; None where all are alike."""
    if vessels.leakiness.is_uniform:
        return None
    return spread_pores(network, vessels.leakiness.spread(SCENARIOS[vessels.scenario].spread))


def scenario_factor(vessels: Vessels, name: str) -> float:
    """What the scenario makes of the property ``name`` of a tissue's walls."""
    scenario = SCENARIOS[vessels.scenario]
    return float(Pores(np.array(scenario.pore_radius), np.array(scenario.pore_area)).factor(name))


def pieces_in_box(network: Network, grid: Grid, *, whole: bool = False) -> Pieces:
    """The pieces of the walls, or of ``whole`` ones. Raises ConfigError where none is in the box."""
    pieces = wall_pieces(network, grid)
    if not len(pieces.voxel):
        cure = "Move the box with domain.origin, or set vessels.fit_domain = true"
        raise ConfigError(Problem("vessels.file", network.source, "no vessel lies inside the box", cure))
    return whole_walls(pieces, network, grid) if whole else pieces


def piece_walls(
    network: Network,
    pieces: Pieces,
    *,
    wall: WallCoefficients,
    pores: Pores | None,
    wall_of: WallOf,
    tissue: TissueValue,
    area_scales_permeability: bool,
    offset: float = 0.0,
) -> PieceWalls:
    """The wall of every piece: that of its voxel, ``wall``, or with ``pores`` that of its own segment's.

    ``wall_of`` gives the wall of tissue properties; where the permeability is measured rather than that of pores,
    ``area_scales_permeability``. The leakiness of a voxel multiplies both. The area is that at the radius + ``offset``.
    """
    area = (network.wall_area * (1 + offset / network.radius))[pieces.segment] * pieces.share
    if pores is None:
        names = ("hydraulic_conductivity", "permeability", "reflection_coefficient")
        values = (np.asarray(getattr(wall, name)).ravel()[pieces.voxel] for name in names)
        return PieceWalls(area, WallCoefficients(*values))
    own = Pores(pores.radius[pieces.segment], pores.area[pieces.segment])
    found = wall_of(lambda name: tissue(name).ravel()[pieces.voxel] * own.factor(name))
    leaky = tissue("leakiness").ravel()[pieces.voxel]
    more = leaky * own.area if area_scales_permeability else leaky
    return PieceWalls(
        area,
        WallCoefficients(
            found.hydraulic_conductivity * leaky, found.permeability * more, found.reflection_coefficient
        ),
    )


def well_corrected(
    walls: PieceWalls,
    pieces: Pieces,
    network: Network,
    grid: Grid,
    *,
    conductivity: np.ndarray,
    mobility: np.ndarray,
    offset: float = 0.0,
) -> PieceWalls:
    """With the resistance of the tissue between thin vessels and their voxels: K for fluid, εD for the agent."""
    lumen = network.radius[pieces.segment]
    around = np.where(lumen > WIDE * min(grid.spacing), lumen, 0.0)
    spacing = float(np.prod(grid.spacing) ** (1 / 3))
    fluid, agent = (
        np.asarray(value)
        * well_factor(
            np.asarray(value),
            radius=lumen + offset,
            spacing=spacing,
            mobility=of.ravel()[pieces.voxel],
            around=around,
        )
        for value, of in (
            (walls.wall.hydraulic_conductivity, conductivity),
            (walls.wall.permeability, mobility),
        )
    )
    return replace(walls, wall=WallCoefficients(fluid, agent, walls.wall.reflection_coefficient))


@dataclass(frozen=True, eq=False)
class TwoWay:
    """What the exchange of fluid between blood and tissue needs of a case.

    ``tissue`` of its walls gives a function that takes blood pressures (nz, ny, nx) and a relative residual to the
    pressure of the tissue.
    """

    vessels: Vessels
    pieces: Pieces
    walls: PieceWalls
    grid: Grid
    oncotic: np.ndarray
    other: VoxelWalls | None
    tissue: Callable[[VoxelWalls], TissuePressure]

    def solve(self, network: Network) -> Network:
        """The network with pressures and flows that agree with the pressure of the tissue.

        What its file knows of its open ends stays; inner pressures follow.
        """
        vessels = self.vessels
        blood = Blood(
            vessels.haematocrit, vessels.phase_separation, vessels.viscosity, vessels.plasma_viscosity
        )
        known = (
            np.where(network.degree == 1, network.pressure, np.nan) if network.pressure is not None else None
        )
        if network.boundary_flow is not None and known is not None:
            known[~np.isnan(network.boundary_flow)] = np.nan
        ends = replace(network, pressure=known)
        known, _ = boundary_pressures(
            ends, blood, "split", vessels.arterial_pressure, vessels.venous_pressure
        )
        fluid = np.asarray(self.walls.wall.hydraulic_conductivity) * self.walls.area
        start = voxel_walls(self.pieces, self.walls, network, self.grid, other=self.other)
        first, tissue_pressure = piece_pressure(self.pieces, network), self.tissue(start)
        whole = np.asarray(start.wall.hydraulic_conductivity) * start.area_density * self.grid.voxel_volume

        def tissue(current: Network, accuracy: float) -> np.ndarray:
            gained = fluid * (piece_pressure(self.pieces, current) - first)
            total = np.bincount(self.pieces.voxel, gained, minlength=self.grid.voxels)
            vascular = np.divide(
                total.reshape(self.grid.shape), whole, out=np.zeros(self.grid.shape), where=whole > 0
            )
            vascular += start.pressure
            return tissue_pressure(vascular, accuracy)

        found, balance = two_way_pressure(
            network,
            known,
            self.pieces,
            fluid=fluid,
            oncotic=self.oncotic.ravel()[self.pieces.voxel],
            tissue_pressure=tissue,
            blood=blood,
            tolerance=vessels.two_way_tolerance,
        )
        note = (
            f"two-way pressure: {balance.exchanged:.4g} m³/s pass the walls, {balance.into_tissue:.4g} m³/s net; blood "
            f"and tissue agree on all but {balance.mismatch:.1g} of that after {balance.rounds} rounds"
        )
        return replace(found, notes=(*found.notes, note))
