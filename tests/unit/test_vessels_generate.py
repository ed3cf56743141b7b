"""Synthetic networks: as dense as whole tumours, connected, and with blood that flows."""

import numpy as np
import pytest

from tumorsim.errors import ConfigError
from tumorsim.vessels.blood_flow import blood_flow, nodal_imbalance
from tumorsim.vessels.generate import (
    CONTROL_BRANCH_POINTS,
    CONTROL_SEGMENTS,
    TREATED_SEGMENTS,
    Design,
    generate_network,
)

BOX = (0.8e-3, 0.7e-3, 0.9e-3)
VOLUME = np.prod(BOX)


@pytest.fixture(scope="module")
def tumour():
    return generate_network(BOX)


def chains(network) -> float:
    """Vessels between nodes that are not on the way of one."""
    return float(network.degree[network.degree != 2].sum() / 2)


def test_density_is_that_of_whole_tumours(tumour):
    # whole numbers of segments and points
    assert chains(tumour) == pytest.approx(CONTROL_SEGMENTS * VOLUME, abs=1)
    assert np.count_nonzero(tumour.degree > 2) == pytest.approx(CONTROL_BRANCH_POINTS * VOLUME, abs=1)


def test_a_treated_tumour_has_fewer_vessels():
    share = TREATED_SEGMENTS / CONTROL_SEGMENTS
    treated = generate_network(
        BOX, Design(segments=TREATED_SEGMENTS, branch_points=share * CONTROL_BRANCH_POINTS, feeders=2)
    )
    assert chains(treated) == pytest.approx(TREATED_SEGMENTS * VOLUME, abs=1)


def test_it_is_one_network_within_its_box(tumour):
    assert tumour.components.max() == 0
    low, high = tumour.bounding_box
    assert (low >= 0).all() and (high <= np.array(BOX) * (1 + 1e-12)).all()
    assert (tumour.length > 0).all()
    moved = generate_network(BOX, origin=(1.0, 2.0, 3.0))
    assert moved.nodes == pytest.approx(tumour.nodes + np.array([1, 2, 3]))


def test_a_seed_gives_the_same_again_and_another_seed_another():
    again, other = generate_network(BOX), generate_network(BOX, Design(seed=2))
    assert np.array_equal(again.nodes, generate_network(BOX).nodes)
    assert not np.array_equal(again.nodes, other.nodes)


def test_blood_flows_through_it_and_is_conserved(tumour):
    gates = np.flatnonzero(~np.isnan(tumour.pressure))
    assert len(gates) == 6 and (tumour.degree[gates] == 1).all()
    flow = blood_flow(tumour)
    leaving = nodal_imbalance(flow)
    inside = np.isnan(tumour.pressure)
    assert np.abs(leaving[inside]).max() < 1e-10 * np.abs(flow.flow).max()  # rounding of the pressures
    assert -leaving[gates[:3]].sum() == pytest.approx(leaving[gates[3:]].sum(), rel=1e-9)
    # tumours are perfused with 0.1–1 ml/(ml min) [M]; a piece of one is of that order
    assert 0.05 < -leaving[gates[:3]].sum() * 60 / VOLUME < 5
    moving = np.abs(flow.flow) > 1e-6 * np.abs(flow.flow).max()
    assert moving.mean() > 0.7


def test_trees_are_wider_towards_their_gates(tumour):
    gates = np.flatnonzero(~np.isnan(tumour.pressure))
    stems = tumour.radius[np.isin(tumour.segments, gates).any(axis=1)]
    assert stems.mean() > 1.5 * np.median(tumour.radius)


def test_an_avascular_core_is_left_free():
    network = generate_network((1e-3,) * 3, Design(avascular_core=0.5, bend=0.0, blind=0.0))
    ends = np.abs(network.nodes / 1e-3 - 0.5).max(axis=1) * 2
    assert ends.min() >= 0.5
    assert network.components.max() == 0


def test_straight_segments_on_request():
    bent, straight = (generate_network(BOX, Design(bend=bend, blind=0.0)) for bend in (0.2, 0.0))
    assert len(straight.segments) == pytest.approx(chains(straight))
    assert bent.length.sum() > 1.02 * straight.length.sum()


@pytest.mark.parametrize(
    ("size", "design", "complaint"),
    [
        ((1e-4,) * 3, Design(), "holds only 1 branch points"),
        (BOX, Design(segments=3000e9), "3.57 segments per branch point"),
        (BOX, Design(segments=900e9), "1.07 segments per branch point"),
    ],
)
def test_what_cannot_be_made_is_refused(size, design, complaint):
    with pytest.raises(ConfigError, match=complaint):
        generate_network(size, design)
