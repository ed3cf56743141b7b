"""Reading a result file."""

import difflib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import h5py
import numpy as np

from tumorsim.errors import ConfigError, Problem, StorageError
from tumorsim.fields import POOLS
from tumorsim.grid import Grid
from tumorsim.sinks.layout import FORMAT, IN_BLOOD, output_times, series_datasets
from tumorsim.sinks.superblock import is_marked
from tumorsim.units import UnitError, to_si

if TYPE_CHECKING:
    from tumorsim.vessels.network import Network

_SHOWN_TIMES = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


class Results:
    """A result file, read only. Arrays are read when asked for, (nz, ny, nx) and SI.

    ::

        results = tumorsim.open("doxil.vtkhdf")
        results.field("free", time="24 h")          # amount per tissue volume, results.unit("free")
        results.statistics["tumour/mean_free"]      # one number per results.times

    The file is open only while something is read, or throughout a ``with`` block. One that a run still writes can
    be read: it shows what was there when it was opened first. Raises StorageError when it cannot be read.
    """

    title: str
    amount_unit: str
    """The unit of all amounts: that of the dose, mol, kg or Bq."""
    grid: Grid
    times: np.ndarray
    """Times of the outputs, s."""
    fields: tuple[str, ...]
    """Names of the fields."""
    region_names: tuple[str, ...]
    """The name of each label of the field ``region``."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._held: h5py.File | None = None
        with self._reading() as file:
            group = file["tumorsim"]
            self.title = str(group.attrs["title"])
            self.amount_unit = str(group.attrs["amount_unit"])
            self.grid = _grid(file["VTKHDF"].attrs)
            self.times = output_times(file)
            self.fields = tuple(file["VTKHDF/CellData"])
            self.region_names = tuple(str(name) for name in group["region_names"].asstr()[:])

    def __enter__(self) -> Self:
        self._held = _open(self.path)
        return self

    def __exit__(self, *_: object) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None

    @contextmanager
    def _reading(self) -> Iterator[h5py.File]:
        """The open file; a StorageError for what cannot be read of it."""
        file = self._held or _open(self.path)
        try:
            yield file
        except (OSError, KeyError) as error:
            raise StorageError(f"{self.path} is damaged: {error}. Copy it again, or run it again.") from error
        finally:
            if file is not self._held:
                file.close()

    @property
    def steps(self) -> range:
        """Numbers of the outputs, from 0."""
        return range(len(self.times))

    @property
    def complete(self) -> bool:
        """Whether the run reached the end that its config asks for."""
        run = self.config.get("run", {})
        duration = 0.0 if self.steady else run.get("duration", 0.0)
        return bool(len(self.times)) and bool(self.times[-1] >= duration * (1 - 1e-9))

    @property
    def steady(self) -> bool:
        """Whether it holds a steady state, at time 0, instead of a course in time."""
        return bool(self.config.get("run", {}).get("mode") == "steady")

    def unit(self, name: str, *, of: str | None = None) -> str:
        """The unit of ``name`` in "fields", "statistics" or "ledger"; without ``of`` the first that has it."""
        return self._described(name, of)["units"]

    def long_name(self, name: str, *, of: str | None = None) -> str:
        """What a field, a statistic or a term of the ledger is; see `unit`."""
        return self._described(name, of)["long_name"]

    def field(self, name: str, time: float | str | None = None, *, step: int | None = None) -> np.ndarray:
        """A field at the output nearest to ``time`` (s, or text such as "24 h"), or at output ``step``.

        Without either, the last output. Shape (nz, ny, nx); vectors (nz, ny, nx, 3), components x, y, z.
        Raises ConfigError for an unknown name, or a time or step that the file does not reach, and
        StorageError when the file is damaged.
        """
        if name not in self.fields:
            raise _unknown(name, self.fields)
        chosen = self.step_at(time) if step is None else self._checked(step)
        with self._reading() as file:
            slab = int(file["VTKHDF/Steps/CellDataOffsets"][name][chosen])
            return np.asarray(file["VTKHDF/CellData"][name][slab])

    def total(self, time: float | str | None = None, *, step: int | None = None) -> np.ndarray:
        """Agent in all forms, amount per tissue volume: the sum of the pools that the file holds, float64.

        Raises as ``field`` does, and ConfigError when the file holds none.
        """
        pools = [name for name in POOLS if name in self.fields]
        if not pools:
            raise _unknown("free", self.fields)
        return np.sum([self.field(name, time, step=step).astype(np.float64) for name in pools], axis=0)

    def step_at(self, time: float | str | None = None) -> int:
        """Number of the output nearest to ``time``, of the last one for None."""
        if not len(self.times):
            raise StorageError(f"{self.path} holds no output: the run ended before its first. Run it again.")
        if time is None:
            return len(self.times) - 1
        seconds = _seconds(time)
        first, last = self.times[0], self.times[-1]
        slack = 1e-6 * max(abs(first), abs(last))
        if not first - slack <= seconds <= last + slack:
            cure = f"The outputs go from {time_text(first)} to {time_text(last)}"
            raise ConfigError(Problem("time", time, "there is no output near this time", cure))
        return int(np.argmin(np.abs(self.times - seconds)))

    def _checked(self, step: int) -> int:
        if not -len(self.times) <= step < len(self.times):
            fault = f"the file holds {len(self.times)} outputs"
            raise ConfigError(Problem("step", step, fault, "Use 0 for the first, -1 for the last"))
        return self.steps[step]

    @property
    def regions(self) -> dict[str, int]:
        """The label of each region."""
        return {name: label for label, name in enumerate(self.region_names)}

    @cached_property
    def network(self) -> "Network | None":
        """The vessel network, where the run had one."""
        with self._reading() as file:
            group = file["tumorsim"].get("vessels")
            if group is None:
                return None
            arrays = {
                name: np.asarray(group[name]) for name in group if f"{group.name}/{name}" != f"/{IN_BLOOD}"
            }
            source = str(group.attrs["source"])
            notes = json.loads(group.attrs.get("notes", "[]"))
            repairs = json.loads(group.attrs.get("repairs", "[]"))
        from tumorsim.vessels.network import Network, Repair

        return Network(
            nodes=np.ascontiguousarray(arrays["nodes"][:, ::-1]),
            segments=arrays["segments"],
            radius=arrays["radius"],
            pressure=arrays.get("pressure"),
            flow=arrays.get("flow"),
            haematocrit=arrays.get("haematocrit"),
            leakiness=arrays.get("leakiness"),
            source=source,
            notes=tuple(notes),
            repairs=tuple(Repair(**repair) for repair in repairs),
        )

    @cached_property
    def in_blood(self) -> np.ndarray | None:
        """The plasma concentration in every segment of the network at every output, (steps, m), amount/m³.

        None where the run took the same everywhere (``vessels.plasma = "uniform"``).
        """
        with self._reading() as file:
            return np.asarray(file[IN_BLOOD][: len(self.times)]) if IN_BLOOD in file else None

    @cached_property
    def config(self) -> dict[str, Any]:
        """The config with every default, SI units."""
        return dict(json.loads(self._text("config_resolved")))

    @cached_property
    def config_text(self) -> str:
        """The config as it was given."""
        return self._text("config_given")

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """What made the file; under ``resumed`` the same for every part of a run that was resumed."""
        with self._reading() as file:
            lines = bytes(file["tumorsim/resumed"][:]).decode().splitlines()
        return json.loads(self._text("provenance")) | {"resumed": [json.loads(line) for line in lines]}

    @property
    def dose(self) -> float | None:
        """The dose in ``amount_unit``, where the config gives one."""
        dose = self.config.get("dosing", {}).get("dose")
        value = dose.get("value") if isinstance(dose, Mapping) else dose
        return None if value is None else float(value)

    @cached_property
    def statistics(self) -> dict[str, np.ndarray]:
        """Numbers per region, ``REGION/NAME``: one for each output."""
        return self._series("statistics")

    @cached_property
    def ledger(self) -> dict[str, np.ndarray]:
        """Where the dose is: every term for each output."""
        return self._series("ledger")

    def _series(self, group: str) -> dict[str, np.ndarray]:
        with self._reading() as file:
            found = series_datasets(file["tumorsim"][group])
            found.pop("time")
            return {name: np.asarray(series[: len(self.times)]) for name, series in found.items()}

    def _described(self, name: str, group: str | None) -> dict[str, str]:
        """The attributes of a field or series."""
        groups = [self._descriptions[group]] if group else list(self._descriptions.values())
        for described in groups:
            if name in described:
                return described[name]
        raise _unknown(name, tuple(known for described in groups for known in described))

    @cached_property
    def _descriptions(self) -> dict[str, dict[str, dict[str, str]]]:
        with self._reading() as file:
            named = {"fields": dict(file["VTKHDF/CellData"].items())}
            named |= {group: series_datasets(file["tumorsim"][group]) for group in ("statistics", "ledger")}
            attributes = "units", "long_name"
            return {
                group: {n: {key: str(d.attrs[key]) for key in attributes} for n, d in datasets.items()}
                for group, datasets in named.items()
            }

    def _text(self, name: str) -> str:
        with self._reading() as file:
            return str(file["tumorsim"][name].asstr()[()])

    def __repr__(self) -> str:
        span = f", {time_text(self.times[0])} to {time_text(self.times[-1])}" if len(self.times) else ""
        span = ", the steady state" if self.steady and span else span
        return (
            f"Results({str(self.path)!r})  {self.title}\n"
            f"  grid     {self.grid!r}\n"
            f"  outputs  {len(self.times)}{span}{'' if self.complete else ' (not complete)'}\n"
            f"  fields   {', '.join(self.fields)}\n"
            f"  regions  {', '.join(self.region_names)}"
        )


def _grid(image: Mapping[str, np.ndarray]) -> Grid:
    nx, ny, nz = (int(n) for n in image["WholeExtent"][1::2])
    (hx, hy, hz), (x, y, z) = (map(float, image[name]) for name in ("Spacing", "Origin"))
    return Grid((nz, ny, nx), (hz, hy, hx), (z, y, x))


def _open(path: Path) -> h5py.File:
    if not path.is_file():
        raise StorageError(f"{path}: there is no such file.{_similar(path)}")
    try:
        file = _open_hdf5(path)
    except OSError as error:
        if not h5py.is_hdf5(path):
            raise StorageError(f"{path} is not a tumorsim result, or may not be read.") from error
        raise StorageError(
            f"{path} is damaged: {error}. If it is a copy, copy it again. If its run was killed or the disk "
            "was full, continue with --resume, or mend it with tumorsim.sinks.fields.recover(path)."
        ) from error
    version = file["tumorsim"].attrs.get("format") if "tumorsim" in file else None
    if version is None or version > FORMAT:
        file.close()
        fault = "not a tumorsim result" if version is None else "from a newer tumorsim: update to read it"
        raise StorageError(f"{path} is an HDF5 file, but {fault}.")
    return file


def _open_hdf5(path: Path) -> h5py.File:
    """Open for reading; a file whose run was killed at an output opens only as one that is being written."""
    try:
        return h5py.File(path, "r")
    except OSError:
        if is_marked(path):
            return h5py.File(path, "r", swmr=True)
        raise


def _similar(path: Path) -> str:
    """A hint at result files of a similar name in the same folder."""
    there = [file.name for file in path.parent.glob("*.vtkhdf")] if path.parent.is_dir() else []
    close = difflib.get_close_matches(path.name, there, n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(close)}?" if close else ""


def _unknown(name: str, known: tuple[str, ...]) -> ConfigError:
    close = difflib.get_close_matches(name, known, n=1)
    cure = f"Did you mean {close[0]}?" if close else f"There are {', '.join(known)}"
    return ConfigError(Problem("field", name, "the file holds nothing of this name", cure))


def _seconds(time: float | str) -> float:
    if not isinstance(time, str):
        return float(time)
    try:
        return to_si(time, "s")
    except UnitError as error:
        raise ConfigError(Problem("time", time, str(error), 'Write for example "24 h"')) from None


def time_text(seconds: float) -> str:
    """A time in the largest unit of which it is at least two: ``time_text(86400)`` is "24 h"."""
    size, name = next(((s, n) for s, n in _SHOWN_TIMES if abs(seconds) >= 2 * s), _SHOWN_TIMES[-1])
    return f"{seconds / size:g} {name}"


def summary(results: Results) -> dict[str, Any]:
    """What a result holds, as plain values fit for JSON; numbers that are not finite become None."""
    grid, provenance = results.grid, results.provenance
    network = results.network
    made_by = {key: provenance.get(key) for key in ("tumorsim", "git_commit", "date", "device", "seed")}
    return {
        "file": str(results.path),
        "bytes": results.path.stat().st_size,
        "title": results.title,
        "complete": results.complete,
        "steady": results.steady,
        "outputs": len(results.times),
        "times": [float(time) for time in results.times],
        "grid": {
            "shape": list(grid.shape[::-1]),
            "spacing": list(grid.spacing[::-1]),
            "origin": list(grid.origin[::-1]),
        },
        "regions": list(results.region_names),
        "fields": {
            name: {"unit": results.unit(name), "long_name": results.long_name(name)}
            for name in results.fields
        },
        "dose": results.dose,
        "amount_unit": results.amount_unit,
        "vessels": {"segments": len(network.segments), "notes": list(network.notes)} if network else None,
        "made_by": {**made_by, "resumed": len(provenance["resumed"])},
        "ledger": _last(results, "ledger"),
        "statistics": _last(results, "statistics"),
    }


def _last(results: Results, group: str) -> dict[str, dict[str, Any]]:
    """The last value of each series of a group with its unit and meaning."""
    series: Mapping[str, np.ndarray] = getattr(results, group)
    return {
        name: {
            "value": float(values[-1]) if np.isfinite(values[-1]) else None,
            "unit": results.unit(name, of=group),
            "long_name": results.long_name(name, of=group),
        }
        for name, values in series.items()
        if len(values)
    }
