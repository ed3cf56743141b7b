"""Poiseuille flow in vessel networks, with the in-vivo viscosity of blood."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tumorsim.errors import ConfigError, NumericsError
from tumorsim.vessels.blood_flow import blood_flow, nodal_imbalance, solve_pressure
from tumorsim.vessels.network import Network
from tumorsim.vessels.open_ends import conductance, split_ends
from tumorsim.vessels.read import read_network
from tumorsim.vessels.viscosity import PLASMA_VISCOSITY, relative_viscosity

UM = 1e-6
DATA = Path(__file__).parents[2] / ".." / "shared" / "data"


def line(*, radius, pressure=None, spacing=100 * UM) -> Network:
    """Segments one after the other along x."""
    radius = np.asarray(radius, float)
    nodes = np.zeros((len(radius) + 1, 3))
    nodes[:, 2] = np.arange(len(nodes)) * spacing
    segments = np.stack([np.arange(len(radius)), np.arange(len(radius)) + 1], axis=1)
    return Network(nodes, segments, radius, pressure=pressure)


def two_lines() -> Network:
    """Nodes 0–1–2 in a row, and apart from them 3–4–5, all of radius 5 µm."""
    a = line(radius=[5 * UM, 5 * UM])
    nodes = np.concatenate([a.nodes, a.nodes + 1e-3])
    return Network(nodes, np.concatenate([a.segments, a.segments + 3]), np.full(4, 5 * UM))


# Viscosity


@pytest.mark.parametrize(
    ("diameter", "value"), [(5, 12.6), (10, 5.9), (20, 3.2), (50, 2.3), (100, 2.5), (300, 3.0)]
)
def test_viscosity_of_blood_in_vivo(diameter, value):
    assert relative_viscosity(diameter * UM) == pytest.approx(value, abs=0.05)  # a table of two digits


def test_viscosity_is_smooth_where_the_exponent_vanishes():
    diameter = np.linspace(8.04, 8.06, 2001) * UM  # C = 0 at 8.05 µm
    for haematocrit in (0.1, 0.3, 0.6):
        values = relative_viscosity(diameter, haematocrit=haematocrit)
        # steps of 1e-5 µm and a curvature of order 1 per µm²: second differences of order 1e-10
        assert np.abs(np.diff(values, 2)).max() < 2e-10


def test_more_cells_make_thicker_blood():
    values = [
        relative_viscosity(np.array([4, 8.05, 30, 200]) * UM, haematocrit=h) for h in (0, 0.2, 0.45, 0.7)
    ]
    assert (np.diff(values, axis=0) > 0).all()


def test_a_haematocrit_in_percent_is_refused():
    with pytest.raises(ConfigError, match="haematocrit = 45"):
        relative_viscosity(10 * UM, haematocrit=45)


def test_viscosity_is_held_below_3_um():
    assert relative_viscosity(0.1 * UM) == relative_viscosity(3 * UM)


# Flow


def test_one_tube_obeys_poiseuille():
    network = blood_flow(line(radius=[10 * UM]), arterial_pressure=3000.0, venous_pressure=1000.0)
    viscosity = PLASMA_VISCOSITY * float(relative_viscosity(20 * UM))
    expected = np.pi * (20 * UM) ** 4 * 2000 / (128 * viscosity * 100 * UM)
    assert abs(network.flow[0]) == pytest.approx(expected, rel=1e-12)
    assert sorted(network.pressure.tolist()) == [1000, 3000]


def test_blood_flows_down_the_pressure_in_the_sense_of_the_segment():
    falling = blood_flow(line(radius=[10 * UM], pressure=np.array([2.0, 1.0])))
    rising = blood_flow(line(radius=[10 * UM], pressure=np.array([1.0, 2.0])))
    assert falling.flow[0] > 0 > rising.flow[0]


def test_tubes_in_series_divide_the_pressure_by_their_resistance():
    network = line(radius=[10 * UM, 5 * UM, 8 * UM])
    p = solve_pressure(network, boundary_pressure={0: 3000.0, 3: 1000.0})
    resistance = 1 / conductance(network)
    expected = 3000 - 2000 * np.cumsum([0, *resistance]) / resistance.sum()
    assert p == pytest.approx(expected, rel=1e-12)


def test_a_y_junction_is_a_weighted_mean():
    nodes = np.array([[0, 0, 0], [0, 0, 100], [0, 50, 100], [0, -80, 100]]) * UM
    network = Network(nodes, np.array([[0, 1], [2, 1], [1, 3]]), np.array([10.0, 6, 7]) * UM)
    p = solve_pressure(network, boundary_pressure={0: 3000.0, 2: 1500.0, 3: 1000.0}, haematocrit=0.3)
    g = conductance(network, haematocrit=0.3)
    assert p[1] == pytest.approx(g @ [3000, 1500, 1000] / g.sum(), rel=1e-12)


def test_two_ways_between_two_nodes_share_the_flow():
    nodes = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 2], [0, -1, 2], [0, 0, 3], [0, 0, 4]]) * 50 * UM
    segments = np.array([[0, 1], [1, 2], [1, 3], [2, 4], [3, 4], [4, 5]])
    network = Network(nodes, segments, np.array([9, 4, 8, 4, 8, 9]) * UM)
    result = blood_flow(network, arterial_pressure=3000.0, venous_pressure=1000.0)
    g = conductance(network)
    assert result.flow[1] / result.flow[2] == pytest.approx(g[1] / g[2], rel=1e-10)
    assert result.flow[1] + result.flow[2] == pytest.approx(result.flow[0], rel=1e-10)


def test_a_blind_end_has_no_flow_and_the_pressure_of_its_root():
    nodes = np.array([[0, 0, 0], [0, 0, 100], [0, 0, 200], [0, 50, 100]]) * UM
    network = Network(nodes, np.array([[0, 1], [1, 2], [1, 3]]), np.full(3, 5 * UM))
    p = solve_pressure(network, boundary_pressure={0: 3000.0, 2: 1000.0})
    assert p[[1, 3]] == pytest.approx([2000, 2000], rel=1e-12)


def test_radii_of_very_different_size_still_conserve_blood():
    network = line(radius=np.array([30, 0.1, 30, 0.3, 10]) * UM)
    result = blood_flow(network, arterial_pressure=3000.0, venous_pressure=1000.0)
    # the widest part drops (0.1/30)⁴ ≈ 1e-10 of 2000 Pa, known to the 4e-13 Pa that 16 digits of 3000 leave
    assert result.flow == pytest.approx(np.full(5, result.flow[1]), rel=1e-5)


def test_a_part_at_rest_has_one_pressure_and_is_noted():
    apart = two_lines()
    p = solve_pressure(apart, boundary_pressure={0: 3000.0, 2: 1000.0})
    assert p[3:].tolist() == [2000, 2000, 2000]  # midway between the values given
    p = solve_pressure(apart, boundary_pressure={0: 3000.0, 2: 1000.0, 5: 1200.0})
    assert p[3:].tolist() == [1200, 1200, 1200]  # the only value it has
    known = np.array([3000, np.nan, 1000, np.nan, np.nan, 1200])
    result = blood_flow(Network(apart.nodes, apart.segments, apart.radius, pressure=known))
    assert (result.flow[2:] == 0).all()
    assert "parts not perfused: 1 (2 segments)" in result.notes


def test_no_flow_anywhere_is_no_failure():
    p = solve_pressure(two_lines(), boundary_pressure={0: 3000.0, 5: 1000.0})
    assert p.tolist() == [3000, 3000, 3000, 1000, 1000, 1000]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_random_networks_conserve_blood_within_the_given_pressures(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 30))
    tree = np.stack([np.arange(1, n), [rng.integers(0, i) for i in range(1, n)]], axis=1)
    loops = rng.integers(0, n, (n // 3, 2))
    segments = np.concatenate([tree, loops[loops[:, 0] != loops[:, 1]]])
    network = Network(rng.uniform(0, 1e-3, (n, 3)), segments, rng.uniform(2, 30, len(segments)) * UM)
    given_at = rng.choice(n, 2, replace=False)
    p = solve_pressure(network, boundary_pressure={int(given_at[0]): 3000.0, int(given_at[1]): 1000.0})
    assert p.min() >= 1000 - 1e-6 and p.max() <= 3000 + 1e-6  # a mean of its neighbours everywhere
    flowing = blood_flow(Network(network.nodes, segments, network.radius, pressure=p))
    free = np.setdiff1d(np.arange(n), given_at)
    # pressures are rounded to 5e-13 Pa, so a flow g Δp to that times the largest g; some 10 meet at a node
    rounding = 1e-11 * conductance(network).max()
    assert np.abs(nodal_imbalance(flowing)[free]).max() <= rounding
    assert abs(nodal_imbalance(flowing)[given_at].sum()) <= len(free) * rounding


def test_a_system_beyond_double_precision_is_reported():
    radius = np.full(3, 5 * UM)
    radius[[0, 2]] = 1e-12  # 1e-28 of the conductance between them
    with pytest.raises(NumericsError, match="blood flow"):
        network = Network(
            np.array([[0, 0, 0], [0, 0, 1], [0, 0, 2], [0, 0, 3]]) * 100 * UM,
            np.array([[0, 1], [1, 2], [2, 3]]),
            radius,
        )
        solve_pressure(network, boundary_pressure={0: 3000.0, 3: 1000.0})


# Given pressures


def test_given_pressures_are_kept_and_their_imbalance_is_told():
    given_pressures = np.array([3000.0, 2500, 1000])
    result = blood_flow(line(radius=[5 * UM, 5 * UM], pressure=given_pressures))
    assert (result.pressure == given_pressures).all()
    g = conductance(result)[0]
    assert nodal_imbalance(result)[1] == pytest.approx(g * (500 - 1500), rel=1e-10)
    # 1000 of imbalance against (500 + 1500)/2 through the node
    assert result.notes[-1].startswith("given pressures leave a nodal imbalance of 1 (median; worst 1)")


def test_pressures_of_the_user_do_not_replace_given_ones():
    network = line(radius=[5 * UM], pressure=np.array([3000.0, 1000]))
    result = blood_flow(network, arterial_pressure=9000.0, venous_pressure=0.0)
    assert result.pressure.tolist() == [3000, 1000]


def test_unknown_pressures_are_solved_for():
    result = blood_flow(line(radius=[5 * UM, 5 * UM], pressure=np.array([3000.0, np.nan, 1000])))
    assert result.pressure[1] == pytest.approx(2000, rel=1e-12)


def test_without_any_pressure_the_user_is_asked():
    with pytest.raises(ConfigError, match="Give arterial_pressure and venous_pressure"):
        blood_flow(line(radius=[5 * UM]))
    with pytest.raises(ConfigError, match="Give arterial_pressure and venous_pressure"):
        solve_pressure(line(radius=[5 * UM]), boundary_pressure={})
    with pytest.raises(ConfigError, match="not above the venous pressure"):
        blood_flow(line(radius=[5 * UM]), arterial_pressure=1.0, venous_pressure=1.0)
    with pytest.raises(ConfigError, match="Use blood_flow first"):
        nodal_imbalance(line(radius=[5 * UM]))


# Which ends are arterial


def star(radii) -> Network:
    """Vessels of the given radii (µm) from a centre."""
    angle = 2 * np.pi * np.arange(len(radii)) / len(radii)
    rim = 100 * UM * np.stack([np.zeros_like(angle), np.sin(angle), np.cos(angle)], axis=1)
    segments = np.stack([np.zeros(len(radii), int), 1 + np.arange(len(radii))], axis=1)
    return Network(np.concatenate([np.zeros((1, 3)), rim]), segments, np.asarray(radii) * UM)


def test_the_widest_end_is_venous_and_both_sides_carry_alike():
    p = split_ends(star([10, 6, 9, 3]), arterial_pressure=30.0, venous_pressure=10.0)
    # 10³ = 1000 venous; 9³ = 729 arterial, and 6³ = 216 still goes there (729 < 1000), 3³ too (945 < 1000)
    assert np.isnan(p[0])
    assert p[1:].tolist() == [10, 30, 30, 30]


def test_every_part_with_two_ends_has_both():
    p = split_ends(two_lines(), arterial_pressure=30.0, venous_pressure=10.0)
    assert sorted(p[[0, 2]]) == sorted(p[[3, 5]]) == [10, 30]


def test_a_part_with_one_end_gets_the_mean():
    nodes = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 1], [0, 1, 2]]) * 100 * UM
    lasso = Network(nodes, np.array([[0, 1], [1, 2], [2, 3], [3, 1]]), np.full(4, 5 * UM))
    p = split_ends(lasso, arterial_pressure=30.0, venous_pressure=10.0)
    assert p[0] == 20
    result = blood_flow(lasso, arterial_pressure=30.0, venous_pressure=10.0)
    assert (result.flow == 0).all()


def test_a_network_of_loops_needs_pressures():
    nodes = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 1]]) * 100 * UM
    loop = Network(nodes, np.array([[0, 1], [1, 2], [2, 0]]), np.full(3, 5 * UM))
    with pytest.raises(ConfigError, match="no open end"):
        blood_flow(loop, arterial_pressure=30.0, venous_pressure=10.0)


def test_the_choice_does_not_depend_on_the_numbering():
    network = star([5, 5, 5, 5, 5, 7, 7])
    order = np.random.default_rng(3).permutation(len(network.nodes))
    place = np.argsort(order)
    shuffled = Network(network.nodes[order], place[network.segments], network.radius)
    p = split_ends(network, arterial_pressure=30.0, venous_pressure=10.0)
    q = split_ends(shuffled, arterial_pressure=30.0, venous_pressure=10.0)
    np.testing.assert_array_equal(p[order], q)


# Real networks


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("rat_brain_network.dgf", {"unit": "89.9 um", "pressure_unit": "mmHg"}),
        ("tumour_network_tapmeier.vtp", {}),
    ],
)
def test_real_networks_conserve_blood(name, options):
    if not (DATA / name).exists():
        pytest.skip(f"{name} is not here")
    network = read_network(DATA / name, **options)
    result = blood_flow(network, arterial_pressure=3333.0, venous_pressure=1333.0)
    inner = network.degree > 1
    assert np.abs(nodal_imbalance(result)[inner]).max() < 1e-12 * np.abs(result.flow).max()
    assert nodal_imbalance(result)[~inner].clip(min=0).sum() > 0
    for part in range(network.components.max() + 1):
        assert np.ptp(result.pressure[network.components == part]) > 0  # every part is perfused


def test_mouse_cortex_pressures_follow_from_those_at_its_ends():
    name = "mouse_cortex_network.dgf"
    if not (DATA / name).exists():
        pytest.skip(f"{name} is not here")
    network = read_network(DATA / name)
    ends_only = np.where(network.degree == 1, network.pressure, np.nan)
    p = solve_pressure(network, boundary_pressure=ends_only)
    # the file holds time averages with moving red cells and no constant haematocrit; the range is 2530 Pa
    assert np.sqrt(np.mean((p - network.pressure) ** 2)) < 40
