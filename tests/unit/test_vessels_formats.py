"""Vessel graphs as other programs write them: SWC, GraphML, tables, Network.dat, HDF5, legacy VTK."""

import h5py
import numpy as np
import pytest

from tumorsim.errors import ConfigError
from tumorsim.vessels.formats.raw import out_of_voxels
from tumorsim.vessels.read import read_network, read_scale

UM = 1e-6


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def is_the_fork(network):
    """A vessel of 100 µm and radius 10 µm along x that forks into two of 50 µm, with radii 5 and 4 µm."""
    assert sorted(np.round(network.length / UM, 6)) == [50, 50, 100]
    assert dict(zip(network.radius.round(9), network.length.round(9), strict=True)) == {
        10e-6: 1e-4,
        5e-6: 5e-5,
        4e-6: 5e-5,
    }
    assert sorted(network.degree.tolist()) == [1, 1, 1, 3]
    z, y, x = network.nodes[network.degree == 3][0]
    assert (z, y, x) == pytest.approx((3e-5, 2e-5, 1e-4))
    return True


# SWC

SWC = """# a tree
1 2 0   20 30 10 -1
2 2 100 20 30 10 1
3 2 100 70 30 0  2
4 2 100 20 80 4  2
"""


def test_swc_joins_every_point_to_its_parent(write):
    network = read_network(write("tree.swc", SWC))
    assert network.radius == pytest.approx(
        np.array([10, 10, 7]) * UM
    )  # means of two; a 0 leaves it to the other
    assert network.length == pytest.approx(np.array([100, 50, 50]) * UM)
    assert read_scale(write("tree.swc", SWC)).text == "um (customary in this format)"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("4 2 100 20 80 4  2", "4 2 100 20 80", "line 5: expected id type x y z radius parent"),
        ("4 2 100 20 80 4  2", "4 2 100 20 80 4 9", "ends at node 9, which is not there"),
        ("4 2 100 20 80 4  2", "3 2 100 20 80 4 2", "node 3 is there twice"),
        (SWC, "# nothing\n", "there is no point in it"),
        (SWC, "1 2 0 0 0 1 -1\n", "there is no segment in it"),
    ],
)
def test_a_broken_swc_is_told(write, old, new, complaint):
    with pytest.raises(ConfigError, match=complaint):
        read_network(write("tree.swc", SWC.replace(old, new)))


# GraphML

GRAPHML = """<?xml version="1.0"?><graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<key id="d0" for="node" attr.name="X"/><key id="d1" for="node" attr.name="Y"/><key id="d2" for="node" attr.name="Z"/>
<key id="d3" for="edge" attr.name="radius"/>
<graph edgedefault="undirected">
<node id="n0"><data key="d0">0</data><data key="d1">20</data><data key="d2">30</data></node>
<node id="n1"><data key="d0">100</data><data key="d1">20</data><data key="d2">30</data></node>
<node id="n2"><data key="d0">100</data><data key="d1">70</data><data key="d2">30</data></node>
<node id="n3"><data key="d0">100</data><data key="d1">20</data><data key="d2">80</data></node>
<edge source="n0" target="n1"><data key="d3">10</data></edge>
<edge source="n1" target="n2"><data key="d3">5</data></edge>
<edge source="n1" target="n3"><data key="d3">4</data></edge>
</graph></graphml>"""


def test_graphml_of_coordinates_and_radii(write):
    network = read_network(write("g.graphml", GRAPHML))
    assert is_the_fork(network)
    assert "unit of length: um (inferred: it brings the median radius to 5 µm)" in network.notes


def test_graphml_in_millimetres_is_known_by_its_radii(write):
    text = GRAPHML
    for old, new in (("100<", "0.1<"), (">20<", ">0.02<"), (">30<", ">0.03<"), (">70<", ">0.07<"), (">80<", ">0.08<"),
                     (">10<", ">0.01<"), (">5<", ">0.005<"), (">4<", ">0.004<")):  # fmt: skip
        text = text.replace(old, new)
    assert is_the_fork(read_network(write("g.graphml", text)))
    assert is_the_fork(read_network(write("g.graphml", GRAPHML), unit="um"))


def test_graphml_with_one_text_of_coordinates_and_a_centre_line(write):
    nodes = "".join(
        f'<node id="{k}"><data key="v_coords">{place}</data><data key="v_radius">4</data></node>'
        for k, place in enumerate(["[0. 0. 0.]", "[30. 40. 0.]"])
    )
    line = '<data key="coords_lists">[[30, 40, 0], [30, 0, 0], [0, 0, 0]]</data>'
    text = f'<graphml><graph>{nodes}<edge source="0" target="1">{line}</edge></graph></graphml>'
    network = read_network(write("g.graphml", text))
    assert network.length == pytest.approx(
        np.array([30, 40]) * UM
    )  # from node 0 on, though written backwards
    assert network.radius == pytest.approx([4 * UM] * 2)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("</graphml>", "", "not readable XML"),
        (GRAPHML, "<html></html>", "the XML is 'html', not graphml"),
        ('target="n3"', 'target="n9"', "ends at node n9, which is not there"),
        ('attr.name="X"', 'attr.name="colour"', "the nodes have no coordinates; they have colour, Y, Z"),
        ('<data key="d0">0</data>', "", "node n0 has no place"),
    ],
)
def test_a_broken_graphml_is_told(write, old, new, complaint):
    with pytest.raises(ConfigError, match=complaint):
        read_network(write("g.graphml", GRAPHML.replace(old, new)))


def vesselvio(size):
    """The fork as igraph writes what VesselVio saves: X, Y, Z in voxels of ``size``, all else in µm."""
    places = np.array([[0, 20, 30], [100, 20, 30], [100, 70, 30], [100, 20, 80]]) / size
    edges = [(0, 1, 10.0, 110.0), (1, 2, 5.0, 50.0), (1, 3, 4.0, 75.0)]
    names = (
        "volume",
        "surface_area",
        "length",
        "tortuosity",
        "radius_avg",
        "radius_max",
        "radius_min",
        "radius_SD",
    )
    text = '<?xml version="1.0" encoding="UTF-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'
    for name in "XYZ":
        text += f'<key id="v_{name}" for="node" attr.name="{name}" attr.type="double"/>\n'
    for name in names:
        text += f'<key id="e_{name}" for="edge" attr.name="{name}" attr.type="double"/>\n'
    text += '<graph id="G" edgedefault="undirected">\n'
    for k, place in enumerate(places):
        data = "".join(f'<data key="v_{a}">{v!r}</data>' for a, v in zip("XYZ", place.tolist(), strict=True))
        text += f'<node id="n{k}">{data}</node>\n'
    for first, last, radius, length in edges:
        chord = np.linalg.norm((places[first] - places[last]) * size)
        found = (1.0, 1.0, length, length / chord, radius, radius, radius, 0.0)
        data = "".join(f'<data key="e_{a}">{float(v)!r}</data>' for a, v in zip(names, found, strict=True))
        text += f'<edge source="n{first}" target="n{last}">{data}</edge>\n'
    return text + "</graph></graphml>"


def test_vesselvio_counts_places_in_voxels_and_all_else_in_micrometres(write):
    network = read_network(write("g.graphml", vesselvio(2.0)))
    assert is_the_fork(network)
    note = "coordinates were in voxels of 2 × 2 × 2, by the lengths and tortuosities of the edges"
    assert note in network.notes
    already = read_network(write("g.graphml", vesselvio(1.0)))
    assert is_the_fork(already)
    assert not any("voxels" in note for note in already.notes)


def test_flat_voxels_are_found_and_lengths_of_something_else_are_left():
    rng = np.random.default_rng(1)
    places, size = rng.uniform(0, 100, (20, 3)), np.array([1.5, 1.5, 4.0])
    segments = np.stack([np.arange(19), np.arange(1, 20)], axis=1)
    tortuosity = rng.uniform(1, 2, 19)
    tortuosity[4] = 0  # a loop, by VesselVio's custom
    length = tortuosity * np.linalg.norm(np.diff(places, axis=0) * size, axis=1)
    found, notes = out_of_voxels(places, segments, length=length, tortuosity=tortuosity)
    assert found == pytest.approx(places * size)
    assert "1.5 × 1.5 × 4," in notes[0]
    found, notes = out_of_voxels(places, segments, length=rng.permutation(length), tortuosity=tortuosity)
    assert found is places and not notes


# tables

NODES = "id,x,y,z\n7,0,20,30\n8,100,20,30\n9,100,70,30\n10,100,20,80\n"
EDGES = "source,target,diameter\n7,8,20\n8,9,10\n8,10,8\n"


@pytest.mark.parametrize("names", [("t_nodes.csv", "t_edges.csv"), ("Vertices.csv", "Segments.csv")])
def test_two_tables_are_found_by_either(write, names):
    paths = write(names[0], NODES), write(names[1], EDGES)
    for path in paths:
        assert is_the_fork(read_network(path))


def test_tables_of_a_spreadsheet_with_decimal_commas(write):
    write(
        "t_nodes.csv",
        "\ufeffID;X [mm];Y [mm];Z [mm]\n1;0;0,02;0,03\n2;0,1;0,02;0,03\n3;0,1;0,07;0,03\n4;0,1;0,02;0,08\n",
    )
    path = write("t_edges.csv", "node1;node2;radius\n1.0;2.0;0,01\n2;3;0,005\n2;4;0,004\n")
    assert is_the_fork(read_network(path))
    assert read_scale(path).text == "mm (the file says so)"


def test_tables_as_voreen_writes_and_vesselvio_reads_them(write):
    """Names from VesselVio's own example (library/graph_io.py)."""
    write("1_nodes_processed.csv", "id;pos_x;pos_y;pos_z\n0;0;20;30\n1;100;20;30\n2;100;70;30\n3;100;20;80\n")
    path = write(
        "1_edges_processed.csv",
        "id;node1id;node2id;length;distance;curveness;minRadiusAvg;avgRadiusAvg\n"
        "0;0;1;110;100;1.1;8;10\n1;1;2;50;50;1;3;5\n2;1;3;60;50;1.2;2;4\n",
    )
    assert is_the_fork(read_network(path))


def test_tables_without_names_count_from_zero_and_pressures_are_read(write):
    write("t_nodes.csv", "x,y,z,pressure\n0,20,30,40\n100,20,30,\n100,70,30,20\n100,20,80,20\n")
    path = write("t_edges.csv", "from,to,radius\n0,1,10\n1,2,5\n1,3,4\n")
    network = read_network(path, pressure_unit="mmHg")
    assert is_the_fork(network)
    assert network.pressure / 133.322 == pytest.approx([40, np.nan, 20, 20], rel=1e-5, nan_ok=True)


@pytest.mark.parametrize(
    ("nodes", "edges", "complaint"),
    [
        (NODES, None, "none of t_nodes.csv|none of .* is there"),
        (NODES, EDGES.replace("8,10", "8,11"), "segment 3 ends at node 11, which is not there"),
        (NODES.replace("9,100", "9,"), EDGES, "row 4 of the nodes has no place"),
        (NODES.replace("x,y,z", "a1,a2,a3"), EDGES, "the columns are id, a1, a2, a3"),
        (NODES, "source,target\n", "no row below a header"),
        (NODES, NODES, "neither table names two nodes"),
    ],
)
def test_broken_tables_are_told(write, nodes, edges, complaint):
    path = write("t_nodes.csv", nodes)
    if edges:
        write("t_edges.csv", edges)
    with pytest.raises(ConfigError, match=complaint):
        read_network(path)


def test_a_table_without_a_partner_says_what_it_looked_for(write):
    with pytest.raises(ConfigError, match="says neither nodes nor edges"):
        read_network(write("graph.csv", NODES))


# Network.dat

DAT = """A small fork
100 100 100 box dimensions in microns
10 10 10 number of tissue points in x,y,z directions
10. outer bound distance
100. max. segment length
30 maximum number of segments per node
3 total number of segments
SegName Type StartNode EndNode Diam   Flow[nl/min]    Hd
1 5 1 2 20.0 3.0 0.45
2 5 2 3 10.0 2.0 0.45
7 5 2 5 8.0 1.0 0.45
4 total number of nodes
Name    x       y       z
1 0 20 30
2 100 20 30
3 100 70 30
5 100 20 80
3 total number of boundary nodes
node bctype press/flow HD PO2
1 2 6.0 0.4 80
3 0 20.0 0.45
5 -1 0
"""


def is_the_known_fork(network):
    assert network.boundary_flow * 60e12 == pytest.approx([6, np.nan, np.nan, np.nan], nan_ok=True)  # nl/min
    assert network.pressure / 133.322 == pytest.approx([np.nan, np.nan, 20, np.nan], rel=1e-5, nan_ok=True)
    assert network.inlet_haematocrit == pytest.approx([0.4, np.nan, 0.45, np.nan], nan_ok=True)
    return is_the_fork(network)


def test_network_dat_with_what_is_known_at_its_ends(write):
    network = read_network(write("Network.dat", DAT))
    assert is_the_known_fork(network)
    assert "1 boundary nodes of an unknown type are left open" in network.notes


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbf" + DAT.encode(),
        DAT.encode("utf-16"),
        DAT.replace("microns", "\xb5m \x93ca\x94").encode("latin-1"),
        DAT.replace("\n", "\r\n").encode(),
        DAT.replace(" 3.0 0.45", "").replace(" 2.0 0.45", "").replace(" 1.0 0.45", "").encode(),  # no flows
        DAT.replace("10. outer bound distance\n", "").encode(),
        DAT.replace("node bctype press/flow HD PO2\n", "").encode(),
        DAT.replace("1 5 1 2 20.0 3.0 0.45", "1 5 1 2 20.0 3.0 0.45 17 a remark").encode(),
    ],
    ids=[
        "mark",
        "utf-16",
        "stray bytes",
        "crlf",
        "no flows",
        "fewer lines",
        "no column names",
        "more columns",
    ],
)
def test_dialects_of_network_dat(write, text):
    assert is_the_known_fork(read_network(write("Network.dat", text)))


def test_network_dat_without_boundary_nodes(write):
    network = read_network(write("Network.dat", DAT[: DAT.index("3 total number of boundary")]))
    assert is_the_fork(network) and network.pressure is None and network.boundary_flow is None


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("total number of segments", "of them", "no table of segments in it"),
        (
            "4 total number of nodes",
            "5 total number of nodes",
            "5 rows of the nodes table announced, found 4",
        ),
        ("2 5 2 3 10.0 2.0 0.45", "2 5 2 3", "line 10: expected 5 numbers of the segments table"),
        ("7 5 2 5", "7 5 2 6", "segment 3 ends at node 6, which is not there"),
        ("3 0 20.0", "4 0 20.0", "boundary node 4 is not among the nodes"),
    ],
)
def test_a_broken_network_dat_is_told(write, old, new, complaint):
    with pytest.raises(ConfigError, match=complaint):
        read_network(write("Network.dat", DAT.replace(old, new)))


# HDF5 and legacy VTK

PLACES = np.array([[0, 20, 30], [100, 20, 30], [100, 70, 30], [100, 20, 80.0]])
LINKS = np.array([[0, 1], [1, 2], [1, 3]])


def test_hdf5_by_any_name(tmp_path):
    path = tmp_path / "g.h5"
    with h5py.File(path, "w") as file:
        file["graph/vertices"] = PLACES / 1e3
        file["graph/vertices"].attrs["units"] = "mm"
        file["graph/edges"] = LINKS.astype(float)
        file["graph/diameter"] = np.array([20, 10, 8]) / 1e3
        file["image"] = np.zeros((4, 4, 4))
    assert is_the_fork(read_network(path))


@pytest.mark.parametrize(
    ("arrays", "complaint"),
    [
        ({"vertices": PLACES}, r"no segments \(m, 2\) among vertices"),
        ({"vertices": PLACES, "edges": LINKS + 1}, "not in 0…3"),
        ({}, "no nodes"),
    ],
)
def test_a_broken_hdf5_is_told(tmp_path, arrays, complaint):
    path = tmp_path / "g.h5"
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values
    with pytest.raises(ConfigError, match=complaint):
        read_network(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ConfigError, match="no readable HDF5"):
        read_network(path)


def test_legacy_vtk(write):
    points = "\n".join(" ".join(map(str, row)) for row in PLACES)
    lines = "".join(f"2 {a} {b}\n" for a, b in LINKS)
    head = "# vtk DataFile Version 3.0\nfork\nASCII\nDATASET POLYDATA\n"
    radii = "CELL_DATA 3\nSCALARS diameter float 1\nLOOKUP_TABLE default\n20\n10\n8\n"
    text = f"{head}POINTS 4 float\n{points}\nLINES 3 9\n{lines}{radii}"
    assert is_the_fork(read_network(write("g.vtk", text)))


def test_ends_of_a_graph_at_one_place_are_joined(write):
    write("t_nodes.csv", "x,y,z\n0,0,0\n100,0,0\n100,0,0\n200,0,0\n")
    path = write("t_edges.csv", "from,to,radius\n0,1,5\n2,3,5\n")
    network = read_network(path)
    assert network.components.max() == 0
    assert "1 open end at the place of another node joined" in network.notes
    assert read_network(path, repair=()).components.max() == 1


def test_a_unit_that_nothing_tells_is_asked_for(write):
    write("t_nodes.csv", "x,y,z\n0,0,0\n100,0,0\n")
    path = write("t_edges.csv", "from,to\n0,1\n")
    with pytest.raises(ConfigError, match=r"vessels\.unit: the file says no unit"):
        read_network(path, default_radius=5e-6)
    assert read_network(path, default_radius=5e-6, unit="um").length == pytest.approx([1e-4])
