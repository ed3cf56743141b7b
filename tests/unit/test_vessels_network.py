"""What a vessel network knows of itself."""

import json

import numpy as np
import pytest

from tumorsim.errors import ConfigError
from tumorsim.vessels.network import Network

UM = 1e-6


def y_junction(**more) -> Network:
    """Three vessels of 100, 50 and 50 µm that meet in node 1, in the plane z = 0."""
    nodes = np.array([[0, 0, 0], [0, 0, 100], [0, 50, 100], [0, -50, 100]]) * UM
    return Network(nodes, np.array([[0, 1], [1, 2], [1, 3]]), np.array([10.0, 5, 5]) * UM, **more)


def test_a_segment_is_a_cylinder():
    network = y_junction()
    assert network.length == pytest.approx(np.array([100, 50, 50]) * UM)
    assert network.wall_area[0] == pytest.approx(2 * np.pi * 10 * 100 * UM**2)
    assert network.volume[0] == pytest.approx(np.pi * 10**2 * 100 * UM**3)


def test_open_ends_are_where_one_segment_stops():
    assert y_junction().boundary_nodes.tolist() == [0, 2, 3]
    assert y_junction().degree.tolist() == [1, 3, 1, 1]


def test_parts_that_do_not_touch_are_counted():
    nodes = np.arange(15.0).reshape(5, 3)
    network = Network(nodes, np.array([[0, 2], [1, 3], [3, 4]]), np.ones(3))
    assert network.components.tolist() == [0, 1, 0, 1, 1]


def test_the_bounding_box_moves_with_the_network_and_nothing_else_changes():
    network = y_junction(pressure=np.array([4.0, 3, 2, 1]))
    moved = network.translated((1.0, 2.0, 3.0))
    lower, upper = moved.bounding_box
    assert lower == pytest.approx([1, 2 - 50 * UM, 3])
    assert upper == pytest.approx([1, 2 + 50 * UM, 3 + 100 * UM])
    # sums with offsets of 1 to 3 m keep a length of 50 µm to 1e-16·3/5e-5 ≈ 1e-11
    assert moved.length == pytest.approx(network.length, rel=1e-10)
    assert (moved.pressure == network.pressure).all()


def test_the_report_holds_totals_and_is_json():
    report = y_junction(pressure=np.array([4.0, np.nan, 2, 1]), notes=("odd",)).report()
    assert report["segments"] == 3
    assert report["open_ends"] == 3
    assert report["junctions"] == 1
    assert report["extent_y"] == pytest.approx(100 * UM)
    assert report["length"] == pytest.approx(200 * UM)
    assert report["wall_area"] == pytest.approx(2 * np.pi * (10 * 100 + 5 * 100) * UM**2)
    assert report["pressure"]["max"] == 4
    assert json.loads(json.dumps(report))["notes"] == ["odd"]


def test_the_repr_reads_as_a_sentence():
    assert "4 nodes, 3 segments, 0.2 mm long, in 100 × 100 × 0 µm, x × y × z; radius 5–10 µm" in repr(
        y_junction()
    )


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"nodes": np.full((4, 3), np.nan)}, "nodes: not every coordinate"),
        ({"segments": np.array([[0, 1], [1, 2], [1, 4]])}, "segments: a node is not in 0…3"),
        ({"segments": np.empty((0, 2), int), "radius": np.empty(0)}, "there is no segment"),
        ({"radius": np.array([1.0, 1, 0])}, "radius: not every radius is positive"),
        ({"radius": np.array([1.0, 1, np.nan])}, "radius: not every radius is positive"),
        ({"radius": np.ones(2)}, "radius = .2,.: wrong shape"),
        ({"pressure": np.ones(3)}, "pressure = .3,.: wrong shape"),
        ({"pressure": np.array([1, 1, 1, np.inf])}, "a pressure is infinite"),
        ({"pressure": np.full(4, np.nan)}, "no pressure is known"),
    ],
)
def test_arrays_that_make_no_network_are_refused(change, complaint):
    sound = {name: getattr(y_junction(), name) for name in ("nodes", "segments", "radius")}
    with pytest.raises(ConfigError, match=complaint):
        Network(**(sound | change))
