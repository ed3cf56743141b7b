"""The moduli of binding, against the balances that they are ratios of."""

import numpy as np
import pytest

from tumorsim.agents.binding_barrier import spheroid_moduli, vascular_moduli

COMMON = {"internalisation": 1e-4, "binding_sites": 5e-4, "concentration": 3e-4, "exposure": 40.0}


def test_vascular_moduli_are_those_of_a_krogh_cylinder():
    krogh, capillary, permeability = 75e-6, 8e-6, 3e-9
    area_density = 2 * capillary / krogh**2  # wall 2πR_c per length, tissue πR_K²
    found = vascular_moduli(**COMMON, wall_permeability_density=permeability * area_density)
    thiele = 1e-4 * 5e-4 * krogh**2 / (2 * permeability * capillary * 3e-4)
    assert found.thiele == pytest.approx(thiele)
    assert found.clearance == pytest.approx(5e-4 * krogh**2 / (2 * permeability * capillary * 40.0))


def test_vascular_clearance_compares_sites_with_what_the_wall_lets_through():
    """Per tissue volume P S/V ∫C dt comes in, and B_max is there to be filled."""
    found = vascular_moduli(**COMMON, wall_permeability_density=7e-5)
    assert found.clearance == pytest.approx(5e-4 / (7e-5 * 40.0))
    assert found.thiele == pytest.approx(1e-4 * 5e-4 / (7e-5 * 3e-4))


def test_clearance_of_a_spheroid_is_six_when_the_shrinking_core_is_gone():
    """A shrinking core fills a sphere at ∫C dt = B_max R²/(6 εD), where Γ is 6."""
    radius, effective = 150e-6, 0.4 * 3e-11
    filled = 5e-4 * radius**2 / (6 * effective)
    moduli = spheroid_moduli(**COMMON | {"exposure": filled}, radius=radius, effective_diffusivity=effective)
    assert moduli.clearance == pytest.approx(6)


def test_moduli_grow_with_the_square_of_the_depth_and_fall_with_the_dose():
    shallow, deep = (
        spheroid_moduli(**COMMON, radius=radius, effective_diffusivity=1e-11) for radius in (1e-4, 2e-4)
    )
    assert (deep.thiele, deep.clearance) == pytest.approx((4 * shallow.thiele, 4 * shallow.clearance))
    tenfold = COMMON | {"concentration": 3e-3, "exposure": 400.0}
    more = spheroid_moduli(**tenfold, radius=1e-4, effective_diffusivity=1e-11)
    np.testing.assert_allclose([more.thiele, more.clearance], [shallow.thiele / 10, shallow.clearance / 10])
