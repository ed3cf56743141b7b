"""The names under which programs write the same quantity of a vessel graph, and tables of numbers by them."""

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

ALIASES: dict[str, tuple[str, ...]] = {
    "name": ("id", "name", "node", "nodeid", "vertex", "vertexid", "label", "index"),
    "x": ("x", "posx", "xcoord", "xpos", "xum", "coordx", "pos0"),
    "y": ("y", "posy", "ycoord", "ypos", "yum", "coordy", "pos1"),
    "z": ("z", "posz", "zcoord", "zpos", "zum", "coordz", "pos2"),
    "position": ("coords", "vcoords", "pos", "position", "coordinates", "point", "coord"),
    "first": ("source", "from", "node1", "start", "startnode", "n1", "first", "node1id", "nodea", "a", "i"),
    "last": ("target", "to", "node2", "end", "endnode", "n2", "last", "node2id", "nodeb", "b", "j"),
    "radius": (
        "radius",
        "radii",
        "radiusavg",
        "avgradiusavg",
        "avgradius",
        "meanradius",
        "radiusmean",
        "r",
        "vradius",
        "radiusum",
    ),
    "diameter": ("diameter", "diam", "d", "diameters", "avgdiameter", "meandiameter", "diameterum"),
    "length": ("length", "len", "edgelength"),
    "tortuosity": ("tortuosity", "curveness"),
    "path": ("coordslists", "coordslist", "points", "path", "centerline", "centreline", "polyline"),
    "pressure": ("pressure", "p", "nodepressure", "pressures", "nodalpressure"),
    "nodes": ("nodes", "vertices", "coordinates", "points", "positions", "pos", "verts", "vertexcoordinates"),
    "segments": ("segments", "edges", "connectivity", "links", "edgeconnectivity", "elements"),
}
"""Lower case, without anything but letters and digits."""


def plain(name: str) -> str:
    """A name as `ALIASES` has it: "Radius [um]" and "radius_um" are "radius" and "radiusum"."""
    bare = re.sub(r"[\[(].*", "", name)
    return re.sub(r"[^a-z0-9]", "", bare.lower())


def unit_in(names: Iterable[str]) -> str:
    """The length unit that is written in brackets or at the end of a coordinate's or radius' name; "" without."""
    for name in names:
        found = re.search(r"[\[(]\s*([µμ]m|um|mm|cm|m|nm|microns?)\s*[\])]|_(um|mm|nm)$", name.strip(), re.I)
        if found:
            unit = (found[1] or found[2]).lower().replace("µ", "u").replace("μ", "u")
            return "um" if unit.startswith("micron") else unit
    return ""


def find(names: Iterable[str], quantity: str) -> str | None:
    """The one of ``names`` that means ``quantity``, the commonest spelling first."""
    spelt = {plain(name): name for name in reversed(list(names))}
    return next((spelt[alias] for alias in ALIASES[quantity] if alias in spelt), None)


def number(text: str) -> float:
    """A number as people and programs write it; nan where there is none, also a decimal comma."""
    text = text.strip()
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return np.nan


def numbers_in(text: str) -> np.ndarray:
    """Every number in a text such as "[(1.0, 2, 3), (4, 5, 6)]"."""
    found = re.findall(
        r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.sub(r"np\.\w+|float\d+|int\d+", "", text)
    )
    return np.array(found, float)


def column(rows: Sequence[Mapping[str, str]], name: str | None) -> np.ndarray:
    """The numbers of a column, nan where it is empty or absent."""
    if name is None:
        return np.full(len(rows), np.nan)
    return np.array([number(row.get(name) or "") for row in rows], float)


def chords(rows: Sequence[Mapping[str, str]], names: Iterable[str]) -> dict[str, np.ndarray]:
    """The length and tortuosity of every edge, nan where it has none."""
    names = list(names)
    return {quantity: column(rows, find(names, quantity)) for quantity in ("length", "tortuosity")}


def positions(rows: Sequence[Mapping[str, str]], names: Iterable[str]) -> np.ndarray | None:
    """Coordinates (n, 3) from three columns, or from one that holds all three; None without either."""
    names = list(names)
    axes = [find(names, axis) for axis in "xyz"]
    if axes[0] is not None and axes[1] is not None:
        found = np.stack([column(rows, axis) for axis in axes], axis=1)
        return found if axes[2] is not None else np.column_stack([found[:, :2], np.zeros(len(rows))])
    one = find(names, "position")
    if one is None:
        return None
    triples = [numbers_in(row.get(one) or "") for row in rows]
    return np.array([triple if len(triple) == 3 else [np.nan] * 3 for triple in triples], float).reshape(
        -1, 3
    )


def radii(rows: Sequence[Mapping[str, str]], names: Iterable[str]) -> np.ndarray:
    """The radius of every row, or half its diameter; nan where there is neither."""
    names = list(names)
    radius = find(names, "radius")
    return column(rows, radius) if radius else column(rows, find(names, "diameter")) / 2
