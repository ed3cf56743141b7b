"""The constants of doxorubicin's uptake by cells, in their own units and in ours."""

import pytest

from tumorsim.agents.cell_uptake import CellUptake
from tumorsim.errors import ConfigError

DOXORUBICIN = CellUptake()


def test_published_constants_in_their_own_units():
    """0.28 ng/(1e5 cells min), 219 µg/L and 1.37 ng/1e5 cells."""
    assert DOXORUBICIN.fastest == pytest.approx(0.28e-12 / 1e5 / 60, rel=1e-3)
    assert DOXORUBICIN.half_outside == pytest.approx(219e-9 / 1e-3)
    assert DOXORUBICIN.half_inside == pytest.approx(1.37e-12 / 1e5)


def test_three_quarters_are_bound_to_albumin():
    assert DOXORUBICIN.albumin_bound_fraction == pytest.approx(0.75, abs=0.005)


def test_cells_hold_156_times_what_is_free():
    """At 1e15 cells/m³ and an extracellular fraction of 0.4: ρK_i/(K_e φ)."""
    held = 1e15 * DOXORUBICIN.half_inside / (DOXORUBICIN.half_outside * 0.4)
    assert held == pytest.approx(156, abs=1)


def test_amounts_in_mol():
    in_mol = DOXORUBICIN.in_mol(0.54352)
    for name in ("fastest", "half_outside", "half_inside"):
        assert getattr(in_mol, name) * 0.54352 == pytest.approx(getattr(DOXORUBICIN, name))
    assert in_mol.albumin_on == DOXORUBICIN.albumin_on


def test_nonsense_is_refused():
    with pytest.raises(ConfigError) as caught:
        CellUptake(fastest=-1.0, half_inside=0.0)
    assert [problem.key for problem in caught.value.problems] == ["drug.fastest", "drug.half_inside"]
