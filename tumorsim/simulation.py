"""A run, from a case to a result file."""

import signal
import threading
import time as clock
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorsim.case import Case
from tumorsim.device.select import select_device
from tumorsim.device.twin import Device, kernel_hashes
from tumorsim.errors import ConfigError, Problem
from tumorsim.fields import CHANGING, FIELDS, Field, of_other_pools
from tumorsim.flow.pressure import Flow
from tumorsim.flow.velocity import cell_velocity
from tumorsim.schedule import Step
from tumorsim.sinks.beside import Beside
from tumorsim.sinks.checkpoint import latest_checkpoint, remove_checkpoints, write_checkpoint
from tumorsim.sinks.fields import ResultFile
from tumorsim.sinks.ledger import (
    DRUG_NAMES,
    LONG_NAMES,
    VESSEL_NAMES,
    Plasma,
    check_closure,
    closure,
    drug_entries,
    entries,
    vessel_entries,
)
from tumorsim.sinks.provenance import collect
from tumorsim.sinks.statistics import field_statistics, statistics_fields
from tumorsim.stepping import Moment, Steps, controlled_steps, planned_steps
from tumorsim.transport.steady import RATE_NAMES
from tumorsim.transport.stepper import State
from tumorsim.transport.tally import begin_tally

if TYPE_CHECKING:
    from tumorsim.results import Results

STATE = tuple(field.name for field in fields(State))
PROGRESS_EVERY = 0.2
"""Wall seconds between two reports of progress."""


@dataclass(frozen=True)
class Progress:
    """How far a run is: simulated time and step length in s, wall time so far, how well the ledger closes."""

    time: float
    duration: float
    dt: float
    step: int
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
    """Run a case and return its results, read from the file ``out`` (default: the case's name, in this folder).

    Solves the interstitial pressure and velocity once, then carries the agent by split steps that land on every
    output time, under a ledger that must close. With ``resume`` it goes on from the newest checkpoint beside
    ``out``, bit for bit; an interrupt leaves a checkpoint.
    With ``run.mode = "steady"`` it solves for the steady state instead, which is one output at time 0.
    Raises ConfigError, DeviceError, NumericsError or StorageError.
    """
    from tumorsim.results import Results

    out = out or Path(f"{case.name}.vtkhdf")
    machine, _ = select_device(device)
    flow = case.solve_flow(machine)
    if case.config.run.mode == "steady":
        _write_steady(case, machine, flow, out)
        return Results(out)
    stepper = case.stepper(machine, flow)
    if not resume:
        remove_checkpoints(out)
    moment = _resumed(case, stepper, out) if resume else _beginning(case, stepper)
    with _result_file(case, machine, moment, out) as file, Beside() as beside:
        run = Run(case, stepper, moment, file, beside, progress)
        if moment.outputs == 0:
            run.record(_steady_fields(case, machine, flow))
        del flow  # the stepper has made coefficients of it
        run.to_the_end()
    remove_checkpoints(out)
    return Results(out)


class Run:
    """A run in progress: it takes steps, and records the moments that were asked for."""

    def __init__(
        self,
        case: Case,
        stepper: Steps,
        moment: Moment,
        file: ResultFile,
        beside: Beside,
        progress: Callable[[Progress], None] | None,
    ):
        self.case, self.stepper, self.moment, self.file = case, stepper, moment, file
        self.schedule = case.schedule(stepper.step_size)
        self._beside = beside
        self._progress = progress
        self._started = self._saved = self._reported = clock.monotonic()

    def to_the_end(self) -> None:
        """Take all the steps that are left; an interrupt ends the step it came in, then leaves a checkpoint."""
        with _interrupts_held() as interrupted:
            for step in self.steps():
                self.moment.tally.add(self.stepper.device, self.moment.state, step.start, step.length)
                if step.output:
                    self.record()
                now = clock.monotonic()
                if interrupted or now - self._saved >= self.case.config.run.checkpoint_every:
                    self.checkpoint()
                if interrupted:
                    raise KeyboardInterrupt
                if now - self._reported >= PROGRESS_EVERY or step.end == self.schedule.duration:
                    self.report(step)

    def steps(self) -> Iterator[Step]:
        """The steps that are left, each of them taken: of fixed length, or as long as their error allows."""
        whole = self.moment, self.stepper, self.schedule, self.case.levels
        tolerance = self.case.config.run.step_error
        return planned_steps(*whole) if tolerance is None else controlled_steps(*whole, tolerance=tolerance)

    def record(self, steady: Mapping[str, np.ndarray] | None = None) -> None:
        """Store the fields, the statistics and the ledger of this moment, once the ledger was found to close.

        They are taken now, and stored beside the next steps; with the first the fields that are ``steady``.
        """
        moment, case = self.moment, self.case
        ledger = self._ledger()
        check_closure(ledger, precision=case.config.run.precision, step=moment.step)
        self._beside.wait()  # one output in memory is enough
        stepper, time, snapshot = self.stepper, moment.time, self.stepper.device.snapshot
        state, tally = moment.state.each(snapshot), moment.tally.each(snapshot)
        moment.outputs += 1

        def store() -> None:
            pools, in_blood = stepper.pools(state), stepper.segment_concentration(state)
            stored = {name: values for name, values in pools.items() if name in case.config.output.fields}
            stored |= tally.fields(stepper, state, case.field_names)
            stored |= steady or {}
            statistics = _statistics(case, pools)
            self.file.append(time, stored, statistics=statistics, ledger=ledger, in_blood=in_blood)

        self._beside.start(store)

    def checkpoint(self) -> None:
        """Write everything that is needed to go on from here, once the outputs before it are on the disk."""
        self._beside.wait()
        moment, device = self.moment, self.stepper.device
        state = vars(moment.state.each(device.download))
        arrays = {name: array for name, array in state.items() if array is not None} | moment.tally.kept(
            device
        )
        write_checkpoint(
            self.file.path,
            step=moment.step,
            time=moment.time,
            state=arrays,
            config=self.case.config.resolved(),
            extra={
                "outputs": moment.outputs,
                "initial": moment.initial,
                "next_step": moment.next_step,
            },
        )
        self._saved = clock.monotonic()

    def report(self, step: Step) -> None:
        """Tell whoever listens how far the run is."""
        self._reported = clock.monotonic()
        if self._progress is not None:
            error = closure(self._ledger())
            elapsed = self._reported - self._started
            duration = self.schedule.duration
            self._progress(Progress(step.end, duration, step.length, step.number, elapsed, error))

    def _ledger(self) -> dict[str, float]:
        moment, amounts = self.moment, self.stepper.amounts(self.moment.state)
        plasma: Plasma = self.stepper.account(moment.state) or self.case.plasma
        initial = moment.initial + self.stepper.given(moment.time)
        carried = entries(amounts, plasma, moment.time, initial=initial) | vessel_entries(amounts)
        drug = self.case.drug_plasma
        return carried if drug is None else carried | drug_entries(amounts, drug, moment.time)


@contextmanager
def _interrupts_held() -> Iterator[list[int]]:
    """Collect the first SIGINT or SIGTERM in a list, since half a step is no place to stop; a second one stops."""
    arrived: list[int] = []

    def hold(number: int, frame: object) -> None:
        if arrived:
            raise KeyboardInterrupt
        arrived.append(number)

    if threading.current_thread() is not threading.main_thread():  # only there Python takes signals
        yield arrived
        return
    before = {number: signal.signal(number, hold) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield arrived
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _beginning(case: Case, stepper: Steps) -> Moment:
    """Time 0, with what the config puts into the tissue."""
    free = case.initial_free
    state = stepper.start(None if free is None else {"free": free})
    initial = sum(stepper.amounts(state).values())  # nothing has passed
    tally = begin_tally(stepper.device, state, case.field_names)
    return Moment(0, 0.0, 0, state, initial=initial, tally=tally)


def _resumed(case: Case, stepper: Steps, out: Path) -> Moment:
    """The newest checkpoint of the same config."""
    checkpoint = latest_checkpoint(out, config=case.config.resolved())
    if checkpoint is None:
        cure = "Run without --resume, or give the --out of the run that was interrupted"
        raise ConfigError(Problem("--resume", str(out), "there is no checkpoint beside this file", cure))
    upload = stepper.device.upload
    pools = {name: upload(checkpoint.state[name]) if name in checkpoint.state else None for name in STATE}
    state = State(**pools)
    return Moment(
        checkpoint.step,
        checkpoint.time,
        checkpoint.extra["outputs"],
        state,
        checkpoint.extra["initial"],
        checkpoint.extra["next_step"],
        begin_tally(stepper.device, state, case.field_names, kept=checkpoint.state),
    )


def _result_file(case: Case, device: Device, moment: Moment, out: Path) -> ResultFile:
    """A new file, or that of the interrupted run cut back to the moment it goes on from."""
    if moment.outputs:
        return ResultFile.resume(out, moment.outputs, provenance=_provenance(case, device))
    carried = case.config.vessels.plasma == "carried"
    names = LONG_NAMES | (DRUG_NAMES if case.config.drug else {}) | (VESSEL_NAMES if carried else {})
    ledger = [Field(name, "{amount}", meaning) for name, meaning in names.items()]
    return _new_file(case, device, out, pools=case.pool_names, ledger=ledger)


def _new_file(
    case: Case, device: Device, out: Path, *, pools: Sequence[str], ledger: Sequence[Field]
) -> ResultFile:
    """A file for the fields of the config; of those that change in time, for ``pools`` only."""
    config = case.config
    absent = of_other_pools(pools)
    return ResultFile.create(
        out,
        grid=case.grid,
        fields=[FIELDS[name] for name in case.field_names if name not in absent],
        amount_unit=case.amount_unit,
        title=case.title,
        config_given=config.config_given,
        config_resolved=config.resolved(),
        provenance=_provenance(case, device),
        region_names=case.regions.names,
        statistics=statistics_fields(case.regions.names, pools),
        ledger=ledger,
        network=case.network,
        carried=config.vessels.plasma == "carried",
        precision=config.output.precision,
        compression=config.output.compression,
    )


def _statistics(case: Case, pools: Mapping[str, np.ndarray]) -> dict[str, float]:
    """The numbers of every region."""
    return field_statistics(
        pools,
        labels=case.regions.labels,
        region_names=case.regions.names,
        grid=case.grid,
        dose=case.dose,
    )


def _provenance(case: Case, device: Device) -> dict[str, Any]:
    """What made the file."""
    return collect(
        device_name=f"{device.name}: {device.description}",
        kernel_hashes=kernel_hashes(),
        seed=case.config.tissue.seed,
        inputs=case.input_files,
    )


def _write_steady(case: Case, device: Device, flow: Flow, out: Path) -> None:
    """Solve for the steady state, and store it as the only output, at time 0.

    The ledger holds rates. Cells that take agent up fill for ever, so the free agent is the only pool.
    """
    found = case.solve_steady(device, flow)
    statistics = _statistics(case, {"free": found.free})
    free = {"free": float(found.free.sum()) * case.grid.voxel_volume}
    ledger = [Field("free", "{amount}", LONG_NAMES["free"])]
    ledger += [Field(name, "{amount}/s", meaning) for name, meaning in RATE_NAMES.items()]
    stored = _steady_fields(case, device, flow)
    if "free" in case.config.output.fields:
        stored["free"] = found.free
    with _new_file(case, device, out, pools=("free",), ledger=ledger) as file:
        file.append(0.0, stored, statistics=statistics, ledger=free | found.rates)


def _steady_fields(case: Case, device: Device, flow: Flow) -> dict[str, np.ndarray]:
    """The fields of the config's output that do not change in time."""
    makers: dict[str, Callable[[], np.ndarray | None]] = {
        "region": lambda: case.regions.labels,
        "pressure": lambda: device.download(flow.pressure),
        "velocity": lambda: cell_velocity(device, flow),
        "temperature": lambda: case.temperature,
        "injection_pressure": lambda: device.download(flow.injection.pressure) if flow.injection else None,
        "vessel_area_density": lambda: case.vessel_area_density,
        "vessel_volume_fraction": lambda: case.vessel_volume_fraction,
        "hydraulic_conductivity": lambda: case.fluid.map("hydraulic_conductivity", case.grid.shape),
        "wall_permeability": lambda: np.broadcast_to(case.wall.permeability, case.grid.shape),
    }
    found = {name: makers[name]() for name in case.field_names if name not in CHANGING}
    return {name: values for name, values in found.items() if values is not None}
