"""DGF, the Dune Grid Format: a VERTEX and a SIMPLEX block of rows of numbers."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorsim.vessels.formats.raw import RawNetwork, file_fault, raise_faults, read_text


@dataclass(frozen=True)
class _Block:
    """The rows of numbers of a DGF block with their line numbers, and options such as ``parameters 2``."""

    line: int
    rows: list[tuple[int, list[float]]]
    options: dict[str, int]
    problems: list[str]


def read_dgf(path: Path) -> RawNetwork:
    """The first parameter of a vertex is a pressure, the first of a simplex its radius."""
    blocks = _dgf_blocks(path)
    absent = " and no ".join(name for name in ("VERTEX", "SIMPLEX") if name not in blocks)
    if absent:
        raise file_fault(path, f"no {absent} block", "A DGF network has a VERTEX and a SIMPLEX block")
    vertex, simplex = blocks["VERTEX"], blocks["SIMPLEX"]
    nodes, values = _vertices(vertex)
    first = vertex.options.get("FIRSTINDEX", 0)
    segments, parameters = _simplices(simplex, first=first, count=len(vertex.rows))
    problems = vertex.problems + simplex.problems
    raise_faults(path, problems)
    return RawNetwork(
        nodes=nodes,
        segments=segments,
        radius=parameters[:, 0] if parameters.shape[1] else np.full(len(segments), np.nan),
        pressure=values[:, 0] if values.shape[1] else None,
        notes=(*_ignored("vertex", values), *_ignored("segment", parameters)),
    )


def _ignored(what: str, columns: np.ndarray) -> list[str]:
    extra = columns.shape[1] - 1
    return [f"{extra} further {what} parameter{'s' if extra > 1 else ''} ignored"] if extra > 0 else []


def _dgf_blocks(path: Path) -> dict[str, _Block]:
    """The blocks by upper-case name. ``%`` starts a comment; a line that begins with ``#`` ends a block."""
    blocks: dict[str, _Block] = {}
    current: _Block | None = None
    started = False
    for number, line in enumerate(read_text(path, kind="DGF").splitlines(), start=1):
        text = line.split("%", 1)[0].strip()
        if not text:
            continue
        if not started:
            if text.upper() != "DGF":
                raise file_fault(
                    path, f"line {number}: expected DGF, found {text[:40]!r}", "Is this a DGF file?"
                )
            started = True
        elif text.startswith("#"):
            current = None
        elif current is None:
            name = text.split()[0].upper()
            if name in blocks:
                raise file_fault(path, f"line {number}: a second {name} block", "Join the two blocks")
            current = blocks[name] = _Block(number, [], {}, [])
        else:
            _add_line(current, number, text.split("#", 1)[0].split())
    if current is not None:
        raise file_fault(path, f"the block of line {current.line} does not end", "End it with a line #")
    return blocks


def _add_line(block: _Block, number: int, words: list[str]) -> None:
    """Add a row of numbers, or an option (a word and a whole number), to ``block``."""
    try:
        block.rows.append((number, [float(word) for word in words]))
        return
    except ValueError:
        pass
    if words[0][0].isalpha() and len(words) > 1 and words[1].isdigit():
        block.options[words[0].upper()] = int(words[1])
    else:
        block.problems.append(f"line {number}: expected numbers, found {' '.join(words)[:40]!r}")


def _columns(block: _Block, *, leading: int, what: str) -> np.ndarray:
    """The rows of ``block`` as an array of ``leading`` + ``parameters`` columns; bad rows become problems."""
    parameters = block.options.get("PARAMETERS", 0)
    width = leading + parameters
    good = []
    for number, row in block.rows:
        if len(row) == width:
            good.append(row)
        else:
            expected = f"{leading} {what} and {parameters} parameter{'' if parameters == 1 else 's'}"
            block.problems.append(f"line {number}: expected {expected}, found {len(row)} numbers")
    if not block.rows and not block.problems:
        block.problems.append(f"line {block.line}: the block is empty")
    return np.array(good, float).reshape(-1, width)


def _vertices(block: _Block) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates (n, 3) as x, y, z and parameters (n, k)."""
    table = _columns(block, leading=3, what="coordinates")
    block.problems.extend(
        f"line {number}: a coordinate or parameter is not a finite number"
        for number, row in block.rows
        if not np.isfinite(row).all()
    )
    return table[:, :3], table[:, 3:]


def _simplices(block: _Block, *, first: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Node indices (m, 2), counted from 0, and parameters (m, k)."""
    table = _columns(block, leading=2, what="vertex indices")
    for number, row in block.rows:
        for index in row[:2]:
            if not (first <= index < first + count and index == int(index)):
                expected = f"a vertex index in {first}…{first + count - 1}"
                block.problems.append(f"line {number}: expected {expected}, found {index:g}")
        if len(row) > 2 and (row[2] < 0 or row[2] == np.inf):
            block.problems.append(f"line {number}: expected a radius ≥ 0, found {row[2]:g}")
    if block.problems:
        return np.empty((0, 2), int), np.empty((0, 0))
    return table[:, :2].astype(int) - first, table[:, 2:]
