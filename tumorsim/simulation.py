"""A run, from a case to a result file."""

import time as clock
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tumorsim.case import Case
from tumorsim.device.select import select_device
from tumorsim.device.twin import Device
from tumorsim.flow.pressure import Flow, solve_flow
from tumorsim.flow.velocity import cell_velocity
from tumorsim.schedule import Step
from tumorsim.sinks.checkpoint import latest_checkpoint, write_checkpoint
from tumorsim.sinks.fields import ResultFile
from tumorsim.sinks.ledger import Ledger, check_closure, closure
from tumorsim.sinks.provenance import collect
from tumorsim.sinks.statistics import field_statistics
from tumorsim.transport.stepper import State, Stepper

if TYPE_CHECKING:
    from tumorsim.results import Results


@dataclass(frozen=True)
class Progress:
    """How far a run is: simulated time and step length in s, wall time so far, how well the ledger closes."""

    time: float
    duration: float
    dt: float
    step: int
    steps: int
    wall_seconds: float
    ledger_error: float


def simulate(
    case: Case,
    *,
    out: Path | None = None,
    device: str = "auto",
    resume: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> "Results":
    """Run a case and return its results, read from the file ``out`` (default: the case's name in this folder).

    Solves the interstitial pressure and velocity once, then carries the agent by Strang-split steps that land
    on every output time. With ``resume`` it continues from the newest checkpoint beside ``out``, bit for bit.
    An interrupt leaves a checkpoint. Raises ConfigError, NumericsError (exit status 3) or StorageError (4).
    """
    out = out or Path(f"{case.name}.vtkhdf")
    machine, _ = select_device(device)
    flow = solve_flow(
        machine, case.grid, case.fluid, case.pressure_boundaries, tolerance=case.pressure_tolerance
    )
    stepper = Stepper.of(machine, case.grid, flow, case.transport, **case.stepping)
    run = Run(case, machine, flow, stepper)
    run.resume(out) if resume else run.start()
    with run.result_file(out) as file, run.checkpoint_on_interrupt(out):
        run.advance(file, out, progress)
    from tumorsim.results import Results

    return Results(out)
