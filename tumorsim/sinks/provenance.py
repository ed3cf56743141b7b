"""What made a result: versions, device, kernels, inputs and command."""

import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import file_digest
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tumorsim.errors import StorageError

_PACKAGES = ("numpy", "scipy", "h5py", "pydantic", "pint", "cupy-cuda12x", "cupy-cuda13x")


def collect(
    *,
    device_name: str,
    kernel_hashes: Mapping[str, str],
    seed: int,
    inputs: Iterable[Path],
    driver: str | None = None,
) -> dict[str, Any]:
    """Everything needed to tell, and to repeat, how a result came about; fit for JSON.

    ``inputs`` are named as the caller names them, each with its SHA-256. ``git_commit`` and ``git_dirty`` are
    None outside a checkout of this project. Raises StorageError when an input cannot be read.
    """
    commit, dirty = _checkout(Path(__file__).parents[1])
    return {
        "tumorsim": _version("tumorsim"),
        "git_commit": commit,
        "git_dirty": dirty,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
        "device": device_name,
        "driver": driver,
        "kernels": dict(kernel_hashes),
        "seed": seed,
        "inputs": {str(path): sha256(path) for path in inputs},
    }


def sha256(path: Path) -> str:
    """Checksum of a file, hexadecimal. Raises StorageError when it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StorageError(f"{path} cannot be read for its checksum ({error.strerror}).") from error


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _checkout(package: Path) -> tuple[str | None, bool | None]:
    """Commit, and whether files differ from it. Only of a checkout to which ``package`` itself belongs:
    an installed package may well lie inside somebody's other repository."""
    if _git(package, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None, None
    commit = _git(package, "rev-parse", "HEAD")
    changes = _git(package, "status", "--porcelain", "--untracked-files=no", "--", "..")
    return commit or None, None if changes is None else bool(changes)


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints, or None when there is no git or it fails."""
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
