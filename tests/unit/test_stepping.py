"""Steps whose error is held: on every landmark, without a trace of rejected ones, and the same after a resume."""

import subprocess
from math import log

import h5py
import numpy as np
import pytest

import tumorsim
from tumorsim.device.select import select_device
from tumorsim.errors import NumericsError
from tumorsim.resources import configs_directory
from tumorsim.schedule import Schedule
from tumorsim.simulation import simulate
from tumorsim.sinks.ledger import TOLERANCE, Ledger, closure
from tumorsim.stepping import Moment, controlled_steps, doubled_step, planned_steps, step_factor
from tumorsim.transport.stepper import Stepper, TransportProperties
from tumorsim.verify.marching import FallingPlasma, cube, uniform_flow

DEVICE, _ = select_device("auto")
HOUR = 3600.0
BOLUS = FallingPlasma(1.0, log(2) / 240)
"""Free doxorubicin leaves plasma with a half-life of 4 min (Drummond 1999, Pharmacol Rev 51:691)."""
SCHEDULE = Schedule(2 * HOUR, 600.0, (0.5 * HOUR, 2 * HOUR), landmarks=(1000.0,))


def transport(precision="float64"):
    """Free doxorubicin around unevenly leaky vessels, in a slow flow, at 40 µm voxels."""
    grid = cube(8, 320e-6)
    leakiness = np.exp(np.random.default_rng(1).normal(size=grid.shape))
    return Stepper(
        DEVICE, grid, flow=uniform_flow(DEVICE, grid, (0.0, 0.0, 2e-8)),
        properties=TransportProperties(0.4, 1.2e-10, 2e-3 * leakiness, 0.0, uptake_rate=2e-4),
        boundaries=tumorsim.boundaries.Boundaries(), precision=precision,
    )  # fmt: skip


def run(stepper, *, tolerance=None, limit=600.0, schedule=SCHEDULE):
    """The last moment and all steps; of fixed length without a tolerance."""
    moment = Moment(0, 0.0, 0, stepper.start(), Ledger())
    schedule = Schedule(schedule.duration, limit, schedule.output_times, schedule.landmarks)
    whole = moment, stepper, schedule, BOLUS
    steps = planned_steps(*whole) if tolerance is None else controlled_steps(*whole, tolerance=tolerance)
    return moment, list(steps)


def concentration(moment):
    return DEVICE.download(moment.state.concentration)


@pytest.fixture(scope="module")
def reference():
    """At 15 min: 450 equal steps."""
    return concentration(run(transport(), limit=2.0, schedule=EARLY)[0])


EARLY = Schedule(900.0, 600.0, (900.0,))


def error(moment, reference):
    return float(np.abs(concentration(moment) - reference).max() / reference.max())


def test_the_error_falls_with_the_tolerance_and_steps_are_fewer_than_equal_ones(reference):
    errors, counts = [], []
    for tolerance in (1e-2, 1e-3, 1e-4):
        moment, steps = run(transport(), tolerance=tolerance, schedule=EARLY)
        errors.append(error(moment, reference))
        counts.append(len(steps))
        assert errors[-1] < tolerance, "the errors of the steps of a problem that forgets do not add up"
    assert errors[0] > 3 * errors[1] > 9 * errors[2], "a tenth of the tolerance: at least a third of the error"
    fixed = next(
        (n, e)
        for n in (4, 8, 16, 32, 64, 128, 256)
        if (e := error(run(transport(), limit=900.0 / n, schedule=EARLY)[0], reference)) <= errors[2]
    )
    print(f"controlled: steps {counts}, errors {errors}; equal: {fixed[0]} steps, error {fixed[1]:.1e}")
    assert counts[2] < fixed[0]
