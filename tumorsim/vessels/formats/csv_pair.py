"""A graph in two tables, nodes and edges, as spreadsheets and VesselVio-like programs export it."""

import csv
from pathlib import Path

import numpy as np

from tumorsim.vessels.formats.columns import chords, column, find, plain, positions, radii, unit_in
from tumorsim.vessels.formats.raw import (
    RawNetwork,
    file_fault,
    numbered,
    out_of_voxels,
    raise_faults,
    tolerant_text,
)

_WORDS = (("nodes", "edges"), ("vertices", "edges"), ("nodes", "segments"), ("vertices", "segments"),
          ("node", "edge"), ("vertex", "edge"), ("points", "segments"))  # fmt: skip
"""What the names of the two files may differ in."""

Rows = list[dict[str, str]]


def read_csv_pair(path: Path) -> RawNetwork:
    """The tables of nodes and of edges; ``path`` is either, and the other has the same name but for one word.

    Nodes: x, y, z and an id (else counted from 0). Edges: the two nodes, and a radius or a diameter. Commas,
    semicolons or tabs separate; with semicolons a decimal comma will do.
    """
    first, second = (_rows(file) for file in (path, _partner(path)))
    nodes, edges = (first, second) if _is_edges(second[0]) else (second, first)
    if not _is_edges(edges[0]):
        raise file_fault(path, "neither table names two nodes a row", "Edges need columns source and target")
    places = positions(nodes[1], nodes[0])
    if places is None:
        fault = f"the nodes have no coordinates; the columns are {', '.join(nodes[0])}"
        raise file_fault(path, fault, "Name them x, y and z")
    ends = [find(edges[0], end) or "" for end in ("first", "last")]
    named = find(nodes[0], "name") or _first_if_index(nodes)
    names = [_key(row[named]) for row in nodes[1]] if named else [str(k) for k in range(len(nodes[1]))]
    pairs = [tuple(_key(row[end]) for end in ends) for row in edges[1]]
    segments, faults = numbered(names, pairs)
    faults += [
        f"row {k + 2} of the nodes has no place" for k in np.flatnonzero(~np.isfinite(places).all(axis=1))
    ]
    raise_faults(path, faults)
    places, notes = out_of_voxels(places, segments, **chords(edges[1], edges[0]))
    radius = radii(edges[1], edges[0])
    radius = np.where(np.isnan(radius), radii(nodes[1], nodes[0])[segments].mean(axis=1), radius)
    pressure = find(nodes[0], "pressure")
    return RawNetwork(
        places,
        segments,
        radius,
        pressure=column(nodes[1], pressure) if pressure else None,
        unit=unit_in([*nodes[0], *edges[0]]),
        notes=notes,
    )


def _partner(path: Path) -> Path:
    """The other file of the pair."""
    tried = []
    for words in _WORDS:
        for here, there in (words, words[::-1]):
            if here in path.stem.lower():
                k = path.stem.lower().rindex(here)
                matched = there.capitalize() if path.stem[k].isupper() else there
                tried.append(
                    path.with_name(path.stem[:k] + matched + path.stem[k + len(here) :] + path.suffix)
                )
    for other in tried:
        if other.is_file():
            return other
    looked = f"none of {', '.join(dict.fromkeys(other.name for other in tried))} is there"
    fault = looked if tried else "its name says neither nodes nor edges"
    cure = "A graph takes two tables beside each other, such as tumour_nodes.csv and tumour_edges.csv"
    raise file_fault(path, fault, cure)


def _rows(path: Path) -> tuple[list[str], Rows]:
    """The header and the rows of a table."""
    lines = [line for line in tolerant_text(path).splitlines() if line.strip(" ,;\t")]
    if len(lines) < 2:
        raise file_fault(
            path, "it has no row below a header", "Write the names of the columns in the first line"
        )
    separator = max(";\t,", key=lines[0].count)
    reader = csv.DictReader(lines, delimiter=separator, skipinitialspace=True)
    header = [name for name in (reader.fieldnames or []) if name is not None]
    return header, [{key: value or "" for key, value in row.items() if key is not None} for row in reader]


def _is_edges(header: list[str]) -> bool:
    return find(header, "first") is not None and find(header, "last") is not None


def _first_if_index(table: tuple[list[str], Rows]) -> str | None:
    """The column of numbers without a name that data frames put first."""
    header = table[0]
    return header[0] if plain(header[0]) in ("", "unnamed0") else None


def _key(text: str) -> str:
    """The name of a node: "3.0" is "3"."""
    text = text.strip()
    return text[:-2] if text.endswith(".0") else text
