"""Drug in cells: the balance, its equilibria, and a step that is positive and conservative however long."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from tumorsim.agents.cell_uptake import (
    CellUptake,
    DrugPools,
    cell_concentration_at_equilibrium,
    exchange_pools,
    rates_of_change,
)
from tumorsim.errors import ConfigError

PLACE = {"cells_per_volume": 1e15, "extracellular_fraction": 0.4}
DOXORUBICIN = CellUptake()
RESISTANT = CellUptake(efflux=1e-3, dna_on=5e-3, dna_off=1e-3)
amounts = st.one_of(st.just(0.0), st.floats(-12, 0).map(lambda x: 10**x))


def pools(*values: float) -> DrugPools:
    return DrugPools(*(np.array([value]) for value in values))


def integrated(uptake: CellUptake, start: DrugPools, end: float) -> np.ndarray:
    def slope(t, x):
        return np.concatenate(rates_of_change(uptake, pools(*x), **PLACE))

    return solve_ivp(slope, (0, end), np.concatenate(start), method="LSODA", rtol=1e-11, atol=1e-18).y[:, -1]


def stepped(uptake: CellUptake, start: DrugPools, end: float, count: int) -> np.ndarray:
    for _ in range(count):
        start = exchange_pools(uptake, start, end / count, **PLACE)
    return np.concatenate(start)


@pytest.mark.parametrize("uptake", [DOXORUBICIN, RESISTANT], ids=["doxorubicin", "resistant"])
def test_steps_converge_to_the_differential_equation(uptake):
    start = pools(0.0, 1e-3, 1e-5, 0.0)
    exact = integrated(uptake, start, 40.0)
    errors = [np.abs(stepped(uptake, start, 40.0, n) - exact).max() for n in (160, 320, 640)]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert errors[-1] < 0.01 * exact.sum()
    assert np.all((orders > 0.9) & (orders < 1.1))


def test_steps_far_longer_than_uptake_stay_on_the_slow_path():
    """Uptake takes 2 s and albumin 1 s: with steps of 30 s the pools after 20 min are those of the equations."""
    start = pools(0.0, 1e-3, 0.0, 0.0)
    exact = integrated(RESISTANT, start, 1200.0)
    found = stepped(RESISTANT, start, 1200.0, 40)
    np.testing.assert_allclose(found, exact, rtol=0.03)  # first order: 30 s of the slowest 1/(6e-3/s)


@settings(deadline=None)
@given(values=st.tuples(amounts, amounts, amounts, amounts), dt=st.floats(-6, 9).map(lambda x: 10**x))
def test_nothing_becomes_negative_and_nothing_is_lost(values, dt):
    start = pools(*values)
    for uptake in (DOXORUBICIN, RESISTANT):
        after = exchange_pools(uptake, start, dt, **PLACE)
        assert all(pool >= 0 for pool in after)
        assert sum(after) == pytest.approx(sum(values), rel=2e-15)  # the rounding of a few products


def test_equilibrium_is_a_fixed_point_however_long_the_step():
    free = 1e-4
    cells = 1e15 * cell_concentration_at_equilibrium(DOXORUBICIN, free, extracellular_fraction=0.4)
    bound = free * DOXORUBICIN.albumin_on / DOXORUBICIN.albumin_off
    start = pools(bound, free, float(cells), 0.0)
    assert all(abs(rate) < 1e-16 for rate in rates_of_change(DOXORUBICIN, start, **PLACE))
    for dt in (1.0, 1e4, 1e8):
        np.testing.assert_allclose(exchange_pools(DOXORUBICIN, start, dt, **PLACE), start, rtol=1e-13)


def test_a_long_time_leads_to_equilibrium():
    """Also with pumps and DNA, where every exchange must balance by itself."""
    after = pools(0.0, 1e-3, 0.0, 0.0)
    for _ in range(3000):
        after = exchange_pools(RESISTANT, after, 20.0, **PLACE)
    scale = float(sum(after)[0])
    assert all(abs(rate) < 1e-10 * scale for rate in rates_of_change(RESISTANT, after, **PLACE))
    assert after.dna == pytest.approx(5 * after.cells)


def test_cells_concentrate_the_drug():
    """K_i ρ/(K_e φ) = 156: cells hold 156 times what is free around them at any one level."""
    per_cell = cell_concentration_at_equilibrium(DOXORUBICIN, 1e-4, extracellular_fraction=0.4)
    assert float(per_cell) * 1e15 / 1e-4 == pytest.approx(156.4, rel=1e-3)


def test_uptake_saturates():
    """At high concentrations each cell takes up V_max, at low ones V_max F/(K_e φ)."""
    high = rates_of_change(DOXORUBICIN, pools(0, 10.0, 0, 0), **PLACE).cells
    low = rates_of_change(DOXORUBICIN, pools(0, 1e-9, 0, 0), **PLACE).cells
    assert high == pytest.approx(1e15 * 4.67e-20, rel=1e-4)
    assert low == pytest.approx(1e15 * 4.67e-20 * 1e-9 / (2.19e-4 * 0.4), rel=1e-4)


def test_three_quarters_are_bound_to_albumin():
    assert DOXORUBICIN.albumin_bound_fraction == pytest.approx(0.75, abs=0.005)
    after = exchange_pools(DOXORUBICIN, pools(0, 1.0, 0, 0), 1e6, cells_per_volume=0.0, extracellular_fraction=0.4)
    assert after.bound == pytest.approx(DOXORUBICIN.albumin_bound_fraction)


def test_where_there_are_no_cells_nothing_is_taken_up():
    density = np.array([0.0, 1e15])
    start = DrugPools(*(np.full(2, value) for value in (0.0, 1e-3, 0.0, 0.0)))
    after = exchange_pools(DOXORUBICIN, start, 60.0, cells_per_volume=density, extracellular_fraction=0.4)
    assert after.cells[0] == 0 and after.cells[1] > 0


def test_single_precision_stays_single_and_positive():
    start = DrugPools(*(np.full((2, 3), value, np.float32) for value in (0, 1e-3, 0, 1e-9)))
    after = exchange_pools(
        RESISTANT, start, 5.0, cells_per_volume=np.float32(1e15), extracellular_fraction=np.float32(0.4)
    )
    assert all(pool.shape == (2, 3) and np.all(pool >= 0) for pool in after)


def test_units_of_mol():
    in_mol = DOXORUBICIN.in_mol(0.54352)
    mass = exchange_pools(DOXORUBICIN, pools(0, 1e-3, 0, 0), 30.0, **PLACE)
    moles = exchange_pools(in_mol, pools(0, 1e-3 / 0.54352, 0, 0), 30.0, **PLACE)
    np.testing.assert_allclose(np.array(moles) * 0.54352, np.array(mass), rtol=1e-13)


def test_published_constants_in_their_own_units():
    """0.28 ng/(1e5 cells min), 219 µg/L and 1.37 ng/1e5 cells."""
    assert DOXORUBICIN.fastest == pytest.approx(0.28e-12 / 1e5 / 60, rel=1e-3)
    assert DOXORUBICIN.half_outside == pytest.approx(219e-9 / 1e-3)
    assert DOXORUBICIN.half_inside == pytest.approx(1.37e-12 / 1e5)


def test_nonsense_is_refused():
    with pytest.raises(ConfigError) as caught:
        CellUptake(fastest=-1.0, half_inside=0.0)
    assert [problem.key for problem in caught.value.problems] == ["drug.fastest", "drug.half_inside"]
