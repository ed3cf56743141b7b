"""A closed body and its tissue: the dose is always somewhere, and what the tissue takes the plasma lacks."""

import numpy as np
import pytest
from scipy.linalg import expm

import tumorsim
from tumorsim.agents.compartments import Body
from tumorsim.boundaries import Boundaries
from tumorsim.device.select import select_device
from tumorsim.resources import configs_directory
from tumorsim.simulation import simulate
from tumorsim.sinks.ledger import closure
from tumorsim.transport.closed_body import ClosedBodyStepper
from tumorsim.transport.stepper import Stepper, TransportProperties
from tumorsim.verify.marching import cube, given_flow

DEVICE, _ = select_device("auto")
VOLUME, DOSE, END = 1e-6, 3.0, 2000.0
BODY = Body(VOLUME, 2e-4, (5e-4,), (3e-4,))


def closed(*, infusion=0.0):
    """A cubic centimetre of well-mixed tissue beside a mouse's plasma, with which it exchanges at 1e-3 1/s."""
    grid = cube(3, 1e-2)
    tissue = Stepper(
        DEVICE, grid, flow=given_flow(DEVICE, grid), properties=TransportProperties(0.4, 0.0, 1e-3, 0.0),
        boundaries=Boundaries(), precision="float64",
    )  # fmt: skip
    return ClosedBodyStepper(tissue, BODY, dose=DOSE, infusion=infusion)


def after(stepper, steps, end=END):
    state = stepper.start()
    for k in range(steps):
        stepper.step(state, k * end / steps, end / steps)
    return state


def exact(end):
    """Plasma, periphery, tissue after a bolus: three linear compartments; P S V_t = 1e-9 m³/s."""
    exchange = 1e-3 * 1e-6
    matrix = np.zeros((3, 3))
    matrix[0] = [-2e-4 - 5e-4 - exchange / VOLUME, 3e-4, exchange / 4e-7]
    matrix[1, :2] = 5e-4, -3e-4
    matrix[2] = [exchange / VOLUME, 0, -exchange / 4e-7]
    return expm(matrix * end) @ [DOSE, 0, 0]


def test_body_and_tissue_are_compartments_of_one_system():
    """Of second order in the step, though the uptake of a step is only known after it."""
    errors = []
    for steps in (20, 40, 80):
        stepper = closed()
        state = after(stepper, steps)
        found = [stepper.account(state).amount(END), stepper.amounts(state)["free"]]
        errors.append(np.abs(np.array(found) - exact(END)[[0, 2]]).max() / DOSE)
    assert np.log2(errors[0] / errors[2]) / 2 >= 1.9, errors


@pytest.mark.parametrize("infusion", [0.0, 700.0])
def test_all_that_was_given_is_somewhere_whatever_the_step(infusion):
    stepper = closed(infusion=infusion)
    state = after(stepper, 20)
    body, amounts = stepper.account(state).state, stepper.amounts(state)
    assert body.total == pytest.approx(DOSE, rel=1e-12)
    assert body.taken == pytest.approx(amounts["entered"] - amounts["returned"], rel=1e-12)
    assert amounts["free"] == pytest.approx(body.taken, rel=1e-12)


def test_a_run_in_a_mouse_leaves_less_in_plasma(tmp_path):
    """Leaky vessels in 0.2 mL beside 1 mL of plasma."""
    common = ["domain.spacing=600 um", "run.duration=2 h", "output.every=2 h", "dosing.body=mouse"]
    common += ["dosing.dose=0.1 mg", "agent.wall_permeability=1e-8 m/s"]
    path = configs_directory() / "quickstart.toml"
    prescribed, drained = (
        simulate(tumorsim.load(path, overrides=[*common, *more]), out=tmp_path / f"{len(more)}.vtkhdf")
        for more in ([], ["dosing.closed_body=true"])
    )
    ledger = {name: float(values[-1]) for name, values in drained.ledger.items()}
    assert closure(ledger) < 1e-6
    places = ("plasma", "cleared", "free", "bound", "internalised", "lymph", "boundary")
    assert sum(ledger[name] for name in places) == pytest.approx(1e-7, rel=1e-6)  # the dose
    assert ledger["plasma"] < 0.99 * prescribed.ledger["plasma"][-1]
