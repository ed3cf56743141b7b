"""Matrix: hindered diffusion, available volume, retardation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tumorsim.agents.interstitium import (
    COLLAGEN,
    MATRIX_MODELS,
    PARTITION_MODELS,
    RETARDATION_MODELS,
    FibreMatrix,
    PowerLaw,
    available_fraction,
    brinkman_hindrance,
    convective_retardation,
    hindered_diffusivity,
    ogston_partition,
)
from tumorsim.agents.particle import free_diffusivity
from tumorsim.constants import WATER_VISCOSITY
from tumorsim.errors import ConfigError

TUMOUR_K = 3.1e-14
SIZES = st.tuples(st.floats(1e-10, 5e-7), st.floats(1e-10, 5e-7)).map(sorted)


def test_default_hindrance_in_a_tumour():
    diameters = np.array([1, 5, 7, 10.6, 20, 50, 100, 150]) * 1e-9
    hindered = hindered_diffusivity(diameters / 2, TUMOUR_K)
    ratios = [0.90, 0.64, 0.55, 0.44, 0.27, 0.10, 0.040, 0.022]
    absolute = [5.9e-10, 8.4e-11, 5.2e-11, 2.7e-11, 8.9e-12, 1.4e-12, 2.6e-13, 9.6e-14]
    # Two digits are given; the last of them carries the rounding of the ratio.
    np.testing.assert_allclose(hindered / free_diffusivity(diameters), ratios, rtol=0.04)
    np.testing.assert_allclose(hindered, absolute, rtol=0.03)


@pytest.mark.parametrize(
    ("volume_fraction", "expected"),
    [(0.03, [0.97, 0.94, 0.91, 0.84, 0.66, 0.43, 0.27]), (0.06, [0.95, 0.90, 0.84, 0.74, 0.49, 0.24, 0.10])],
)
def test_hindrance_by_collagen(volume_fraction, expected):
    radii = np.array([1, 5, 10, 20, 50, 100, 150]) * 0.5e-9
    fibres = FibreMatrix(volume_fraction=volume_fraction)
    ratios = hindered_diffusivity(radii, TUMOUR_K, model="fibre", fibres=fibres) / free_diffusivity(2 * radii)
    np.testing.assert_allclose(ratios, expected, atol=0.005)  # two decimals are given


def test_partition_into_collagen():
    radii = np.array([1, 5, 10, 50, 100, 150]) * 0.5e-9
    expected = [0.97, 0.96, 0.95, 0.86, 0.69, 0.51]
    np.testing.assert_allclose(ogston_partition(radii, COLLAGEN), expected, atol=0.005)  # two decimals


def test_available_fraction_of_schmidt_and_wittrup():
    radii = np.array([0.5, 2.5, 5, 10, 25, 50, 75]) * 1e-9
    expected = [0.47, 0.35, 0.23, 0.083, 0.048, 0.045, 0.043]
    fractions = available_fraction(radii, 0.5, model="schmidt_wittrup")
    np.testing.assert_allclose(fractions, expected, rtol=0.012)  # two digits are given


def test_collagen_alone_conducts_far_better_than_a_tumour():
    conductivity = COLLAGEN.permeability / WATER_VISCOSITY
    assert conductivity == pytest.approx(7.5e-12, rel=0.01)
    assert conductivity / TUMOUR_K == pytest.approx(240, rel=0.01)


def test_a_drifting_sphere_feels_less_than_a_held_one():
    """At large q the hindrance is 9/q², three times weaker than with the coefficient 1/3."""
    assert brinkman_hindrance(1e-6, 1e-18) == pytest.approx(9e-6, rel=1e-2)  # next term 9/q


@pytest.mark.parametrize("model", MATRIX_MODELS)
@settings(deadline=None)
@given(radii=SIZES)
def test_larger_particles_diffuse_less(model, radii):
    small, large = hindered_diffusivity(np.array(radii), TUMOUR_K, model=model, molar_mass=70.0)
    assert 0 <= large <= small <= free_diffusivity(2 * radii[0]) * (1 + 1e-15)


@pytest.mark.parametrize("model", PARTITION_MODELS)
@settings(deadline=None)
@given(radii=SIZES, interstitial=st.floats(0.01, 1))
def test_larger_particles_have_less_room(model, radii, interstitial):
    small, large = available_fraction(np.array(radii), interstitial, model=model)
    assert 0 <= large <= small <= interstitial


@settings(deadline=None)
@given(conductivity=st.tuples(st.floats(1e-17, 1e-11), st.floats(1e-17, 1e-11)).map(sorted))
def test_a_matrix_that_lets_fluid_pass_lets_particles_pass(conductivity):
    tight, loose = hindered_diffusivity(40e-9, np.array(conductivity))
    assert tight <= loose


@pytest.mark.parametrize("model", MATRIX_MODELS)
def test_diffusivity_has_the_shape_of_the_voxel_map(model):
    conductivity = np.geomspace(1e-15, 1e-13, 24).reshape(2, 3, 4)
    assert hindered_diffusivity(5e-9, conductivity, model=model, molar_mass=70.0).shape == (2, 3, 4)


@pytest.mark.parametrize("model", ["fibre", "ogston", "amsden", "two_mesh"])
def test_fibres_may_differ_from_voxel_to_voxel(model):
    radii, fractions = np.array([20e-9, 60e-9]), np.array([0.03, 0.06])
    both = FibreMatrix(radii, fractions)
    each = [FibreMatrix(r, f) for r, f in zip(radii, fractions, strict=True)]
    for function in (
        lambda fibres: hindered_diffusivity(5e-9, TUMOUR_K, model=model, fibres=fibres),
        lambda fibres: available_fraction(5e-9, 0.4, fibres=fibres),
        lambda fibres: convective_retardation(5e-9, model="pore", fibres=fibres),
    ):
        np.testing.assert_allclose(function(both), [function(one) for one in each], rtol=1e-12)


def test_two_meshes_multiply():
    """Drag in the fine mesh times obstruction by the fibrils: the fibre model without its own drag."""
    radius = 25e-9
    both, fine, fibrils = (
        hindered_diffusivity(radius, TUMOUR_K, model=m) / free_diffusivity(2 * radius)
        for m in ("two_mesh", "effective_medium", "fibre")
    )
    assert both == pytest.approx(fine * fibrils / brinkman_hindrance(radius, COLLAGEN.permeability))


def test_power_law_of_dextrans():
    """VX2 carcinoma: 2.51e-2 · 71800^−1.14 cm²/s; the granulation tissue beside it holds them back 17 times more."""
    tumour = hindered_diffusivity(6e-9, TUMOUR_K, model="power_law", molar_mass=71.8)
    assert tumour == pytest.approx(2.51e-6 * 71800**-1.14)
    normal = PowerLaw(diffusivity=1e2, exponent=2.96).at(71.8)
    assert tumour / normal == pytest.approx(17.3, rel=0.01)
    assert normal == pytest.approx(100 * 71800**-2.96)


def test_power_law_never_exceeds_free_diffusion():
    small = hindered_diffusivity(0.5e-9, TUMOUR_K, model="power_law", molar_mass=0.376)
    assert small == free_diffusivity(1e-9)


def test_power_law_without_a_molar_mass_says_so():
    with pytest.raises(ConfigError, match=r"agent.molar_mass: is not known.*power_law"):
        hindered_diffusivity(5e-9, TUMOUR_K, model="power_law")


def test_amsden_obstruction_is_the_chance_of_a_wide_enough_opening():
    radii = np.array([1e-9, 20e-9, 80e-9])
    obstruction = hindered_diffusivity(radii, TUMOUR_K, model="amsden") / free_diffusivity(2 * radii)
    np.testing.assert_allclose(obstruction, ogston_partition(radii, COLLAGEN), rtol=1e-12)


def test_mean_spacing_of_random_fibres():
    """Throw parallel fibres at random and measure the distance from the origin to the nearest axis."""
    rng, fibres = np.random.default_rng(7), FibreMatrix(radius=1.0, volume_fraction=0.05)
    per_area, half_width = fibres.volume_fraction / np.pi, 20.0
    nearest = [
        np.hypot(*rng.uniform(-half_width, half_width, (2, rng.poisson(per_area * 4 * half_width**2)))).min()
        for _ in range(4000)
    ]
    error = np.std(nearest) / np.sqrt(len(nearest))
    assert abs(np.mean(nearest) - (fibres.mean_half_spacing + 1.0)) < 4 * error  # 4 standard errors


def test_retardation():
    radii = np.array([1e-12, 40e-9, 82e-9, 83e-9])  # the openings in collagen have a radius of 82.3 nm
    np.testing.assert_array_equal(convective_retardation(radii), 1)
    lag = convective_retardation(radii, model="pore")
    assert lag[0] == pytest.approx(1, abs=1e-4)
    assert lag[1] > 1.3
    assert lag[2] == pytest.approx(1, abs=0.01)
    assert lag[3] == 0


@pytest.mark.parametrize(
    ("function", "models"),
    [
        (lambda model: hindered_diffusivity(1e-9, TUMOUR_K, model=model), MATRIX_MODELS),
        (lambda model: available_fraction(1e-9, 0.4, model=model), PARTITION_MODELS),
        (lambda model: convective_retardation(1e-9, model=model), RETARDATION_MODELS),
    ],
)
def test_an_unknown_model_is_refused_with_the_known_ones(function, models):
    with pytest.raises(ConfigError) as caught:
        function("magic")
    assert all(name in str(caught.value) for name in models)
