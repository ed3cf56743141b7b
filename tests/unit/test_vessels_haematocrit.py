"""Red cells part at branchings by Pries' law, and none is lost."""

from dataclasses import replace

import numpy as np
import pytest

from tumorsim.errors import NumericsError
from tumorsim.vessels.blood_flow import blood_flow, nodal_imbalance
from tumorsim.vessels.generate import Design, generate_network
from tumorsim.vessels.haematocrit import cell_imbalance, red_cell_share
from tumorsim.vessels.network import Network

UM = 1e-6


def fork(first=5.0, second=5.0, pressures=(4000.0, 2000.0, 2000.0), **more) -> Network:
    nodes = np.array([[0, 0, 0], [0, 0, 100], [0, 50, 150], [0, -50, 150]]) * UM
    pressure = np.array([pressures[0], np.nan, *pressures[1:]])
    radius = np.array([6.0, first, second]) * UM
    return Network(nodes, np.array([[0, 1], [1, 2], [1, 3]]), radius, pressure=pressure, **more)


def share(blood_share, diameter=8.0, other=8.0, feeding=12.0, haematocrit=0.45):
    return red_cell_share(
        np.asarray(blood_share, float),
        diameter=diameter * UM,
        other=other * UM,
        feeding=feeding * UM,
        haematocrit=np.asarray(haematocrit),
    )


def test_alike_branches_share_alike():
    assert share(0.5) == pytest.approx(0.5)


@pytest.mark.parametrize("blood_share", [0.02, 0.1, 0.35, 0.5, 0.9])
def test_what_one_branch_leaves_the_other_takes(blood_share):
    assert share(blood_share, 6, 9) + share(1 - blood_share, 9, 6) == pytest.approx(1, abs=1e-15)


def test_the_branch_with_little_flow_gets_less_than_its_share_and_below_the_threshold_none():
    assert share(0.2) < 0.2
    assert share(0.964 * 0.55 / 12) == 0
    assert share(1 - 0.964 * 0.55 / 12) == 1


def test_a_hand_computed_share():
    """D_F = 10, H = 0.4, D_a = 6, D_b = 8, F_B = 0.3: X0 = 0.05784, A = 0.22327, B = 1.4188."""
    inside = (0.3 - 0.05784) / (1 - 2 * 0.05784)
    logit = -13.29 * (0.5625 - 1) / (0.5625 + 1) * 0.06 + 1.4188 * np.log(inside / (1 - inside))
    assert share(0.3, 6, 8, 10, 0.4) == pytest.approx(1 / (1 + np.exp(-logit)), rel=1e-12)


def test_a_symmetric_fork_keeps_the_haematocrit():
    flow = blood_flow(fork(), phase_separation=True)
    assert flow.haematocrit == pytest.approx([0.45] * 3)


def test_the_branch_that_draws_less_is_poorer_in_cells_and_blood_thinner_there_flows_more():
    apart = blood_flow(fork(5, 3), phase_separation=True)
    assert apart.haematocrit[2] < 0.45 < apart.haematocrit[1]
    together = blood_flow(fork(5, 3))
    assert together.haematocrit == pytest.approx([0.45] * 3)
    assert apart.flow[2] > together.flow[2]
    assert cell_imbalance(apart) < 1e-15


def test_the_haematocrit_at_an_inlet_is_that_of_the_file():
    inlet = np.array([0.3, np.nan, np.nan, np.nan])
    assert blood_flow(fork(inlet_haematocrit=inlet), phase_separation=True).haematocrit == pytest.approx(
        [0.3] * 3
    )


def test_cells_are_conserved_in_a_generated_network():
    """To 1e-10 of all that enter, at every node; and blood to the rounding of the pressures."""
    network = generate_network((7e-4, 7e-4, 7e-4), Design(feeders=2, seed=3))
    flow = blood_flow(network, phase_separation=True)
    assert cell_imbalance(flow) < 1e-10
    inside = np.isnan(network.pressure)
    assert np.abs(nodal_imbalance(flow)[inside]).max() < 1e-10 * np.abs(flow.flow).max()
    moving = np.abs(flow.flow) > 1e-3 * np.median(np.abs(flow.flow))
    assert flow.haematocrit[moving].std() > 0.1  # they do part
    assert "phase separation: haematocrit settled" in flow.notes[-1]


def test_the_last_few_segments_may_move_if_the_note_says_so(monkeypatch):
    network = generate_network((7e-4, 7e-4, 7e-4), Design(feeders=2, seed=3))
    monkeypatch.setattr("tumorsim.vessels.blood_flow.MOST_SWEEPS", 8)
    with pytest.raises(NumericsError, match="haematocrit still changes by"):
        blood_flow(network, phase_separation=True)
    monkeypatch.setattr("tumorsim.vessels.blood_flow.RESTLESS", 1.0)
    monkeypatch.setattr("tumorsim.vessels.blood_flow.SETTLED", 1e-2)
    flow = blood_flow(network, phase_separation=True)
    assert "after 8 sweeps the haematocrit of" in flow.notes[-1]
    assert cell_imbalance(flow) < 1e-10


def test_sweeps_with_borrowed_factors_end_where_those_with_their_own_do(monkeypatch):
    """Haematocrits that settle to 1e-4 from other roundings; the flow conserves blood alike."""
    network = generate_network((7e-4, 7e-4, 7e-4), Design(feeders=2, seed=3))
    lent = blood_flow(network, phase_separation=True)
    monkeypatch.setattr("tumorsim.vessels.poiseuille.ENOUGH", -1)
    own = blood_flow(network, phase_separation=True)
    counted = np.abs(own.flow) > 1e-2 * np.median(np.abs(own.flow))
    assert np.abs(lent.haematocrit - own.haematocrit)[counted].max() < 1e-3


def test_flow_backwards_through_the_segments_is_the_same_flow():
    forward = blood_flow(fork(5, 3), phase_separation=True)
    turned = fork(5, 3)
    turned = replace(turned, segments=turned.segments[:, ::-1].copy())
    backward = blood_flow(turned, phase_separation=True)
    assert backward.haematocrit == pytest.approx(forward.haematocrit, rel=1e-12)
    assert backward.flow == pytest.approx(-forward.flow, rel=1e-12)
