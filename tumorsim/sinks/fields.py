"""The result file: HDF5 that ParaView opens by itself, complete after every output, whatever ends the run.

It is written in HDF5's single-writer mode, whose writes are ordered so that the file on disk is consistent
after each of them. The number of outputs is written last, and the mark that keeps other programs out is taken
off again (see ``superblock``). So a result can be viewed while it grows, and a killed run loses only the
output it was writing. Should it die in the few milliseconds in which the mark is set, ``Results`` still reads
the file, and other programs do so after ``recover``, or when the run is resumed.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self, cast

import h5py
import numpy as np

from tumorsim.errors import StorageError
from tumorsim.fields import Field
from tumorsim.grid import Grid
from tumorsim.sinks import layout
from tumorsim.sinks.slabs import write_slab
from tumorsim.sinks.superblock import release, release_file

if TYPE_CHECKING:
    from tumorsim.vessels.network import Network

_HDF5_FORMAT = ("v110", "v110")
"""Read by HDF5 1.10 (2016) and later; the first that has the single-writer mode."""

_HDF5_ERRORS = (OSError, RuntimeError)
"""What h5py raises when a write fails; which of the two depends on where it was noticed."""

_SERIES = ("statistics", "ledger")


class ResultFile:
    """A result file while it is written, from ``create`` or ``resume``; a context manager that closes it."""

    def __init__(self, path: Path, file: h5py.File):
        self.path = path
        self._file = file
        self._steps = file["VTKHDF/Steps"]
        self._fields: dict[str, h5py.Dataset] = dict(file["VTKHDF/CellData"].items())
        self._types: dict[str, np.dtype] = {name: dataset.dtype for name, dataset in self._fields.items()}
        self._series = {name: layout.series_datasets(file["tumorsim"][name]) for name in _SERIES}
        self._times = list(layout.output_times(file))
        self._offsets = dict.fromkeys(self._fields, -1)
        self._digests: dict[str, bytes] = {}
        file.swmr_mode = True
        _share_lock(self._descriptor)
        release(self._descriptor)

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        grid: Grid,
        fields: Sequence[Field],
        amount_unit: str,
        title: str,
        config_given: str,
        config_resolved: Mapping[str, Any],
        provenance: Mapping[str, Any],
        region_names: Sequence[str],
        statistics: Sequence[Field] = (),
        ledger: Sequence[Field] = (),
        network: "Network | None" = None,
        carried: bool = False,
        precision: str = "float32",
        compression: str = "gzip",
    ) -> Self:
        """A new file without outputs; what is at ``path`` is replaced.

        ``fields`` are stored as ``precision`` ("float32" or "float64"; labels as uint8) with ``compression``
        "gzip" or "none". ``statistics`` and ``ledger`` name the numbers that come with every output.
        Where its blood ``carried`` the agent, the ``network`` has a plasma concentration at every output.
        ``config_resolved`` and ``provenance`` must be fit for JSON. Raises StorageError.
        """
        path = Path(path)
        file = _open(path, "w")
        try:
            layout.create_image(
                file, grid, fields, amount_unit=amount_unit, precision=precision, compression=compression
            )
            layout.create_context(
                file,
                title=title,
                amount_unit=amount_unit,
                config_given=config_given,
                config_resolved=config_resolved,
                region_names=region_names,
            )
            layout.create_provenance(file, provenance)
            layout.create_series(file, "statistics", statistics, amount_unit=amount_unit)
            layout.create_series(file, "ledger", ledger, amount_unit=amount_unit)
            if network is not None:
                layout.store_network(file, network)
                if carried:
                    layout.create_in_blood(file, len(network.segments), amount_unit=amount_unit)
            return cls(path, file)
        except _HDF5_ERRORS as error:
            _abandon(path, file)
            raise _failure(path, error) from error

    @classmethod
    def resume(cls, path: Path, outputs: int, *, provenance: Mapping[str, Any] | None = None) -> Self:
        """The file of an earlier run, taken back to its first ``outputs`` outputs, ready for the next.

        Raises StorageError when it cannot be opened, or holds fewer outputs.
        """
        path = Path(path)
        release_file(path)
        file = _open(path, "r+")
        try:
            result = cls(path, file)
            if result.outputs < outputs:
                result.close()
                raise StorageError(
                    f"{path} holds {result.outputs} outputs, but the checkpoint was made after {outputs}: "
                    "they do not belong together. Start again without --resume."
                )
            result._go_back(outputs)
            if provenance is not None:
                layout.add_resumed(file, provenance)
            result.flush()
            return result
        except _HDF5_ERRORS as error:
            _abandon(path, file)
            raise _failure(path, error) from error

    def _go_back(self, outputs: int) -> None:
        layout.unlist_outputs(self._steps, outputs)
        self._times = self._times[:outputs]
        if not outputs:
            return
        for name, table in self._steps["CellDataOffsets"].items():
            self._offsets[name] = int(table[outputs - 1])
            self._digests[name] = _digest(self._fields[name][self._offsets[name]])

    @property
    def outputs(self) -> int:
        """Number of outputs stored."""
        return len(self._times)

    def append(
        self,
        time: float,
        fields: Mapping[str, np.ndarray],
        *,
        statistics: Mapping[str, float] | None = None,
        ledger: Mapping[str, float] | None = None,
        in_blood: np.ndarray | None = None,
    ) -> None:
        """Store one output at ``time``, s. When this returns, it is on the disk.

        Fields have shape (nz, ny, nx), vectors (nz, ny, nx, 3) with components x, y, z. A field that is left
        out keeps its last values; one that has not changed is not stored again. ``in_blood`` (m,) is the plasma
        concentration in every segment of a network that carries the agent. Raises StorageError when the
        disk is full or fails (the earlier outputs remain readable and the file is closed), and ValueError
        when names, shapes or the order of times are wrong.
        """
        series = {"statistics": statistics or {}, "ledger": ledger or {}}
        self._check(time, fields, series)
        try:
            offsets, digests = self._store_fields(fields)
            self._store_series(time, series)
            if in_blood is not None:
                layout.store_in_blood(self._file, self.outputs, in_blood)
            self.flush()
            layout.list_output(self._steps, self.outputs, time, offsets)
            release(self._descriptor)
        except _HDF5_ERRORS as error:
            _abandon(self.path, self._file)
            needed = sum(array.size * self._types[name].itemsize for name, array in fields.items())
            raise _failure(self.path, error, needed=needed) from error
        self._offsets, self._digests = offsets, digests
        self._times.append(time)

    def _check(self, time: float, fields: Mapping[str, np.ndarray], series: Mapping[str, Mapping]) -> None:
        if self._times and time <= self._times[-1]:
            raise ValueError(f"an output at {time} s cannot follow the one at {self._times[-1]} s")
        for name, array in fields.items():
            if name not in self._fields or array.shape != self._fields[name].shape[1:]:
                raise ValueError(f"field {name} of shape {array.shape} was not declared")
        absent = [name for name, offset in self._offsets.items() if offset < 0 and name not in fields]
        if absent:
            raise ValueError(f"the first output needs every field; missing are {', '.join(absent)}")
        for group, values in series.items():
            different = (set(values) | {"time"}) ^ set(self._series[group])
            if different:
                raise ValueError(f"{group} differ from those declared: {', '.join(sorted(different))}")

    def _store_fields(self, fields: Mapping[str, np.ndarray]) -> tuple[dict[str, int], dict[str, bytes]]:
        """Slab and digest of every field at this output; only what has changed is written."""
        offsets, digests = dict(self._offsets), dict(self._digests)
        for name, array in fields.items():
            values = np.ascontiguousarray(array, dtype=self._types[name])
            digest = _digest(values)
            if digest != digests.get(name):
                offsets[name] += 1
                digests[name] = digest
                write_slab(self._fields[name], offsets[name], values)
        return offsets, digests

    def _store_series(self, time: float, series: Mapping[str, Mapping[str, float]]) -> None:
        for group, values in series.items():
            for name, value in {"time": time, **values}.items():
                dataset = self._series[group][name]
                if len(dataset) <= self.outputs:
                    dataset.resize((self.outputs + 1,))
                dataset[self.outputs] = value

    @property
    def _descriptor(self) -> int:
        return int(self._file.id.get_vfd_handle())

    def flush(self) -> None:
        """Bring everything written so far onto the disk, readable for others."""
        self._file.flush()
        release(self._descriptor)
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the file; more than once does no harm."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def recover(path: Path) -> bool:
    """Make a result readable for other programs whose run was killed while it listed an output; True if needed.

    ``Results`` reads such a file as it is. Not for a file that a living run still writes. Raises StorageError.
    """
    path = Path(path)
    changed = release_file(path)
    with _open(path, "r+") as file:
        if not layout.settled(file):
            file.swmr_mode = True
            layout.unlist_outputs(file["VTKHDF/Steps"], len(layout.output_times(file)))
            changed = True
    return changed


def _open(path: Path, mode: str) -> h5py.File:
    try:
        return h5py.File(path, mode, libver=_HDF5_FORMAT, locking="best-effort")
    except BlockingIOError as error:
        raise StorageError(
            f"{path} is open in another program, perhaps ParaView or another run. Close it there, or write "
            "to another file."
        ) from error
    except OSError as error:
        raise StorageError(f"{path} cannot be opened for writing: {_reason(error)}.") from error


def _share_lock(descriptor: int) -> None:
    """Hold a shared lock while writing: readers may come in, a second writer may not.

    HDF5 gives its own lock up in the single-writer mode. Where a file system has no locks, do without.
    """
    with suppress(ImportError, OSError):
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)


def _abandon(path: Path, file: h5py.File) -> None:
    """Close a file that can no longer be written, and leave on disk what is there.

    HDF5 insists on writing the rest, and brings the process down at its end when it cannot. So it is given
    scratch memory in place of the file.
    """
    descriptor = int(file.id.get_vfd_handle())
    with _scratch() as scratch:
        os.dup2(scratch.fileno(), descriptor)
    with suppress(*_HDF5_ERRORS):
        file.close()
    with suppress(StorageError, *_HDF5_ERRORS):
        recover(path)


def _scratch() -> BinaryIO:
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("tumorsim"), "wb")
    return cast(BinaryIO, tempfile.TemporaryFile())


def _failure(path: Path, error: Exception, *, needed: int | None = None) -> StorageError:
    free = shutil.disk_usage(path.parent).free
    room = f" The output needs up to {needed} bytes, {free} are free there." if needed is not None else ""
    return StorageError(
        f"{path} cannot be written: {_reason(error)}.{room} Free some space or check the quota, or store "
        "fewer fields or outputs. The outputs so far are readable; --resume goes on from the newest checkpoint, if any."
    )


def _reason(error: Exception) -> str:
    """The system's reason in HDF5's long message, or the message."""
    _, _, tail = str(error).partition("error message = '")
    return tail.partition("'")[0] or getattr(error, "strerror", None) or str(error)


def _digest(values: np.ndarray) -> bytes:
    return blake2b(np.ascontiguousarray(values).data, digest_size=16).digest()
