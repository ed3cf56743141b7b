"""What a result file holds, and where.

::

    /VTKHDF     Version, Type "ImageData", WholeExtent, Origin, Spacing, Direction     what ParaView reads
        CellData/NAME               (slabs, nz, ny, nx[, 3])
        Steps                       NSteps
            Values                  times, s
            CellDataOffsets/NAME    which slab holds the field at each step
    /tumorsim   format, title, amount_unit                                             what ``Results`` reads
        config_given, config_resolved, provenance, resumed, region_names
        statistics/REGION/NAME, ledger/NAME     one number per step
        vessels/nodes, segments, radius, pressure, flow
        vessels/plasma_concentration            (steps, segments), where blood carries the agent

A field that does not change is stored once: the offsets of later steps point at the slab that is there.
VTK cannot read ImageData with one step only (its reader then expects no time axis), so a single output is
listed as two steps at the same time, both of the same slab; ``output_times`` undoes that. After an
interrupted output, datasets may be longer than Values: what is beyond does not count.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from tumorsim.fields import Field
from tumorsim.grid import Grid
from tumorsim.sinks.slabs import create_slabs

if TYPE_CHECKING:
    from tumorsim.vessels.network import Network

FORMAT = 1
"""Version of the /tumorsim part; higher when an older ``Results`` can no longer read it."""

_VTKHDF_VERSION = (2, 2)
_SERIES_CHUNK = 256


def describe(dataset: h5py.Dataset, units: str, long_name: str) -> None:
    """The two attributes that every dataset carries."""
    dataset.attrs["units"] = units
    dataset.attrs["long_name"] = long_name


def create_image(
    file: h5py.File,
    grid: Grid,
    fields: Sequence[Field],
    *,
    amount_unit: str,
    precision: str,
    compression: str,
) -> None:
    """The VTKHDF part of a file without outputs."""
    group = file.create_group("VTKHDF")
    group.attrs["Version"] = np.array(_VTKHDF_VERSION, np.int64)
    group.attrs.create("Type", np.bytes_("ImageData"))  # fixed length ASCII: all that older readers accept
    group.attrs["WholeExtent"] = np.array([end for n in reversed(grid.shape) for end in (0, n)], np.int64)
    group.attrs["Origin"] = np.array(grid.origin[::-1], np.float64)
    group.attrs["Spacing"] = np.array(grid.spacing[::-1], np.float64)
    group.attrs["Direction"] = np.eye(3).ravel()
    cells = group.create_group("CellData", track_order=True)
    for field in fields:
        shape = grid.shape if field.components == 1 else (*grid.shape, field.components)
        dtype = np.dtype(np.uint8 if field.label else precision)
        dataset = create_slabs(cells, field.name, shape=shape, dtype=dtype, compress=compression == "gzip")
        describe(dataset, field.unit.format(amount=amount_unit), field.long_name)
    _create_steps(group, fields)


def _create_steps(group: h5py.Group, fields: Sequence[Field]) -> None:
    steps = group.create_group("Steps")
    steps.attrs.create("NSteps", 0, dtype=np.int64)
    describe(_create_series(steps, "Values", np.float64), "s", "simulated time")
    offsets = steps.create_group("CellDataOffsets")
    for field in fields:
        describe(_create_series(offsets, field.name, np.int64), "1", f"slab of {field.name} at each step")


def create_series(file: h5py.File, group: str, series: Sequence[Field], *, amount_unit: str) -> None:
    """Empty time series, with their time, in a group of /tumorsim."""
    parent = file["tumorsim"].create_group(group, track_order=True)
    for item in (Field("time", "s", "simulated time"), *series):
        dataset = _create_series(parent, item.name, np.float64)
        describe(dataset, item.unit.format(amount=amount_unit), item.long_name)


def _create_series(group: h5py.Group, name: str, dtype: type) -> h5py.Dataset:
    return group.create_dataset(name, (0,), dtype, maxshape=(None,), chunks=(_SERIES_CHUNK,))


def create_context(
    file: h5py.File,
    *,
    title: str,
    amount_unit: str,
    config_given: str,
    config_resolved: Mapping[str, Any],
    region_names: Sequence[str],
) -> None:
    """The /tumorsim group: what was asked for."""
    group = file.create_group("tumorsim")
    group.attrs.update({"format": FORMAT, "title": title, "amount_unit": amount_unit})
    _store_text(group, "config_given", config_given, "config as given")
    _store_text(group, "config_resolved", json.dumps(config_resolved), "config with every default, SI, JSON")
    names = group.create_dataset("region_names", data=list(region_names), dtype=h5py.string_dtype())
    describe(names, "1", "region name of each label")


def create_provenance(file: h5py.File, provenance: Mapping[str, Any]) -> None:
    """How the run was made: JSON text; plain values also as attributes, to be seen in any HDF5 viewer."""
    dataset = _store_text(file["tumorsim"], "provenance", json.dumps(provenance), "what made this file, JSON")
    for key, value in provenance.items():
        if isinstance(value, str | int | float):
            dataset.attrs[key] = value
    resumed = _create_series(file["tumorsim"], "resumed", np.uint8)
    describe(resumed, "1", "provenance of every resumed part of the run, JSON lines in UTF-8")


def add_resumed(file: h5py.File, provenance: Mapping[str, Any]) -> None:
    """Note how a resumed part was made. Bytes, since texts cannot grow in the single-writer mode."""
    line = np.frombuffer(f"{json.dumps(provenance)}\n".encode(), np.uint8)
    resumed = file["tumorsim/resumed"]
    resumed.resize((len(resumed) + len(line),))
    resumed[-len(line) :] = line


def _store_text(group: h5py.Group, name: str, text: str, long_name: str) -> h5py.Dataset:
    dataset = group.create_dataset(name, data=text, dtype=h5py.string_dtype())
    describe(dataset, "1", long_name)
    return dataset


def store_network(file: h5py.File, network: "Network") -> None:
    """The vessel network; nodes are turned from z, y, x to x, y, z."""
    group = file["tumorsim"].create_group("vessels")
    group.attrs["source"] = network.source
    group.attrs["notes"] = json.dumps(network.notes, ensure_ascii=False)
    group.attrs["repairs"] = json.dumps([vars(repair) for repair in network.repairs], ensure_ascii=False)
    arrays = {
        "nodes": (network.nodes[:, ::-1], "m", "node positions x y z"),
        "segments": (network.segments, "1", "the two nodes of each segment, from 0"),
        "radius": (network.radius, "m", "vessel radius of each segment"),
        "pressure": (network.pressure, "Pa", "blood pressure at each node"),
        "flow": (network.flow, "m^3/s", "blood flow of each segment, from its first node to its second"),
        "haematocrit": (network.haematocrit, "1", "discharge haematocrit of each segment"),
        "leakiness": (network.leakiness, "1", "wall conductivity of each segment over that of its tissue"),
    }
    for name, (values, units, long_name) in arrays.items():
        if values is not None:
            describe(group.create_dataset(name, data=values), units, long_name)


IN_BLOOD = "tumorsim/vessels/plasma_concentration"


def create_in_blood(file: h5py.File, segments: int, *, amount_unit: str) -> None:
    """An empty table of the plasma concentration in every segment at every output."""
    shape = (0, segments)
    dataset = file.create_dataset(
        IN_BLOOD, shape, np.float64, maxshape=(None, segments), chunks=(1, segments)
    )
    describe(dataset, f"{amount_unit}/m^3", "plasma concentration of each segment at each output")


def store_in_blood(file: h5py.File, output: int, values: np.ndarray) -> None:
    """The row of one output."""
    dataset = file[IN_BLOOD]
    if len(dataset) <= output:
        dataset.resize(output + 1, axis=0)
    dataset[output] = values


def list_output(steps: h5py.Group, step: int, time: float, offsets: Mapping[str, int]) -> None:
    """Make output ``step`` visible, once its fields are on the disk; each stage leaves a true file.

    An output counts as soon as it has a time, so that comes last. There must never be more times than NSteps
    says: VTK copies all of them into room for NSteps, and crashes. (With fewer it shows a step at time 0.)
    """
    through = _listed(step + 1)
    for name, offset in offsets.items():
        _set_from(steps["CellDataOffsets"][name], step, through, offset)
    values = steps["Values"]
    steps.file.flush()
    _set_number(steps, through)
    _set_from(values, step, through, time)
    steps.file.flush()


def unlist_outputs(steps: h5py.Group, outputs: int) -> None:
    """Hide every output after the first ``outputs``; those to come will overwrite them."""
    through = _listed(outputs)
    times, offsets = steps["Values"], steps["CellDataOffsets"].values()
    times.resize((through,))
    steps.file.flush()
    for series in (times, *offsets) if outputs == 1 else ():
        series[1] = series[0]
        steps.file.flush()
    _set_number(steps, through)


def settled(file: h5py.File) -> bool:
    """Whether the tables of ``file`` are as ``list_output`` leaves them, not halfway."""
    outputs, steps = len(output_times(file)), file["VTKHDF/Steps"]
    if outputs == 1 and any(table[0] != table[1] for table in steps["CellDataOffsets"].values()):
        return False
    return bool(len(steps["Values"]) == steps.attrs["NSteps"] == _listed(outputs))


def _listed(outputs: int) -> int:
    """Number of steps that stand for so many outputs: two for one."""
    return max(outputs, 2) if outputs else 0


def _set_number(steps: h5py.Group, number: int) -> None:
    steps.attrs.modify("NSteps", np.int64(number))
    steps.file.flush()


def _set_from(series: h5py.Dataset, start: int, stop: int, value: float) -> None:
    if series.shape[0] < stop:
        series.resize((stop,))
    series[start:stop] = value


def output_times(file: h5py.File) -> np.ndarray:
    """Times of the outputs in a file, s: those that rise. A single output is listed twice at the same time."""
    times = np.asarray(file["VTKHDF/Steps/Values"][:])
    falls = np.flatnonzero(np.diff(times) <= 0)
    return times[: falls[0] + 1] if falls.size else times


def series_datasets(group: h5py.Group) -> dict[str, h5py.Dataset]:
    """Every dataset below ``group`` by its path from there."""
    found: dict[str, h5py.Dataset] = {}
    for name, item in group.items():
        below = series_datasets(item) if isinstance(item, h5py.Group) else {"": item}
        found |= {f"{name}/{path}".rstrip("/"): dataset for path, dataset in below.items()}
    return found
