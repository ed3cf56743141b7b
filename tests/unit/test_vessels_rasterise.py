"""Vessel segments cut by voxel faces, and what voxels make of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tumorsim.errors import ConfigError
from tumorsim.grid import Grid
from tumorsim.vasculature import with_lumen_note
from tumorsim.vessels.network import Network
from tumorsim.vessels.rasterise import clip_segments, distance_to_vessels, lumen_fraction, rasterise
from tumorsim.vessels.read import read_network

UM = 1e-6
DATA = Path(__file__).parents[2] / ".." / "shared" / "data"
GRID = Grid((3, 4, 5), (2.0, 1.0, 0.5), (1.0, -1.0, 0.0))  # a box of 6 × 4 × 2.5
LOWER, UPPER = np.array([1.0, -1, 0]), np.array([7.0, 3, 2.5])


def one(start, end, *, radius=0.1, pressure=None) -> Network:
    return Network(np.array([start, end], float), np.array([[0, 1]]), np.array([radius]), pressure=pressure)


def inside_length(network: Network) -> float:
    """Length in the box by a formula of its own: the slab rule, one segment at a time."""
    total = 0.0
    for a, b in network.nodes[network.segments]:
        with np.errstate(divide="ignore"):
            s = np.sort([(LOWER - a) / (b - a), (UPPER - a) / (b - a)], axis=0)
        total += max(0.0, min(1, s[1].min()) - max(0, s[0].max())) * np.linalg.norm(b - a)
    return total


def random_network(seed: int, *, count: int = 12) -> Network:
    rng = np.random.default_rng(seed)
    nodes = rng.uniform(LOWER - 1.5, UPPER + 1.5, (2 * count, 3))
    pressure = rng.uniform(1000, 4000, 2 * count)
    return Network(
        nodes, np.arange(2 * count).reshape(-1, 2), rng.uniform(0.01, 0.3, count), pressure=pressure
    )


def test_a_segment_within_one_voxel_gives_it_all_its_wall():
    fields = rasterise(one([1.2, -0.8, 0.1], [2.2, -0.6, 0.3]), GRID)
    length = np.sqrt(1 + 0.04 + 0.04)
    assert np.count_nonzero(fields.area_density) == 1
    assert fields.area_density[0, 0, 0] == pytest.approx(2 * np.pi * 0.1 * length / 1.0)  # voxels of volume 1
    assert fields.volume_fraction[0, 0, 0] == pytest.approx(np.pi * 0.01 * length)


def test_a_segment_through_the_box_is_cut_at_every_face():
    fields = rasterise(one([2, 0.5, -1], [2, 0.5, 4]), GRID)  # along x
    assert fields.area_density[0, 1] == pytest.approx(np.full(5, 2 * np.pi * 0.1 * 0.5))
    assert np.count_nonzero(fields.area_density) == 5
    assert fields.length_inside == pytest.approx(2.5, rel=1e-14)
    assert fields.length_outside == pytest.approx(2.5, rel=1e-14)


def test_an_oblique_segment_counts_in_the_voxels_it_crosses():
    grid = Grid((10, 10, 10), (1.0, 1.0, 1.0))
    network = one([0, 0, 0], [10, 10, 10])
    pieces = clip_segments(network, grid)
    assert pieces.voxel.tolist() == [111 * i for i in range(10)]  # the diagonal
    assert pieces.end - pieces.start == pytest.approx(np.full(10, 0.1))
    skew = clip_segments(one([0.5, 0.3, 0.7], [9.5, 6.1, 2.9]), grid)
    k, j, i = np.unravel_index(skew.voxel, grid.shape)
    assert (np.abs(np.diff(k)) + np.abs(np.diff(j)) + np.abs(np.diff(i)) == 1).all()  # from face to face
    assert len(skew.voxel) == 1 + 9 + 6 + 2  # one more than the faces it crosses on each axis
    assert (skew.start[1:] == skew.end[:-1]).all()


def test_a_segment_in_a_face_belongs_to_the_voxel_above_it():
    within = rasterise(one([3, 0.5, 0.1], [3, 0.5, 0.4]), GRID).area_density
    assert np.argwhere(within).tolist() == [[1, 1, 0]]
    edge = rasterise(one([3, 1, 0.1], [3, 1, 0.4]), GRID).area_density
    assert np.argwhere(edge).tolist() == [[1, 2, 0]]


def test_a_segment_in_the_upper_face_of_the_box_belongs_to_its_last_voxel():
    fields = rasterise(one([7, 0.5, 0.1], [7, 0.5, 0.4]), GRID)
    assert np.argwhere(fields.area_density).tolist() == [[2, 1, 0]]
    assert fields.length_outside == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ([0, 0, 1], [0.9, 2, 1]),  # below
        ([8, 0, 1], [9, 0, 1]),  # above
        ([2, 5, 1], [2, 5, 2]),  # beside, parallel to the box
        ([0, 2.9, 1], [2, 4.9, 1]),  # past an edge
        ([0, 0, 1], [1, 0, 1]),  # ends in the face
    ],
)
def test_a_segment_outside_counts_nowhere(start, end):
    network = one(start, end, pressure=np.array([1.0, 2.0]))
    fields = rasterise(network, GRID)
    assert not fields.area_density.any() and not fields.volume_fraction.any() and not fields.pressure.any()
    assert fields.length_inside == 0
    assert fields.length_outside == pytest.approx(network.length.sum())


def test_no_length_is_lost_or_made():
    for seed in range(20):
        network = random_network(seed, count=50)
        fields = rasterise(network, GRID)
        assert fields.length_inside == pytest.approx(inside_length(network), rel=1e-12)
        pieces = clip_segments(network, GRID)
        area = (network.wall_area[pieces.segment] * (pieces.end - pieces.start)).sum()
        assert fields.area_density.sum() * GRID.voxel_volume == pytest.approx(area, rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_random_segments_agree_with_sampling(seed):
    network = random_network(seed)
    count = 4000
    t = (np.arange(count) + 0.5) / count
    a, b = network.nodes[network.segments].transpose(1, 0, 2)
    points = a[:, None] + (b - a)[:, None] * t[:, None]
    index = np.floor((points - LOWER) / np.array(GRID.spacing)).astype(int)
    inside = ((index >= 0) & (index < np.array(GRID.shape))).all(axis=-1)
    segment = np.broadcast_to(np.arange(len(a))[:, None], inside.shape)[inside]
    voxel = np.ravel_multi_index(tuple(index[inside].T), GRID.shape)
    share = np.zeros((len(a), GRID.voxels))
    np.add.at(share, (segment, voxel), 1 / count)
    pieces = clip_segments(network, GRID)
    exact = np.zeros_like(share)
    np.add.at(exact, (pieces.segment, pieces.voxel), pieces.end - pieces.start)
    # a stretch between two faces holds its share of samples to within one at each end
    assert np.abs(share - exact).max() <= 2 / count
    area = (network.wall_area[:, None] * exact).sum(axis=0)
    assert rasterise(network, GRID).area_density.ravel() == pytest.approx(area / GRID.voxel_volume, rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_segments_between_voxel_corners_lose_nothing(seed):
    """The hard case: ends on faces, edges and corners, many crossings at once."""
    rng = np.random.default_rng(seed)
    corner = rng.integers(-1, 7, (2, 3))
    if (corner[0] == corner[1]).all():
        return
    network = one(*(LOWER + corner * np.array(GRID.spacing)))
    fields = rasterise(network, GRID)
    clipped = np.clip(corner, 0, GRID.shape)
    if (corner == clipped).all():
        assert fields.length_inside == pytest.approx(network.length.sum(), rel=1e-12)
    assert 0 <= fields.length_inside <= network.length.sum() * (1 + 1e-12)
    assert fields.area_density.sum() == pytest.approx(
        2 * np.pi * 0.1 * fields.length_inside, rel=1e-12, abs=1e-15
    )


def test_pressure_is_that_at_the_middle_of_each_part():
    network = one([2, 0.5, 0], [2, 0.5, 2.5], pressure=np.array([1000.0, 2000.0]))
    assert rasterise(network, GRID).pressure[0, 1] == pytest.approx([1100, 1300, 1500, 1700, 1900])


def test_pressure_in_a_voxel_is_weighted_with_wall_area():
    nodes = np.array([[1.5, -0.5, 0.1], [1.5, -0.5, 0.3], [1.2, -0.2, 0.1], [1.6, -0.2, 0.1]])
    pressure = np.array([1000.0, 1000, 4000, 4000])
    network = Network(nodes, np.array([[0, 1], [2, 3]]), np.array([0.3, 0.1]), pressure=pressure)
    fields = rasterise(network, GRID)
    assert fields.pressure[0, 0, 0] == pytest.approx((1000 * 0.3 * 0.2 + 4000 * 0.1 * 0.4) / (0.06 + 0.04))
    assert (fields.pressure[fields.area_density == 0] == 0).all()


def test_a_network_without_pressures_gives_none_and_one_with_gaps_is_refused():
    assert rasterise(one([2, 0.5, 0], [2, 0.5, 2]), GRID).pressure is None
    with pytest.raises(ConfigError, match="Use blood_flow"):
        rasterise(one([2, 0.5, 0], [2, 0.5, 2], pressure=np.array([1.0, np.nan])), GRID)


# Vessels wider than voxels


@pytest.mark.parametrize("radius", [2.3, 4.0])
def test_the_wall_of_a_wide_vessel_is_where_it_is(radius):
    """An axial vessel in unit voxels: wall around it, lumen within, nothing overfull, and nothing lost."""
    grid = Grid((4, 15, 15), (1.0, 1.0, 1.0))
    network = one([-1, 7.5, 7.5], [5, 7.5, 7.5], radius=radius)
    fields = rasterise(network, grid)
    y, x = np.indices((15, 15)) - 7.0
    r = np.hypot(y, x)
    assert (fields.area_density[:, np.abs(r - radius) > 1] == 0).all()
    assert fields.area_density.sum() == pytest.approx(2 * np.pi * radius * 4, rel=1e-12)
    assert fields.volume_fraction.sum() + fields.excess_volume == pytest.approx(
        np.pi * radius**2 * 4, rel=1e-12
    )
    assert fields.volume_fraction[:, r < radius - 1].mean() > 0.8
    assert fields.excess_volume < 0.15 * np.pi * radius**2 * 4  # lines sample the cross-section


def test_lumen_that_finds_no_room_is_reported():
    """Five vessels of the same place in one voxel of volume 1: 5 π 0.36 of lumen and room for 1."""
    grid = Grid((1, 1, 1), (1.0, 1.0, 1.0))
    nodes = np.tile([[0.0, 0.5, 0.5], [1.0, 0.5, 0.5]], (5, 1))
    fields = rasterise(Network(nodes, np.arange(10).reshape(5, 2), np.full(5, 0.55)), grid)
    assert fields.volume_fraction.max() == 1 and fields.overfull == 1
    assert fields.excess_volume == pytest.approx(5 * np.pi * 0.55**2 - 1)


# Distance to the wall


def test_distance_from_a_straight_vessel():
    grid = Grid((9, 9, 9), (1.0, 1.0, 1.0))
    network = one([-10, 4.5, 4.5], [20, 4.5, 4.5], radius=1.2)
    y, x = np.indices((9, 9)) - 4.0
    expected = np.maximum(np.hypot(y, x) - 1.2, 0)
    for tolerance in (0.5, 0.01):
        distance = distance_to_vessels(network, grid, tolerance=tolerance)
        assert (distance >= expected - 1e-12).all()
        assert (distance <= expected + tolerance).all()


def test_the_nearest_wall_is_not_that_of_the_nearest_centre_line():
    grid = Grid((1, 1, 1), (2.0, 2.0, 2.0))  # one voxel, centre (1, 1, 1)
    nodes = np.array([[-9, 1, 4], [9, 1, 4], [-9, 1, -3], [9, 1, -3]], float)
    network = Network(
        nodes, np.array([[0, 1], [2, 3]]), np.array([0.1, 3.5])
    )  # centres at 3 and 4, walls 2.9, 0.5
    assert distance_to_vessels(network, grid, tolerance=1e-2)[0, 0, 0] == pytest.approx(0.5, abs=1e-2)


def test_distance_keeps_its_tolerance_for_random_vessels():
    network = random_network(7, count=20)
    a, b = network.nodes[network.segments].transpose(1, 0, 2)
    points = np.stack(np.broadcast_arrays(*GRID.centers), axis=-1)[..., None, :]
    t = np.clip(((points - a) * (b - a)).sum(-1) / ((b - a) ** 2).sum(-1), 0, 1)[..., None]
    exact = np.maximum((np.linalg.norm(points - a - t * (b - a), axis=-1) - network.radius).min(-1), 0)
    distance = distance_to_vessels(network, GRID)
    assert (distance >= exact - 1e-12).all()
    assert (distance <= exact + 0.125).all()  # a quarter of the smallest spacing, 0.5


# Real networks


@pytest.mark.parametrize("name", ["mouse_cortex_network.dgf", "tumour_network_tapmeier.vtp"])
def test_real_networks_keep_their_totals(name):
    if not (DATA / name).exists():
        pytest.skip(f"{name} is not here")
    network = read_network(DATA / name)
    lower, upper = network.bounding_box
    spacing = 10 * UM
    margin = 3 * spacing  # the widest vessel, of 28.7 µm, stands out by its radius
    shape = tuple(int(n) for n in np.ceil((upper - lower + 2 * margin) / spacing))
    corner = tuple(lower - margin)
    fields = rasterise(network, Grid(shape, (spacing,) * 3, corner))
    voxel = spacing**3
    assert fields.length_inside == pytest.approx(network.length.sum(), rel=1e-12)
    assert fields.area_density.sum() * voxel == pytest.approx(network.wall_area.sum(), rel=1e-12)
    lumen = fields.volume_fraction.sum() * voxel + fields.excess_volume
    assert lumen == pytest.approx(network.volume.sum(), rel=1e-12)
    assert fields.volume_fraction.max() <= 1
    half = Grid((shape[0], shape[1], shape[2] // 2), (spacing,) * 3, corner)
    part = rasterise(network, half)
    assert 0 < part.length_inside < network.length.sum()
    assert part.area_density == pytest.approx(fields.area_density[:, :, : shape[2] // 2], rel=1e-9, abs=1e-6)


def test_blood_that_has_no_room_in_its_voxels_is_noted():
    """Two vessels of 10 µm in one row of voxels of 20 µm: 2π 10² of 20², so 1 − 400/(200π) has no room."""
    nodes = np.array([[0, 10, 10], [0, 10, 100], [0, 10, 10], [0, 10, 100]]) * 1e-6 + [1e-5, 0, 0]
    network = Network(nodes, np.array([[0, 1], [2, 3]]), np.full(2, 10e-6))
    grid = Grid((1, 1, 6), (20e-6,) * 3)
    fraction = lumen_fraction(network, grid)
    (note,) = with_lumen_note(network, fraction).notes
    assert f"{np.count_nonzero(fraction > 1)} voxels are smaller" in note
    assert f"{1 - np.minimum(fraction, 1).sum() / fraction.sum():.2g} of the blood volume" in note
    assert fraction[0, 0, 2] == pytest.approx(np.pi / 2)
    assert rasterise(network, grid).volume_fraction.max() == 1
    one = replace(network, segments=network.segments[:1], radius=network.radius[:1])
    assert with_lumen_note(one, lumen_fraction(one, grid)) is one
