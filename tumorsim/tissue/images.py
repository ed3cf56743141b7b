"""Tumours from segmented scans: label images with their voxel size and place, whatever the format.

Every reader ends in the same place: whole-number labels of shape (nz, ny, nx), spacing and lower corner in
m, all axes increasing. Coordinates of NIfTI and of NRRD with a named anatomical space are right, anterior,
superior (x, y, z), so the same tumour in both is the same here.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from tumorsim.errors import ConfigError, Problem
from tumorsim.grid import Grid
from tumorsim.tissue.regions import Regions, name_problems
from tumorsim.units import UnitError, to_si

Triple: TypeAlias = tuple[float, float, float]

_SPACING = "tissue.image.spacing"
SPACING_TOLERANCE = 1e-3
"""Relative difference above which a spacing given by the user contradicts the file's [D]."""


@dataclass(frozen=True, eq=False)
class LabelImage:
    """Integer labels (nz, ny, nx), voxel spacing and lower corner of the box (z, y, x), m."""

    labels: np.ndarray
    spacing: Triple
    origin: Triple


@dataclass(frozen=True, eq=False)
class _Stored:
    """What a file says: values (nz, ny, nx); lengths (z, y, x), whose unit in m may be unknown."""

    values: np.ndarray
    spacing: Triple | None = None
    origin: Triple = (0.0, 0.0, 0.0)
    unit: float | None = None


def read_label_image(
    path: str | Path, *, dataset: str | None = None, spacing: Triple | None = None
) -> LabelImage:
    """Read labels from NIfTI, NRRD, a TIFF stack, .npy or HDF5, chosen by the file's extension.

    ``spacing`` (z, y, x) in m is needed where the file says none, or has numbers without a unit; elsewhere
    it must agree with the file. ``dataset`` names the array in an HDF5 file.

    What counts as the file's own spacing: the affine and xyzt_units of NIfTI; space directions and space
    units (or spacings and units) of NRRD; the metadata of ImageJ and OME TIFF, not the print resolution
    of other TIFFs; the HDF5 attributes ``spacing`` with ``spacing_unit``, or ``element_size_um``, in array
    order (z, y, x).

    Raises ConfigError if the file is missing, broken, not 3-D, not of whole numbers, oblique to its own
    axes, or if its spacing is unknown or contradicted.
    """
    path = Path(path)
    kind, read = _reader(path)
    if not path.is_file():
        raise ConfigError(
            _file_problem(path, "there is no such file", "Paths are relative to the config file")
        )
    try:
        stored = read(path, dataset)
    except ConfigError:
        raise
    except Exception as error:  # each format has its own kinds of failure
        fault = f"this file cannot be read as {kind} ({error})"
        raise ConfigError(_file_problem(path, fault, "Check it with the program that wrote it")) from error
    labels = _whole_numbers(stored.values, path)
    metric_spacing, origin = _metric(stored, spacing, path)
    return LabelImage(np.ascontiguousarray(labels), metric_spacing, origin)


def resample(image: LabelImage, spacing: Triple) -> LabelImage:
    """The nearest label at the centres of voxels of another ``spacing`` (z, y, x), m, in the same box.

    The box keeps its lower corner; its upper faces move by less than half a new voxel where the new
    spacing does not divide the box. Refining by a whole factor keeps every region's volume exactly.
    """
    if not all(0 < h < np.inf for h in spacing):
        problem = Problem("tissue.image.resample", spacing, "the spacing is not above zero", 'Try "25 um"')
        raise ConfigError(problem)
    labels = image.labels
    for axis, (old, new) in enumerate(zip(image.spacing, spacing, strict=True)):
        n = labels.shape[axis]
        centers = (np.arange(max(1, round(n * old / new))) + 0.5) * (new / old)
        nearest = np.floor(centers.round(6)).astype(np.intp)  # rounded: a centre on a face goes one way
        labels = labels.take(nearest.clip(max=n - 1), axis=axis)
    return LabelImage(np.ascontiguousarray(labels), spacing, image.origin)


def regions_from_image(
    image: LabelImage, labels: dict[str, int], *, background: str, ignore: Iterable[int] = ()
) -> tuple[Grid, Regions]:
    """Name the labels of an image; 0 and the ignored labels become ``background``.

    Raises ConfigError, with all faults, for a name whose label is not in the image, a label in the image
    that is neither named nor ignored, and a label that two names share.
    """
    names = tuple(dict.fromkeys((background, *labels)))
    ignored = set(ignore)
    problems = _label_problems(image, labels, background=background, ignored=ignored) + name_problems(names)
    if problems:
        raise ConfigError(*problems)
    nz, ny, nx = image.labels.shape
    region = np.zeros((nz, ny, nx), np.uint8)
    for name, label in labels.items():
        region[image.labels == label] = names.index(name)
    grid = Grid((nz, ny, nx), image.spacing, image.origin)
    return grid, Regions(grid, region, names)


def read_array(path: Path, dataset: str | None, *, key: str) -> tuple[np.ndarray, dict[str, Any]]:
    """An array from .npy or HDF5 and its attributes. Without ``dataset``, the only array of an HDF5 file."""
    if path.suffix.lower() == ".npy":
        return np.load(path, allow_pickle=False), {}
    import h5py

    with h5py.File(path, "r") as file:
        present: list[str] = []
        file.visititems(lambda name, item: present.append(name) if isinstance(item, h5py.Dataset) else None)
        name = dataset.strip("/") if dataset else present[0] if len(present) == 1 else ""
        if name not in present:
            fault = f"{path} has no such dataset" if dataset else f"{path} needs the name of a dataset"
            listed = ", ".join(f"/{each}" for each in present[:12]) or "none"
            raise ConfigError(Problem(f"{key}.dataset", dataset, fault, f"Datasets in the file: {listed}"))
        return file[name][...], dict(file[name].attrs)


def _read_nifti(path: Path, dataset: str | None) -> _Stored:
    image = _package("nibabel", path).load(path)
    affine = np.asarray(image.affine)
    unit = image.header.get_xyzt_units()[0]
    return _onto_axes(
        _three_axes(np.asarray(image.dataobj), path, extra=-1),
        affine[:3, :3],
        corner=affine[:3, 3],
        unit=_unit_length(unit),
        path=path,
    )


def _read_nrrd(path: Path, dataset: str | None) -> _Stored:
    values, header = _package("nrrd", path).read(str(path))
    values = _three_axes(values, path, extra=-1)
    if header.get("space directions") is not None:
        signs = _to_right_anterior_superior(header.get("space", ""))
        steps = np.asarray(header["space directions"], float).T
        units = header.get("space units", ())
    elif header.get("spacings") is not None:
        signs, steps, units = np.ones(3), np.diag(header["spacings"]), header.get("units", ())
    else:
        return _Stored(values.transpose(2, 1, 0))
    first = np.asarray(header.get("space origin", np.zeros(3)), float)
    unit = _unit_length(units[0]) if len(set(units)) == 1 else None
    return _onto_axes(values, signs[:, None] * steps, corner=signs * first, unit=unit, path=path)


def _read_tiff(path: Path, dataset: str | None) -> _Stored:
    with _package("tifffile", path).TiffFile(path) as tiff:
        values = _tiff_stack(tiff.series[0], path)
        if tiff.is_ome:
            return _Stored(values, _ome_spacing(tiff.ome_metadata), unit=1.0)
        description = tiff.imagej_metadata or {}
        tags = [tiff.pages[0].tags.get(name) for name in ("YResolution", "XResolution")]
    if "spacing" not in description or None in tags:
        return _Stored(values)
    y, x = (float(tag.value[1]) / float(tag.value[0]) for tag in tags if tag is not None)
    unit = str(description.get("unit", "")).replace("\\u00B5", "µ")
    return _Stored(values, (float(description["spacing"]), y, x), unit=_unit_length(unit))


def _tiff_stack(series: Any, path: Path) -> np.ndarray:
    """Pages, rows and columns of a TIFF; ConfigError if there are channels, colours or time points too."""
    several = [axis for axis, n in zip(series.axes, series.shape, strict=True) if n > 1]
    if set(several) & set("CST"):
        fault = f"the image has axes {series.axes} of lengths {series.shape}"
        cure = "Save one channel and one time point, with its pages as z"
        raise ConfigError(_file_problem(path, fault, cure))
    return _three_axes(series.asarray(), path, extra=0)


def _read_plain(path: Path, dataset: str | None) -> _Stored:
    values, attributes = read_array(path, dataset, key="tissue.image")
    values = _three_axes(values, path, extra=0)
    for name in ("spacing", "element_size_um"):
        if name in attributes:
            z, y, x = np.broadcast_to(attributes[name], 3).astype(float).tolist()
            unit = "um" if name == "element_size_um" else attributes.get("spacing_unit", "")
            return _Stored(values, (z, y, x), unit=_unit_length(unit))
    return _Stored(values)


_Reader: TypeAlias = Callable[[Path, str | None], _Stored]
_READERS: dict[str, tuple[str, _Reader]] = {
    ".nii": ("NIfTI", _read_nifti),
    ".nii.gz": ("NIfTI", _read_nifti),
    ".nrrd": ("NRRD", _read_nrrd),
    ".nhdr": ("NRRD", _read_nrrd),
    ".tif": ("TIFF", _read_tiff),
    ".tiff": ("TIFF", _read_tiff),
    ".npy": ("NumPy array", _read_plain),
    ".h5": ("HDF5", _read_plain),
    ".hdf5": ("HDF5", _read_plain),
    ".vtkhdf": ("HDF5", _read_plain),
}


def _reader(path: Path) -> tuple[str, _Reader]:
    for ending, reader in _READERS.items():
        if path.name.lower().endswith(ending):
            return reader
    cure = f"Use one of {', '.join(_READERS)}"
    raise ConfigError(_file_problem(path, "the format is not known by its extension", cure))


def _package(name: str, path: Path) -> Any:
    """An optional package that reads a format."""
    try:
        return import_module(name)
    except ImportError:
        fault = f"the Python package {name} that reads this format is not installed"
        raise ConfigError(_file_problem(path, fault, 'Run pip install "tumorsim[images]"')) from None


def _onto_axes(
    values: np.ndarray, steps: np.ndarray, *, corner: np.ndarray, unit: float | None, path: Path
) -> _Stored:
    """Turn and flip an array indexed (i, j, k) so that its axes are z, y, x and increase.

    Column a of ``steps`` is the step (x, y, z) along array axis a, and ``corner`` the centre of voxel
    (0, 0, 0). Image axes may lean away from the coordinate axes as long as no voxel is displaced by more
    than half a voxel.
    """
    axes = np.abs(steps).argmax(axis=0)
    if not np.isfinite(steps).all() or sorted(axes) != [0, 1, 2]:
        raise ConfigError(_oblique(path))
    along = steps[axes, np.arange(3)]
    lean = np.abs(steps)
    lean[axes, np.arange(3)] = 0
    order = [int(np.flatnonzero(axes == axis)[0]) for axis in (2, 1, 0)]
    spacing = np.abs(along[order])
    if np.any((lean @ (np.array(values.shape) - 1))[::-1] > 0.5 * spacing):
        raise ConfigError(_oblique(path))
    turned = values.transpose(order)[tuple(slice(None, None, -1 if along[a] < 0 else 1) for a in order)]
    extent = along[order] * (np.array(turned.shape) - 1)
    low = (corner[::-1] + np.minimum(extent, 0)) / spacing - 0.5
    return _Stored(turned, _triple(spacing), _triple(low.round(6) * spacing, digits=15), unit)


def _oblique(path: Path) -> Problem:
    return _file_problem(
        path,
        "the image axes are oblique to the coordinate axes",
        "Resample it onto straight axes first with nearest-neighbour interpolation, for example by "
        "nibabel.processing.resample_to_output(image, order=0)",
    )


def _metric(stored: _Stored, given: Triple | None, path: Path) -> tuple[Triple, Triple]:
    """Spacing and lower corner in m, from the file, the user, or both where they agree."""
    for spacing in (stored.spacing, given):
        if spacing is not None and not all(0 < h < np.inf for h in spacing):
            fault, cure = f"the voxel spacing of {path} is not above zero", 'Give one, for example "50 um"'
            raise ConfigError(Problem(_SPACING, f"x, y, z = {_shown(spacing)}", fault, cure))
    if given is None and (stored.spacing is None or stored.unit is None):
        raise ConfigError(_spacing_missing(stored, path))
    if stored.spacing is None:
        assert given is not None
        return given, stored.origin
    unit = stored.unit if given is None else _agreed_unit(stored, given, path)
    return _triple(np.array(stored.spacing) * unit), _triple(np.array(stored.origin) * unit, digits=15)


def _spacing_missing(stored: _Stored, path: Path) -> Problem:
    if stored.spacing is None:
        cure = 'Give it, for example "50 um", or ["50 um", "50 um", "100 um"] for x, y, z'
        return Problem(_SPACING, None, f"{path} carries no voxel spacing", cure)
    fault = f"the voxel spacing in {path} has no unit: x, y, z = {_shown(stored.spacing)}"
    listed = ", ".join(f'"{h:.6g} mm"' for h in reversed(stored.spacing))
    return Problem(_SPACING, None, fault, f"Give it; if the numbers are mm, spacing = [{listed}]")


def _agreed_unit(stored: _Stored, given: Triple, path: Path) -> float:
    """The file's unit of length, m: its own, or else the one in which it agrees with the given spacing."""
    ratio = np.array(given) / np.array(stored.spacing)
    unit = float(ratio[0]) if stored.unit is None else stored.unit
    if np.any(np.abs(ratio / unit - 1) > SPACING_TOLERANCE):
        assert stored.spacing is not None
        own = "without a unit" if stored.unit is None else f"in units of {stored.unit:g} m"
        fault = f"{path} has another voxel spacing, x, y, z = {_shown(stored.spacing)} {own}"
        cure = "Leave tissue.image.spacing out, or correct the file"
        raise ConfigError(Problem(_SPACING, f"x, y, z = {_shown(given)} m", fault, cure))
    return unit


def _whole_numbers(values: np.ndarray, path: Path) -> np.ndarray:
    """Labels as integers; ConfigError if they are anything but whole numbers."""
    if values.dtype.kind == "b":
        return values.astype(np.uint8)
    if values.dtype.kind in "iu":
        return values
    odd: object = values.dtype
    if values.dtype.kind == "f":
        wrong = ~(np.abs(values) < 2**31) | (values != np.rint(values))  # the first part catches NaN
        if not wrong.any():
            return values.astype(np.int32)
        odd = values[wrong][0].item()
    cure = "A segmentation is needed, one whole number per tissue, not the scan itself"
    raise ConfigError(_file_problem(path, f"the voxels are not whole numbers, for example {odd}", cure))


def _three_axes(values: np.ndarray, path: Path, *, extra: int) -> np.ndarray:
    """The array with three axes: single ones at the end ``extra`` (0 or −1) dropped, or a slice's added."""
    while values.ndim > 3 and values.shape[extra] == 1:
        values = values.squeeze(extra)
    if values.ndim == 2:
        values = np.expand_dims(values, extra)
    if values.ndim != 3 or values.size == 0:
        fault = f"the image has shape {values.shape}"
        raise ConfigError(_file_problem(path, fault, "Give one 3-D image, without channels or time points"))
    return values


def _label_problems(
    image: LabelImage, labels: dict[str, int], *, background: str, ignored: set[int]
) -> list[Problem]:
    present, voxels = np.unique(image.labels, return_counts=True)
    counts = dict(zip(present.tolist(), voxels.tolist(), strict=True))
    listed = "Labels in the image: " + ", ".join(f"{label} ({n} voxels)" for label, n in counts.items())
    key = "tissue.image.labels"
    problems = []
    for name, label in labels.items():
        if label not in counts:
            problems.append(Problem(f"{key}.{name}", label, "this label is not in the image", listed))
        if label == 0 and name != background:
            cure = "Renumber it in the image, or make it [tissue] background"
            problems.append(Problem(f"{key}.{name}", 0, f"0 is the background, {background!r}", cure))
        if label in ignored or list(labels.values()).count(label) > 1:
            cure = "Name each label once, or ignore it"
            problems.append(Problem(f"{key}.{name}", label, "this label is used twice", cure))
    for label in counts.keys() - {0, *labels.values(), *ignored}:
        fault = f"{counts[label]} voxels have this label, which has no name"
        cure = f"Name it in {key}, or add it to tissue.image.ignore"
        problems.append(Problem(key, label, fault, cure))
    return problems


def _to_right_anterior_superior(space: str) -> np.ndarray:
    """Signs (x, y, z) that turn an NRRD space into right–anterior–superior; other spaces stay as they are."""
    name = space.lower().removesuffix("-time").removesuffix("t")
    left = name.startswith("left") or name in ("lps", "las")
    posterior = "posterior" in name or name == "lps"
    return np.array([-1.0 if left else 1.0, -1.0 if posterior else 1.0, 1.0])


def _ome_spacing(xml: str) -> Triple | None:
    """PhysicalSizeZ, Y, X of an OME-TIFF in m, if all three are there; OME's default unit is µm."""
    from xml.etree import ElementTree

    pixels = next((e for e in ElementTree.fromstring(xml).iter() if e.tag.endswith("}Pixels")), None)
    lengths = []
    for axis in "ZYX" if pixels is not None else "":
        assert pixels is not None
        size = pixels.get(f"PhysicalSize{axis}")
        unit = _unit_length(pixels.get(f"PhysicalSize{axis}Unit", "um"))
        if size is None or unit is None:
            return None
        lengths.append(float(size) * unit)
    return _triple(np.array(lengths)) if lengths else None


def _unit_length(name: object) -> float | None:
    """Metres in a unit of length named in a file; None if it is not one."""
    text = name.decode() if isinstance(name, bytes) else str(name)
    try:
        return to_si(f"1 {text.strip()}", "m")
    except UnitError:
        return None


def _triple(values: np.ndarray, digits: int = 7) -> Triple:
    """Three floats, rounded to the digits that single-precision headers carry: 0.05 mm is 5e-05 m."""
    z, y, x = (float(f"{value:.{digits}g}") for value in values)
    return z, y, x


def _shown(spacing: Triple) -> str:
    return ", ".join(f"{h:.6g}" for h in reversed(spacing))


def _file_problem(path: Path, fault: str, cure: str) -> Problem:
    return Problem("tissue.image.file", str(path), fault, cure)
