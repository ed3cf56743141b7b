"""VTK polylines: XML PolyData (.vtp) and the legacy format (.vtk)."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tumorsim.vessels.formats.columns import ALIASES
from tumorsim.vessels.formats.raw import COINCIDENT, RawNetwork, file_fault

if TYPE_CHECKING:
    from vtkmodules.vtkCommonDataModel import vtkFieldData, vtkPolyData


def read_vtk(path: Path) -> RawNetwork:
    """Every polyline is a chain of segments, with the mean of the two point radii or the cell's radius.

    Ends that coincide with a point of another polyline are joined to it.
    """
    data = _vtk_polydata(path)
    from vtkmodules.util.numpy_support import vtk_to_numpy

    lines = data.GetLines()
    if lines.GetNumberOfCells() == 0 or data.GetNumberOfPoints() == 0:
        raise file_fault(
            path, "there is no polyline in it", "Write centre lines as polylines with a point Radius"
        )
    nodes = vtk_to_numpy(data.GetPoints().GetData()).astype(float)
    points = vtk_to_numpy(lines.GetConnectivityArray()).astype(int)
    offsets = vtk_to_numpy(lines.GetOffsetsArray()).astype(int)
    line = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))  # the polyline of each of ``points``
    if not np.isfinite(nodes).all() or points.min() < 0 or points.max() >= len(nodes):
        raise file_fault(
            path, "a coordinate is not finite, or a polyline has a point that is not there", "Correct it"
        )
    inner = line[1:] == line[:-1]
    segments = np.stack([points[:-1][inner], points[1:][inner]], axis=1)
    if not len(segments):
        raise file_fault(path, "no polyline has two points", "Write the centre lines as polylines")
    radius, remarks = _vtp_radius(path, data, segments, line=line[1:][inner])
    others = data.GetNumberOfPolys() + data.GetNumberOfStrips() + data.GetNumberOfVerts()
    pairs = _coincident(nodes, points, line=line)
    if others:
        remarks.append(f"{others} cells that are no polylines ignored")
    if len(pairs):
        remarks.append(f"{len(np.unique(pairs[:, 0]))} polyline ends joined to points at the same place")
    pressure = _array(data.GetPointData(), ALIASES["pressure"])
    return RawNetwork(nodes, segments, radius, pressure, coincident=pairs, notes=tuple(remarks))


def _vtk_polydata(path: Path) -> "vtkPolyData":
    """Read with VTK, whose complaints become a ConfigError rather than text on the terminal."""
    from vtkmodules.vtkCommonCore import vtkCallbackCommand, vtkCommand
    from vtkmodules.vtkIOLegacy import vtkPolyDataReader
    from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

    complaints: list[str] = []

    def keep(_source: object, _event: str, message: str | None) -> None:
        complaints.append((message or "it gives no reason").strip().splitlines()[-1])

    keep.CallDataType = "string0"  # type: ignore[attr-defined]  # how VTK is asked for the message
    reader: vtkXMLPolyDataReader | vtkPolyDataReader
    if path.suffix.lower() == ".vtk":
        reader = vtkPolyDataReader()
        reader.ReadAllScalarsOn()
        reader.ReadAllFieldsOn()
    else:
        reader = vtkXMLPolyDataReader()
        reader.SetParserErrorObserver(vtkCallbackCommand())
    reader.SetFileName(str(path))
    for source in (reader, reader.GetExecutive()):
        source.AddObserver(vtkCommand.ErrorEvent, keep)
        source.AddObserver(vtkCommand.WarningEvent, lambda *_: None)
    reader.Update()
    if complaints:
        fault = f"VTK cannot read it ({complaints[0][:200]})"
        raise file_fault(path, fault, "Is it a whole VTK PolyData file?")
    return reader.GetOutput()


def _array(attributes: "vtkFieldData", names: tuple[str, ...]) -> np.ndarray | None:
    """The first single-component VTK array whose name is one of ``names``, whatever its case."""
    from vtkmodules.util.numpy_support import vtk_to_numpy

    for i in range(attributes.GetNumberOfArrays()):
        array = attributes.GetArray(i)
        if array is not None and array.GetName().lower() in names and array.GetNumberOfComponents() == 1:
            return vtk_to_numpy(array).astype(float)
    return None


def _radii(attributes: "vtkFieldData") -> np.ndarray | None:
    """Radii, or half the diameters."""
    radius, diameter = (_array(attributes, ALIASES[name]) for name in ("radius", "diameter"))
    return diameter / 2 if radius is None and diameter is not None else radius


def _vtp_radius(
    path: Path, data: "vtkPolyData", segments: np.ndarray, *, line: np.ndarray
) -> tuple[np.ndarray, list[str]]:
    """Radius of every segment: mean of its two points, or of the one that has any; else its polyline's."""
    points, cells = (_radii(attributes) for attributes in (data.GetPointData(), data.GetCellData()))
    for values in (points, cells):
        if values is not None and (values < 0).any():
            raise file_fault(path, "a radius is negative", "Correct the file; 0 stands for a missing radius")
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
