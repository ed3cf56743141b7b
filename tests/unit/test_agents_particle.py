"""Size, its distribution, and free diffusion."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import lognorm

from tumorsim.agents.particle import (
    DIAMETER_BASES,
    dose_median,
    free_diffusivity,
    log_sd_from_polydispersity,
    radius_from_molar_mass,
    size_classes,
)
from tumorsim.errors import ConfigError


def test_free_diffusivity_in_water_at_body_temperature():
    diameters = np.array([1, 5, 10, 20, 50, 100, 150, 200]) * 1e-9
    expected = [6.6e-10, 1.3e-10, 6.6e-11, 3.3e-11, 1.3e-11, 6.6e-12, 4.4e-12, 3.3e-12]
    np.testing.assert_allclose(free_diffusivity(diameters), expected, rtol=0.02)  # two digits are given


def test_stokes_einstein_scales_with_temperature_and_against_viscosity_and_size():
    reference = free_diffusivity(10e-9, temperature=300.0, viscosity=1e-3)
    assert free_diffusivity(20e-9, temperature=300.0, viscosity=1e-3) == pytest.approx(reference / 2)
    assert free_diffusivity(10e-9, temperature=600.0, viscosity=1e-3) == pytest.approx(2 * reference)
    assert free_diffusivity(10e-9, temperature=300.0, viscosity=2e-3) == pytest.approx(reference / 2)
    assert reference == pytest.approx(4.394e-11, rel=1e-3)  # k_B·300 K / (3π · 1e-3 Pa s · 10 nm)


def test_an_antibody_of_150_kilodalton_has_a_radius_near_5_nanometres():
    assert radius_from_molar_mass(150.0) == pytest.approx(4.84e-9, rel=1e-3)
    np.testing.assert_allclose(radius_from_molar_mass(np.array([1.0, 1000.0])), [0.912e-9, 9.1e-9], rtol=1e-2)


# distributed sizes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("log_sd", [0.05, 0.2, 0.5])
def test_polydispersity_is_the_variance_of_the_decay_rates_over_their_mean_squared(log_sd):
    """By quadrature over a number distribution, weighted by scattered light, d⁶; rates go with 1/d."""
    number = lognorm(s=log_sd, scale=80.0)

    def moment(power):
        return quad(lambda d: d**power * number.pdf(d), 0, np.inf, limit=400, points=None)[0]

    mean, square = moment(5) / moment(6), moment(4) / moment(6)
    assert log_sd_from_polydispersity(square / mean**2 - 1) == pytest.approx(log_sd, rel=1e-5)  # of quad


@pytest.mark.parametrize(("basis", "of_number"), [("number", 0.0), ("intensity", 6.0), ("z_average", 5.5)])
def test_every_kind_of_diameter_leads_to_the_same_median_of_the_dose(basis, of_number):
    """Number-median 80 nm: the median by volume is 80 exp(3 s²), by light 80 exp(6 s²), ⟨d⁶⟩/⟨d⁵⟩ 80 exp(5.5 s²)."""
    log_sd = 0.3
    given = 80e-9 * np.exp(of_number * log_sd**2)
    assert dose_median(given, log_sd, basis=basis) == pytest.approx(80e-9 * np.exp(3 * log_sd**2))


@pytest.mark.parametrize("basis", DIAMETER_BASES)
def test_without_a_spread_every_diameter_is_the_same(basis):
    assert dose_median(80e-9, 0.0, basis=basis) == 80e-9


def test_half_of_the_volume_is_in_particles_below_the_dose_median():
    log_sd, number = 0.4, lognorm(s=0.4, scale=1.0)
    median = dose_median(1.0, log_sd, basis="number")
    below = quad(lambda d: d**3 * number.pdf(d), 0, median)[0]
    assert below / number.moment(3) == pytest.approx(0.5, rel=1e-6)


@pytest.mark.parametrize("power", [-2, -1, 1, 2, 3])
def test_size_classes_have_the_moments_of_the_lognormal(power):
    classes = size_classes(80e-9, 0.25, count=9)
    expected = (80e-9) ** power * np.exp(power**2 * 0.25**2 / 2)
    # 9 nodes integrate exp(x) with x = n s z up to z¹⁷; the next term is (n s)¹⁸/(2⁹ 9!) = 3e-11 at n s = 0.75
    assert classes.mean(classes.diameters**power) == pytest.approx(expected, rel=1e-9)
    assert classes.weights.sum() == pytest.approx(1, rel=1e-14)


def test_one_size_is_one_class():
    classes = size_classes(80e-9, 0.0, count=9)
    assert (list(classes.diameters), list(classes.weights)) == ([80e-9], [1.0])


def test_an_unknown_kind_of_diameter_is_refused():
    with pytest.raises(ConfigError, match="z_average"):
        dose_median(80e-9, 0.2, basis="z-average")
