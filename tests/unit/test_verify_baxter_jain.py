"""The closed forms of the pressure in a spherical tumour obey their equation and their limits."""

import numpy as np
import pytest

from tumorsim.constants import MMHG
from tumorsim.verify.baxter_jain import NORMAL, TUMOUR, SphericalTumour, Tissue

SHELL = {"surroundings": NORMAL, "outer_radius": 5e-3, "outer_pressure": 300.0}
FORMS = {
    "isolated": SphericalTumour(2e-3, outer_pressure=100.0),
    "embedded": SphericalTumour(2e-3, surroundings=NORMAL),
    "shell": SphericalTumour(2e-3, **SHELL),
    "necrotic isolated": SphericalTumour(2e-3, necrotic_radius=1.2e-3),
    "necrotic embedded": SphericalTumour(2e-3, surroundings=NORMAL, necrotic_radius=1.2e-3),
    "necrotic shell": SphericalTumour(2e-3, necrotic_radius=1.2e-3, **SHELL),
}
forms = pytest.mark.parametrize("tumour", FORMS.values(), ids=FORMS.keys())


def slope(tumour, r, side=0.0):
    """dp/dr by central differences, or by second-order ones to one side."""
    h = 1e-6
    if not side:
        return (tumour.pressure(r + h) - tumour.pressure(r - h)) / (2 * h)
    p = [tumour.pressure(r + side * k * h) for k in range(3)]
    return side * (-1.5 * p[0] + 2 * p[1] - 0.5 * p[2]) / h


@forms
def test_pressure_obeys_its_equation_in_both_tissues(tumour):
    """(1/r²)(r² K p′)′ = G (p − p_e), by differences over 2 µm."""
    for tissue, r in [(TUMOUR, np.linspace(1.3e-3, 1.9e-3, 7)), (NORMAL, np.linspace(2.1e-3, 4.5e-3, 7))]:
        if r[0] > tumour.radius and tumour.surroundings is None:
            continue
        h = 2e-6
        flux = [(r + d) ** 2 * tissue.conductivity * slope(tumour, r + d) for d in (h, -h)]
        curvature = (flux[0] - flux[1]) / (2 * h) / r**2
        assert curvature == pytest.approx(
            tissue.filtration * (tumour.pressure(r) - tissue.equilibrium), rel=1e-3, abs=1e-9
        )


@forms
def test_pressure_and_flux_are_continuous_at_the_surface(tumour):
    inner = -TUMOUR.conductivity * slope(tumour, 2e-3, side=-1.0)
    assert inner == pytest.approx(tumour.surface_velocity, rel=1e-5)
    assert tumour.pressure(2e-3) == pytest.approx(tumour.surface_pressure)
    if tumour.surroundings:
        outer = -NORMAL.conductivity * slope(tumour, 2e-3 * (1 + 1e-12), side=1.0)
        assert outer == pytest.approx(inner, rel=1e-4)


@forms
def test_boundary_values_are_kept(tumour):
    if tumour.necrotic_radius:  # no flux into the core, and one pressure in it
        assert slope(tumour, 1.2e-3, side=1.0) == pytest.approx(0.0, abs=1e-3 * 1533 / 2e-3)
        assert tumour.pressure(0.0) == tumour.pressure(1.2e-3)
    end = 2e-3 if tumour.surroundings is None else tumour.outer_radius
    expected = tumour.outer_pressure if np.isfinite(end) else NORMAL.equilibrium
    assert tumour.pressure(min(end, 1.0)) == pytest.approx(expected)


def test_the_table_of_baxter_and_jain():
    """physics.md A.4: R, p(R) in mmHg and u(R) in µm/s of an embedded tumour; the digits given there."""
    for radius, pressure, velocity in [(2e-3, 9.0, 0.033), (5e-3, 9.3, 0.032), (10e-3, 9.4, 0.031)]:
        tumour = SphericalTumour(radius, surroundings=NORMAL)
        assert tumour.surface_pressure / MMHG == pytest.approx(pressure, abs=0.05)
        assert tumour.surface_velocity * 1e6 == pytest.approx(velocity, abs=5e-4)
        assert tumour.pressure(0.0) / MMHG == pytest.approx(11.5, abs=0.03)
    assert SphericalTumour(10e-3).surface_velocity * 1e6 == pytest.approx(0.17, abs=5e-3)


def test_a_core_of_no_size_is_no_core():
    r = np.linspace(0, 3e-3, 31)
    tiny = SphericalTumour(2e-3, surroundings=NORMAL, necrotic_radius=1e-12)
    assert tiny.pressure(r) == pytest.approx(SphericalTumour(2e-3, surroundings=NORMAL).pressure(r))


def test_a_wide_shell_is_infinite_tissue():
    r = np.linspace(0, 4e-3, 41)
    wide = SphericalTumour(2e-3, surroundings=NORMAL, outer_radius=1.0, outer_pressure=1e3)
    assert wide.pressure(r) == pytest.approx(SphericalTumour(2e-3, surroundings=NORMAL).pressure(r))


@pytest.mark.parametrize("filtration", [1e2, 1e-3])
def test_large_moduli_do_not_overflow(filtration):
    """α up to 1e6 and beyond: a plateau, and u(R) = (K/R) p_e (α − 1)."""
    tissue = Tissue(TUMOUR.conductivity, filtration, 1000.0)
    tumour = SphericalTumour(0.01, tissue, necrotic_radius=0.005)
    alpha = tissue.modulus(0.01)
    assert tumour.pressure(np.array([0.0, 0.005, 0.0075])) == pytest.approx(1000.0)
    assert tumour.surface_velocity == pytest.approx(tissue.conductivity / 0.01 * 1000.0 * (alpha - 1))


@pytest.mark.parametrize("alpha", [1e-2, 1e-3, 1e-6])
def test_small_moduli_do_not_cancel(alpha):
    """p → p_∞ + (α²/6)(p_e − p_∞)(1 − x²) and u(R) → (K/R)(α²/3) p_e, whose next terms are smaller by α²/10."""
    tissue = Tissue(1e-14, 1e-14 * (alpha / 1e-3) ** 2, 1000.0)
    tumour = SphericalTumour(1e-3, tissue)
    assert tumour.surface_velocity == pytest.approx(1e-11 * 1000 * alpha**2 / 3, rel=alpha**2 / 10)
    assert tumour.pressure(0.0) == pytest.approx(1000 * alpha**2 / 6, rel=alpha**2, abs=1e-12)


def test_tissue_without_exchange_conducts_like_a_resistor():
    """β = 0: p = a + b/r between the surface and the outer radius."""
    inert = Tissue(1e-14, 0.0, 0.0)
    tumour = SphericalTumour(1e-3, TUMOUR, inert, outer_radius=3e-3, outer_pressure=50.0)
    surface = tumour.surface_pressure
    r = np.linspace(1e-3, 3e-3, 9)
    expected = 50 + (surface - 50) * (1e-3 / r - 1 / 3) / (1 - 1 / 3)
    assert tumour.pressure(r) == pytest.approx(expected)
