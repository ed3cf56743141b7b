"""Tubes coloured by what is known of vessels, and the picture of a network alone."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.image import imread

from tumorsim.errors import ConfigError
from tumorsim.render.network_figure import network_figure
from tumorsim.render.vessel_colours import COLOURS
from tumorsim.render.vessel_tubes import vessel_tubes
from tumorsim.vessels.network import Network

NODES = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 1.5], [0, -1, 1.5]]) * 1e-4
FORK = Network(
    NODES,
    np.array([[0, 1], [1, 2], [1, 3]]),
    np.array([12e-6, 8e-6, 5e-6]),
    pressure=np.array([3000.0, 2500, 2000, 2100]),
    flow=np.array([3e-13, 2e-13, -1e-13]),
    haematocrit=np.array([0.45, 0.5, 0.3]),
    leakiness=np.array([1.0, 3, 0.2]),
)
BOX = NODES.min(0), NODES.max(0)


@pytest.mark.parametrize("colour", ["flow", "haematocrit", "leakiness", "radius"])
def test_a_tube_has_the_number_of_its_segment(colour):
    tubes = vessel_tubes(FORK, within=BOX, colour=colour)
    x, y, _ = tubes.points.T
    expected = np.abs(getattr(FORK, colour))
    assert np.allclose(tubes[colour][(x > 20) & (x < 80)], expected[0])
    assert np.allclose(tubes[colour][(y > 20) & (y < 80)], expected[1])
    assert np.allclose(tubes[colour][(y < -20) & (y > -80)], expected[2])


def test_what_is_not_known_is_nan():
    bare = replace(FORK, flow=None)
    assert np.isnan(vessel_tubes(bare, within=BOX, colour="flow")["flow"]).all()


@pytest.mark.parametrize("colour", COLOURS)
def test_the_picture_shows_vessels(tmp_path, colour):
    path = network_figure(FORK, tmp_path / "fork.png", colour=colour, size=(400, 300))
    picture = imread(path)
    assert picture.shape[:2] == (300, 400)
    assert picture[60:260, 60:320, :3].std() > 0.05  # more than the ground, whose shades differ by 0.02


def test_a_colour_that_is_not_known_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="Use pressure, flow, haematocrit, radius"):
        network_figure(replace(FORK, leakiness=None), tmp_path / "x.png", colour="leakiness")
    with pytest.raises(ConfigError, match="written as PNG"):
        network_figure(FORK, tmp_path / "x.jpg")
