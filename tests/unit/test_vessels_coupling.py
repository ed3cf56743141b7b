"""A network and its tissue: what leaves one enters the other, and a thin vessel is not as wide as its voxel."""

from dataclasses import replace

import numpy as np
import pytest

import tumorsim
from tumorsim.boundaries import Boundaries
from tumorsim.device.select import select_device
from tumorsim.errors import NumericsError
from tumorsim.flow.pressure import FluidProperties, solve_flow
from tumorsim.grid import Grid
from tumorsim.vessels.blood_flow import blood_flow
from tumorsim.vessels.coupling import (
    PieceWalls,
    VoxelWalls,
    leak_of,
    two_way_pressure,
    unresolved,
    voxel_walls,
    well_factor,
)
from tumorsim.vessels.network import Network
from tumorsim.vessels.open_ends import Blood, conductance
from tumorsim.vessels.poiseuille import net_flow
from tumorsim.vessels.rasterise import wall_pieces
from tumorsim.vessels.wall import WallCoefficients

UM = 1e-6
DEVICE = select_device("numpy")[0]
SQUARE = 1.0787049
"""Radius of the circle that is as far as a square of half side 1 for a line in its middle: its conformal radius [C]."""


def tube(length=200 * UM, radius=5 * UM, parts=1, at=0.0) -> Network:
    """A straight vessel along z."""
    nodes = np.full((parts + 1, 3), at)
    nodes[:, 0] = np.linspace(0, length, parts + 1)
    links = np.stack([np.arange(parts), np.arange(parts) + 1], axis=1)
    return Network(nodes, links, np.full(parts, radius))


def flux_of_a_line(voxels: int, *, corrected: bool, lp=2e-9, k=3e-14, radius=5 * UM, side=400 * UM) -> float:
    """Fluid per length and pressure from a vessel through the middle of a square whose edges have no pressure."""
    h = side / voxels
    grid = Grid((1, voxels, voxels), (h, h, h), (0, -side / 2, -side / 2))
    network = replace(tube(length=h, radius=radius), pressure=np.full(2, 1000.0))
    pieces = wall_pieces(network, grid)
    factor = (
        well_factor(np.array(lp), radius=np.array(radius), spacing=h, mobility=np.array(k))
        if corrected
        else 1.0
    )
    wall = WallCoefficients(np.full(1, lp * factor), np.zeros(1), np.ones(1))
    vessels = voxel_walls(pieces, PieceWalls(network.wall_area * pieces.share, wall), network, grid)
    fluid = FluidProperties(k, vessels.wall.hydraulic_conductivity * vessels.area_density, vessels.pressure)
    faces = Boundaries(y_low=0.0, y_high=0.0, x_low=0.0, x_high=0.0)
    flow = solve_flow(DEVICE, grid, fluid, faces, tolerance=1e-11, precision="float64")
    return float(np.sum(flow.filtration)) * grid.voxel_volume / h / 1000.0


def test_the_flux_of_a_line_source_in_closed_form_at_second_order():
    """q = p/(1/(2πR Lp) + ln(r_o/R)/(2πK)); with the correction the error falls with h², without it stays."""
    lp, k, radius, side = 2e-9, 3e-14, 5 * UM, 400 * UM
    exact = 1 / (1 / (2 * np.pi * radius * lp) + np.log(SQUARE * side / 2 / radius) / (2 * np.pi * k))
    counts = np.array([5, 9, 15, 25, 45])  # R < r_e = 0.1985 h up to 15, and 0.56 h in the end
    errors = np.array([abs(flux_of_a_line(n, corrected=True) / exact - 1) for n in counts])
    order = -np.diff(np.log(errors)) / np.diff(np.log(counts))
    assert errors[-1] < 5e-5
    assert (order > 1.8).all()
    plain = np.array([flux_of_a_line(n, corrected=False) / exact - 1 for n in counts])
    assert plain[0] > 0.2  # the voxel stands for a vessel of 0.2 h
    assert plain[-1] < -0.1
    assert (abs(plain) > 10 * errors).all()


def test_the_correction_is_nothing_for_vessels_of_a_fifth_of_the_spacing_and_bounded():
    factor = well_factor(
        np.full(4, 1e-8),
        radius=np.array([1, 1.985, 4, 4]) * UM,
        spacing=10 * UM,
        mobility=np.array([1e-14, 1e-14, 1e-14, 1e-11]),
        around=np.array([0, 0, 0, 4 * UM]),
    )
    assert factor[0] < 0.7
    assert factor[1] == pytest.approx(1, abs=1e-3)
    assert factor[2] == 2.0  # the tissue of such a voxel could not even bring that
    assert factor[3] == 1.0  # its pieces lie on its wall


GRID = Grid((10, 5, 5), (20 * UM,) * 3, (0, -50 * UM, -50 * UM))
BLOOD = Blood()


def coupled(lp, *, tolerance=1e-8, k=3e-14):
    """A tube of four parts through a box whose sides have no pressure, with blood from 3000 to 2000 Pa."""
    network = tube(parts=4)
    known = np.full(5, np.nan)
    known[[0, -1]] = 3000.0, 2000.0
    network = blood_flow(replace(network, pressure=known))
    pieces = wall_pieces(network, GRID)
    area = network.wall_area[pieces.segment] * pieces.share
    walls = PieceWalls(
        area, WallCoefficients(np.full(len(area), lp), np.zeros(len(area)), np.ones(len(area)))
    )
    faces = Boundaries(y_low=0.0, y_high=0.0, x_low=0.0, x_high=0.0)
    oncotic = 300.0

    def tissue(current, accuracy=1e-11):
        vessels = voxel_walls(pieces, walls, current, GRID)
        fluid = FluidProperties(
            k, vessels.wall.hydraulic_conductivity * vessels.area_density, vessels.pressure - oncotic
        )
        return np.asarray(
            solve_flow(DEVICE, GRID, fluid, faces, tolerance=accuracy, precision="float64").pressure
        )

    found, balance = two_way_pressure(
        network, known, pieces, fluid=lp * area, oncotic=np.full(len(area), oncotic),
        tissue_pressure=tissue, blood=BLOOD, tolerance=tolerance,
    )  # fmt: skip
    return network, found, balance, tissue(found)


@pytest.mark.parametrize("lp", [2e-11, 1e-8, 1e-7])
def test_what_leaves_the_vessels_enters_the_tissue(lp):
    _, after, balance, pressure = coupled(lp)
    assert balance.mismatch <= 1e-8
    assert balance.out_of_vessels == pytest.approx(balance.into_tissue, rel=1e-8)
    # what flows in at one end and not out at the other is what leaked; half a part's leak counts at each end
    assert after.flow[0] > after.flow[-1]
    assert after.flow[0] - after.flow[-1] < balance.out_of_vessels
    fluid = (
        3e-14 * pressure[:, [0, -1]].sum() * 20 * UM * 2 + 3e-14 * pressure[:, :, [0, -1]].sum() * 20 * UM * 2
    )
    assert fluid == pytest.approx(
        balance.into_tissue, rel=1e-7
    )  # through the sides of the box, half a voxel away


def test_a_tight_wall_leaves_the_blood_as_it_was():
    before, after, balance, _ = coupled(1e-15)
    assert after.pressure == pytest.approx(before.pressure, rel=1e-8)  # Lp 20,000 times below that of tumours
    assert balance.rounds <= 2


def test_a_leaky_vessel_loses_its_pressure():
    before, after, _, _ = coupled(1e-6, tolerance=1e-6, k=1e-9)
    assert after.pressure[2] < before.pressure[2] - 10


def test_a_leaky_tube_in_tissue_of_constant_pressure_has_the_closed_form():
    """d²p/dz² = (p − e)/ℓ², ℓ² = g L/(2πR Lp): its discharge against cosh, at second order in the parts."""
    errors = []
    for parts in (8, 16, 32):
        network = tube(parts=parts)
        known = np.full(parts + 1, np.nan)
        known[[0, -1]] = 3000.0, 2000.0
        grid = Grid((parts, 1, 1), (200 * UM / parts, 40 * UM, 40 * UM), (0, -20 * UM, -20 * UM))
        pieces = wall_pieces(network, grid)
        lp = 3e-6
        found, _ = two_way_pressure(
            network, known, pieces, fluid=lp * network.wall_area[pieces.segment] * pieces.share,
            oncotic=np.zeros(len(pieces.voxel)), blood=BLOOD,
            tissue_pressure=lambda *_, shape=grid.shape: np.full(shape, 500.0),
        )  # fmt: skip
        g = conductance(network)[0] * 200 * UM / parts
        scale = np.sqrt(g / (2 * np.pi * 5 * UM * lp))
        z, length = network.nodes[:, 0], 200 * UM
        exact = 500 + (2500 * np.sinh((length - z) / scale) + 1500 * np.sinh(z / scale)) / np.sinh(
            length / scale
        )
        errors.append(np.abs(found.pressure - exact).max())
    assert errors[0] > 0.5  # Pa, of a profile that bends
    assert np.log2(np.divide(errors[:-1], errors[1:])) == pytest.approx([2, 2], abs=0.25)


def test_leaky_walls_take_more_rounds_but_not_many():
    """At 1e5 times the wall's conductivity in tumours, and in tissue so tight that its pressure follows the blood's."""
    for k in (1e-15, 3e-14, 1e-12):
        _, _, balance, _ = coupled(2e-6, k=k)
        assert balance.mismatch <= 1e-8
        assert balance.rounds <= 12


def test_blood_and_tissue_that_never_agree_are_told():
    network = tube(parts=2)
    pieces = wall_pieces(network, GRID)
    moods = np.random.default_rng(1)
    with pytest.raises(NumericsError, match="do not agree after 50 rounds"):
        two_way_pressure(
            network, np.array([3000.0, np.nan, 2000.0]), pieces, fluid=np.full(len(pieces.voxel), 1e-18),
            oncotic=np.zeros(len(pieces.voxel)), blood=BLOOD,
            tissue_pressure=lambda *_: np.full(GRID.shape, moods.uniform(0, 1000)),
        )  # fmt: skip


def test_a_leak_is_symmetric_and_its_parts_add_up():
    network = replace(tube(parts=3), pressure=np.array([4.0, 3, 2, 1]))
    pieces = wall_pieces(network, GRID)
    fluid = np.linspace(1, 2, len(pieces.voxel))
    leak = leak_of(pieces, fluid, np.zeros(len(fluid)), network)
    middle = (pieces.start + pieces.end) / 2
    first, last = network.pressure[network.segments[pieces.segment]].T
    assert leak.loss(network, network.pressure).sum() == pytest.approx(
        (fluid * (first + (last - first) * middle)).sum()
    )


def test_vessels_that_the_image_missed_make_up_the_total():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, (6, 7, 8)).astype(np.uint8)
    found = rng.uniform(0, 8000, labels.shape) * (rng.uniform(size=labels.shape) < 0.3)
    wanted = np.array([5000.0, 100.0, 0.0])[labels]
    wall = WallCoefficients(np.ones(labels.shape), np.ones(labels.shape), np.zeros(labels.shape))
    more = unresolved(found, wanted=wanted, labels=labels, wall=wall, pressure=np.full(labels.shape, 9.0))
    total = found + more.area_density
    assert total[labels == 0].mean() == pytest.approx(5000, rel=1e-12)
    assert (
        more.area_density[labels > 0] == 0
    ).all()  # where there are more already, and where none are wanted


def test_two_kinds_of_vessels_in_a_voxel_act_side_by_side():
    network = replace(tube(radius=4 * UM), pressure=np.array([3000.0, 2000.0]))
    pieces = wall_pieces(network, GRID)
    area = network.wall_area[pieces.segment] * pieces.share
    walls = PieceWalls(area, WallCoefficients(np.full(10, 3e-11), np.full(10, 1e-9), np.full(10, 0.5)))
    shape = np.ones(GRID.shape)
    other = VoxelWalls(1e3 * shape, WallCoefficients(1e-11 * shape, 2e-9 * shape, 0.9 * shape), 1500 * shape)
    both = voxel_walls(pieces, walls, network, GRID, other=other)
    own = area[0] / GRID.voxel_volume
    at = (0, 2, 2)
    assert both.area_density[at] == pytest.approx(own + 1e3)
    fluid = own * 3e-11 + 1e3 * 1e-11
    assert both.area_density[at] * both.wall.hydraulic_conductivity[at] == pytest.approx(fluid)
    assert both.wall.reflection_coefficient[at] == pytest.approx(
        (own * 3e-11 * 0.5 + 1e3 * 1e-11 * 0.9) / fluid
    )
    assert both.pressure[at] == pytest.approx((own * 3e-11 * 2950 + 1e3 * 1e-11 * 1500) / fluid)
    assert both.pressure[0, 0, 0] == 1500


# in a case


@pytest.fixture
def case(tmp_path, doxil_text):
    path = tmp_path / "case.toml"
    path.write_text(doxil_text('model = "generated"\ngenerated = { feeders = 2 }'))
    return lambda *overrides: tumorsim.load(path, overrides=overrides)


def test_two_way_pressure_in_a_case_is_consistent(case):
    made = case("vessels.two_way=true", "pressure.tolerance=1e-10")
    flow = made.solve_flow(DEVICE)
    pieces, walls = made._pieces, made._piece_walls
    fluid = walls.wall.hydraulic_conductivity * walls.area
    pressure = np.asarray(flow.pressure).ravel()[pieces.voxel]
    opposing = pressure + made._oncotic.ravel()[pieces.voxel]
    leaving = leak_of(pieces, fluid, opposing, made.network).loss(made.network, made.network.pressure).sum()
    entering = float(np.sum(np.asarray(flow.filtration, float))) * made.grid.voxel_volume
    assert leaving == pytest.approx(entering, rel=1e-6)  # the filtration is kept in single precision
    gates = made.network.degree == 1
    lost = net_flow(made.network, made.network.flow)
    inside = leak_of(pieces, fluid, opposing, made.network).loss(made.network, made.network.pressure)
    known = gates & (np.isin(made.network.pressure, [25 * 133.322, 10 * 133.322]))
    assert lost[~known].sum() == pytest.approx(inside[~known].sum(), rel=1e-7)
    assert "two-way pressure" in made.network.notes[-1]


def test_segments_of_their_own_leakiness_share_the_wall_of_the_voxel(case):
    plain, spread = (
        case(),
        case("vessels.leakiness.pore_area_log_sd=1.0", "vessels.leakiness.pore_radius_log_sd=0.2"),
    )
    assert np.allclose(plain.vessel_area_density, spread.vessel_area_density)
    ratio = spread.wall.hydraulic_conductivity / plain.wall.hydraulic_conductivity
    assert ratio[plain.vessel_area_density > 0].std() > 0.3
    assert spread.network.leakiness is not None and plain.network.leakiness is None


def test_a_normalised_tumour_leaks_less_and_a_disrupted_one_more(case):
    total = {}
    for name in ("untreated", "normalised", "disrupted"):
        made = case(f"vessels.scenario={name}")
        total[name] = float((made.vessel_area_density * made.wall.permeability).mean())
        assert made.fluid.map("vessel_filtration", made.grid.shape).max() > 0
    assert total["normalised"] < 0.5 * total["untreated"]
    walls = {name: float(case(f"vessels.scenario={name}").wall.permeability.max()) for name in total}
    assert walls["disrupted"] > walls["untreated"] > walls["normalised"]


def test_unresolved_vessels_bring_a_case_to_the_area_of_its_tissue(case):
    made = case("vessels.unresolved=true")
    assert made.vessel_area_density.mean() == pytest.approx(2e4, rel=1e-9)
    assert case().vessel_area_density.mean() < 1e4


def test_scenarios_of_continuum_vessels(case):
    plain, treated = (
        case("vessels.model=continuum", f"vessels.scenario={s}") for s in ("untreated", "normalised")
    )
    assert treated.vessel_area_density / plain.vessel_area_density == pytest.approx(1062 / 1602)
    ratio = treated.wall.hydraulic_conductivity / plain.wall.hydraulic_conductivity
    assert ratio == pytest.approx(0.5 * 0.5**2)
