"""Readouts as tables: frozen dataclasses whose fields carry their units, written to CSV and JSON."""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from math import isfinite
from pathlib import Path
from typing import Any

from tumorsim.errors import StorageError


def quantity(unit: str, meaning: str) -> Any:
    """A field of a readout with its unit, in which ``{amount}`` stands for that of the dose."""
    return field(metadata={"unit": unit, "meaning": meaning})


@dataclass(frozen=True)
class Table:
    """Rows under named columns. A text column has the unit ""; a number without a value is None."""

    name: str
    columns: tuple[str, ...]
    units: tuple[str, ...]
    meanings: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    @property
    def headings(self) -> tuple[str, ...]:
        """``name [unit]`` of every column; the unit of a plain number is left out."""
        pairs = zip(self.columns, self.units, strict=True)
        return tuple(f"{name} [{unit}]" if unit not in ("", "1") else name for name, unit in pairs)

    def as_dict(self) -> dict[str, Any]:
        """``columns`` with unit and meaning, and ``rows`` as a list of dictionaries; fit for JSON."""
        described = zip(self.columns, self.units, self.meanings, strict=True)
        return {
            "columns": {name: {"unit": unit, "meaning": meaning} for name, unit, meaning in described},
            "rows": [dict(zip(self.columns, row, strict=True)) for row in self.rows],
        }


def tabulate(name: str, rows: Sequence[Any], *, amount_unit: str = "") -> Table:
    """A table of dataclasses of one kind; ``amount_unit`` is put where their units say ``{amount}``."""
    kind = fields(rows[0]) if rows else ()
    return Table(
        name=name,
        columns=tuple(each.name for each in kind),
        units=tuple(each.metadata.get("unit", "").format(amount=amount_unit) for each in kind),
        meanings=tuple(each.metadata.get("meaning", "") for each in kind),
        rows=tuple(tuple(_plain(getattr(row, each.name)) for each in kind) for row in rows),
    )


def _plain(value: Any) -> Any:
    """A value fit for CSV and JSON: numbers that are not finite become None."""
    if isinstance(value, str | bool | int) or value is None:
        return value
    number = float(value)
    return number if isfinite(number) else None


def write_csv(table: Table, path: Path) -> None:
    """One line of headings with units, one line a row; an empty cell has no value. Raises StorageError."""
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(table.headings)
            writer.writerows(table.rows)
    except OSError as error:
        raise cannot_write(path, error) from error


def write_json(tables: Sequence[Table], path: Path) -> None:
    """All tables in one object, by their names. Raises StorageError."""
    try:
        path.write_text(json_text(tables) + "\n", encoding="utf-8")
    except OSError as error:
        raise cannot_write(path, error) from error


def json_text(tables: Sequence[Table]) -> str:
    content = {table.name: table.as_dict() for table in tables}
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)


def folder(path: Path) -> Path:
    """``path`` as a folder that exists. Raises StorageError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error
    return path


def cannot_write(path: Path, error: OSError) -> StorageError:
    return StorageError(f"cannot write {path}: {error.strerror}. Name a folder in which you may write")
