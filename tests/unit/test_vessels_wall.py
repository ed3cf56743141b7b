"""The vessel wall: pores, the empirical fit, and how several kinds of pores add up."""

import numpy as np
import pytest
from scipy.integrate import quad

from tumorsim.agents.particle import free_diffusivity
from tumorsim.constants import WATER_VISCOSITY
from tumorsim.errors import ConfigError
from tumorsim.vessels.hindrance import convective_hindrance, diffusive_hindrance
from tumorsim.vessels.wall import (
    WallCoefficients,
    in_parallel,
    lognormal_wall,
    porous_wall,
    schmidt_wittrup_permeability,
    wall_coefficients,
)

PORES = {"pore_area_fraction": 1e-3, "wall_thickness": 5e-6}
TUMOUR_LP = 2.1e-11


def test_permeability_of_the_schmidt_wittrup_fit():
    radii = np.array([2.9, 5, 10, 25, 50, 100]) * 1e-9
    expected = np.array([8e-7, 3.7e-7, 1.8e-7, 6.3e-8, 2.5e-8, 7e-9]) * 1e-2  # cm/s to m/s
    digits = np.array([1, 2, 2, 2, 2, 1])
    np.testing.assert_allclose(schmidt_wittrup_permeability(radii), expected, rtol=0.071)
    printed = [
        float(f"{value:.{n - 1}e}")
        for value, n in zip(schmidt_wittrup_permeability(radii), digits, strict=True)
    ]
    np.testing.assert_allclose(printed, expected, rtol=1e-12)


def test_poiseuille_flow_through_pores():
    wall = porous_wall(particle_radius=1e-9, pore_radius=200e-9, diffusivity_in_plasma=1e-10, **PORES)
    assert wall.hydraulic_conductivity == pytest.approx(1e-3 * (200e-9) ** 2 / (8 * WATER_VISCOSITY * 5e-6))


def test_a_slit_conducts_as_between_plates():
    wall = porous_wall(
        particle_radius=1e-9, pore_radius=200e-9, diffusivity_in_plasma=1e-10, pore_model="slit", **PORES
    )
    assert wall.hydraulic_conductivity == pytest.approx(1e-3 * (200e-9) ** 2 / (3 * WATER_VISCOSITY * 5e-6))


def test_pores_that_explain_the_fluid_do_not_explain_the_permeability_of_liposomes():
    """Pores with Lp = 2.1e-11 and r0 = 200 nm let 100 nm particles by at 5e-12 m/s only."""
    openness = 8 * WATER_VISCOSITY * TUMOUR_LP / (200e-9) ** 2
    wall = porous_wall(
        particle_radius=50e-9,
        pore_radius=200e-9,
        pore_area_fraction=openness * 5e-6,
        wall_thickness=5e-6,
        diffusivity_in_plasma=free_diffusivity(100e-9),
    )
    assert wall.hydraulic_conductivity == pytest.approx(TUMOUR_LP)
    assert wall.permeability == pytest.approx(5e-12, rel=0.1)  # printed with one digit
    assert schmidt_wittrup_permeability(50e-9) > 40 * wall.permeability


@pytest.mark.parametrize("mode", ["pores", "empirical"])
def test_what_does_not_fit_is_kept_in_and_what_is_tiny_is_not(mode):
    wall = wall_coefficients(
        mode=mode,
        particle_radius=np.array([1e-12, 5e-9, 199e-9, 200e-9, 300e-9]),
        pore_radius=200e-9,
        wall_hydraulic_conductivity=TUMOUR_LP,
        diffusivity_in_plasma=1e-11,
        **PORES,
    )
    assert np.all(wall.permeability[:3] > 0)
    np.testing.assert_array_equal(wall.permeability[3:], 0)
    np.testing.assert_array_equal(wall.reflection_coefficient[3:], 1)
    assert wall.reflection_coefficient[0] == pytest.approx(0, abs=1e-9)  # 1 − W grows with λ² = 2.5e-11
    assert np.all(np.diff(wall.reflection_coefficient) >= 0)


def test_the_empirical_mode_takes_the_conductivity_it_is_given():
    regions = {"pore_radius": np.array([5e-9, 200e-9]), "wall_hydraulic_conductivity": np.array([2.7e-12, 0])}
    wall = wall_coefficients(mode="empirical", particle_radius=42.5e-9, **regions)
    np.testing.assert_array_equal(wall.hydraulic_conductivity, regions["wall_hydraulic_conductivity"])
    np.testing.assert_array_equal(wall.permeability, [0, schmidt_wittrup_permeability(42.5e-9)])
    np.testing.assert_allclose(wall.reflection_coefficient, [1, 1 - convective_hindrance(42.5 / 200)])


@pytest.mark.parametrize("mode", ["pores", "empirical"])
def test_voxel_maps_give_the_same_as_numbers(mode):
    rng = np.random.default_rng(1)
    radius, conductivity = rng.uniform(1e-9, 4e-7, (2, 3, 4)), rng.uniform(0, 1e-10, (2, 3, 4))
    given = {"mode": mode, "particle_radius": 42.5e-9, "diffusivity_in_plasma": 7.7e-12, **PORES}
    maps = wall_coefficients(pore_radius=radius, wall_hydraulic_conductivity=conductivity, **given)
    for voxel in np.ndindex(radius.shape):
        one = wall_coefficients(
            pore_radius=radius[voxel], wall_hydraulic_conductivity=conductivity[voxel], **given
        )
        for name in ("hydraulic_conductivity", "permeability", "reflection_coefficient"):
            assert getattr(maps, name)[voxel] == getattr(one, name)


def test_charge_multiplies_the_partition_into_the_pore():
    given = {"particle_radius": 50e-9, "pore_radius": 200e-9, "diffusivity_in_plasma": 6.6e-12, **PORES}
    neutral, repelled = porous_wall(**given), porous_wall(charge_factor=0.3, **given)
    assert repelled.permeability == pytest.approx(0.3 * neutral.permeability)
    assert 1 - repelled.reflection_coefficient == pytest.approx(0.3 * (1 - neutral.reflection_coefficient))
    assert repelled.hydraulic_conductivity == neutral.hydraulic_conductivity


def test_all_faults_of_a_wall_are_named_at_once():
    with pytest.raises(ConfigError) as caught:
        wall_coefficients(mode="pores", particle_radius=-1e-9, pore_radius=np.array([1e-9, np.nan]))
    assert {problem.key for problem in caught.value.problems} == {
        "particle_radius",
        "pore_radius",
        "pore_area_fraction",
        "wall_thickness",
        "diffusivity_in_plasma",
    }


def test_an_unknown_mode_gets_a_hint():
    with pytest.raises(ConfigError, match='Did you mean "pores"'):
        wall_coefficients(mode="pore", particle_radius=1e-9, pore_radius=2e-9)


def test_two_kinds_of_pores_side_by_side():
    walls = [
        porous_wall(
            particle_radius=3e-9,
            pore_radius=pore,
            pore_area_fraction=area,
            wall_thickness=1e-6,
            diffusivity_in_plasma=1e-10,
        )
        for pore, area in ((4.5e-9, 1.76e-3), (500e-9, 6.5e-5))
    ]
    both = in_parallel(*walls)
    assert both.hydraulic_conductivity == pytest.approx(sum(w.hydraulic_conductivity for w in walls))
    assert both.permeability == pytest.approx(sum(w.permeability for w in walls))
    # The sieved flow adds up: Lp (1 − σ) is the solute that a unit of pressure carries.
    carried = sum(w.hydraulic_conductivity * (1 - w.reflection_coefficient) for w in walls)
    assert both.hydraulic_conductivity * (1 - both.reflection_coefficient) == pytest.approx(carried)
    assert walls[1].reflection_coefficient < both.reflection_coefficient < walls[0].reflection_coefficient


def _lognormal_mean(function, *, median: float, log_sd: float) -> float:
    def weighted(z: float) -> float:
        return function(median * np.exp(log_sd * z)) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)

    return quad(weighted, -10, 14, limit=400, epsabs=0, epsrel=1e-11)[0]


@pytest.mark.parametrize("log_sd", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("particle_radius", [5e-9, 50e-9, 150e-9])
def test_lognormal_pores_against_quadrature(log_sd, particle_radius):
    median, diffusivity = 200e-9, 6.6e-12
    wall = lognormal_wall(
        particle_radius=particle_radius,
        median_pore_radius=median,
        pore_radius_log_sd=log_sd,
        diffusivity_in_plasma=diffusivity,
        **PORES,
    )

    def mean(function):
        return _lognormal_mean(function, median=median, log_sd=log_sd)

    area, flow = mean(lambda r: r**2), mean(lambda r: r**4)
    openness = PORES["pore_area_fraction"] / PORES["wall_thickness"]
    assert wall.hydraulic_conductivity == pytest.approx(openness * flow / area / (8 * WATER_VISCOSITY))
    open_area = mean(lambda r: r**2 * diffusive_hindrance(particle_radius / r)) / area
    open_flow = mean(lambda r: r**4 * convective_hindrance(particle_radius / r)) / flow
    # 64 nodes meet the kink where pores become too small for the particle to about 1e-4 of the open pore.
    assert wall.permeability == pytest.approx(openness * diffusivity * open_area, rel=1e-3, abs=0)
    assert 1 - wall.reflection_coefficient == pytest.approx(open_flow, rel=1e-3)


def test_a_narrow_distribution_of_pores_is_one_pore():
    given = {"particle_radius": 30e-9, "diffusivity_in_plasma": 1e-11, **PORES}
    narrow = lognormal_wall(median_pore_radius=np.array([50e-9, 90e-9]), pore_radius_log_sd=1e-6, **given)
    single = porous_wall(pore_radius=np.array([50e-9, 90e-9]), **given)
    for name in ("hydraulic_conductivity", "permeability", "reflection_coefficient"):
        np.testing.assert_allclose(getattr(narrow, name), getattr(single, name), rtol=1e-9)


def test_the_spread_of_the_pores_may_differ_from_region_to_region():
    given = {"particle_radius": 40e-9, "median_pore_radius": 90e-9, "diffusivity_in_plasma": 1e-11, **PORES}
    both = lognormal_wall(pore_radius_log_sd=np.array([0.0, 0.5]), **given)
    for k, log_sd in enumerate((0.0, 0.5)):
        one = lognormal_wall(pore_radius_log_sd=log_sd, **given)
        for name in ("hydraulic_conductivity", "permeability", "reflection_coefficient"):
            np.testing.assert_allclose(getattr(both, name)[k], getattr(one, name), rtol=1e-12)


def test_points_see_the_moments_of_the_pores_in_closed_form():
    """For r → 0: P = γD₀/L, σ = 0, and Lp is that of one pore times exp(6 s²)."""
    given = {"particle_radius": 1e-15, "diffusivity_in_plasma": 1e-11, **PORES}
    wall = lognormal_wall(median_pore_radius=90e-9, pore_radius_log_sd=0.4, **given)
    single = porous_wall(pore_radius=90e-9, **given)
    assert wall.permeability == pytest.approx(1e-3 * 1e-11 / 5e-6, rel=1e-5)  # H falls with λ ln λ ~ 2e-7
    assert wall.reflection_coefficient == pytest.approx(0, abs=1e-12)
    assert wall.hydraulic_conductivity == pytest.approx(single.hydraulic_conductivity * np.exp(6 * 0.4**2))


@pytest.mark.parametrize("model", ["dechadilok_deen", "bungay_brenner", "slit"])
def test_the_mode_pores_is_each_of_its_kinds_of_wall(model):
    common = {"particle_radius": 20e-9, "diffusivity_in_plasma": 2e-11, "pore_model": model}
    small = {"pore_radius": 60e-9, **PORES}
    alone = wall_coefficients(mode="pores", **small, **common)
    single = porous_wall(**small, **common)
    assert _same(alone, single)
    spread = wall_coefficients(mode="pores", pore_radius_log_sd=0.3, **small, **common)
    assert _same(spread, lognormal_wall(median_pore_radius=60e-9, pore_radius_log_sd=0.3, **PORES, **common))
    large = {"large_pore_radius": 400e-9, "large_pore_area_fraction": 1e-5}
    two = wall_coefficients(mode="pores", **small, **large, **common)
    beside = porous_wall(pore_radius=400e-9, pore_area_fraction=1e-5, wall_thickness=5e-6, **common)
    assert _same(two, in_parallel(single, beside))


def _same(one, other):
    for name in ("hydraulic_conductivity", "permeability", "reflection_coefficient"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-12)
    return True


def test_two_kinds_of_pores_become_one_where_the_other_is_closed_or_alike():
    given = {
        "mode": "pores",
        "particle_radius": 20e-9,
        "diffusivity_in_plasma": 2e-11,
        "wall_thickness": 5e-6,
    }
    one = wall_coefficients(pore_radius=60e-9, pore_area_fraction=2e-3, **given)
    halves = wall_coefficients(
        pore_radius=60e-9,
        pore_area_fraction=1e-3,
        large_pore_radius=60e-9,
        large_pore_area_fraction=1e-3,
        **given,
    )
    assert _same(one, halves)
    small_closed = wall_coefficients(
        pore_radius=5e-9,
        pore_area_fraction=0.0,
        large_pore_radius=60e-9,
        large_pore_area_fraction=2e-3,
        **given,
    )
    assert _same(one, small_closed)


def test_particles_too_large_for_the_small_pores_leave_by_the_large_ones_alone():
    """P is that of the large pores, and σ tends to the part of the flow that the small ones carry."""
    wall = wall_coefficients(
        mode="pores",
        particle_radius=10e-9,
        pore_radius=5e-9,
        pore_area_fraction=1e-3,
        large_pore_radius=100e-6,  # so wide that nothing is reflected there
        large_pore_area_fraction=1e-15,
        wall_thickness=1e-6,
        diffusivity_in_plasma=3e-11,
    )
    small, large = 1e-3 * 25e-18, 1e-15 * 1e-8
    assert wall.permeability == pytest.approx(1e-15 * 3e-11 / 1e-6, rel=2e-3)  # H(1e-4) = 0.9988
    assert wall.reflection_coefficient == pytest.approx(small / (small + large), rel=1e-6)


def test_a_wall_without_open_pores_lets_nothing_through():
    wall = wall_coefficients(
        mode="pores",
        particle_radius=10e-9,
        pore_radius=np.array([5e-9, 50e-9]),
        pore_area_fraction=0.0,
        large_pore_radius=500e-9,
        large_pore_area_fraction=np.array([0.0, 1e-5]),
        wall_thickness=5e-6,
        diffusivity_in_plasma=3e-11,
    )
    assert (wall.hydraulic_conductivity[0], wall.permeability[0], wall.reflection_coefficient[0]) == (0, 0, 1)
    assert wall.permeability[1] > 0


def test_the_second_kind_of_pores_takes_a_radius():
    with pytest.raises(ConfigError, match="large_pore_radius: is missing"):
        wall_coefficients(
            mode="pores",
            particle_radius=10e-9,
            pore_radius=50e-9,
            large_pore_area_fraction=1e-5,
            diffusivity_in_plasma=3e-11,
            **PORES,
        )


def test_the_theory_of_the_pores_is_that_of_sigma_in_the_empirical_mode():
    given = {"particle_radius": 50e-9, "pore_radius": 100e-9, "wall_hydraulic_conductivity": TUMOUR_LP}
    wall = wall_coefficients(mode="empirical", pore_model="bungay_brenner", **given)
    assert 1 - wall.reflection_coefficient == pytest.approx(0.3673, abs=5e-5)
    assert wall.permeability == schmidt_wittrup_permeability(50e-9)


def test_coefficients_cannot_be_changed():
    wall = WallCoefficients(1e-11, 1e-9, 0.5)
    with pytest.raises(AttributeError):
        wall.permeability = 0.0  # type: ignore[misc]
