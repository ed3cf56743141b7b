"""SWC, the format of traced trees: ``id type x y z radius parent`` a line, parent −1 at a root."""

from pathlib import Path

import numpy as np

from tumorsim.vessels.formats.raw import RawNetwork, file_fault, numbered, raise_faults, tolerant_text


def read_swc(path: Path) -> RawNetwork:
    """Every point but a root is joined to its parent, with the mean radius of the two (or the known one)."""
    rows, faults = [], []
    for number, line in enumerate(tolerant_text(path).splitlines(), start=1):
        words = line.split("#", 1)[0].replace(",", " ").split()
        if not words:
            continue
        try:
            row = [float(word) for word in words[:7]]
        except ValueError:
            row = []
        if len(row) == 7 and np.isfinite(row).all() and max(abs(row[0]), abs(row[6])) < 1e15:
            rows.append(row)
        else:
            faults.append(f"line {number}: expected id type x y z radius parent, found {line.strip()[:40]!r}")
    raise_faults(path, faults)
    if not rows:
        raise file_fault(path, "there is no point in it", "An SWC line is: id type x y z radius parent")
    table = np.array(rows)
    child = np.flatnonzero(table[:, 6] >= 0)
    names, parents = table[:, 0].astype(int).tolist(), table[child, 6].astype(int).tolist()
    segments, faults = numbered(names, [(names[c], p) for c, p in zip(child, parents, strict=True)])
    raise_faults(path, faults)
    thickness = np.where(table[:, 5] == 0, np.nan, table[:, 5])[segments]
    known = np.where(np.isnan(thickness), thickness[:, ::-1], thickness)
    return RawNetwork(nodes=table[:, 2:5], segments=segments, radius=known.mean(axis=1))
