"""``Network.dat``, the tables of segments, nodes and boundary nodes of Secomb's and Pries' programs.

After some lines about the box come three tables, each below its number of rows and a line of column names::

    SegName Type From To Diam Flow HD       µm, nl/min
    Node x y z                              µm
    Node Bctype Press/Flow HD               mmHg where the type is 0, nl/min where it is 1 or 2

The layout is that of the published programs [S: input of FlowEstimateV1, github.com/secomb]; files differ in
the lines before the tables and in the columns at their end, so tables are found by what their lines say.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np

from tumorsim.vessels.formats.raw import RawNetwork, file_fault, numbered, raise_faults, tolerant_text

NANOLITRE_PER_MINUTE = 1e-12 / 60
"""m³/s."""
_TABLES = (("segments", r"segm"), ("nodes", r"nodes?\b"), ("boundary", r"bound|\bb\.?c\.?\b|bnod"))
_NOT_A_COUNT = re.compile(r"max|per node|tissue|points|dimension|distance", re.I)

Row = tuple[int, list[str]]


def read_network_dat(path: Path) -> RawNetwork:
    """Diameters halved; boundary pressures and flows where the last table has them, and their haematocrit.

    Raises ConfigError for a table that is absent, short, or names a node that is not there.
    """
    tables, faults = _tables(path)
    for name, at_least in (("segments", 5), ("nodes", 4), ("boundary", 3)):
        faults += [
            f"line {number}: expected {at_least} numbers of the {name} table, found {' '.join(words)[:40]!r}"
            for number, words in tables[name]
            if len(_numbers(words)) < at_least
        ]
        faults += [
            f"line {number}: expected the numbers of nodes in the {name} table, found {' '.join(words)[:40]!r}"
            for number, words in tables[name]
            if not all(abs(value) < 1e15 for value in _numbers(words)[: 4 if name == "segments" else 1])
        ]
    raise_faults(path, faults)
    segments, nodes = (np.array([_numbers(words)[:k] for _, words in tables[name]]) for name, k in _WIDTHS)
    names = nodes[:, 0].astype(int).tolist()
    links, faults = numbered(names, segments[:, 2:4].astype(int).tolist())
    raise_faults(path, faults)
    places = {name: k for k, name in enumerate(names)}
    return RawNetwork(
        nodes=nodes[:, 1:4],
        segments=links,
        radius=segments[:, 4] / 2,
        flow_unit=NANOLITRE_PER_MINUTE,
        pressure_unit="mmHg",
        **_boundary(path, tables["boundary"], places),
    )


_WIDTHS = (("segments", 5), ("nodes", 4))


def _tables(path: Path) -> tuple[dict[str, list[Row]], list[str]]:
    """The rows of each table with their line numbers. A line that begins with a count opens the next one."""
    lines = [
        (k, line.split()) for k, line in enumerate(tolerant_text(path).splitlines(), start=1) if line.split()
    ]
    found: dict[str, list[Row]] = {name: [] for name, _ in _TABLES}
    faults: list[str] = []
    at = 0
    for name, pattern in _TABLES:
        opening = next((k for k in range(at, len(lines)) if _opens(lines[k][1], pattern)), None)
        if opening is None:
            if name != "boundary":
                cure = f'A line such as "546 total number of {name}" opens that table'
                raise file_fault(path, f"no table of {name} in it", cure)
            continue
        count = int(_numbers(lines[opening][1])[0])
        if not 0 <= count <= len(lines):
            faults.append(f"line {lines[opening][0]}: {count:.3g} rows of the {name} table announced")
            break
        at = opening + 1
        while at < len(lines) and len(_numbers(lines[at][1])) < 3:  # the names of the columns
            at += 1
        rows = lines[at : at + count]
        short = next((k for k, (_, words) in enumerate(rows) if len(_numbers(words)) < 3), len(rows))
        if short < count:
            faults.append(
                f"line {lines[opening][0]}: {count} rows of the {name} table announced, found {short}"
            )
        found[name] = rows[:short]
        at += short
    return found, faults


def _opens(words: list[str], pattern: str) -> bool:
    text = " ".join(words)
    first = _numbers(words[:1])
    counts = (
        len(first) == 1
        and abs(first[0]) < 1e15
        and first[0] == int(first[0])
        and len(_numbers(words[1:2])) == 0
    )
    return counts and re.search(pattern, text, re.I) is not None and not _NOT_A_COUNT.search(text)


def _numbers(words: list[str]) -> list[float]:
    """The numbers that a line begins with."""
    found = []
    for word in words:
        try:
            found.append(float(word.strip(",;")))
        except ValueError:
            break
    return found


def _boundary(path: Path, rows: list[Row], places: dict[int, int]) -> dict[str, Any]:
    """Known pressures (mmHg), flows (nl/min) and haematocrits, and notes on what is not understood."""
    pressure, flow, haematocrit = (np.full(len(places), np.nan) for _ in range(3))
    faults, odd = [], 0
    for number, words in rows:
        name, kind, value, *more = _numbers(words)
        if (node := places.get(int(name))) is None:
            faults.append(f"line {number}: boundary node {name:g} is not among the nodes")
            continue
        if kind == 0:
            pressure[node] = value
        elif kind in (1, 2):
            flow[node] = value
        else:
            odd += 1
        if more:
            haematocrit[node] = more[0]
    raise_faults(path, faults)
    notes = (f"{odd} boundary nodes of an unknown type are left open",) if odd else ()
    known = {"pressure": pressure, "boundary_flow": flow, "inlet_haematocrit": haematocrit}
    return {key: values for key, values in known.items() if not np.isnan(values).all()} | {"notes": notes}
