"""The laws of the viscosity of blood in narrow vessels, against the values that were computed from the papers."""

import numpy as np
import pytest

from tumorsim.errors import ConfigError
from tumorsim.vessels.viscosity import VISCOSITY_LAWS, relative_viscosity

UM = 1e-6


@pytest.mark.parametrize(
    ("law", "values"),
    [
        ("in_vivo_1994", {5: 12.6, 10: 5.9, 20: 3.2, 50: 2.3, 100: 2.5, 300: 3.0}),
        ("surface_layer_2005", {5: 5.5, 10: 7.3, 20: 3.2, 50: 2.5}),
    ],
)
def test_values_at_the_haematocrit_of_arteries(law, values):
    found = relative_viscosity(np.array(list(values)) * UM, law=law)
    assert found == pytest.approx(list(values.values()), abs=0.06)  # printed with two digits


@pytest.mark.parametrize("law", VISCOSITY_LAWS)
def test_more_cells_are_more_viscous_and_a_vessel_may_have_its_own(law):
    diameter = np.array([5, 8.05, 20, 60]) * UM
    levels = np.array([0.0, 0.2, 0.45, 0.7])[:, None]
    found = relative_viscosity(diameter, haematocrit=levels, law=law)
    assert found.shape == (4, 4)
    assert (np.diff(found, axis=0) > 0).all()
    assert found[2, 1] == relative_viscosity(diameter[1], law=law)


def test_plasma_alone_in_glass_is_plasma():
    assert relative_viscosity(np.array([5, 50]) * UM, haematocrit=0.0, law="in_vitro_1992") == pytest.approx(
        1
    )


def test_wide_tubes_of_glass_and_vessels_agree():
    """The layer on the wall is thin there: 2 W/D = 2·2.6/300, to the fourth power 7 %."""
    wide = {law: float(relative_viscosity(300 * UM, law=law)) for law in VISCOSITY_LAWS}
    assert wide["surface_layer_2005"] == pytest.approx(wide["in_vitro_1992"], rel=0.08)
    assert wide["in_vivo_1994"] == pytest.approx(wide["in_vitro_1992"], rel=0.08)


def test_an_unknown_law_and_a_haematocrit_that_is_none_are_refused():
    with pytest.raises(ConfigError, match="Choose one of: in_vivo_1994"):
        relative_viscosity(1e-5, law="newton")
    with pytest.raises(ConfigError, match=r"haematocrit = 1\.2"):
        relative_viscosity(1e-5, haematocrit=np.array([0.4, 1.2]))
