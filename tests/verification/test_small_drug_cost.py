"""A drug that diffuses fast does not force short steps: what 24 h cost, in evaluations of the operators."""

from collections import Counter
from math import ceil

import numpy as np
import pytest

import tumorsim
from tumorsim.device.select import select_device
from tumorsim.transport import advection, diffusion

DAY = 86400.0
CONFIG = """
[domain]
shape = [24, 24, 24]
spacing = "20 um"
[tissue]
background = "tumour"
[tissue.regions.tumour]      # a piece out of the pressure plateau of a tumour, where one face drains a little
leakiness_log_sd = 1.0
correlation_length = "60 um"
[pressure]
boundary = { default = "no-flux", x_low = "11.2 mmHg" }
[agent]
name = "doxorubicin"
interstitial_diffusivity = "1.2e-10 m^2/s"
[dosing]
dose = "90 umol"
[run]
duration = "24 h"
"""


@pytest.fixture
def evaluations(monkeypatch):
    """How often each operator is evaluated over the whole grid."""
    count = Counter()

    def counted(operator):
        def evaluate(*arguments, **named):
            count[operator.name] += 1
            return operator(*arguments, **named)

        return evaluate

    monkeypatch.setattr(diffusion, "diffuse", counted(diffusion.diffuse))
    monkeypatch.setattr(advection, "advect", counted(advection.advect))
    return count


def explicit_limit(case, flow, device):
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
    return float((properties.available_fraction / leaving).min())


def concentration_after(stepper, plasma, *, duration, longest_step):
    state, steps = stepper.start(), ceil(duration / longest_step * (1 - 1e-12))
    for k in range(steps):
        stepper.step(state, k * duration / steps, duration / steps, plasma)
    return stepper.device.download(state.concentration).astype(np.float64)


def test_free_doxorubicin_costs_an_eighth_of_explicit_euler_or_less(tmp_path, evaluations):
    path = tmp_path / "doxorubicin.toml"
    path.write_text(CONFIG)
    case = tumorsim.load(path)
    device, _ = select_device("auto")
    flow = case.solve_flow(device)
    stepper = case.stepper(device, flow)
    euler = DAY / explicit_limit(case, flow, device)  # exchange aside, which would shorten its steps

    found = concentration_after(stepper, case.plasma, duration=DAY, longest_step=stepper.step_size)
    spent = evaluations.total()
    assert evaluations["diffuse"] > 0 and evaluations["advect"] > 0
    fine = concentration_after(stepper, case.plasma, duration=DAY, longest_step=stepper.step_size / 10)
    error = float(np.abs(found - fine).max() / fine.max())
    print(
        f"dt {stepper.step_size:.0f} s: {spent} evaluations, explicit Euler {euler:.0f} "
        f"({euler / spent:.1f} times as many); error {error:.2%}"
    )
    assert spent <= euler / 8
    assert error < 0.01
