"""Macrophages: closed forms in one voxel, books that close, and what they let go of."""

from math import exp

import numpy as np
import pytest

import tumorsim
from tumorsim.agents.payload import ScheduledRelease
from tumorsim.agents.release import FirstOrder, ReleaseLaws
from tumorsim.boundaries import Boundaries
from tumorsim.device.select import select_device
from tumorsim.errors import ConfigError
from tumorsim.grid import Grid
from tumorsim.resources import configs_directory
from tumorsim.simulation import simulate
from tumorsim.sinks.ledger import TOLERANCE, closure
from tumorsim.transport.payload import PayloadPlasma, PayloadStepper
from tumorsim.transport.reactions import Kinetics, Macrophages
from tumorsim.transport.stepper import Stepper, TransportProperties
from tumorsim.verify.marching import NO_PLASMA, FallingPlasma, given_flow

DEVICE, _ = select_device("auto")
VOXEL = Grid((1, 1, 1), (1e-4,) * 3)
EPSILON, DENSITY, CLEARANCE = 0.3, 1e14, 3e-17
RATE = DENSITY * CLEARANCE / EPSILON
"""ρ k/ε on N, 1/s: 0.01."""


def stepper_with(macrophages, *, kinetics=None, grid=VOXEL, precision="float64", **properties):
    coefficients = TransportProperties(
        EPSILON, 0.0, 0.0, 0.0, kinetics=kinetics or Kinetics(), macrophages=macrophages, **properties
    )
    flow = given_flow(DEVICE, grid)
    return Stepper(
        DEVICE, grid, flow=flow, properties=coefficients, boundaries=Boundaries(), precision=precision
    )


def after(stepper, end, *, steps, plasma=NO_PLASMA, free=1.0):
    state = stepper.start({"free": np.full(stepper.grid.shape, free)})
    for k in range(steps):
        stepper.step(state, k * end / steps, end / steps, plasma)
    return {name: pool.ravel()[0] for name, pool in stepper.pools(state).items()}


def test_macrophages_that_never_fill_take_a_constant_part():
    pools = after(stepper_with(Macrophages(DENSITY, CLEARANCE)), 100.0, steps=3)
    assert pools["free"] == pytest.approx(exp(-RATE * 100), rel=1e-13)  # exact, whatever the steps
    assert pools["in_macrophages"] == pytest.approx(1 - exp(-RATE * 100), rel=1e-13)


def test_under_a_constant_ligand_they_fill_to_capacity():
    """M = ρ m (1 − e^{−k C t/m}) where ρ m is so small that nothing is missing outside."""
    capacity = 1e-8 / DENSITY
    end = 2 * capacity / (CLEARANCE / EPSILON)
    for time, part in ((end, 1 - exp(-2)), (20 * end, 1.0)):
        pools = after(stepper_with(Macrophages(DENSITY, CLEARANCE, capacity)), time, steps=4)
        assert pools["in_macrophages"] == pytest.approx(part * 1e-8, rel=1e-7)  # 1e-8 of the ligand is bound


def test_those_that_fill_start_as_those_that_do_not():
    roomy = after(stepper_with(Macrophages(DENSITY, CLEARANCE, 1e9 / DENSITY)), 50.0, steps=2)
    endless = after(stepper_with(Macrophages(DENSITY, CLEARANCE)), 50.0, steps=2)
    assert roomy["in_macrophages"] == pytest.approx(
        endless["in_macrophages"], rel=1e-8
    )  # 1e-9 of the room is used


def test_filling_and_degradation_are_of_second_order():
    from scipy.integrate import solve_ivp

    degradation, decay, room = 5e-3, 2e-3, 0.4

    def slope(t, x):
        taken = RATE * x[0] * (1 - x[1] / room)
        return -taken - decay * x[0], taken - (degradation + decay) * x[1]

    exact = solve_ivp(slope, (0, 300), (1.0, 0.0), rtol=1e-11, atol=1e-13).y[:, -1]
    cells = Macrophages(DENSITY, CLEARANCE, room / DENSITY, degradation)
    errors = []
    for steps in (10, 20, 40):
        pools = after(stepper_with(cells, kinetics=Kinetics(decay=decay)), 300.0, steps=steps)
        errors.append(max(abs(pools["free"] - exact[0]), abs(pools["in_macrophages"] - exact[1])))
    assert np.log2(errors[0] / errors[2]) / 2 >= 1.9, errors


def rough(precision, *, keep):
    """Everything at once, and differing from voxel to voxel; a drug that goes back or stays."""
    random, grid = np.random.default_rng(3), Grid((5, 6, 7), (20e-6, 30e-6, 25e-6))
    there = random.random(grid.shape) * (random.random(grid.shape) < 0.7)
    wall = 1e-4 * random.random(grid.shape)
    carrier = TransportProperties(
        0.1 + 0.3 * random.random(grid.shape), 1e-12, wall, 0.3, uptake_rate=1e-5, binding_sites=there,
        kinetics=Kinetics(1e-3, 1e-4, 1e-5, 0.0, 1e-6),
        macrophages=Macrophages(DENSITY * there, 1e-18, 2.0 / DENSITY, 1e-5),
    )  # fmt: skip
    drug = TransportProperties(0.3, 1e-10, wall, 0.0)
    flow = given_flow(DEVICE, grid, filtration=1e-5, lymph_drainage=2e-5)
    common = {"flow": flow, "boundaries": Boundaries(), "precision": precision}
    steppers = [Stepper(DEVICE, grid, properties=each, **common) for each in (carrier, drug)]
    laws = ReleaseLaws(FirstOrder(1e-4), FirstOrder(3e-4))
    return PayloadStepper(
        *steppers, release=ScheduledRelease(laws, in_macrophages=5e-4), macrophages_keep=keep
    )


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("keep", [True, False])
def test_amounts_are_conserved_and_positive(precision, keep):
    stepper = rough(precision, keep=keep)
    plasma = PayloadPlasma(FallingPlasma(1.0, 1e-3), FallingPlasma(0.3, 2e-3))
    state = stepper.start()
    for k in range(20):
        stepper.step(state, k * 120.0, 120.0, plasma)
    pools, a = stepper.pools(state), stepper.amounts(state)
    assert all((pool >= 0).all() for pool in pools.values()) and pools["in_macrophages"].any()
    assert ("drug_in_macrophages" in pools) == keep
    out = (
        "free",
        "bound",
        "internalised",
        "in_macrophages",
        "lymph",
        "decayed",
        "degraded",
        "released",
        "returned",
    )
    assert abs(a["entered"] - sum(a[name] for name in out)) <= TOLERANCE[precision] * a["entered"]
    drug = sum(a[f"drug_{name}"] for name in ("free", "in_cells", "in_macrophages", "lymph", "returned"))
    came = a["drug_entered"] + a["released"]
    assert abs(came - drug) <= TOLERANCE[precision] * came


@pytest.mark.parametrize("keep", [True, False])
def test_what_macrophages_release_stays_or_goes_back(keep):
    """Carriers that release in macrophages alone: dM/dt = kN − qM, and the drug is the rest."""
    rate, q, end = RATE, 4e-3, 200.0
    carrier = stepper_with(Macrophages(DENSITY, CLEARANCE))
    release = ScheduledRelease(ReleaseLaws(None, FirstOrder(q)))
    stepper = PayloadStepper(carrier, stepper_with(None), release=release, macrophages_keep=keep)
    state = stepper.start({"free": np.ones((1, 1, 1))})
    for k in range(100):
        stepper.step(state, k * end / 100, end / 100, PayloadPlasma(NO_PLASMA, NO_PLASMA))
    pools = stepper.pools(state)
    held = rate / (rate - q) * (exp(-q * end) - exp(-rate * end))
    assert pools["in_macrophages"].item() == pytest.approx(held, rel=1e-4)  # second order, k dt = 0.02
    drug = 1 - exp(-rate * end) - held
    assert pools["drug_in_macrophages" if keep else "drug_free"].item() == pytest.approx(drug, rel=1e-3)


RUN = ["domain.spacing=500 um", "run.duration=2 h", "output.every=1 h"]
CELLS = ['tissue.regions.tumour.macrophage_density="1e14 1/m^3"', 'macrophages.clearance="3 pL/h"']
QUICKSTART = configs_directory() / "quickstart.toml"


def test_a_run_with_macrophages_closes_and_resumes_bit_for_bit(interrupted):
    more = [
        *CELLS,
        'macrophages.capacity="1 pg"',
        'macrophages.degradation="0.1 1/h"',
        "drug.name=doxorubicin",
    ]
    case = tumorsim.load(QUICKSTART, overrides=[*RUN, *more, "run.checkpoint_every=0.001 s"])
    whole, _ = interrupted(case, reports=5)
    entries = {name: float(values[-1]) for name, values in whole.ledger.items()}
    assert closure(entries) <= TOLERANCE["float32"] and entries["in_macrophages"] > 0
    assert "drug_in_macrophages" not in whole.fields
    normal = whole.field("region") == whole.region_names.index("normal")
    assert not whole.field("in_macrophages")[normal].any() and whole.field("in_macrophages").any()


@pytest.mark.parametrize(
    ("overrides", "key"),
    [
        (CELLS[:1], "macrophages.clearance"),
        (CELLS[1:], "macrophages"),
        ([*CELLS, 'macrophages.capacity="1 pmol"'], "macrophages.capacity"),
        ([*CELLS, "macrophages.keeps_drug=true"], "macrophages.keeps_drug"),
    ],
)
def test_what_does_not_fit_is_named(overrides, key):
    with pytest.raises(ConfigError) as caught:
        tumorsim.load(QUICKSTART, overrides=overrides)
    assert key in [problem.key for problem in caught.value.problems]


def test_a_steady_state_loses_to_macrophages_as_to_any_uptake(tmp_path):
    """ρ k/ε is a rate of uptake, of a Doxil whose ε is the same in the region."""
    steady = [*RUN[:1], "run.mode=steady", 'dosing.plasma_concentration="1 mg/L"', "output.every=1 h"]
    case = tumorsim.load(QUICKSTART, overrides=[*steady, *CELLS])
    found = simulate(case, out=tmp_path / "cells.vtkhdf")
    tumour = case.regions.mask("tumour")
    rate = float(case.transport.macrophages.most_capture[tumour].mean()) / float(
        np.broadcast_to(case.matrix.available_fraction, case.grid.shape)[tumour].mean()
    )
    same = tumorsim.load(QUICKSTART, overrides=[*steady, f'tissue.regions.tumour.uptake_rate="{rate} 1/s"'])
    other = simulate(same, out=tmp_path / "rate.vtkhdf")
    np.testing.assert_allclose(found.field("free"), other.field("free"), rtol=1e-5)
    assert found.ledger["uptake_rate"][0] == pytest.approx(other.ledger["uptake_rate"][0], rel=1e-6)


def test_beside_transport_and_a_falling_plasma_it_is_of_second_order():
    random, grid = np.random.default_rng(7), Grid((3, 4, 5), (50e-6,) * 3)
    there, wall = random.random(grid.shape), 1e-4 * random.random(grid.shape)
    coefficients = TransportProperties(
        EPSILON, 1e-12, wall, 0.3, macrophages=Macrophages(DENSITY * there, 3e-18, 0.5 / DENSITY, 1e-4)
    )
    flow = given_flow(DEVICE, grid, filtration=1e-5, lymph_drainage=2e-5)
    found = {}
    for steps in (12, 24, 48, 384):
        stepper = Stepper(
            DEVICE, grid, flow=flow, properties=coefficients, boundaries=Boundaries(), precision="float64"
        )
        state, dt = stepper.start(), 7200.0 / steps
        for k in range(steps):
            stepper.step(state, k * dt, dt, FallingPlasma(1.0, 2e-4))
        found[steps] = stepper.pools(state)
    for name in ("free", "in_macrophages"):
        errors = [np.abs(found[steps][name] - found[384][name]).max() for steps in (12, 24, 48)]
        assert np.log2(errors[0] / errors[2]) / 2 >= 1.8, (name, errors)
