"""What a distributed size does to the coefficients of wall and matrix; and that measurements stand in for models."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from tumorsim.agents.agent import Agent
from tumorsim.agents.interstitium import available_fraction, convective_retardation, hindered_diffusivity
from tumorsim.agents.particle import free_diffusivity
from tumorsim.agents.passage import matrix_passage, sizes, wall_passage
from tumorsim.errors import ConfigError
from tumorsim.tissue.properties import PRESETS
from tumorsim.vessels.hindrance import convective_hindrance, diffusive_hindrance
from tumorsim.vessels.wall import schmidt_wittrup_permeability, wall_coefficients

TUMOUR = PRESETS["tumour"]
SD = 0.35
ONE_SIZE = Agent(name="one size", diameter=80e-9)
SPREAD = replace(ONE_SIZE, diameter_log_sd=SD)


def tumour(name):
    return getattr(TUMOUR, name)


def over_dose(function, *, log_sd=SD):
    """The mean over the dose of a function of the radius, by adaptive quadrature."""

    def integrand(z):
        return function(40e-9 * np.exp(log_sd * z)) * norm.pdf(z)

    kink = np.log(200e-9 / 40e-9) / log_sd  # particles that just do not fit
    return quad(integrand, -9, 9, points=[kink], epsabs=0, epsrel=1e-9, limit=200)[0]


def test_one_size_has_the_coefficients_of_that_size():
    wall, matrix = wall_passage(ONE_SIZE, tumour), matrix_passage(ONE_SIZE, tumour)
    assert wall.permeability == schmidt_wittrup_permeability(40e-9)
    assert wall.reflection_coefficient == pytest.approx(1 - convective_hindrance(0.2), rel=1e-12)
    assert wall.hydraulic_conductivity == TUMOUR.wall_hydraulic_conductivity
    assert matrix.diffusivity == hindered_diffusivity(40e-9, TUMOUR.hydraulic_conductivity)
    assert matrix.available_fraction == available_fraction(40e-9, 0.4)
    assert matrix.retardation == 1


def test_wall_of_pores_averages_permeability_and_what_passes_over_the_dose():
    wall = wall_passage(replace(SPREAD, wall_mode="pores"), tumour)
    openness = TUMOUR.pore_area_fraction / TUMOUR.wall_thickness
    permeability = over_dose(lambda r: openness * diffusive_hindrance(r / 200e-9) * free_diffusivity(2 * r))
    passing = over_dose(lambda r: convective_hindrance(r / 200e-9))
    # 32 nodes cross the kink where particles become too large; 4.6 standard deviations out, it hardly counts.
    assert wall.permeability == pytest.approx(permeability, rel=1e-5)
    assert 1 - wall.reflection_coefficient == pytest.approx(passing, rel=1e-5)


def test_empirical_wall_averages_the_fit_over_what_fits():
    wall = wall_passage(SPREAD, tumour)
    fitting = over_dose(lambda r: schmidt_wittrup_permeability(r) * (r < 200e-9))
    # The fit is cut off where particles no longer fit: 3e-6 of the dose, and the nodes see it as all or nothing.
    assert wall.permeability == pytest.approx(fitting, rel=1e-4)


def test_matrix_averages_room_and_speed_over_the_dose_and_diffusivity_over_the_room():
    agent = replace(SPREAD, retardation_model="pore")
    matrix = matrix_passage(agent, tumour)

    def room(radius):
        return available_fraction(radius, 0.4)

    def spreading(radius):
        return room(radius) * hindered_diffusivity(radius, TUMOUR.hydraulic_conductivity)

    assert matrix.available_fraction == pytest.approx(over_dose(room), rel=1e-9)
    assert matrix.diffusivity == pytest.approx(over_dose(spreading) / over_dose(room), rel=1e-9)
    lag = over_dose(lambda r: convective_retardation(r, model="pore"))
    assert matrix.retardation == pytest.approx(
        lag, rel=0.01
    )  # it drops to 0 at 82 nm, within the distribution


def test_mean_diffusivity_is_the_growth_of_the_mean_squared_displacement():
    """Release equal concentrations of all classes: the variance of all amount together grows as 2 D̄ t."""
    classes = sizes(SPREAD, count=32)
    room = available_fraction(classes.diameters / 2, 0.4)
    each = hindered_diffusivity(classes.diameters / 2, TUMOUR.hydraulic_conductivity)
    amount = classes.weights * room
    variance = (amount * 2 * each).sum() / amount.sum()
    assert matrix_passage(SPREAD, tumour).diffusivity == pytest.approx(variance / 2, rel=1e-12)


def test_no_single_diffusivity_describes_a_mixture():
    """A Gaussian of D̄ has kurtosis 3; a mixture has more, for the small particles run ahead."""
    classes = sizes(SPREAD)
    each = hindered_diffusivity(classes.diameters / 2, TUMOUR.hydraulic_conductivity)
    amount = classes.weights * available_fraction(classes.diameters / 2, 0.4)
    mean = (amount * each).sum() / amount.sum()
    kurtosis = 3 * (amount * each**2).sum() / amount.sum() / mean**2
    assert kurtosis > 4


@pytest.mark.parametrize("mode", ["pores", "empirical"])
def test_a_narrow_spread_is_one_size(mode):
    narrow = replace(SPREAD, diameter_log_sd=1e-5, wall_mode=mode)
    single = replace(ONE_SIZE, wall_mode=mode)
    for passage in (wall_passage, matrix_passage):
        found, expected = passage(narrow, tumour), passage(single, tumour)
        for name in vars(expected):
            assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-8)


def test_regions_and_voxels_give_the_same_as_numbers():
    agent = replace(SPREAD, wall_mode="pores", retardation_model="pore", matrix_model="two_mesh")
    regions = [PRESETS["normal"], PRESETS["tumour"]]

    def both(name):
        return np.array([getattr(region, name) for region in regions])

    for passage in (wall_passage, matrix_passage):
        found = passage(agent, both)
        for k, region in enumerate(regions):
            one = passage(agent, lambda name, region=region: getattr(region, name))
            for name in vars(one):
                np.testing.assert_allclose(
                    np.broadcast_to(getattr(found, name), 2)[k], getattr(one, name), rtol=1e-9
                )


def test_measured_permeability_stands_in_where_the_pores_let_the_agent_through():
    measured = replace(ONE_SIZE, wall_permeability=3e-9)
    assert wall_passage(measured, tumour).permeability == 3e-9
    assert wall_passage(measured, lambda name: getattr(PRESETS["normal"], name)).permeability == 0


def test_measured_permeability_is_not_mixed_with_a_wall_of_pores():
    measured = replace(ONE_SIZE, wall_permeability=3e-9, wall_mode="pores")
    assert wall_passage(measured, tumour) == wall_passage(replace(ONE_SIZE, wall_mode="pores"), tumour)


def test_measured_diffusivity_stands_in_for_the_model():
    measured = replace(SPREAD, interstitial_diffusivity=2e-12, matrix_model="power_law")
    assert matrix_passage(measured, tumour).diffusivity == 2e-12


def test_region_decides_the_fibres_and_the_power_law():
    agent = replace(ONE_SIZE, matrix_model="fibre", retardation_model="pore", molar_mass=70.0)
    dense = replace(TUMOUR, fibre_volume_fraction=0.06, power_law_diffusivity=1e2, power_law_exponent=2.96)
    loose_matrix = matrix_passage(agent, tumour)
    dense_matrix = matrix_passage(agent, lambda name: getattr(dense, name))
    for name in ("diffusivity", "available_fraction"):
        assert getattr(dense_matrix, name) < getattr(loose_matrix, name)
    by_mass = replace(agent, matrix_model="power_law")
    found = matrix_passage(by_mass, lambda name: getattr(dense, name)).diffusivity
    assert found == pytest.approx(100 * 70e3**-2.96)


def test_what_is_missing_is_named():
    with pytest.raises(ConfigError, match=r"agent.diameter: is not known for nameless"):
        wall_passage(Agent(name="nameless"), tumour)
    with pytest.raises(ConfigError, match=r"agent.molar_mass"):
        matrix_passage(replace(ONE_SIZE, matrix_model="power_law"), tumour)


def test_the_wall_reads_only_what_its_mode_has():
    single = wall_coefficients(mode="empirical", particle_radius=40e-9, pore_radius=200e-9,
                               wall_hydraulic_conductivity=TUMOUR.wall_hydraulic_conductivity)  # fmt: skip
    odd = replace(TUMOUR, pore_radius_log_sd=0.7, large_pore_area_fraction=0.1, pore_area_fraction=0.9)
    found = wall_passage(ONE_SIZE, lambda name: getattr(odd, name))
    assert found.permeability == single.permeability
    assert found.reflection_coefficient == pytest.approx(single.reflection_coefficient, rel=1e-12)
