"""Vessel networks from files, whatever program wrote them, with their unit known, said or inferred."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorsim.constants import MMHG
from tumorsim.errors import ConfigError, Problem
from tumorsim.units import UnitError, to_si
from tumorsim.vessels.formats.csv_pair import read_csv_pair
from tumorsim.vessels.formats.dgf import read_dgf
from tumorsim.vessels.formats.graphml import read_graphml
from tumorsim.vessels.formats.hdf5_graph import read_hdf5
from tumorsim.vessels.formats.network_dat import read_network_dat
from tumorsim.vessels.formats.raw import RawNetwork, file_fault, raise_faults, touching_ends
from tumorsim.vessels.formats.swc import read_swc
from tumorsim.vessels.formats.vtk_polylines import read_vtk
from tumorsim.vessels.network import Network
from tumorsim.vessels.repair import NAMES, Draft, mend

LARGEST_PLAUSIBLE = 0.1
"""m [D]: a larger network is noted, for its unit was probably forgotten."""
LARGEST_NUMBER = 1e12
"""[D]: beyond it a number in a file is a mistake in any unit."""
TYPICAL_RADIUS = 6e-6
"""m [D]: between capillaries (3 µm) and tumour vessels (10 µm); the unit that brings the median nearest is inferred."""
CANDIDATES = {"um": 1e-6, "mm": 1e-3, "m": 1.0}
"""Units that are told apart by the size of a radius; they differ by 1000."""

Reader = Callable[[Path], RawNetwork]
FORMATS: dict[str, tuple[Reader, str]] = {
    ".dgf": (read_dgf, "m"),
    ".vtp": (read_vtk, "um"),
    ".vtk": (read_vtk, "um"),
    ".swc": (read_swc, "um"),
    ".dat": (read_network_dat, "um"),
    ".graphml": (read_graphml, ""),
    ".csv": (read_csv_pair, ""),
    ".tsv": (read_csv_pair, ""),
    ".h5": (read_hdf5, ""),
    ".hdf5": (read_hdf5, ""),
    ".vtkhdf": (read_hdf5, ""),
}
"""The reader of each extension, and the unit that is customary in it; "" where there is no custom."""


def read_network(
    path: str | Path,
    *,
    unit: str | float | None = None,
    pressure_unit: str | float | None = None,
    default_radius: float | None = None,
    repair: Collection[str] = NAMES,
) -> Network:
    """The network in a file of one of `FORMATS`, mended as ``repair`` allows (`repair.NAMES`).

    ``unit`` is that of coordinates and radii: a text ("um", "85 um") or its size in m; by default what the file
    says, else what is customary in its format, else what makes its radii those of vessels. ``pressure_unit``
    likewise, in Pa, by default what the file says or Pa. ``default_radius`` (m) serves segments whose radius is
    missing or zero. Everything replaced, dropped, inferred or odd is in the ``notes`` of the result.

    A pressure of exactly 0 at a node where segments meet means "unknown" (nan here), and in such a file so
    does one at an end; if no other value is left, the network has no pressures.

    Raises ConfigError that names the file, the lines at fault and what was expected there.
    """
    path = Path(path)
    raw, custom = _raw(path)
    scale = length_scale(raw, unit, custom=custom)
    pressure_scale = _scale(pressure_unit or raw.pressure_unit or "Pa", "Pa", key="vessels.pressure_unit")
    pressure, remarks = _known_pressure(raw, scale=pressure_scale)
    nodes = raw.nodes[:, ::-1] * scale.size
    remarks += [*scale.remarks, *_doubts(nodes, pressure)]
    draft = Draft(nodes, raw.segments, _at_nodes(raw, pressure), {"radius": raw.radius * scale.size})
    if raw.coincident is not None:  # ends that the format itself says are one
        draft = draft.joined(raw.coincident)
    return mend(
        draft,
        wanted=repair,
        default_radius=default_radius,
        touching=touching_ends(draft.nodes, draft.segments) if raw.coincident is None else None,
        source=path.name,
        notes=(*raw.notes, *remarks),
    )


def _raw(path: Path) -> tuple[RawNetwork, str]:
    """What a file holds, and the customary unit of its format."""
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        known = ", ".join(FORMATS)
        raise file_fault(path, "its format is not known by its extension", f"Give a file of {known}")
    if not path.is_file():
        raise file_fault(path, "there is no such file", "Paths are relative to the config file")
    reader, custom = FORMATS[suffix]
    raw = reader(path)
    if not len(raw.segments):
        raise file_fault(path, "there is no segment in it", "A network needs vessels between its nodes")
    raise_faults(path, _impossible(raw))
    return raw, custom


def _impossible(raw: RawNetwork) -> list[str]:
    """Numbers that no vessel has, whatever the unit."""
    odd = {
        "coordinates that are no numbers": ~(np.abs(raw.nodes) < LARGEST_NUMBER).all(axis=1),
        "segments with a radius that is negative or without bounds": (raw.radius < 0)
        | (raw.radius > LARGEST_NUMBER),
    }
    if raw.pressure is not None:
        odd["pressures without bounds"] = np.abs(raw.pressure) > LARGEST_NUMBER
    return [
        f"{np.count_nonzero(bad)} {what}, first in row {bad.argmax() + 1}"
        for what, bad in odd.items()
        if bad.any()
    ]


@dataclass(frozen=True)
class LengthScale:
    """The size in m of a file's unit of length, how it is known, and what to remark on it."""

    size: float
    text: str
    remarks: tuple[str, ...] = ()


def length_scale(raw: RawNetwork, given: str | float | None, *, custom: str) -> LengthScale:
    """The unit of length: as given, as the file says, as is customary in its format, or as its radii suggest.

    Raises ConfigError for a unit that is none, and where nothing tells it.
    """
    if given is not None:
        return LengthScale(_scale(given, "m", key="vessels.unit"), f"{given} (given)")
    if raw.unit:
        text = f"{raw.unit} (the file says so)"
        return LengthScale(_scale(raw.unit, "m", key="vessels.unit"), text)
    if custom:
        return LengthScale(_scale(custom, "m", key="vessels.unit"), f"{custom} (customary in this format)")
    unit = _inferred(raw)
    text = f"{unit} (inferred: it brings the median radius to {_median_radius(raw) * CANDIDATES[unit] * 1e6:.3g} µm)"
    return LengthScale(CANDIDATES[unit], text, (f"unit of length: {text}",))


def read_scale(path: str | Path, *, unit: str | float | None = None) -> LengthScale:
    """The unit of length of a file, as `read_network` takes it."""
    raw, custom = _raw(Path(path))
    return length_scale(raw, unit, custom=custom)


def _median_radius(raw: RawNetwork) -> float:
    known = raw.radius[(raw.radius > 0) & np.isfinite(raw.radius)]
    return float(np.median(known)) if len(known) else 0.0


def _inferred(raw: RawNetwork) -> str:
    """The unit in which the median radius is nearest to that of a vessel."""
    radius = _median_radius(raw)
    if radius == 0:
        fault = "the file says no unit, and has no radii that would suggest one"
        raise ConfigError(Problem("vessels.unit", None, fault, 'Give it, for example "um"'))
    return min(CANDIDATES, key=lambda unit: abs(np.log(radius * CANDIDATES[unit] / TYPICAL_RADIUS)))


def _scale(unit: str | float, si: str, *, key: str) -> float:
    """The size of ``unit`` in SI."""
    try:
        size = to_si(unit, si) if isinstance(unit, str) else float(unit)
    except UnitError as error:
        raise ConfigError(Problem(key, unit, str(error), f'Give a unit such as "{si}"')) from None
    if not 0 < size < np.inf:
        raise ConfigError(Problem(key, unit, "a unit must be positive", f'Give a unit such as "{si}"'))
    return size


def _known_pressure(raw: RawNetwork, *, scale: float) -> tuple[np.ndarray | None, list[str]]:
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


def _at_nodes(raw: RawNetwork, pressure: np.ndarray | None) -> dict[str, np.ndarray]:
    flow = None if raw.boundary_flow is None else raw.boundary_flow * raw.flow_unit
    given = {"pressure": pressure, "boundary_flow": flow, "inlet_haematocrit": raw.inlet_haematocrit}
    return {name: values for name, values in given.items() if values is not None}


def _doubts(nodes: np.ndarray, pressure: np.ndarray | None) -> list[str]:
    """Remarks on numbers that suggest a forgotten unit."""
    remarks = []
    size = np.ptp(nodes, axis=0).max()
    if size > LARGEST_PLAUSIBLE:
        remarks.append(f"the network is {size:.3g} m large: is its unit given?")
    highest = np.inf if pressure is None or np.isnan(pressure).all() else np.nanmax(pressure)
    if highest < MMHG:
        remarks.append(f"no pressure exceeds {highest:.3g} Pa (1 mmHg is {MMHG:g}): is its unit given?")
    return remarks
