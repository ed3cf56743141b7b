"""Volumes as NIfTI-1 files, for viewers and for other programs; needs nibabel (the extra ``images``)."""

from pathlib import Path
from typing import Any

import numpy as np

from tumorsim.errors import StorageError
from tumorsim.grid import Grid
from tumorsim.readouts.table import cannot_write

MILLIMETRE = 1e-3


def write_nifti(path: Path, values: np.ndarray, grid: Grid, *, unit: str, meaning: str) -> Path:
    """``values`` (nz, ny, nx) on ``grid`` as NIfTI-1, float32; labels stay uint8. "NAME.nii.gz" is compressed.

    The axes of the file are x, y, z = right, anterior, superior (RAS+) in mm, as ``tissue.images`` reads them;
    the affine takes an index to the centre of its voxel. ``unit`` and ``meaning`` go into the description, which
    holds 79 characters. Raises StorageError.
    """
    nibabel = _nibabel(path)
    kind = np.uint8 if values.dtype == np.uint8 else np.float32
    image = nibabel.Nifti1Image(np.ascontiguousarray(values.transpose(2, 1, 0), kind), affine(grid))
    image.header.set_xyzt_units("mm", "sec")
    image.header["descrip"] = f"{meaning} [{unit}]".encode("ascii", "replace")[:79]
    image.set_sform(affine(grid), code="scanner")
    image.set_qform(affine(grid), code="scanner")
    try:
        nibabel.save(image, path)
    except OSError as error:
        raise cannot_write(path, error) from error
    return path


def affine(grid: Grid) -> np.ndarray:
    """From voxel indices (i, j, k) along x, y, z to the place of the voxel's centre in mm, (4, 4)."""
    spacing, origin = (np.array(triple[::-1]) / MILLIMETRE for triple in (grid.spacing, grid.origin))
    matrix = np.diag([*spacing, 1.0])
    matrix[:3, 3] = origin + spacing / 2
    return matrix


def _nibabel(path: Path) -> Any:
    try:
        import nibabel
    except ImportError:
        cure = 'Run pip install "tumorsim[images]"'
        raise StorageError(f"cannot write {path}: the package nibabel is not installed. {cure}") from None
    return nibabel
