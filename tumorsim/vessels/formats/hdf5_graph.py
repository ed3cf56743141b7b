"""A graph in an HDF5 file: arrays of nodes and segments, wherever they are and however they are called."""

from pathlib import Path

import h5py
import numpy as np

from tumorsim.vessels.formats.columns import ALIASES, plain
from tumorsim.vessels.formats.raw import RawNetwork, file_fault, raise_faults


def read_hdf5(path: Path) -> RawNetwork:
    """``nodes`` (n, 3) as x, y, z, ``segments`` (m, 2) and ``radius`` or ``diameter`` (m or n), under any alias.

    The attribute ``units`` of the nodes is their unit. The vessels of a result of this program read likewise.
    """
    try:
        with h5py.File(path) as file:
            found: dict[str, h5py.Dataset] = {}

            def note(name: str, item: object) -> None:
                if isinstance(item, h5py.Dataset):
                    found.setdefault(name, item)

            file.visititems(note)
            return _graph(path, found)
    except (
        OSError,
        RuntimeError,
        ValueError,
        KeyError,
        TypeError,
    ) as error:  # what h5py makes of broken files
        raise file_fault(path, f"it is no readable HDF5 file ({error})", "Is it whole?") from None


def _graph(path: Path, found: dict[str, h5py.Dataset]) -> RawNetwork:
    nodes, segments = _pick(found, "nodes", columns=3), _pick(found, "segments", columns=2)
    if nodes is None or segments is None:
        fault = f"no {'nodes (n, 3)' if nodes is None else 'segments (m, 2)'} among {', '.join(found) or 'nothing'}"
        raise file_fault(path, fault, "Store arrays called nodes, segments and radius")
    places, links = np.asarray(nodes[()], float), np.asarray(segments[()])
    if not np.isfinite(places).all() or links.min() < 0 or links.max() >= len(places) or (links % 1).any():
        raise_faults(
            path, [f"a segment ends at a node that is not in 0…{len(places) - 1}, or a place is no number"]
        )
    links = links.astype(int)
    pressure = _pick(found, "pressure")
    known = pressure is not None and pressure.shape == (len(places),)
    return RawNetwork(
        places,
        links,
        _radius(found, links, nodes=len(places)),
        pressure=np.asarray(pressure[()], float) if known and pressure is not None else None,
        unit=_unit(nodes),
        pressure_unit=_unit(pressure) if known and pressure is not None else "",
    )


def _radius(found: dict[str, h5py.Dataset], links: np.ndarray, *, nodes: int) -> np.ndarray:
    for name, share in (("radius", 1.0), ("diameter", 0.5)):
        data = _pick(found, name)
        if data is None:
            continue
        values = share * np.asarray(data[()], float).ravel()
        if len(values) == len(links):
            return values
        if len(values) == nodes:
            return values[links].mean(axis=1)
    return np.full(len(links), np.nan)


def _pick(
    found: dict[str, h5py.Dataset], quantity: str, *, columns: int | None = None
) -> h5py.Dataset | None:
    """The dataset that means ``quantity`` and has so many columns; that beside other vessel data first."""
    fitting = {
        name: data
        for name, data in found.items()
        if (data.ndim == 2 and data.shape[1] == columns)
        or (columns is None and data.size == max(data.shape, default=0))
    }
    for alias in ALIASES[quantity]:
        same = [name for name in fitting if plain(name.rpartition("/")[2]) == alias]
        if same:
            return fitting[min(same, key=lambda name: ("vessel" not in name, len(name)))]
    return None


def _unit(data: h5py.Dataset) -> str:
    for key in ("units", "unit"):
        if key in data.attrs:
            value = data.attrs[key]
            return value.decode() if isinstance(value, bytes) else str(value)
    return ""
