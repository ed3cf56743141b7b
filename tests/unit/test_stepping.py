"""Steps whose error is held: on every landmark, without a trace of rejected ones, and the same after a resume."""

from math import log

import numpy as np
import pytest

import tumorsim
from tumorsim.boundaries import Boundaries
from tumorsim.device.select import select_device
from tumorsim.errors import NumericsError
from tumorsim.resources import configs_directory
from tumorsim.schedule import Schedule
from tumorsim.sinks.ledger import TOLERANCE, closure
from tumorsim.stepping import Moment, controlled_steps, doubled_step, planned_steps, step_factor
from tumorsim.transport.stepper import Stepper, TransportProperties
from tumorsim.verify.marching import FallingPlasma, cube, uniform_flow

DEVICE, _ = select_device("auto")
HOUR = 3600.0
BOLUS = FallingPlasma(1.0, log(2) / 240)
"""Free doxorubicin leaves plasma with a half-life of 4 min (Drummond 1999, Pharmacol Rev 51:691)."""
SCHEDULE = Schedule(2 * HOUR, 600.0, (0.5 * HOUR, 2 * HOUR), landmarks=(1000.0,))


def transport(precision="float64"):
    """Free doxorubicin around vessels that are leakier in one corner, in a slow flow, at 100 µm voxels."""
    grid = cube(8, 800e-6)
    z, y, x = grid.centers
    leakiness = 1 + 0.8 * np.cos(np.pi * z / 800e-6) * np.cos(np.pi * y / 800e-6) * np.cos(np.pi * x / 800e-6)
    return Stepper(
        DEVICE, grid, flow=uniform_flow(DEVICE, grid, (0.0, 0.0, 2e-8)),
        properties=TransportProperties(0.4, 1.2e-10, 2e-4 * leakiness, 0.0, uptake_rate=2e-4),
        boundaries=Boundaries(), precision=precision,
    )  # fmt: skip


def run(stepper, *, tolerance=None, limit=600.0, schedule=SCHEDULE):
    """The last moment and all steps; of fixed length without a tolerance."""
    moment = Moment(0, 0.0, 0, stepper.start())
    schedule = Schedule(schedule.duration, limit, schedule.output_times, schedule.landmarks)
    whole = moment, stepper, schedule, BOLUS
    steps = planned_steps(*whole) if tolerance is None else controlled_steps(*whole, tolerance=tolerance)
    return moment, list(steps)


def concentration(moment):
    return DEVICE.download(moment.state.concentration)


@pytest.fixture(scope="module")
def reference():
    """After 15 min: 900 equal steps."""
    return concentration(run(transport(), limit=1.0, schedule=EARLY)[0])


EARLY = Schedule(900.0, 600.0, (900.0,))


def error(moment, reference):
    return float(np.abs(concentration(moment) - reference).max() / reference.max())


def test_the_error_falls_with_the_tolerance(reference):
    found = {t: run(transport(), tolerance=t, schedule=EARLY) for t in (1e-2, 1e-3, 1e-4)}
    errors = {t: error(moment, reference) for t, (moment, _) in found.items()}
    # each of 6 to 30 steps stays below the tolerance; their errors add up, but fade as the tissue follows the plasma
    assert all(e < 3 * t for t, e in errors.items())
    assert errors[1e-2] > errors[1e-3] > errors[1e-4]


def test_a_bolus_takes_fewer_steps_than_equal_ones_of_the_same_accuracy(reference):
    """While plasma falls by half in 4 min, and in the 4 h after. (A controlled step is evaluated three times.)"""
    duration = 4 * HOUR
    schedule = Schedule(duration, 600.0, (900.0, duration))
    moment = Moment(0, 0.0, 0, (stepper := transport()).start())
    taken = []
    for step in controlled_steps(moment, stepper, schedule, BOLUS, tolerance=1e-3):
        taken.append(step)
        if step.end == 900.0:
            reached = error(moment, reference)
    needed = next(
        n
        for n in range(8, 200, 8)
        if error(run(transport(), limit=900 / n, schedule=EARLY)[0], reference) <= reached
    )
    equal = int(needed * duration / 900)
    print(f"{len(taken)} controlled steps, {equal} equal ones for an error of {reached:.1e} after 15 min")
    assert len(taken) < equal / 2


def test_steps_join_up_and_land_and_the_ledger_closes():
    moment, steps = run(transport("float32"), tolerance=1e-3)
    assert [step.start for step in steps] == [0.0, *(step.end for step in steps[:-1])]
    assert {0.5 * HOUR, 1000.0, 2 * HOUR} <= {step.end for step in steps}
    assert [step.end for step in steps if step.output] == [0.5 * HOUR, 2 * HOUR]
    assert max(step.length for step in steps) <= 600.0
    amounts = transport("float32").amounts(moment.state)
    assert abs(2 * amounts["entered"] - sum(amounts.values())) <= TOLERANCE["float32"] * amounts["entered"]


def test_a_tried_step_leaves_the_state_alone_and_is_the_same_again():
    stepper = transport("float32")
    state = stepper.start({"free": np.random.default_rng(3).random(stepper.grid.shape)})
    before = concentration(Moment(0, 0.0, 0, state)).copy()
    tried = [doubled_step(stepper, state, 10.0, dt, BOLUS) for dt in (300.0, 30.0, 300.0)]
    np.testing.assert_array_equal(DEVICE.download(state.concentration), before)
    (first, error), _, (again, error_again) = tried
    np.testing.assert_array_equal(*(DEVICE.download(s.concentration) for s in (first, again)))
    assert stepper.amounts(first) == stepper.amounts(again) and error == error_again > 0


@pytest.mark.parametrize(
    ("error", "factor"), [(0.0, 2.0), (1e-9, 2.0), (1e-3, 0.9), (8e-3, 0.45), (1.0, 0.2)]
)
def test_the_next_length_follows_the_cube_root_within_bounds(error, factor):
    assert step_factor(error, 1e-3) == pytest.approx(factor)


def test_an_error_that_no_step_reaches_is_told():
    class Restless:
        """A stepper whose two half steps never agree with the whole."""

        device = DEVICE

        def step(self, state, start, dt, plasma):
            state.concentration += 1.0

        def concentrations(self, state):
            return (state.concentration,)

    moment = Moment(0, 0.0, 0, transport().start())
    with pytest.raises(NumericsError, match=r"run\.step_error"):
        next(controlled_steps(moment, Restless(), SCHEDULE, BOLUS, tolerance=1e-3))


OVERRIDES = [
    "domain.spacing=500 um",
    "agent.name=doxorubicin",
    "run.step_error=0.02",
    "run.duration=20 min",
    "output.every=10 min",
    "run.checkpoint_every=0.001 s",
]


def test_a_run_resumes_bit_for_bit(interrupted):
    case = tumorsim.load(configs_directory() / "quickstart.toml", overrides=OVERRIDES)
    whole, heard = interrupted(case, reports=3)
    assert heard[0].dt > 0
    entries = {name: float(values[-1]) for name, values in whole.ledger.items()}
    assert closure(entries) <= TOLERANCE["float32"]
