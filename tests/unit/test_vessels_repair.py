"""Defects of graphs from microscopy: found, counted, mended or refused."""

import numpy as np
import pytest

from tumorsim.errors import ConfigError
from tumorsim.vessels.repair import NAMES, Draft, mend

UM = 1e-6


def draft(nodes, segments, radius=None, **at_nodes) -> Draft:
    """Nodes in µm, radii of 5 µm unless given."""
    segments = np.array(segments)
    radius = np.full(len(segments), 5.0) if radius is None else np.array(radius, float)
    at_nodes = {name: np.array(values, float) for name, values in at_nodes.items()}
    return Draft(np.array(nodes, float) * UM, segments, at_nodes, {"radius": radius * UM})


def along_x(*x):
    return [[0, 0, place] for place in x]


def found(network) -> dict[str, tuple[int, bool]]:
    return {repair.name: (repair.count, repair.done) for repair in network.repairs}


def test_a_sound_graph_is_left_alone():
    network = mend(draft(along_x(0, 100, 200), [[0, 1], [1, 2]]))
    assert network.repairs == () and network.notes == ()
    assert network.segments.tolist() == [[0, 1], [1, 2]]


def test_a_segment_of_zero_length_goes_and_its_ends_become_one():
    network = mend(draft(along_x(0, 100, 100, 200), [[0, 1], [1, 2], [2, 3]]))
    assert network.segments.tolist() == [[0, 1], [1, 2]]
    assert network.components.max() == 0
    assert network.notes == ("1 segment of zero length dropped",)


def test_joined_nodes_keep_the_pressure_that_is_known():
    raw = draft(along_x(0, 100, 100, 200), [[0, 1], [2, 3]], pressure=[5, np.nan, 7, 6])
    network = mend(raw, touching=np.array([[1, 2]]))
    assert network.pressure.tolist() == [5, 7, 6]
    assert network.degree.tolist() == [1, 2, 1]
    assert found(network) == {"touching_ends": (1, True)}
    apart = mend(raw, touching=np.array([[1, 2]]), wanted=())
    assert apart.components.max() == 1 and found(apart) == {"touching_ends": (1, False)}


def test_a_segment_that_ends_where_it_began_goes():
    network = mend(draft(along_x(0, 100), [[0, 1], [1, 1]]))
    assert network.segments.tolist() == [[0, 1]]
    assert "1 segment that ends where it began dropped" in network.notes


def test_segments_recorded_twice_become_one_and_unlike_ones_stay():
    raw = draft(along_x(0, 100, 200), [[0, 1], [1, 0], [1, 2], [1, 2]], [5, 5, 5, 3])
    network = mend(raw)
    assert network.segments.tolist() == [[0, 1], [1, 2], [1, 2]]
    assert found(network) == {"duplicates": (1, True)}
    assert len(mend(raw, wanted=set(NAMES) - {"duplicates"}).segments) == 4


def test_a_spur_shorter_than_its_vessel_is_wide_goes():
    """In the middle of the box; the same stub at its face may be a vessel that the box cut."""
    through = [[0, 1], [1, 2], [1, 3]]
    inside = [[-100, -100, 0], [0, 0, 100], [100, 100, 200], [4, 0, 100]]
    assert found(mend(draft(inside, through))) == {"spurs": (1, True)}
    assert found(mend(draft(inside, through, pressure=[1, np.nan, 2, 3]))) == {}
    longer = [*inside[:3], [6, 0, 100]]
    assert found(mend(draft(longer, through))) == {}
    at_face = [[0, 0, 0], [0, 0, 100], [0, 0, 200], [0, 4, 100]]
    assert found(mend(draft(at_face, through))) == {}


def test_parts_that_no_blood_can_pass_are_islands():
    ring = [[0, 500, 0], [0, 500, 100], [0, 600, 0]]
    raw = draft([*along_x(0, 100), *ring], [[0, 1], [2, 3], [3, 4], [4, 2]])
    network = mend(raw)
    assert found(network) == {"islands": (3, True)}
    assert len(network.nodes) == 2
    kept = mend(raw, wanted=())
    assert found(kept) == {"islands": (3, False)}
    assert "3 segments in parts that no blood can pass left as they are" in kept.notes


def test_a_ring_that_knows_two_pressures_is_no_island():
    ring = [[0, 500, 0], [0, 500, 100], [0, 600, 0]]
    pressure = [3, 1, 2, np.nan, 1]
    raw = draft([*along_x(0, 100), *ring], [[0, 1], [2, 3], [3, 4], [4, 2]], pressure=pressure)
    assert mend(raw).repairs == ()


def test_a_graph_that_is_all_island_stays():
    ring = draft([[0, 0, 0], [0, 0, 100], [0, 100, 0]], [[0, 1], [1, 2], [2, 0]])
    assert len(mend(ring).segments) == 3


def test_hubs_are_told_and_left():
    star = [[0, 0, 0], *along_x(-100, 100), [0, 100, 0], [0, -100, 0], [100, 0, 0]]
    network = mend(draft(star, [[0, k] for k in range(1, 6)]))
    assert found(network) == {"hubs": (1, False)}
    assert "1 hub, of more than 4 segments left as it is" in network.notes


def test_a_missing_radius_takes_the_default_and_is_counted():
    raw = draft(along_x(0, 100, 200, 300), [[0, 1], [1, 2], [2, 3]], [0, np.nan, 2])
    network = mend(raw, default_radius=3 * UM)
    assert network.radius == pytest.approx(np.array([3, 3, 2]) * UM)
    assert network.notes == ("2 segments without a radius given the default of 3 µm",)
    with pytest.raises(ConfigError, match=r"default_radius: 2 segments of 3 without a radius"):
        mend(raw)


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (draft(along_x(0, 100, 100, 200), [[0, 1], [1, 2], [2, 3]]), "zero_length"),
        (draft(along_x(0, 100), [[0, 1], [1, 1]]), "self_loops"),
        (draft(along_x(0, 100, 200), [[0, 1], [1, 2]], [5, 0]), "missing_radii"),
    ],
)
def test_what_no_network_can_have_must_be_mended(raw, name):
    with pytest.raises(ConfigError, match=f'vessels.repair: .*Add "{name}" to it'):
        mend(raw, wanted=(), default_radius=5 * UM)
    assert found(mend(raw, wanted=(name,), default_radius=5 * UM)) == {name: (1, True)}


def test_nothing_left_is_an_error():
    with pytest.raises(ConfigError, match="nothing is left"):
        mend(draft(along_x(0, 100), [[1, 1]]))


def test_nodes_without_a_segment_go():
    nodes = np.arange(12.0).reshape(4, 3)
    network = mend(draft(nodes, [[1, 3]], pressure=[np.nan, 1, 2, 3]))
    assert network.nodes == pytest.approx(nodes[[1, 3]] * UM)
    assert network.pressure.tolist() == [1, 3]
    assert network.notes == ("2 nodes without a segment dropped",)


def test_vessels_thinner_than_any_capillary_are_noted():
    network = mend(draft(along_x(0, 1, 4), [[0, 1], [1, 2]], [0.1, 3]))
    assert network.notes == ("1 segment (0.25 of the length) with a radius under 1 µm",)
