"""Size and free diffusion."""

import numpy as np
import pytest

from tumorsim.agents.particle import free_diffusivity, radius_from_molar_mass


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
