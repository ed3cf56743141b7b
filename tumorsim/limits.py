"""What a run of a case takes, and which numbers govern it: for a look before the run."""

from math import inf

import numpy as np

from tumorsim.case import Case
from tumorsim.config.checks import estimated_memory
from tumorsim.config.dosing import clearance_notes
from tumorsim.device.select import select_device
from tumorsim.fields import FIELDS, POOLS
from tumorsim.stepping import Steps
from tumorsim.tissue.regions import Regions
from tumorsim.transport.linear import PECLET


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
    }


def notes(case: Case) -> list[str]:
    """What is no fault of a config, but should be known before a run."""
    return clearance_notes(case.config)


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
    "capture": "free agent must not spread past the sites that bind it, unless within a voxel",
    "decay": "a drug that decays is in balance with its release",
    "in cells": "cells give back what they took, at rates that a step holds",
    "max_step": "run.max_step",
}
"""What each of the stepper's limits guards."""


def _file_size(case: Case, outputs: int) -> int:
    """Bytes of the fields in the result: those that change with every output, the others once."""
    output, voxels = case.config.output, case.grid.voxels
    real = np.dtype(output.precision).itemsize
    fields = [FIELDS[name] for name in output.fields if name not in POOLS or name in case.pool_names]
    once = sum(1 if field.label else real * field.components for field in fields if field.name not in POOLS)
    return voxels * (once + outputs * real * sum(field.name in POOLS for field in fields))


def _half_width(regions: Regions) -> float:
    """Radius of the sphere with the volume of all that is not background; of the box where nothing else is."""
    volumes = list(regions.volumes().values())
    volume = sum(volumes[1:]) or volumes[0]
    return float((3 * volume / (4 * np.pi)) ** (1 / 3))
