"""Checkpoints: all that a run needs to go on bit for bit, in a file of its own beside the result.

A checkpoint is a NumPy ``.npz`` archive, in which every array has a checksum. It is written under another
name, forced onto the disk and moved into place, so that a file of the right name is whole. The last two are
kept.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from tumorsim.errors import ConfigError, Problem, StorageError

KEPT = 2
"""Checkpoints kept: one may be damaged by a failing disk [D]."""

MAY_CHANGE = ("title", "run.checkpoint_every")
"""Config keys that may differ when a run is resumed; patterns such as ``render.*`` are allowed."""

_HEADER = "header"
_STATE = "state/"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A moment of a run: after ``step`` steps, at ``time`` s. ``extra`` is what else was handed over."""

    path: Path
    step: int
    time: float
    state: dict[str, np.ndarray]
    extra: dict[str, Any]
    config: dict[str, Any]


def write_checkpoint(
    path_base: Path,
    *,
    step: int,
    time: float,
    state: Mapping[str, np.ndarray],
    config: Mapping[str, Any],
    extra: Mapping[str, Any] | None = None,
) -> Path:
    """Write ``STEM.checkpoint-STEP.npz`` beside the result ``path_base`` and remove all but the last two.

    Arrays come back bit for bit; ``config`` (resolved) and ``extra`` must be fit for JSON, whose numbers come
    back exactly too. Raises StorageError when the disk is full or fails; earlier checkpoints are untouched.
    """
    path_base = Path(path_base)
    header = json.dumps({"step": step, "time": time, "extra": dict(extra or {}), "config": dict(config)})
    arrays = {_STATE + name: array for name, array in state.items()}
    arrays[_HEADER] = np.frombuffer(header.encode(), np.uint8)
    path = path_base.with_name(f"{path_base.stem}.checkpoint-{step}.npz")
    aside = path.with_name(f"{path_base.stem}.checkpoint.part")
    try:
        _write_through(aside, arrays)
        os.replace(aside, path)
        _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        needed = sum(array.nbytes for array in state.values())
        raise StorageError(
            f"the checkpoint {path} cannot be written: {error.strerror or error}. It needs {needed} bytes. "
            "Free some space (or check the quota) and continue with --resume."
        ) from error
    for _, old in list(_found(path_base))[KEPT:]:
        old.unlink(missing_ok=True)
    return path


def _write_through(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    with open(path, "wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Force the new name onto the disk too, where the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def latest_checkpoint(path_base: Path, *, config: Mapping[str, Any] | None = None) -> Checkpoint | None:
    """The newest checkpoint of the result ``path_base`` that is whole, or None when there is none at all.

    A damaged one is passed over. With ``config`` (resolved) the checkpoint must be of the same: else
    ConfigError, which names every key that changed. Raises StorageError when all there are are damaged.
    """
    damaged = []
    for _, path in _found(Path(path_base)):
        checkpoint = _read(path)
        if checkpoint is None:
            damaged.append(path.name)
            continue
        if config is not None:
            require_same_config(checkpoint.config, config)
        return checkpoint
    if damaged:
        raise StorageError(f"{', '.join(damaged)}: damaged. Delete them and start again without --resume.")
    return None


def remove_checkpoints(path_base: Path) -> None:
    """Remove all checkpoints of the result ``path_base``: those of an earlier run would pass for the newest."""
    for _, path in list(_found(Path(path_base))):
        path.unlink(missing_ok=True)


def _found(path_base: Path) -> Iterator[tuple[int, Path]]:
    """Step and path of every checkpoint of a result, newest first."""
    name = re.compile(re.escape(path_base.stem) + r"\.checkpoint-(\d+)\.npz")
    folder = path_base.parent
    there = sorted(folder.iterdir()) if folder.is_dir() else []
    matches = ((name.fullmatch(path.name), path) for path in there)
    yield from sorted(((int(match[1]), path) for match, path in matches if match), reverse=True)


def _read(path: Path) -> Checkpoint | None:
    """A checkpoint, or None when it is damaged."""
    try:
        with ZipFile(path) as archive:
            if archive.testzip() is not None:
                return None
        with np.load(path, allow_pickle=False) as arrays:
            header = json.loads(arrays[_HEADER].tobytes())
            state = {name.removeprefix(_STATE): arrays[name] for name in arrays.files if name != _HEADER}
    except (OSError, ValueError, KeyError, BadZipFile, RuntimeError, EOFError):
        return None  # each is what zipfile or NumPy raises for some damage that the checksums do not cover
    return Checkpoint(path, state=state, **header)


def require_same_config(
    old: Mapping[str, Any], new: Mapping[str, Any], *, may_change: Sequence[str] = MAY_CHANGE
) -> None:
    """Raise ConfigError with one problem per key in which two resolved configs differ."""
    before, after = (dict(_flat(json.loads(json.dumps(config)))) for config in (old, new))
    changed = [key for key in sorted({*before, *after}) if before.get(key) != after.get(key)]
    problems = [
        Problem(
            key,
            after.get(key),
            f"the run that is to be resumed had {before.get(key)!r}",
            "Set it back, or start again without --resume",
        )
        for key in changed
        if not any(fnmatch(key, pattern) for pattern in may_change)
    ]
    if problems:
        raise ConfigError(*problems)


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every plain value of a config by its key: ``run.cfl``, ``tissue.shapes[0].radius``."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _flat(item, f"{key}.{name}" if key else name)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for index, item in enumerate(value):
            yield from _flat(item, f"{key}[{index}]")
    else:
        yield key, value
