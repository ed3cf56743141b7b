"""DGF and VTP networks: what the files mean, and what is said when they are wrong."""

from pathlib import Path

import numpy as np
import pytest

from tumorsim.errors import ConfigError
from tumorsim.vessels.read import read_network

UM = 1e-6
DATA = Path(__file__).parents[2] / ".." / "shared" / "data"

DGF = """DGF
% a comment, µ included
Vertex
parameters 1 # pressures
0 0 0 100
1e-4 0 0 90   % the junction
1e-4 5e-5 0 80
1e-4 0 5e-5 70
#
SIMPLEX
parameters 1
0 1 1e-5
1 2 5e-6
1 3 4e-6
#
BOUNDARYDOMAIN
default 1
#
"""


def real(name: str) -> Path:
    if not (DATA / name).exists():
        pytest.skip(f"{name} is not here")
    return DATA / name


def write(folder: Path, text: str, name: str = "net.dgf") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def polylines(folder: Path, points, lines, *, name: str = "net.vtp", cell_radius=None, **point_data) -> Path:
    import pyvista

    cells = np.concatenate([[len(line), *line] for line in lines])
    mesh = pyvista.PolyData(np.asarray(points, float), lines=cells)
    for key, values in point_data.items():
        mesh.point_data[key] = np.asarray(values, float)
    if cell_radius is not None:
        mesh.cell_data["radius"] = np.asarray(cell_radius, float)
    mesh.save(folder / name)
    return folder / name


# DGF


def test_dgf_gives_metres_in_array_order(tmp_path):
    network = read_network(write(tmp_path, DGF))
    assert network.nodes[3].tolist() == [5e-5, 0, 1e-4]  # z, y, x
    assert network.segments.tolist() == [[0, 1], [1, 2], [1, 3]]
    assert network.radius.tolist() == [1e-5, 5e-6, 4e-6]
    assert network.pressure.tolist() == [100, 90, 80, 70]
    assert network.source == "net.dgf"


def test_units_scale_coordinates_radii_and_pressures(tmp_path):
    text = DGF.replace("1e-4", "100").replace("5e-5", "50").replace("1e-5", "10")
    text = text.replace("5e-6", "5").replace("4e-6", "4")
    network = read_network(write(tmp_path, text), unit="um", pressure_unit="mmHg")
    plain = read_network(write(tmp_path, DGF))
    assert network.nodes == pytest.approx(plain.nodes)
    assert network.radius == pytest.approx(plain.radius)
    assert network.pressure == pytest.approx(
        plain.pressure * 133.322, rel=1e-5
    )  # pint's mmHg has more digits
    assert read_network(write(tmp_path, text), unit=2e-6).length == pytest.approx(2 * plain.length)


def test_a_zero_at_a_junction_means_unknown(tmp_path):
    network = read_network(write(tmp_path, DGF.replace("0 0 90 ", "0 0 0 ").replace("100", "5000")))
    assert np.isnan(network.pressure[1])
    assert network.pressure[[0, 2, 3]].tolist() == [5000, 80, 70]
    assert network.notes == ("1 of 4 nodal pressures are 0, which is read as unknown",)


def test_a_zero_at_an_end_alone_is_a_pressure(tmp_path):
    network = read_network(write(tmp_path, DGF.replace("0 0 100", "0 0 0").replace("80", "8000")))
    assert network.pressure.tolist() == [0, 90, 8000, 70]
    assert network.notes == ()


def test_a_file_of_zero_pressures_has_none(tmp_path):
    text = (
        DGF.replace(" 100\n", " 0\n").replace("90 ", "0 ").replace(" 80\n", " 0\n").replace(" 70\n", " 0\n")
    )
    assert read_network(write(tmp_path, text)).pressure is None


def test_parameters_are_optional_and_further_ones_are_noted(tmp_path):
    bare = DGF.replace("parameters 1 # pressures\n", "").replace("0 100", "0").replace("90", "")
    bare = bare.replace("0 80", "0").replace("5e-5 70", "5e-5")
    assert read_network(write(tmp_path, bare)).pressure is None
    two = DGF.replace("SIMPLEX\nparameters 1", "SIMPLEX\nparameters 2")
    two = two.replace("1e-5\n", "1e-5 3\n").replace("5e-6", "5e-6 2").replace("4e-6", "4e-6 1")
    network = read_network(write(tmp_path, two))
    assert network.radius.tolist() == [1e-5, 5e-6, 4e-6]
    assert "1 further segment parameter ignored" in network.notes


def test_firstindex_counts_from_there(tmp_path):
    text = DGF.replace("parameters 1 #", "firstindex 1\nparameters 1 #")
    text = (
        text.replace("0 1 1e-5", "1 2 1e-5").replace("1 2 5e-6", "2 3 5e-6").replace("1 3 4e-6", "2 4 4e-6")
    )
    assert read_network(write(tmp_path, text)).segments.tolist() == [[0, 1], [1, 2], [1, 3]]


def test_missing_radii_need_a_default(tmp_path):
    path = write(tmp_path, DGF.replace("1 2 5e-6", "1 2 0").replace("1 3 4e-6", "1 3 nan"))
    with pytest.raises(ConfigError, match=r"2 segments of 3 without a radius in net\.dgf"):
        read_network(path)
    assert read_network(path, default_radius=7e-6).radius.tolist() == [1e-5, 7e-6, 7e-6]


def test_a_network_of_metres_raises_doubts(tmp_path):
    text = DGF.replace("1e-4", "2").replace("5e-5", "1")
    notes = read_network(write(tmp_path, text)).notes
    assert "the network is 2 m large: is its unit given?" in notes
    assert any("no pressure exceeds 100 Pa" in note for note in notes)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("DGF\n", "FGD\n", "line 1: expected DGF, found 'FGD'"),
        ("1e-4 5e-5 0 80", "1e-4 5e-5 80", "line 7: expected 3 coordinates and 1 parameter, found 3 numbers"),
        ("1e-4 5e-5 0 80", "1e-4 five 0 80", "line 7: expected numbers, found '1e-4 five 0 80'"),
        ("1e-4 5e-5 0 80", "1e-4 inf 0 80", "line 7: a coordinate or parameter is not a finite number"),
        ("1 3 4e-6", "1 4 4e-6", "line 14: expected a vertex index in 0…3, found 4"),
        ("1 3 4e-6", "1 -1 4e-6", "line 14: expected a vertex index in 0…3, found -1"),
        ("1 3 4e-6", "1 2.5 4e-6", "line 14: expected a vertex index in 0…3, found 2.5"),
        ("1 3 4e-6", "1 nan 4e-6", "line 14: expected a vertex index in 0…3, found nan"),
        ("1 3 4e-6", "1 3 -4e-6", "line 14: expected a radius ≥ 0, found -4e-06"),
        ("1 3 4e-6", "1 3", "line 14: expected 2 vertex indices and 1 parameter, found 2 numbers"),
        ("parameters 1\n", "parameters one\n", "line 11: expected numbers, found 'parameters one'"),
        ("SIMPLEX", "INTERVAL", "no SIMPLEX block"),
        ("SIMPLEX", "Vertex", "line 10: a second VERTEX block"),
        ("default 1\n#\n", "default 1\n", "the block of line 16 does not end"),
        ("0 1 1e-5\n1 2 5e-6\n1 3 4e-6\n", "", "line 10: the block is empty"),
    ],
)
def test_a_fault_is_told_with_its_line(tmp_path, old, new, complaint):
    assert DGF.count(old) == 1
    with pytest.raises(ConfigError) as caught:
        read_network(write(tmp_path, DGF.replace(old, new)))
    assert complaint in str(caught.value)
    assert "net.dgf" in str(caught.value)


def test_all_faults_are_told_but_not_thousands(tmp_path):
    with pytest.raises(ConfigError) as caught:
        read_network(write(tmp_path, DGF.replace("1 2 5e-6", "1 9 5e-6").replace("1 3 4e-6", "1 8 4e-6")))
    assert [problem.fault[:7] for problem in caught.value.problems] == ["line 13", "line 14"]
    with pytest.raises(ConfigError) as caught:
        read_network(write(tmp_path, DGF.replace("1 2 5e-6", "1 9 5e-6\n" * 1000)))
    assert caught.value.problems[-1].fault == "and 990 more faulty lines"


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00binary", b"DGF\n", b"% only a comment\n"])
def test_what_is_no_dgf_is_refused(tmp_path, content):
    (tmp_path / "net.dgf").write_bytes(content)
    with pytest.raises(ConfigError, match=r"net\.dgf"):
        read_network(tmp_path / "net.dgf")


def test_wrong_files_and_units_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="there is no such file"):
        read_network(tmp_path / "absent.dgf")
    with pytest.raises(ConfigError, match=r"Give a file of \.dgf, \.vtp"):
        read_network(write(tmp_path, DGF, "net.txt"))
    with pytest.raises(ConfigError, match=r"vessels\.unit = 'mmHg'"):
        read_network(write(tmp_path, DGF), unit="mmHg")
    with pytest.raises(ConfigError, match=r"vessels\.unit = -1"):
        read_network(write(tmp_path, DGF), unit=-1)


# VTP


def test_a_polyline_is_a_chain_with_the_mean_radius_of_its_points(tmp_path):
    path = polylines(tmp_path, [[0, 0, 0], [1, 0, 0], [1, 2, 0]], [[0, 1, 2]], Radius=[2, 4, 5])
    network = read_network(path)
    assert network.length == pytest.approx([1 * UM, 2 * UM])
    assert network.radius == pytest.approx([3 * UM, 4.5 * UM])
    assert network.nodes[2] == pytest.approx([0, 2 * UM, 1 * UM])


def test_a_polyline_may_have_one_radius(tmp_path):
    points = [[0, 0, 0], [1, 0, 0], [1, 2, 0]]
    network = read_network(polylines(tmp_path, points, [[0, 1, 2]], cell_radius=[3]))
    assert network.radius == pytest.approx([3 * UM, 3 * UM])


def test_a_point_without_radius_leaves_it_to_the_other_end(tmp_path):
    points = [[0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0], [4, 0, 0]]
    path = polylines(tmp_path, points, [[0, 1, 2, 3, 4]], Radius=[4, 0, 0, 0, 2])
    network = read_network(path, default_radius=9e-6)
    assert network.radius == pytest.approx(np.array([4, 9, 9, 2]) * UM)
    assert "2 segments took the radius of one end, the other having none" in network.notes


def test_ends_at_one_place_are_one_node(tmp_path):
    points = [[0, 0, 0], [100, 0, 0], [100, 0, 1e-6], [100, 50, 0], [100, 0, 0], [100, -50, 0]]
    network = read_network(polylines(tmp_path, points, [[0, 1], [2, 3], [4, 5]], Radius=[5] * 6))
    assert len(network.nodes) == 4
    assert sorted(network.degree.tolist()) == [1, 1, 1, 3]
    assert network.components.max() == 0


def test_an_end_joins_the_middle_of_another_polyline(tmp_path):
    points = [[0, 0, 0], [50, 0, 0], [100, 0, 0], [50, 0, 0], [50, 50, 0]]
    network = read_network(polylines(tmp_path, points, [[0, 1, 2], [3, 4]], Radius=[5] * 5))
    assert sorted(network.degree.tolist()) == [1, 1, 1, 3]


def test_crossing_polylines_that_do_not_end_there_stay_apart(tmp_path):
    points = [[0, 0, 0], [50, 0, 0], [100, 0, 0], [50, -50, 0], [50, 0, 0], [50, 50, 0]]
    network = read_network(polylines(tmp_path, points, [[0, 1, 2], [3, 4, 5]], Radius=[5] * 6))
    assert network.components.max() == 1


def test_fine_points_of_one_polyline_are_not_joined(tmp_path):
    points = [[0, 0, 0], [1e-5, 0, 0], [2e-5, 0, 0], [100, 0, 0]]
    network = read_network(polylines(tmp_path, points, [[0, 1, 2, 3]], Radius=[5] * 4))
    assert len(network.segments) == 3


def test_a_closed_polyline_is_a_loop(tmp_path):
    points = [[0, 0, 0], [50, 0, 0], [50, 50, 0], [0, 0, 0]]
    network = read_network(polylines(tmp_path, points, [[0, 1, 2, 3]], Radius=[5] * 4))
    assert network.degree.tolist() == [2, 2, 2]


def test_nodal_pressures_in_a_vtp_are_read(tmp_path):
    path = polylines(tmp_path, [[0, 0, 0], [10, 0, 0]], [[0, 1]], Radius=[5, 5], Pressure=[30, 20])
    assert read_network(path, pressure_unit=100.0).pressure.tolist() == [3000, 2000]


def test_a_broken_vtp_is_refused_without_a_word_on_the_terminal(tmp_path, capfd):
    path = polylines(tmp_path, [[0, 0, 0], [10, 0, 0]], [[0, 1]], Radius=[5, 5])
    content = path.read_bytes()
    for broken in (b"garbage", content[: len(content) // 2], b""):
        path.write_bytes(broken)
        with pytest.raises(ConfigError, match=r"net\.vtp.*VTK cannot read it"):
            read_network(path)
    assert capfd.readouterr() == ("", "")


def test_a_vtp_without_polylines_is_refused(tmp_path):
    import pyvista

    pyvista.Sphere(theta_resolution=4, phi_resolution=4).save(tmp_path / "net.vtp")
    with pytest.raises(ConfigError, match="there is no polyline"):
        read_network(tmp_path / "net.vtp")


def test_a_negative_radius_is_refused(tmp_path):
    path = polylines(tmp_path, [[0, 0, 0], [10, 0, 0]], [[0, 1]], Radius=[5, -4])
    with pytest.raises(ConfigError, match="a radius is negative"):
        read_network(path)


# Real networks: counts and totals as found in the files by an independent count


def test_mouse_cortex():
    report = read_network(real("mouse_cortex_network.dgf")).report()
    assert (report["nodes"], report["segments"]) == (1746, 1735)
    assert (report["components"], report["open_ends"], report["junctions"]) == (24, 126, 95)
    for axis in "zyx":
        assert report[f"extent_{axis}"] == pytest.approx(200 * UM, rel=1e-5)  # single precision in the file
    assert report["length"] == pytest.approx(8.1464e-3, rel=1e-4)
    assert report["pressure"]["min"] == pytest.approx(2426.836, rel=1e-6)
    assert report["notes"] == []


def test_rat_brain_knows_the_pressure_at_its_ends_only():
    network = read_network(real("rat_brain_network.dgf"), unit="89.9 um", pressure_unit="mmHg")
    known = ~np.isnan(network.pressure)
    assert (known == (network.degree == 1)).all()
    assert set(np.round(network.pressure[known] / 133.322).tolist()) == {20.0, 50.0}
    assert len(network.segments) == 49


def test_tumour_polylines_meet():
    network = read_network(real("tumour_network_tapmeier.vtp"))
    assert len(network.nodes) == 883 - 112 + 36  # 112 of the 154 polyline ends meet in 36 points
    assert network.components.max() + 1 == 5
    assert len(network.boundary_nodes) == 42
    assert np.bincount(network.degree).tolist() == [0, 42, 729, 32, 4]
    assert network.length.sum() == pytest.approx(3.6033e-3, rel=1e-4)
