"""Open ends of which pressures, flows or nothing at all is known."""

from dataclasses import replace

import numpy as np
import pytest

from tumorsim.errors import ConfigError, NumericsError
from tumorsim.vessels.blood_flow import blood_flow, nodal_imbalance
from tumorsim.vessels.boundary_estimate import TARGET_PRESSURE, TARGET_SHEAR, estimate_pressures
from tumorsim.vessels.generate import Design, generate_network
from tumorsim.vessels.network import Network
from tumorsim.vessels.open_ends import conductance

UM = 1e-6


def ladder(seed=1) -> Network:
    """A net of 6 × 6 nodes with eight open ends, radii 4–9 µm."""
    rng = np.random.default_rng(seed)
    place = np.arange(36).reshape(6, 6)
    links = np.concatenate([place[:, [k, k + 1]] for k in range(5)] + [place[[k, k + 1]].T for k in range(5)])
    j, i = np.divmod(np.arange(36), 6)
    nodes = np.stack([np.zeros(36), j, i], axis=1) * 80 * UM
    gates = np.array([0, 5, 30, 35, 2, 33, 12, 23])
    stems = nodes[gates] + np.array([50 * UM, 0, 0])
    links = np.concatenate([links, np.stack([gates, 36 + np.arange(8)], axis=1)])
    return Network(np.concatenate([nodes, stems]), links, rng.uniform(4, 9, len(links)) * UM)


def cost(network, pressure, direction):
    g = conductance(network)
    drop = pressure[network.segments[:, 0]] - pressure[network.segments[:, 1]]
    shear = network.radius / (2 * network.length) * drop
    share = network.length / network.length.sum()
    weight = np.bincount(network.segments.ravel(), np.repeat(share / 2, 2))
    return (
        (weight * (pressure / TARGET_PRESSURE - 1) ** 2).sum(),
        (share * (shear / TARGET_SHEAR - direction) ** 2).sum(),
        g * drop,
    )


def test_the_estimate_conserves_flow_and_nothing_near_it_is_better():
    network = ladder()
    g = conductance(network)
    found = estimate_pressures(network, g, known=np.full(44, np.nan))
    assert found.reversals == 0
    base = cost(network, found.pressure, np.sign(g * 0 + 1))
    net = nodal_imbalance(replace(network, pressure=found.pressure, flow=base[2]))
    assert (
        np.abs(net[:36]).max() < 1e-12 * np.abs(base[2]).max()
    )  # rounding of pressures of which flows are differences
    direction = np.sign(base[2])

    def total(pressure):
        of_pressure, of_shear, _ = cost(network, pressure, direction)
        return of_pressure + found.weight * of_shear

    rng = np.random.default_rng(2)
    for _ in range(5):
        ends = np.full(44, np.nan)
        ends[36:] = found.pressure[36:] + rng.normal(0, 30, 8)  # any other set of end pressures is feasible
        other = blood_flow(replace(network, pressure=ends))
        assert total(other.pressure) > total(found.pressure)


@pytest.mark.parametrize("known_at", [[], [36, 40]])
def test_the_estimate_solves_the_lagrange_equations_of_physics_f_3(known_at):
    """Against a dense solution of the whole system, of pressures and multipliers, with the directions found."""
    network = ladder()
    g, known = conductance(network), np.full(44, np.nan)
    known[known_at] = [5000.0, 3000.0][: len(known_at)]
    found = estimate_pressures(network, g, known=known)
    rows = np.arange(len(g))
    difference = np.zeros((len(g), 44))
    difference[rows, network.segments[:, 0]] = 1
    difference[rows, network.segments[:, 1]] = -1
    share = network.length / network.length.sum()
    weight = np.bincount(network.segments.ravel(), np.repeat(share / 2, 2)) / TARGET_PRESSURE**2
    shear = (network.radius / (2 * network.length) / TARGET_SHEAR)[:, None] * difference
    stiffness = np.diag(weight) + found.weight * shear.T @ (share[:, None] * shear)
    force = weight * TARGET_PRESSURE + found.weight * shear.T @ (share * np.sign(difference @ found.pressure))
    balance = difference[:, :36].T @ (g[:, None] / g.max() * difference)
    rules = np.concatenate([balance, np.eye(44)[known_at]])
    system = np.block([[stiffness, rules.T], [rules, np.zeros((len(rules), len(rules)))]])
    right = np.concatenate([force, np.zeros(36), known[known_at]])
    exact = np.linalg.solve(system, right)[:44]
    assert found.reversals == 0
    assert found.pressure == pytest.approx(
        exact, abs=1e-4
    )  # Pa, of ends that differ by hundreds: slopes to 1e-9


def test_a_part_without_an_end_has_no_level():
    nodes = np.array([[0, 0, 0], [0, 0, 100], [0, 100, 0]]) * UM
    loop = Network(nodes, np.array([[0, 1], [1, 2], [2, 0]]), np.full(3, 5 * UM))
    with pytest.raises(
        NumericsError, match="1 connected parts have neither an open end nor a known pressure"
    ):
        estimate_pressures(loop, conductance(loop), known=np.full(3, np.nan))


def test_pressures_that_are_known_stay():
    known = np.full(44, np.nan)
    known[[36, 40]] = 5000.0, 3000.0
    flow = blood_flow(replace(ladder(), pressure=known), boundary="estimated")
    assert flow.pressure[[36, 40]].tolist() == [5000, 3000]
    assert not np.isnan(flow.pressure).any()
    assert "pressures of 6 open ends estimated" in flow.notes[0]


def test_the_mean_pressure_and_shear_come_near_their_targets():
    flow = blood_flow(ladder(), boundary="estimated")
    assert flow.pressure.mean() == pytest.approx(TARGET_PRESSURE, rel=0.15)  # targets, not constraints
    drop = flow.pressure[flow.segments[:, 0]] - flow.pressure[flow.segments[:, 1]]
    shear = np.abs(flow.radius / (2 * flow.length) * drop)
    assert 0.2 * TARGET_SHEAR < np.median(shear) < 3 * TARGET_SHEAR


def test_a_known_inflow_is_what_flows_in():
    nodes = np.arange(4)[:, None] * np.array([[0, 0, 100 * UM]])
    inflow = np.array([2e-13, np.nan, np.nan, np.nan])
    pressure = np.array([np.nan, np.nan, np.nan, 2000.0])
    network = Network(
        nodes, np.array([[0, 1], [1, 2], [3, 2]]), np.full(3, 5 * UM), pressure=pressure, boundary_flow=inflow
    )
    flow = blood_flow(network)
    assert flow.flow == pytest.approx([2e-13, 2e-13, -2e-13], rel=1e-9)
    alone = blood_flow(replace(network, pressure=None), venous_pressure=1000.0)
    assert alone.pressure[3] == 1000 and alone.flow == pytest.approx(flow.flow, rel=1e-9)
    assert "venous pressure of 1000 Pa at the outlets of 1 parts" in alone.notes
    with pytest.raises(ConfigError, match="no blood pressures"):
        blood_flow(replace(network, pressure=None))


def test_large_networks_are_solved_as_small_ones(monkeypatch):
    """Conjugate gradients under an incomplete factorisation against the direct solution."""
    network = generate_network((1e-3, 1e-3, 1e-3), Design(feeders=2))
    direct = blood_flow(network)
    monkeypatch.setattr("tumorsim.vessels.poiseuille.MOST_LOOPS", 100)
    iterated = blood_flow(network)
    # pressures to 1e-10 of their span, with a residual of 1e-13 and a condition of some 1e3
    assert np.abs(iterated.pressure - direct.pressure).max() < 1e-10 * 2000
    assert np.abs(nodal_imbalance(iterated)[np.isnan(network.pressure)]).max() < 1e-10 * direct.flow.max()
