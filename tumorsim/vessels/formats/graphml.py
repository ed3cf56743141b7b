"""GraphML, as NetworkX, igraph and programs built on them write vessel graphs."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from tumorsim.vessels.formats.columns import chords, column, find, numbers_in, positions, radii, unit_in
from tumorsim.vessels.formats.raw import (
    RawNetwork,
    file_fault,
    numbered,
    out_of_voxels,
    raise_faults,
    strung,
)


def read_graphml(path: Path) -> RawNetwork:
    """Nodes with x, y, z or one text of three numbers; edges with a radius or a diameter.

    An edge without a radius takes the mean of its nodes'. An edge with a list of points is a chain of segments.
    """
    nodes, edges, ends = _elements(path)
    if not nodes or not edges:
        raise file_fault(path, "there is no node or no edge in it", "Is it a graph of vessels?")
    keys = list(dict.fromkeys(key for row in nodes for key in row))
    places = positions(nodes, [key for key in keys if key != "id"])
    if places is None:
        fault = f"the nodes have no coordinates; they have {', '.join(keys) or 'nothing'}"
        raise file_fault(path, fault, "Give every node x, y and z")
    segments, faults = numbered([row["id"] for row in nodes], ends)
    faults += [
        f"node {nodes[k]['id']} has no place" for k in np.flatnonzero(~np.isfinite(places).all(axis=1))
    ]
    raise_faults(path, faults)
    edge_keys = list(dict.fromkeys(key for row in edges for key in row))
    radius = radii(edges, edge_keys)
    radius = np.where(np.isnan(radius), radii(nodes, keys)[segments].mean(axis=1), radius)
    known = find(keys, "pressure")
    pressure = column(nodes, known) if known else None
    trace = find(edge_keys, "path")
    places, notes = (
        out_of_voxels(places, segments, **chords(edges, edge_keys)) if trace is None else (places, ())
    )
    if trace is not None:
        paths = [_path(row.get(trace)) for row in edges]
        count = len(places)
        places, segments, radius = strung(places, segments, radius, paths=paths)
        if pressure is not None:
            pressure = np.concatenate([pressure, np.full(len(places) - count, np.nan)])
        notes = (f"edges follow their {trace}: {len(places) - count} points between nodes",)
    unit = unit_in([*keys, *edge_keys])
    return RawNetwork(places, segments, radius, pressure=pressure, notes=notes, unit=unit)


def _path(text: str | None) -> np.ndarray | None:
    found = numbers_in(text or "")
    return found.reshape(-1, 3) if len(found) and len(found) % 3 == 0 else None


def _elements(path: Path) -> tuple[list[dict[str, str]], list[dict[str, str]], list[tuple[str, str]]]:
    """The attributes of every node and edge by name, and the two nodes of every edge."""
    try:
        root = ElementTree.parse(path).getroot()
    except (ElementTree.ParseError, OSError, UnicodeError, ValueError) as error:
        raise file_fault(path, f"it is not readable XML ({error})", "Is it a whole GraphML file?") from None
    if root.tag.rpartition("}")[2] != "graphml":
        raise file_fault(path, f"the XML is {root.tag[:40]!r}, not graphml", "Export the graph as GraphML")
    names = {key.get("id", ""): key.get("attr.name", key.get("id", "")) for key in root.findall(".//{*}key")}
    nodes = [{**_data(node, names), "id": node.get("id", "")} for node in root.findall(".//{*}node")]
    edges = list(root.findall(".//{*}edge"))
    ends = [(edge.get("source", ""), edge.get("target", "")) for edge in edges]
    return nodes, [_data(edge, names) for edge in edges], ends


def _data(element: ElementTree.Element, names: dict[str, str]) -> dict[str, str]:
    found = ((item.get("key", ""), item.text or "") for item in element.findall("{*}data"))
    return {names.get(key, key): text for key, text in found}
