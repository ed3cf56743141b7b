"""What a verification gave, as rows of a table and as JSON."""

import json
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from tumorsim import __version__
from tumorsim.device.twin import Device
from tumorsim.errors import StorageError
from tumorsim.verify.convergence import Convergence

COLUMNS = ("case", "equation", "refined", "error", "order", "at least", "")


def table_row(result: Convergence) -> tuple[str, ...]:
    """The cells of COLUMNS."""
    case = result.case
    return (
        case.name,
        case.equation,
        f"{' '.join(map(str, result.resolutions))} {case.refines}",
        " ".join(f"{error:.1e}" for error in result.errors),
        "exact" if result.order is None else f"{result.order:.2f}",
        f"≤ {case.tolerance:.0e}" if case.expected_order is None else f"{case.expected_order:.1f}",
        "pass" if result.passed else f"FAIL {result.fault}".rstrip(),
    )


def as_dict(results: Sequence[Convergence], device: Device, *, quick: bool) -> dict[str, Any]:
    """Everything, ready for JSON; a number that is not finite becomes null."""
    return {
        "tumorsim": __version__,
        "device": {"name": device.name, "description": device.description},
        "quick": quick,
        "passed": all(result.passed for result in results),
        "seconds": sum(result.seconds for result in results),
        "cases": [_entry(result) for result in results],
    }


def _entry(result: Convergence) -> dict[str, Any]:
    case = result.case
    return {
        "name": case.name,
        "group": case.group,
        "equation": case.equation,
        "norm": case.norm,
        "refines": case.refines,
        "resolutions": list(result.resolutions),
        "errors": [_number(error) for error in result.errors],
        "order": _number(result.order),
        "expected_order": case.expected_order,
        "tolerance": case.tolerance,
        "passed": result.passed,
        "fault": result.fault,
        "seconds": result.seconds,
    }


def _number(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None


def write_json(path: Path, results: Sequence[Convergence], device: Device, *, quick: bool) -> None:
    """Write ``as_dict``. Raises StorageError."""
    text = json.dumps(as_dict(results, device, quick=quick), indent=2, ensure_ascii=False, allow_nan=False)
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror}. Name a file in a folder that exists"
        ) from error
