"""Vessel networks from files: DGF (Dune Grid Format) and VTK XML polylines (.vtp)."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tumorsim.constants import MMHG
from tumorsim.errors import ConfigError, Problem
from tumorsim.units import UnitError, to_si
from tumorsim.vessels.network import Network, build_network

if TYPE_CHECKING:
    from vtkmodules.vtkCommonDataModel import vtkFieldData, vtkPolyData

COINCIDENT = 1e-6
"""[D] Polyline ends closer than this fraction of the bounding-box diagonal are one node (single precision
keeps coordinates to about 1e-7 of it)."""
LARGEST_PLAUSIBLE = 0.1
"""m [D]: a larger network is noted, for its unit was probably forgotten."""
SHOWN_FAULTS = 10
"""Faulty lines listed one by one before the rest is only counted."""


def read_network(
    path: str | Path,
    *,
    unit: str | float | None = None,
    pressure_unit: str | float = "Pa",
    default_radius: float | None = None,
) -> Network:
    """The network in a ``.dgf`` or ``.vtp`` file.

    ``unit`` is that of coordinates and radii: a text ("um", "85 um") or its size in m; by default m for DGF
    and µm for VTP. ``pressure_unit`` likewise, in Pa. ``default_radius`` (m) serves segments whose radius is
    missing or zero. Everything replaced, dropped, ignored or odd is in the ``notes`` of the result.

    A pressure of exactly 0 at a node where segments meet means "unknown" (nan here), and in such a file so
    does one at an end; if no other value is left, the network has no pressures.
    DGF: the first parameter of a vertex is a pressure, the first of a simplex its radius.
    VTP: every polyline becomes a chain of segments, with the mean of the two point radii (``Radius``) or the
    cell's radius; ends that coincide with a point of another polyline are joined to it.

    Raises ConfigError that names the file, the lines at fault and what was expected there.
    """
    path = Path(path)
    readers = {".dgf": (_read_dgf, "m"), ".vtp": (_read_vtp, "um")}
    if path.suffix.lower() not in readers:
        raise _fault(path, "its format is not known by its extension", "Give a .dgf or a .vtp file")
    if not path.is_file():
        raise _fault(path, "there is no such file", "Paths are relative to the config file")
    reader, default_unit = readers[path.suffix.lower()]
    size = _scale(default_unit if unit is None else unit, "m", key="vessels.unit")
    raw = reader(path)
    pressure, remarks = _known_pressure(raw, scale=_scale(pressure_unit, "Pa", key="vessels.pressure_unit"))
    nodes = raw.nodes[:, ::-1] * size
    remarks += _doubts(nodes, pressure)
    return build_network(
        nodes,
        raw.segments,
        radius=raw.radius * size,
        default_radius=default_radius,
        pressure=pressure,
        coincident=raw.coincident,
        source=path.name,
        notes=(*raw.notes, *remarks),
    )


@dataclass(frozen=True)
class _Raw:
    """What a file holds, in its own units; nodes (n, 3) as x, y, z; a missing radius is nan."""

    nodes: np.ndarray
    segments: np.ndarray
    radius: np.ndarray
    pressure: np.ndarray | None
    coincident: np.ndarray
    notes: tuple[str, ...]


def _fault(path: Path, fault: str, cure: str) -> ConfigError:
    return ConfigError(Problem("vessels.file", str(path), fault, cure))


def _scale(unit: str | float, si: str, *, key: str) -> float:
    """The size of ``unit`` in SI."""
    try:
        size = to_si(unit, si) if isinstance(unit, str) else float(unit)
    except UnitError as error:
        raise ConfigError(Problem(key, unit, str(error), f'Give a unit such as "{si}"')) from None
    if not 0 < size < np.inf:
        raise ConfigError(Problem(key, unit, "a unit must be positive", f'Give a unit such as "{si}"'))
    return size


def _known_pressure(raw: _Raw, *, scale: float) -> tuple[np.ndarray | None, list[str]]:
    """Nodal pressures in Pa with nan where the file's 0 means unknown, and what was made of the zeros."""
    if raw.pressure is None:
        return None, []
    degree = np.bincount(raw.segments.ravel(), minlength=len(raw.nodes))
    zero = raw.pressure == 0
    if not (zero & (degree > 1)).any():
        return raw.pressure * scale, []
    remark = f"{np.count_nonzero(zero)} of {len(zero)} nodal pressures are 0, which is read as unknown"
    if not (np.isfinite(raw.pressure) & ~zero).any():
        return None, [remark]
    return np.where(zero, np.nan, raw.pressure * scale), [remark]


def _doubts(nodes: np.ndarray, pressure: np.ndarray | None) -> list[str]:
    """Remarks on numbers that suggest a forgotten unit."""
    remarks = []
    size = np.ptp(nodes, axis=0).max()
    if size > LARGEST_PLAUSIBLE:
        remarks.append(f"the network is {size:.3g} m large: is its unit given?")
    highest = np.inf if pressure is None else np.nanmax(pressure)
    if highest < MMHG:
        remarks.append(f"no pressure exceeds {highest:.3g} Pa (1 mmHg is {MMHG:g}): is its unit given?")
    return remarks


# DGF


@dataclass(frozen=True)
class _Block:
    """The rows of numbers of a DGF block with their line numbers, and options such as ``parameters 2``."""

    line: int
    rows: list[tuple[int, list[float]]]
    options: dict[str, int]
    problems: list[str]


def _read_dgf(path: Path) -> _Raw:
    blocks = _dgf_blocks(path)
    absent = " and no ".join(name for name in ("VERTEX", "SIMPLEX") if name not in blocks)
    if absent:
        raise _fault(path, f"no {absent} block", "A DGF network has a VERTEX and a SIMPLEX block")
    vertex, simplex = blocks["VERTEX"], blocks["SIMPLEX"]
    nodes, values = _vertices(vertex)
    first = vertex.options.get("FIRSTINDEX", 0)
    segments, parameters = _simplices(simplex, first=first, count=len(vertex.rows))
    problems = vertex.problems + simplex.problems
    if problems:
        _raise_faults(path, problems)
    return _Raw(
        nodes=nodes,
        segments=segments,
        radius=parameters[:, 0] if parameters.shape[1] else np.full(len(segments), np.nan),
        pressure=values[:, 0] if values.shape[1] else None,
        coincident=np.empty((0, 2), int),
        notes=(*_ignored("vertex", values), *_ignored("segment", parameters)),
    )


def _raise_faults(path: Path, faults: list[str]) -> None:
    hidden = len(faults) - SHOWN_FAULTS
    shown = faults[:SHOWN_FAULTS] + ([f"and {hidden} more faulty lines"] if hidden > 0 else [])
    raise ConfigError(*(Problem("vessels.file", str(path), fault, "Correct the file") for fault in shown))


def _ignored(what: str, columns: np.ndarray) -> list[str]:
    extra = columns.shape[1] - 1
    return [f"{extra} further {what} parameter{'s' if extra > 1 else ''} ignored"] if extra > 0 else []


def _dgf_blocks(path: Path) -> dict[str, _Block]:
    """The blocks by upper-case name. ``%`` starts a comment; a line that begins with ``#`` ends a block."""
    blocks: dict[str, _Block] = {}
    current: _Block | None = None
    started = False
    for number, line in enumerate(_lines(path), start=1):
        text = line.split("%", 1)[0].strip()
        if not text:
            continue
        if not started:
            if text.upper() != "DGF":
                raise _fault(path, f"line {number}: expected DGF, found {text[:40]!r}", "Is this a DGF file?")
            started = True
        elif text.startswith("#"):
            current = None
        elif current is None:
            name = text.split()[0].upper()
            if name in blocks:
                raise _fault(path, f"line {number}: a second {name} block", "Join the two blocks")
            current = blocks[name] = _Block(number, [], {}, [])
        else:
            _add_line(current, number, text.split("#", 1)[0].split())
    if current is not None:
        raise _fault(path, f"the block of line {current.line} does not end", "End it with a line #")
    return blocks


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise _fault(path, f"cannot be read as text ({error})", "Is this a DGF file?") from None


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


# VTP


def _read_vtp(path: Path) -> _Raw:
    data = _vtk_polydata(path)
    from vtkmodules.util.numpy_support import vtk_to_numpy

    lines = data.GetLines()
    if lines.GetNumberOfCells() == 0:
        raise _fault(
            path, "there is no polyline in it", "Write centre lines as polylines with a point Radius"
        )
    nodes = vtk_to_numpy(data.GetPoints().GetData()).astype(float)
    points = vtk_to_numpy(lines.GetConnectivityArray()).astype(int)
    offsets = vtk_to_numpy(lines.GetOffsetsArray()).astype(int)
    line = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))  # the polyline of each of ``points``
    if not np.isfinite(nodes).all() or points.min() < 0 or points.max() >= len(nodes):
        raise _fault(
            path, "a coordinate is not finite, or a polyline has a point that is not there", "Correct it"
        )
    inner = line[1:] == line[:-1]
    segments = np.stack([points[:-1][inner], points[1:][inner]], axis=1)
    if not len(segments):
        raise _fault(path, "no polyline has two points", "Write the centre lines as polylines")
    radius, remarks = _vtp_radius(path, data, segments, line=line[1:][inner])
    others = data.GetNumberOfPolys() + data.GetNumberOfStrips() + data.GetNumberOfVerts()
    pairs = _coincident(nodes, points, line=line)
    if others:
        remarks.append(f"{others} cells that are no polylines ignored")
    if len(pairs):
        remarks.append(f"{len(np.unique(pairs[:, 0]))} polyline ends joined to points at the same place")
    pressure = _array(data.GetPointData(), ("pressure",))
    return _Raw(nodes, segments, radius, pressure, pairs, tuple(remarks))


def _vtk_polydata(path: Path) -> "vtkPolyData":
    """Read with VTK, whose complaints become a ConfigError rather than text on the terminal."""
    from vtkmodules.vtkCommonCore import vtkCallbackCommand, vtkCommand
    from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

    complaints: list[str] = []

    def keep(_source: object, _event: str, message: str) -> None:
        complaints.append(message.strip().splitlines()[-1])

    keep.CallDataType = "string0"  # type: ignore[attr-defined]  # how VTK is asked for the message
    reader = vtkXMLPolyDataReader()
    reader.SetFileName(str(path))
    reader.SetParserErrorObserver(vtkCallbackCommand())
    for source in (reader, reader.GetExecutive()):
        source.AddObserver(vtkCommand.ErrorEvent, keep)
    reader.Update()
    if complaints:
        fault = f"VTK cannot read it ({complaints[0][:200]})"
        raise _fault(path, fault, "Is it a whole VTK XML PolyData file?")
    return reader.GetOutput()


def _array(attributes: "vtkFieldData", names: tuple[str, ...]) -> np.ndarray | None:
    """The first single-component VTK array whose name is one of ``names``, whatever its case."""
    from vtkmodules.util.numpy_support import vtk_to_numpy

    for i in range(attributes.GetNumberOfArrays()):
        array = attributes.GetArray(i)
        if array is not None and array.GetName().lower() in names and array.GetNumberOfComponents() == 1:
            return vtk_to_numpy(array).astype(float)
    return None


def _vtp_radius(
    path: Path, data: "vtkPolyData", segments: np.ndarray, *, line: np.ndarray
) -> tuple[np.ndarray, list[str]]:
    """Radius of every segment: mean of its two points, or of the one that has any; else its polyline's."""
    names = ("radius", "radii")
    points, cells = _array(data.GetPointData(), names), _array(data.GetCellData(), names)
    for values in (points, cells):
        if values is not None and (values < 0).any():
            raise _fault(path, "a radius is negative", "Correct the file; 0 stands for a missing radius")
    if points is None:
        if cells is None:
            return np.full(len(segments), np.nan), ["no point or cell array named Radius"]
        return cells[data.GetNumberOfVerts() + line], []  # VTK numbers vertices before lines
    ends = np.where(points == 0, np.nan, points)[segments]
    one = np.isnan(ends).sum(axis=1) == 1
    remark = f"{np.count_nonzero(one)} segments took the radius of one end, the other having none"
    ends = np.where(np.isnan(ends), ends[:, ::-1], ends)
    return ends.mean(axis=1), [remark] if one.any() else []


def _coincident(nodes: np.ndarray, points: np.ndarray, *, line: np.ndarray) -> np.ndarray:
    """Pairs of nodes that are one: the end of a polyline and a point of another, or its own other end."""
    from scipy.spatial import cKDTree

    tolerance = COINCIDENT * np.linalg.norm(np.ptp(nodes[points], axis=0))
    change = line[1:] != line[:-1]
    is_end = np.concatenate([[True], change]) | np.concatenate([change, [True]])
    near = cKDTree(nodes[points]).query_pairs(tolerance, output_type="ndarray")
    near = np.concatenate([near, near[:, ::-1]])
    end, other = near[is_end[near[:, 0]]].T
    joins = ((line[end] != line[other]) | is_end[other]) & (points[end] != points[other])
    return np.stack([points[end[joins]], points[other[joins]]], axis=1)
