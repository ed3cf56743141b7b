"""Tubes coloured by the plasma concentration that they carry, or by what else is known of a network."""

from dataclasses import replace

import numpy as np
import pytest

from tumorsim.errors import ConfigError
from tumorsim.render.colour_scale import plasma_scale
from tumorsim.render.movie import film
from tumorsim.render.probe import headless
from tumorsim.render.scene import draw_scene, view_of
from tumorsim.render.stage import add_vessels, new_plotter, stage_of
from tumorsim.render.vessel_colours import shown_colours
from tumorsim.render.view import Look

SMALL = (300, 200)


@pytest.fixture
def carrying(with_vessels):
    """The vessel and its two branches at two times, mol/m³ of plasma, and a flow, of which the last is none."""
    levels = np.array([[4.0, 1.0, 0.0], [8.0, 6.0, 2.0]])
    network = replace(with_vessels.network, flow=np.array([2e-13, -1e-13, 0.0]))
    return replace(with_vessels, network=network, in_blood=levels)


def tubes_of(view):
    """The numbers on the tubes, in the unit of the scale that is returned beside them."""
    with headless():
        plotter = new_plotter(view)
        scale = add_vessels(plotter, view, stage_of(view, whole_box=True))
        drawn = plotter.mesh[view.vessels]
        plotter.close()
    return np.asarray(drawn), scale


def test_beside_agent_vessels_show_what_they_carry(carrying, with_vessels):
    assert view_of(carrying, Look()).vessels == "plasma"
    assert view_of(carrying, Look(scene="delivery")).vessels == "plasma"
    assert view_of(carrying, Look(scene="pressure")).vessels == "pressure"
    assert view_of(carrying, Look(vessels="pressure")).vessels == "pressure"
    assert view_of(with_vessels, Look()).vessels == "pressure"


@pytest.mark.parametrize("step", [0, 1])
def test_a_tube_has_the_level_of_its_segment_at_the_time(carrying, step):
    """Of a dose of 1e-4 mol 1 mol/m³ is 1 %ID/mL."""
    drawn, scale = tubes_of(view_of(carrying, Look(time=carrying.times[step])))
    assert (scale.label, scale.unit, scale.low) == ("Doxil in plasma", "%ID/mL", 0.0)
    assert set(carrying.in_blood[step]) <= set(np.round(drawn, 6))
    assert scale.high == drawn.max() == pytest.approx(carrying.in_blood[step].max(), rel=1e-6)


def test_without_a_dose_it_is_a_concentration(carrying):
    scale = plasma_scale(replace(carrying, dose=None), times=carrying.times)
    assert (scale.unit, scale.high) == ("mM", pytest.approx(8.0))
    empty = replace(carrying, in_blood=np.zeros((2, 3)))
    assert plasma_scale(empty, times=carrying.times).high > 0


def test_a_film_has_one_scale_for_what_vessels_carry(carrying):
    early, late = film(carrying, Look(), other=None, orbit=False, frames=None)
    assert early.plasma == late.plasma and early.plasma.high == pytest.approx(8.0)


def test_other_levels_are_another_picture(carrying):
    pictures = [
        draw_scene(replace(carrying, in_blood=levels), size=SMALL, same_scale=True, time="1 h")
        for levels in (carrying.in_blood, carrying.in_blood[:, ::-1])
    ]
    assert (pictures[0] != pictures[1]).any(axis=-1).mean() > 5e-3


def test_vessels_can_be_coloured_by_all_that_is_known(carrying):
    assert shown_colours(carrying) == ["plasma", "pressure", "flow", "radius"]
    drawn, scale = tubes_of(view_of(carrying, Look(vessels="flow")))
    assert scale.unit == "nl/min" and scale.log and drawn.max() == pytest.approx(12.0)
    drawn, scale = tubes_of(view_of(carrying, Look(vessels="radius")))
    assert scale.unit == "µm" and drawn.min() == pytest.approx(30.0)


def test_what_a_result_does_not_hold_is_refused(with_vessels, sphere):
    with pytest.raises(ConfigError, match=r'Use one of pressure, radius, or .* vessels.plasma = "carried"'):
        draw_scene(with_vessels, vessels="plasma")
    with pytest.raises(ConfigError, match="no vessel network"):
        draw_scene(sphere, vessels="flow")
