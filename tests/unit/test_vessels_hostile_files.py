"""Files that were damaged on the way: read, or told in a sentence; never a crash."""

import h5py
import numpy as np
import pytest

from tumorsim.errors import ConfigError
from tumorsim.vessels.network import Network
from tumorsim.vessels.read import read_network

SOUND = {
    "a.swc": "1 2 0 20 30 10 -1\n2 2 100 20 30 10 1\n3 2 100 70 30 5 2\n",
    "a.dgf": "DGF\nVertex\nparameters 1\n0 0 0 100\n1e-4 0 0 90\n1e-4 5e-5 0 80\n#\n"
    "SIMPLEX\nparameters 1\n0 1 1e-5\n1 2 5e-6\n#\n",
    "a.dat": "fork\n2 number of segments\nname\n1 5 1 2 20 3 0.4\n2 5 2 3 9 3 0.4\n3 number of nodes\nname\n1 0 0 0\n"
    "2 90 0 0\n3 99 50 0\n2 boundary nodes\nname\n1 0 30 0.4\n3 0 20 0.4\n",
    "a.graphml": '<graphml><graph>'
    '<node id="0"><data key="x">0</data><data key="y">9</data><data key="z">1</data></node>'
    '<node id="1"><data key="x">50</data><data key="y">9</data><data key="z">1</data></node>'
    '<edge source="0" target="1"><data key="radius">5</data></edge></graph></graphml>',
    "a_nodes.csv": "id,x,y,z\n7,0,20,30\n8,100,20,30\n9,100,70,30\n",
    "a.vtk": "# vtk DataFile Version 3.0\nx\nASCII\nDATASET POLYDATA\nPOINTS 2 float\n"
    "0 20 30\n100 20 30\nLINES 1 3\n2 0 1\n",
}  # fmt: skip
EDGES = "source,target,radius\n7,8,20\n8,9,10\n"
WORDS = (b"nan", b"-1", b"1e400", b"", b"x", b"\xff", b"1e18", b",", b"\n", b"9" * 20)


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """A byte changed, some lost, the end cut off, or a number replaced."""
    text = bytearray(content)
    at = int(rng.integers(len(text)))
    match rng.integers(4):
        case 0:
            text[at] = int(rng.integers(256))
        case 1:
            del text[at : at + int(rng.integers(1, 30))]
        case 2:
            del text[max(1, at) :]
        case _:
            end = at
            while end < len(text) and chr(text[end]).isalnum():
                end += 1
            text[at:end] = WORDS[rng.integers(len(WORDS))]
    return bytes(text) or b"x"


def read_or_told(path) -> None:
    try:
        network = read_network(path, default_radius=5e-6)
    except ConfigError as error:
        assert error.problems and error.problems[0].cure
    else:
        assert isinstance(network, Network) and np.isfinite(network.nodes).all()


@pytest.mark.parametrize("name", SOUND)
def test_damaged_text_is_read_or_told(tmp_path, name, capfd):
    rng = np.random.default_rng(5)
    (tmp_path / "a_edges.csv").write_text(EDGES)
    path = tmp_path / name
    path.write_text(SOUND[name])
    read_or_told(path)
    for _ in range(60):
        path.write_bytes(damaged(SOUND[name].encode(), rng))
        read_or_told(path)
    assert capfd.readouterr() == ("", "")


def test_damaged_hdf5_is_read_or_told(tmp_path):
    path, rng = tmp_path / "a.h5", np.random.default_rng(5)
    with h5py.File(path, "w") as file:
        file["nodes"], file["edges"] = np.eye(3) * 100, np.array([[0, 1], [1, 2]])
        file["radius"] = np.array([5.0, 4.0])
    sound = path.read_bytes()
    for _ in range(60):
        path.write_bytes(damaged(sound, rng))
        read_or_told(path)
