"""A drug that diffuses fast does not force short steps: what 24 h cost, in evaluations of the operators."""

import numpy as np
import pytest

import tumorsim
from tumorsim.device.select import select_device
from tumorsim.transport import linear

DAY = 86400.0
CONFIG = """
[domain]
shape = [16, 16, 16]
spacing = "20 um"
[[tissue.shapes]]            # a small tumour in normal tissue, with fast flow across its rim
region = "tumour"
kind = "sphere"
radius = "130 um"
[tissue.regions.tumour]
leakiness_log_sd = 1.0
correlation_length = "60 um"
[agent]
name = "doxorubicin"
interstitial_diffusivity = "1.2e-10 m^2/s"
[dosing]
dose = "90 umol"
[run]
duration = "24 h"
[output]
times = ["15 min", "1 h", "24 h"]
"""


@pytest.fixture
def evaluations(monkeypatch):
    """How often the operators were evaluated over the whole grid: one stage holds all of them."""
    count = [0]
    run = linear.LinearTransport._run

    def counted(transport, stages, *arguments):
        count[0] += len(stages)
        return run(transport, stages, *arguments)

    monkeypatch.setattr(linear.LinearTransport, "_run", counted)
    return count


def explicit_limit(case, flow, device, *, exchange):
    """The longest step of explicit Euler with upwind advection that leaves C ≥ 0, s, from the coefficients."""
    properties, grid = case.transport, case.grid
    coefficient = np.broadcast_to(properties.available_fraction * properties.diffusivity, grid.shape)
    leaving = np.zeros(grid.shape)
    for axis, h in enumerate(grid.spacing):
        k, u = np.moveaxis(coefficient, axis, 0), np.moveaxis(device.download(flow.velocity[axis]), axis, 0)
        out = np.moveaxis(leaving, axis, 0)
        g = 2 * k[1:] * k[:-1] / (k[1:] + k[:-1]) / h**2
        out[:-1] += g
        out[1:] += g
        out += properties.retardation * (np.maximum(u[1:], 0) - np.minimum(u[:-1], 0)) / h
    if exchange:  # P (S/V) B(Pe) with Pe → 0, less than 1 % off for so small a drug
        leaving += properties.wall_permeability_density
    return float((properties.available_fraction / leaving).min())


def concentrations(case, stepper, *, longest_step):
    """C at the output times, by the steps that a run takes, or by as many times more of them."""
    state, found = stepper.start(), []
    for step in case.schedule(stepper.step_size).steps():
        parts = max(1, round(stepper.step_size / longest_step))
        for k in range(parts):
            dt = step.length / parts
            stepper.step(state, step.start + k * dt, dt, case.plasma)
        if step.output:
            found.append(stepper.device.download(state.concentration).astype(np.float64))
    return found


def test_free_doxorubicin_costs_an_eighth_of_explicit_euler_or_less(tmp_path, evaluations):
    path = tmp_path / "doxorubicin.toml"
    path.write_text(CONFIG)
    case = tumorsim.load(path)
    device, _ = select_device("auto")
    flow = case.solve_flow(device)
    stepper = case.stepper(device, flow)
    euler, spread_alone = (DAY / explicit_limit(case, flow, device, exchange=also) for also in (True, False))

    found = concentrations(case, stepper, longest_step=stepper.step_size)
    spent = evaluations[0]
    fine = concentrations(case, stepper, longest_step=stepper.step_size / 10)
    errors = [float(np.abs(a - b).max() / b.max()) for a, b in zip(found, fine, strict=True)]
    print(f"{spent} evaluations; explicit Euler {euler / spent:.1f} times as many, without exchange "
          f"{spread_alone / spent:.1f}; errors {errors}")  # fmt: skip
    assert stepper.convects and spent <= euler / 8
    assert max(errors) < 0.01
