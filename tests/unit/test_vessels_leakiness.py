"""Walls that differ from segment to segment, and scenarios."""

import numpy as np
import pytest

from tumorsim.vessels.generate import generate_network
from tumorsim.vessels.leakiness import SCENARIOS, Pores, Spread, spread_pores

NETWORK = generate_network((1e-3,) * 3)


def test_without_spread_every_segment_is_as_its_tissue_says():
    pores = spread_pores(NETWORK, Spread())
    assert (pores.radius == 1).all() and (pores.area == 1).all() and (pores.conductivity == 1).all()


def test_spread_is_log_normal_about_one():
    pores = spread_pores(NETWORK, Spread(pore_radius_log_sd=0.4, pore_area_log_sd=0.8, seed=3))
    m = len(NETWORK.segments)
    assert np.log(pores.radius).mean() == pytest.approx(0, abs=4 * 0.4 / np.sqrt(m))  # four standard errors
    assert np.log(pores.radius).std() == pytest.approx(0.4, rel=4 / np.sqrt(2 * m))
    assert np.log(pores.area).std() == pytest.approx(0.8, rel=4 / np.sqrt(2 * m))
    assert np.log(pores.conductivity).std() == pytest.approx(np.hypot(0.8, 2 * 0.4), rel=0.1)
    again = spread_pores(NETWORK, Spread(pore_radius_log_sd=0.4, pore_area_log_sd=0.8, seed=3))
    assert np.array_equal(pores.radius, again.radius)


def test_hot_spots_have_their_part_of_the_wall():
    pores = spread_pores(NETWORK, Spread(hot_spots=0.2, hot_spot_factor=7))
    hot = pores.area == 7
    part = NETWORK.wall_area[hot].sum() / NETWORK.wall_area.sum()
    assert part == pytest.approx(0.2, abs=NETWORK.wall_area.max() / NETWORK.wall_area.sum())
    assert (pores.area[~hot] == 1).all()


def test_wide_vessels_are_tighter():
    pores = spread_pores(NETWORK, Spread(wide_radius=8e-6, wide_factor=0.1))
    assert np.array_equal(pores.area, np.where(NETWORK.radius > 8e-6, 0.1, 1.0))


def test_pores_act_on_the_properties_of_the_wall_alone():
    pores = Pores(np.array([2.0]), np.array([3.0]))
    assert pores.factor("pore_radius") == 2 and pores.factor("large_pore_area_fraction") == 3
    assert pores.factor("wall_hydraulic_conductivity") == 12
    assert pores.factor("wall_thickness") == 1


def test_scenarios_go_their_ways():
    untreated, normal, disrupted = (SCENARIOS[name] for name in ("untreated", "normalised", "disrupted"))
    assert vars(untreated) == {"pore_radius": 1, "pore_area": 1, "vessels": 1, "spread": 1}
    assert normal.pore_radius < 1 < disrupted.pore_radius
    assert normal.spread < 1 < disrupted.spread
    assert normal.vessels == pytest.approx(0.663, abs=1e-3)
