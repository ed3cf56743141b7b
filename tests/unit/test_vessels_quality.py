"""What is said of a vessel graph, in numbers and on the command line."""

import json
import sys

import numpy as np
import pytest

from tumorsim.cli import main
from tumorsim.vessels.blood_flow import blood_flow
from tumorsim.vessels.network import Network
from tumorsim.vessels.quality import quality, table

UM = 1e-6
LADDER = Network(
    np.array([[0, 0, 0], [0, 0, 50], [0, 0, 100], [0, 100, 100], [0, 100, 0], [0, 0, -50], [100, 100, 150]])
    * UM,
    np.array([[0, 1], [1, 2], [2, 3], [3, 4], [4, 0], [5, 0], [3, 6]]),
    np.full(7, 5 * UM),
)
"""A ring of five segments with two ends: three vessels beside the ring's two."""


def test_a_ladder_is_counted():
    report = quality(LADDER)
    assert (report["segments"], report["vessels"], report["branch_points"]) == (7, 4, 2)
    assert (report["open_ends"], report["components"], report["loops"], report["hubs"]) == (2, 1, 1, 0)
    volume = 100 * 100 * 200 * UM**3
    assert report["length_density"] == pytest.approx(report["length"] / volume)
    assert report["vessel_density"] == pytest.approx(4 / volume)
    assert 0 < report["distance_to_vessels"]["median"] < 100 * UM
    assert report["radius"] == {"p5": 5 * UM, "median": 5 * UM, "p95": 5 * UM}
    assert "blood" not in report
    json.dumps(report)


def test_blood_that_flows_is_summed_up_and_blind_ends_are_not_perfused():
    blind = np.concatenate([LADDER.nodes, [[0, -100 * UM, 50 * UM]]])
    network = Network(blind, np.vstack([LADDER.segments, [1, 7]]), np.full(8, 5 * UM))
    pressure = np.full(8, np.nan)
    pressure[[5, 6]] = 3000.0, 2000.0
    flow = blood_flow(Network(network.nodes, network.segments, network.radius, pressure=pressure))
    blood = quality(network, flow=flow)["blood"]
    assert blood["not_perfused"] == pytest.approx(100 * UM / network.length.sum())
    assert blood["haematocrit"]["median"] == 0.45
    rows = {name: value for name, value, _ in table(quality(network, flow=flow))}
    assert rows["open ends"] == "3" and rows["radius"] == "5 – 5 – 5 µm"


def test_a_flat_network_has_no_density():
    flat = Network(LADDER.nodes[:6], LADDER.segments[:6], LADDER.radius[:6])
    assert "length_density" not in quality(flat)
    assert table(quality(flat))


SWC = "1 2 0 0 0 5 -1\n2 2 100 0 0 5 1\n3 2 100 50 50 5 2\n4 2 150 0 0 5 2\n5 2 150 0 0 5 4\n"


@pytest.fixture
def vessels(monkeypatch, capsys, tmp_path):
    def call(text, *options, name="net.swc"):
        (tmp_path / name).write_text(text)
        monkeypatch.setattr(sys, "argv", ["tumorsim", "vessels", str(tmp_path / name), *options])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return call


def test_the_command_tells_size_defects_and_flow(vessels):
    status, out, _ = vessels(SWC)
    assert status == 0
    assert "um (customary in this format)" in out and "mended: 1 segment of zero length dropped" in out
    assert "wall shear stress" in out


def test_the_command_gives_json(vessels):
    _, out, _ = vessels(SWC, "--json", "--unit", "2 um")
    report = json.loads(out)
    assert report["unit"] == "2 um (given)"
    assert report["length"] == pytest.approx(2 * (100 + np.hypot(50, 50) + 50) * UM)
    assert report["repairs"][0]["name"] == "zero_length" and report["flow_failure"] == ""


@pytest.mark.parametrize(
    ("text", "options", "complaint"),
    [
        (SWC, ("--repair", "none"), 'Add "zero_length" to it'),
        (SWC, ("--repair", "spur"), 'Did you mean "spurs"?'),
        (SWC, ("--unit", "mmHg"), "vessels.unit"),
        (SWC.replace("3 2 100", "x 2 100"), (), "line 3: expected id type x y z radius parent"),
    ],
)
def test_what_cannot_be_mended_has_status_2(vessels, text, options, complaint):
    status, out, err = vessels(text, *options)
    assert status == 2 and complaint in err and "Traceback" not in err and not out


def test_blood_that_cannot_flow_is_said(vessels):
    ring = "x,y,z\n0,0,0\n100,0,0\n0,100,0\n"
    vessels(ring, name="r_nodes.csv")
    status, out, _ = vessels("from,to,radius\n0,1,5\n1,2,5\n2,0,5\n", name="r_edges.csv")
    assert status == 0 and "no blood flow" in out and "no open end" in out


def test_the_network_of_a_config_is_told_too(vessels, doxil_text):
    lines = 'model = "generated"\ngenerated = { feeders = 1 }'
    text = doxil_text(lines, edge="0.5 mm", spacing="50 um")
    _, out, _ = vessels(text, "--json", name="case.toml")
    report = json.loads(out)
    assert report["components"] == 1 and report["vessels"] == pytest.approx(1602 * 0.125, abs=1)
    status, _, err = vessels(text.replace('"generated"\n', '"none"\n'), name="case.toml")
    assert status == 2 and "has no network" in err
