"""An infusion into tissue: the dose comes in with its fluid, which drives it outwards while it lasts and no longer."""

import numpy as np
import pytest

import tumorsim
from tumorsim.boundaries import Boundaries
from tumorsim.device.select import select_device
from tumorsim.errors import ConfigError
from tumorsim.flow.pressure import FluidProperties, solve_flow
from tumorsim.limits import limits
from tumorsim.resources import configs_directory
from tumorsim.simulation import simulate
from tumorsim.sinks.ledger import TOLERANCE, closure
from tumorsim.transport.injection import InjectionStepper
from tumorsim.transport.reactions import Kinetics
from tumorsim.transport.stepper import Stepper, TransportProperties
from tumorsim.verify.marching import NO_PLASMA, cube, given_flow

DEVICE, _ = select_device("auto")
CONFIG = configs_directory() / "intratumoural_infusion.toml"
COARSE = ["domain.spacing=400 um", "run.duration=3 h", "output.every=1 h"]
DOSE = 1e-6
"""kg."""


def load(*overrides):
    return tumorsim.load(CONFIG, overrides=[*COARSE, *overrides])


@pytest.fixture(scope="module")
def infused(tmp_path_factory):
    case = load()
    return case, simulate(case, out=tmp_path_factory.mktemp("infused") / "run.vtkhdf")


def stepper(*, uptake=0.0, precision="float64", lasts=100.0, decay=0.0):
    """A closed cube into the middle voxel of which 2 units come, carried by no flow."""
    grid = cube(5, 1e-3)
    properties = TransportProperties(0.3, 1e-12, 0.0, 0.0, uptake_rate=uptake, kinetics=Kinetics(decay=decay))
    both = (
        Stepper(
            DEVICE, grid, flow=given_flow(DEVICE, grid), properties=properties, boundaries=Boundaries(),
            precision=precision, max_step=step,
        )
        for step in (7.0, 50.0)
    )  # fmt: skip
    source = np.zeros(grid.shape)
    source[2, 2, 2] = 2.0 / (lasts * grid.voxel_volume)
    return InjectionStepper(*both, source=source, duration=lasts)


@pytest.mark.parametrize("dt", [100.0, 50.0, 30.0])
def test_the_dose_comes_in_while_it_lasts_whatever_the_steps(dt):
    """Also by a step in which it ends; cells get their share."""
    injection = stepper(uptake=1e-3)
    state, amounts = injection.start(), []
    for k in range(6):
        injection.step(state, k * dt, dt, NO_PLASMA)
        amounts.append(sum(injection.amounts(state).values()))
    expected = [2.0 * min((k + 1) * dt, 100.0) / 100.0 for k in range(6)]
    assert amounts == pytest.approx(expected, rel=1e-12)
    assert [injection.given((k + 1) * dt) for k in range(6)] == pytest.approx(expected, rel=1e-12)
    assert injection.amounts(state)["internalised"] > 0


def test_what_decays_in_tissue_decays_from_when_it_came():
    injection = stepper(decay=1e-2)
    state = injection.start()
    injection.step(state, 0.0, 100.0, NO_PLASMA)
    left = 2.0 / 100.0 * (1 - np.exp(-1.0)) / 1e-2
    assert injection.amounts(state)["free"] == pytest.approx(left, rel=1e-3)  # second order in steps of 7 s


def test_injected_fluid_leaves_by_vessels_lymph_and_faces():
    grid = cube(8, 2e-3)
    injected = np.where(grid.distance(grid.center) < 4e-4, 1e-3, 0.0)
    fluid = FluidProperties(1e-14, 1e-8, 500.0, 2e-8, -200.0, injection=injected)
    flow = solve_flow(DEVICE, grid, fluid, Boundaries(x_low=0.0), precision="float64", tolerance=1e-10)
    divergence = sum(
        np.diff(DEVICE.download(u), axis=axis) / grid.spacing[axis] for axis, u in enumerate(flow.velocity)
    )
    expected = DEVICE.download(flow.filtration) - DEVICE.download(flow.lymph_drainage) + injected
    assert divergence == pytest.approx(expected, abs=1e-8 * injected.max())
    assert abs(flow.balance) < 1e-8


@pytest.mark.parametrize("precision", TOLERANCE)
def test_books_of_a_run_close_on_what_was_injected(tmp_path, precision):
    results = simulate(load(f"run.precision={precision}"), out=tmp_path / "run.vtkhdf")
    for step in results.steps:
        entries = {name: float(values[step]) for name, values in results.ledger.items()}
        assert closure(entries) <= TOLERANCE[precision]
    assert results.ledger["initial"] == pytest.approx(DOSE * np.array([0, 0.6, 1, 1]), rel=1e-6)  # in 100 min
    assert results.field("free").min() >= 0


def test_pressure_rises_at_the_needle_while_it_lasts(infused):
    case, results = infused
    rise = results.field("injection_pressure") - results.field("pressure")
    assert rise.max() > 1000 and rise.min() > -1e-3 * rise.max()
    assert np.unravel_index(rise.argmax(), rise.shape) in [
        (k, j, i) for k in (9, 10) for j in (9, 10) for i in (9, 10)
    ]
    value, unit, meaning = limits(case)["injection pressure"]
    assert unit == "mmHg" and value == pytest.approx(
        results.field("injection_pressure").max() / 133.322, rel=1e-5
    )
    assert "deforms or tears" not in meaning
    faster = limits(load("dosing.injection.rate=1 uL/min"))["injection pressure"]
    assert "deforms or tears" in faster[2]


def test_fluid_carries_the_agent_further_than_a_deposit_spreads(infused, tmp_path):
    _, results = infused
    deposit = simulate(load("dosing.injection={radius = '0.5 mm'}"), out=tmp_path / "deposit.vtkhdf")
    r = results.grid.distance(results.grid.center)
    infusion, still = (
        np.sqrt((each.field("free", "2 h") * r**2).sum() / each.field("free", "2 h").sum())
        for each in (results, deposit)
    )
    assert infusion > 1.3 * still
    assert "injection_pressure" not in deposit.fields


def test_a_run_resumes_bit_for_bit_from_amid_the_infusion(interrupted):
    case = load("run.max_step=5 min", "run.checkpoint_every=0.0001 s")
    _, heard = interrupted(case, reports=7)
    assert heard[-1].time < 6000


@pytest.mark.parametrize(
    ("overrides", "key", "said"),
    [
        (["dosing.injection={radius='0.5 mm', rate='1 uL/min'}"], "dosing.injection", "rate is given"),
        (["dosing.injection.duration=10 min"], "dosing.injection", "rate and volume and duration are given"),
        (["dosing.injection.volume=100 uL"], "dosing.injection.duration", "the run ends at 10800 s"),
        (["dosing.injection.rate=0 uL/min"], "dosing.injection.rate", "greater than 0"),
        (["dosing.injection.volume=3 mm"], "dosing.injection.volume", "m^3"),
        (["run.step_error=1e-3"], "run.step_error", "is not for an infusion"),
        (["dosing.injection.center=['9 mm', '0 mm', '0 mm']"], "dosing.injection.center", "outside"),
    ],
)
def test_what_does_not_fit_is_named_with_its_cure(overrides, key, said):
    with pytest.raises(ConfigError) as error:
        load(*overrides)
    assert said in {p.key: f"{p.fault} {p.cure}" for p in error.value.problems}[key]
