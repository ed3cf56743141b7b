"""What a run of a case takes, and which numbers govern it: for a look before the run."""

from math import inf

import numpy as np

from tumorsim.case import Case
from tumorsim.config.checks import estimated_memory
from tumorsim.config.dosing import clearance_notes
from tumorsim.constants import CELSIUS, MMHG
from tumorsim.device.select import select_device
from tumorsim.device.twin import Device
from tumorsim.fields import CHANGING, FIELDS
from tumorsim.flow.pressure import Flow
from tumorsim.stepping import Steps
from tumorsim.tissue.regions import Regions
from tumorsim.transport.linear import PECLET

DEFORMING_RISE = 30 * MMHG
"""From where on infused tissue yields: in three mouse tumours fluid began to flow at 7, 29 and 37 mmHg, and flowed as
the tissue deformed (McGuire 2006, 10.1007/s10439-006-9136-2) [S, abstract]; the round number is ours [D]."""


def limits(case: Case, *, device: str = "auto") -> dict[str, tuple[float, str, str]]:
    """What a run of the case takes and what governs it: value, unit and meaning by name. Solves the flow."""
    machine, _ = select_device(device)
    config, grid = case.config, case.grid
    flow = case.solve_flow(machine)
    stepper = case.stepper(machine, flow)
    steady = config.run.mode == "steady"
    speed = max(machine.maximum(abs(u)) for u in flow.velocity)
    diffusivity = float(np.median(case.diffusivity))
    uptake = float(case.tissue_map("uptake_rate").max())
    length = _half_width(case.regions)
    return {
        "voxels": (grid.voxels, "", repr(grid)),
        "memory": (estimated_memory(config), "B", "that the run needs, about"),
        "result file": (_file_size(case, _outputs(case)), "B", "at most, before compression"),
        **({} if steady else _steps(case, stepper)),
        "pressure iterations": (flow.iterations, "", f"to a relative residual of {flow.residual:.1e}"),
        "fastest flow": (speed, "m/s", "Darcy velocity on a face"),
        "diffusivity": (diffusivity, "m^2/s", "of the agent in the interstitium, median"),
        "Péclet number": (
            speed * length / diffusivity,
            "",
            f"u L/D over the radius of the tumour, {length * 1e6:.3g} µm",
        ),
        "cell Péclet number": (
            stepper.cell_peclet,
            "",
            _CONVECTS if stepper.cell_peclet <= PECLET else _ADVECTS,
        ),
        "Thiele modulus": (
            length * (uptake / diffusivity) ** 0.5,
            "",
            "L √(k/D) with the largest uptake rate k",
        ),
        **_heat(case),
        **_injection(case, machine, flow),
    }


def notes(case: Case) -> list[str]:
    """What is no fault of a config, but should be known before a run."""
    return clearance_notes(case.config)


def _heat(case: Case) -> dict[str, tuple[float, str, str]]:
    """The range of temperatures of every region while power is deposited, and where that power goes."""
    heat = case.heat
    if heat is None:
        return {}
    rows = {}
    for region, volume in case.regions.volumes().items():
        if volume == 0:
            continue
        celsius = heat.temperature[case.regions.mask(region)] - CELSIUS
        span = f"on the mean, {celsius.min():.2f} to {celsius.max():.2f}"
        rows[f"temperature of {region}"] = float(celsius.mean()), "°C", span
    power = f"deposited in the box; {heat.blood:.3g} W to blood, {heat.faces:.3g} W through its faces"
    return {**rows, "heating power": (heat.deposited, "W", power)}


def _injection(case: Case, device: Device, flow: Flow) -> dict[str, tuple[float, str, str]]:
    """The pressure at the needle."""
    if flow.injection is None:
        return {}
    at_rest, driven = (device.download(each.pressure) for each in (flow, flow.injection))
    rise = float((driven - at_rest).max())
    meaning = f"at the needle, {rise / MMHG:.3g} mmHg above that at rest"
    if rise > DEFORMING_RISE:
        meaning += f"; above some {DEFORMING_RISE / MMHG:.0f} mmHg tissue deforms or tears, and its flow is not Darcy's"
    return {"injection pressure": (float(driven.max()) / MMHG, "mmHg", meaning)}


_CONVECTS = "largest over a voxel; convection is taken with diffusion, without a limiter"
_ADVECTS = "largest over a voxel; the fluid advects, under transport.limiter"


def _steps(case: Case, stepper: Steps) -> dict[str, tuple[float, str, str]]:
    """What limits a step, and how many there are."""
    count = case.schedule(stepper.step_size).count
    meaning = "in all" if case.config.run.step_error is None else "at least; run.step_error may shorten them"
    limits = {
        f"step: {name}": (limit, "s", STEP_LIMITS[name.removeprefix("drug ")])
        for name, limit in stepper.limits.items()
        if limit < inf
    }
    return {**limits, "steps": (count, "", meaning)}


def _outputs(case: Case) -> int:
    """How many times the fields are written."""
    return 1 if case.config.run.mode == "steady" else len(case.schedule(1.0).output_times) + 1


STEP_LIMITS = {
    "advection": "a voxel must not be emptied by the fluid that leaves it",
    "convection": "taken with diffusion in explicit stages, which the flow must not make unstable",
    "injection": "the same while it lasts, within each step",
    "capture": "free agent must not spread past the sites that bind it, unless within a voxel",
    "decay": "a drug that decays is in balance with its release",
    "in cells": "cells give back what they took, at rates that a step holds",
    "echo": "tissue must not get back from the blood more than it lost meanwhile",
    "max_step": "run.max_step",
}
"""What each of the stepper's limits guards."""


def _file_size(case: Case, outputs: int) -> int:
    """Bytes of the fields in the result: those that change with every output, the others once."""
    output, voxels = case.config.output, case.grid.voxels
    real = np.dtype(output.precision).itemsize
    fields = [FIELDS[name] for name in case.field_names]
    once = sum(1 if f.label else real * f.components for f in fields if f.name not in CHANGING)
    return voxels * (once + outputs * real * sum(field.name in CHANGING for field in fields))


def _half_width(regions: Regions) -> float:
    """Radius of the sphere with the volume of all that is not background; of the box where nothing else is."""
    volumes = list(regions.volumes().values())
    volume = sum(volumes[1:]) or volumes[0]
    return float((3 * volume / (4 * np.pi)) ** (1 / 3))
