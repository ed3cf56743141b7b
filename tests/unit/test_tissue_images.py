"""Facts about segmented scans: every format gives the same physical tumour, or an error that says why not."""

from itertools import permutations, product
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tumorsim.errors import ConfigError
from tumorsim.tissue.images import LabelImage, read_label_image, regions_from_image, resample

SPACING = (100e-6, 60e-6, 50e-6)
CORNER = (0.3e-3, -0.6e-3, 1.2e-3)


def _tumour() -> np.ndarray:
    """Labels 0, 1, 2 without any symmetry, (z, y, x) = (5, 6, 7)."""
    labels = np.zeros((5, 6, 7), np.uint8)
    labels[1:4, 2:5, 1:6] = 1
    labels[1, 2, 1:3] = 2
    labels[3, 4, 5] = 2
    return labels


def _check(image: LabelImage, origin: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> None:
    np.testing.assert_array_equal(image.labels, _tumour())
    assert image.labels.flags.c_contiguous
    assert image.spacing == SPACING  # single-precision headers are rounded back to the number meant
    np.testing.assert_allclose(image.origin, origin, atol=1e-10)  # 1e-6 of a voxel


def _fault(path: Path, **options) -> str:
    with pytest.raises(ConfigError) as caught:
        read_label_image(path, **options)
    return str(caught.value)


def _affine(order: tuple[int, int, int], signs: tuple[int, int, int], unit: float = 1e-3) -> np.ndarray:
    """Array axis a runs along world axis order[a], forwards or backwards; lengths in ``unit`` metres."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for a, (axis, sign) in enumerate(zip(order, signs, strict=True)):
        h, low, n = SPACING[2 - axis], CORNER[2 - axis], _tumour().shape[2 - axis]
        affine[axis, a] = sign * h / unit
        affine[axis, 3] = (low + h / 2 if sign > 0 else low + (n - 0.5) * h) / unit
    return affine


def _voxels(order: tuple[int, int, int], signs: tuple[int, int, int]) -> np.ndarray:
    """The tumour as such an array would hold it."""
    turned = _tumour().transpose([2 - axis for axis in order])
    return turned[tuple(slice(None, None, sign) for sign in signs)]


ORIENTATIONS = list(product(permutations((0, 1, 2)), product((1, -1), repeat=3)))


@pytest.mark.parametrize(("order", "signs"), ORIENTATIONS)
def test_nifti_in_any_orientation_is_the_same_tumour(tmp_path, order, signs):
    nibabel = pytest.importorskip("nibabel")
    image = nibabel.Nifti1Image(_voxels(order, signs), _affine(order, signs))
    image.header.set_xyzt_units("mm")
    image.to_filename(tmp_path / "tumour.nii")
    _check(read_label_image(tmp_path / "tumour.nii"), CORNER)


@pytest.mark.parametrize(("name", "unit"), [("micron", 1e-6), ("mm", 1e-3), ("meter", 1.0)])
def test_nifti_lengths_are_in_the_unit_of_the_header(tmp_path, name, unit):
    nibabel = pytest.importorskip("nibabel")
    upright = ((0, 1, 2), (1, 1, 1))
    image = nibabel.Nifti1Image(_voxels(*upright).astype(np.float32), _affine(*upright, unit=unit))
    image.header.set_xyzt_units(name)
    image.to_filename(tmp_path / "tumour.nii.gz")
    _check(read_label_image(tmp_path / "tumour.nii.gz"), CORNER)


@pytest.fixture
def unitless(tmp_path) -> Path:
    """A NIfTI whose header has numbers in mm but no unit, as many programs write it."""
    nibabel = pytest.importorskip("nibabel")
    upright = ((0, 1, 2), (1, 1, 1))
    nibabel.Nifti1Image(_voxels(*upright), _affine(*upright)).to_filename(tmp_path / "tumour.nii")
    return tmp_path / "tumour.nii"


def test_a_nifti_without_a_unit_needs_the_spacing(unitless):
    message = _fault(unitless)
    assert "tissue.image.spacing" in message
    assert 'if the numbers are mm, spacing = ["0.05 mm", "0.06 mm", "0.1 mm"]' in message
    _check(read_label_image(unitless, spacing=SPACING), CORNER)


def test_the_given_spacing_of_a_unitless_file_must_have_its_proportions(unitless):
    assert "another voxel spacing" in _fault(unitless, spacing=(100e-6, 50e-6, 50e-6))


@pytest.mark.parametrize("angle", [0.2, np.pi / 4, 0.8])
def test_an_oblique_nifti_is_refused(tmp_path, angle):
    nibabel = pytest.importorskip("nibabel")
    affine = _affine((0, 1, 2), (1, 1, 1))
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    image = nibabel.Nifti1Image(_voxels((0, 1, 2), (1, 1, 1)), turn @ affine)
    image.header.set_xyzt_units("mm")
    image.to_filename(tmp_path / "tumour.nii")
    message = _fault(tmp_path / "tumour.nii")
    assert "oblique" in message and "resample_to_output" in message


def test_a_lean_of_less_than_half_a_voxel_is_no_obliqueness(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    affine = _affine((0, 1, 2), (1, 1, 1))
    affine[0, 1] = 0.4 * affine[0, 0] / 5  # 0.4 voxels over the six rows
    image = nibabel.Nifti1Image(_voxels((0, 1, 2), (1, 1, 1)), affine)
    image.header.set_xyzt_units("mm")
    image.to_filename(tmp_path / "tumour.nii")
    np.testing.assert_array_equal(read_label_image(tmp_path / "tumour.nii").labels, _tumour())


@pytest.mark.parametrize(
    ("space", "signs"),
    [
        ("right-anterior-superior", (1, 1, 1)),
        ("left-posterior-superior", (-1, -1, 1)),
        ("LPS", (-1, -1, 1)),
        ("left-anterior-superior", (-1, 1, 1)),
        ("scanner-xyz", (1, 1, 1)),
    ],
)
def test_nrrd_in_any_anatomical_space_is_the_tumour_of_the_nifti(tmp_path, space, signs):
    nrrd = pytest.importorskip("nrrd")
    affine = np.diag([*signs, 1.0]) @ _affine((1, 0, 2), (1, -1, 1))
    header = {
        "space": space,
        "space directions": affine[:3, :3].T,
        "space origin": affine[:3, 3],
        "space units": ["mm", "mm", "mm"],
    }
    nrrd.write(str(tmp_path / "tumour.nrrd"), _voxels((1, 0, 2), (1, -1, 1)), header)
    _check(read_label_image(tmp_path / "tumour.nrrd"), CORNER)


def test_nrrd_with_plain_spacings(tmp_path):
    nrrd = pytest.importorskip("nrrd")
    header = {"spacings": [0.05, 0.06, 0.1], "units": ["mm", "mm", "mm"]}
    nrrd.write(str(tmp_path / "tumour.nrrd"), _tumour().transpose(2, 1, 0), header)
    image = read_label_image(tmp_path / "tumour.nrrd")
    _check(image, tuple(-h / 2 for h in SPACING))  # the first voxel's centre is at 0


def test_nrrd_without_spacing_needs_it(tmp_path):
    nrrd = pytest.importorskip("nrrd")
    nrrd.write(str(tmp_path / "tumour.nrrd"), _tumour().transpose(2, 1, 0))
    assert "carries no voxel spacing" in _fault(tmp_path / "tumour.nrrd")
    _check(read_label_image(tmp_path / "tumour.nrrd", spacing=SPACING))


@pytest.mark.parametrize(
    ("unit", "length"), [("mm", 1e-3), ("micron", 1e-6), ("um", 1e-6), ("\\u00B5m", 1e-6), ("cm", 1e-2)]
)
def test_imagej_tiff_carries_its_spacing(tmp_path, unit, length):
    tifffile = pytest.importorskip("tifffile")
    z, y, x = (h / length for h in SPACING)
    path = tmp_path / "tumour.tif"
    metadata = {"spacing": z, "unit": unit, "axes": "ZYX"}
    tifffile.imwrite(path, _tumour(), imagej=True, resolution=(1 / x, 1 / y), metadata=metadata)
    _check(read_label_image(path))


def test_ome_tiff_carries_its_spacing(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    metadata = {
        "axes": "ZYX",
        "PhysicalSizeX": 50.0,
        "PhysicalSizeY": 0.06,
        "PhysicalSizeYUnit": "mm",
        "PhysicalSizeZ": 100.0,
        "PhysicalSizeZUnit": "µm",
    }
    tifffile.imwrite(tmp_path / "t.ome.tif", _tumour(), photometric="minisblack", metadata=metadata)
    _check(read_label_image(tmp_path / "t.ome.tif"))


def test_the_print_resolution_of_a_plain_tiff_is_no_spacing(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    path = tmp_path / "tumour.tiff"
    tifffile.imwrite(path, _tumour(), photometric="minisblack", resolution=(72, 72), resolutionunit=2)
    assert 'Give it, for example "50 um"' in _fault(path)
    _check(read_label_image(path, spacing=SPACING))


def test_a_tiff_with_colours_is_refused(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "rgb.tif", np.zeros((9, 8, 3), np.uint8), photometric="rgb")
    assert "axes YXS" in _fault(tmp_path / "rgb.tif", spacing=SPACING)


def test_npy_needs_the_spacing(tmp_path):
    np.save(tmp_path / "tumour.npy", _tumour().astype(float))
    assert "tissue.image.spacing" in _fault(tmp_path / "tumour.npy")
    _check(read_label_image(tmp_path / "tumour.npy", spacing=SPACING))


def test_hdf5_carries_its_spacing_in_array_order(tmp_path):
    with h5py.File(tmp_path / "tumour.h5", "w") as file:
        file["other"] = np.zeros(3)
        file["scan/labels"] = _tumour()
        file["scan/labels"].attrs.update(spacing=[0.1, 0.06, 0.05], spacing_unit="mm")
        file["fiji"] = _tumour()
        file["fiji"].attrs["element_size_um"] = [100.0, 60.0, 50.0]
    _check(read_label_image(tmp_path / "tumour.h5", dataset="/scan/labels"))
    _check(read_label_image(tmp_path / "tumour.h5", dataset="fiji"))
    assert "Datasets in the file: /fiji, /other, /scan/labels" in _fault(tmp_path / "tumour.h5")
    assert "no such dataset" in _fault(tmp_path / "tumour.h5", dataset="/scan")


def test_the_only_dataset_of_an_hdf5_needs_no_name(tmp_path):
    with h5py.File(tmp_path / "tumour.h5", "w") as file:
        file["labels"] = _tumour()[None]
    _check(read_label_image(tmp_path / "tumour.h5", spacing=SPACING))


def test_a_spacing_that_contradicts_the_file_is_refused_and_one_that_agrees_is_not(tmp_path):
    with h5py.File(tmp_path / "tumour.h5", "w") as file:
        file["labels"] = _tumour()
        file["labels"].attrs["element_size_um"] = [100.0, 60.0, 50.0]
    _check(read_label_image(tmp_path / "tumour.h5", spacing=(100.01e-6, 60e-6, 50e-6)))
    message = _fault(tmp_path / "tumour.h5", spacing=(100e-6, 60e-6, 60e-6))
    assert "another voxel spacing, x, y, z = 50, 60, 100 in units of 1e-06 m" in message


@pytest.mark.parametrize("spacing", [(0.0, 1e-4, 1e-4), (1e-4, -1e-4, 1e-4), (1e-4, 1e-4, float("nan"))])
def test_a_spacing_that_is_no_length_is_refused(tmp_path, spacing):
    np.save(tmp_path / "tumour.npy", _tumour())
    assert "not above zero" in _fault(tmp_path / "tumour.npy", spacing=spacing)
    with pytest.raises(ConfigError, match="resample"):
        resample(LabelImage(_tumour(), SPACING, CORNER), spacing)


@pytest.mark.parametrize("value", [0.37, float("nan"), float("inf"), 1e12])
def test_a_scan_is_not_a_segmentation(tmp_path, value):
    scan = _tumour().astype(float)
    scan[2, 2, 2] = value
    np.save(tmp_path / "scan.npy", scan)
    message = _fault(tmp_path / "scan.npy", spacing=SPACING)
    assert "not whole numbers" in message and str(value) in message


@pytest.mark.parametrize("shape", [(5,), (2, 3, 4, 5), (0, 3, 3)])
def test_an_image_that_is_not_three_dimensional_is_refused(tmp_path, shape):
    np.save(tmp_path / "odd.npy", np.zeros(shape, int))
    assert str(shape) in _fault(tmp_path / "odd.npy", spacing=SPACING)


def test_a_single_slice_is_one_voxel_thick(tmp_path):
    np.save(tmp_path / "slice.npy", _tumour()[2])
    assert read_label_image(tmp_path / "slice.npy", spacing=SPACING).labels.shape == (1, 6, 7)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.tif", "a.npy", "a.h5"])
def test_a_broken_file_is_refused_by_name(tmp_path, name):
    (tmp_path / name).write_bytes(b"nonsense" * 100)
    assert f"{name}': this file cannot be read as" in _fault(tmp_path / name, spacing=SPACING)


def test_a_missing_file_and_an_unknown_format_are_refused(tmp_path):
    assert "no such file" in _fault(tmp_path / "tumour.nii")
    assert "Use one of .nii, .nii.gz, .nrrd" in _fault(tmp_path / "tumour.jpg")


@pytest.mark.parametrize(
    ("name", "package"), [("a.nii", "nibabel"), ("a.nrrd", "nrrd"), ("a.tif", "tifffile")]
)
def test_a_missing_package_is_named_with_the_command_that_installs_it(tmp_path, monkeypatch, name, package):
    (tmp_path / name).write_bytes(b"")
    monkeypatch.setitem(__import__("sys").modules, package, None)
    message = _fault(tmp_path / name)
    assert f"package {package} " in message and 'pip install "tumorsim[images]"' in message


def _volumes(image: LabelImage) -> np.ndarray:
    return np.bincount(image.labels.ravel(), minlength=3) * np.prod(image.spacing)


@pytest.mark.parametrize("factor", [2, 3])
def test_refining_by_a_whole_factor_keeps_every_volume(factor):
    image = LabelImage(_tumour(), SPACING, CORNER)
    finer = resample(image, tuple(h / factor for h in SPACING))
    assert finer.origin == CORNER and finer.labels.shape == tuple(factor * n for n in (5, 6, 7))
    np.testing.assert_allclose(_volumes(finer), _volumes(image), rtol=1e-12)


@given(spacing=st.tuples(*[st.floats(5e-6, 300e-6)] * 3))
@settings(deadline=None)
def test_resampling_keeps_the_box_to_half_a_voxel_and_every_label_in_its_place(spacing):
    numbered = np.arange(4 * 5 * 6).reshape(4, 5, 6)
    other = resample(LabelImage(numbered, SPACING, CORNER), spacing)
    picked = np.unravel_index(other.labels, numbered.shape)
    for axis, (old, new) in enumerate(zip(SPACING, spacing, strict=True)):
        n, old_n = other.labels.shape[axis], numbered.shape[axis]
        assert n == 1 or abs(n * new - old_n * old) < 0.5001 * new
        here = (np.moveaxis(np.indices(other.labels.shape)[axis], axis, 0) + 0.5) * new
        there = (np.moveaxis(picked[axis], axis, 0) + 0.5) * old
        inside = here < old_n * old
        assert np.all(np.abs(here - there)[inside] <= 0.50001 * old)  # rounding where two are as near
        assert np.all(np.moveaxis(picked[axis], axis, 0)[~inside] == old_n - 1)


def test_resampling_to_the_same_spacing_changes_nothing():
    same = resample(LabelImage(_tumour(), SPACING, CORNER), SPACING)
    np.testing.assert_array_equal(same.labels, _tumour())


def test_coarsening_by_a_whole_factor_takes_the_same_neighbour_everywhere():
    """Every new centre lies on a face between two old voxels, give or take a rounding."""
    line = LabelImage(np.arange(60).reshape(1, 1, 60), (50e-6,) * 3, (0.0,) * 3)
    coarse = resample(line, (50e-6, 50e-6, 300e-6))
    np.testing.assert_array_equal(coarse.labels.ravel(), np.arange(3, 60, 6))


def test_labels_become_regions_on_the_grid_of_the_image():
    image = LabelImage(_tumour(), SPACING, CORNER)
    grid, regions = regions_from_image(image, {"tumour": 1, "necrosis": 2}, background="normal")
    assert (grid.shape, grid.spacing, grid.origin) == ((5, 6, 7), SPACING, CORNER)
    assert regions.names == ("normal", "tumour", "necrosis")
    np.testing.assert_array_equal(regions.labels, _tumour())


def test_label_numbers_do_not_matter():
    far = np.array([0, -70, 4000], np.int16)[_tumour()]
    image = LabelImage(far, SPACING, CORNER)
    _, regions = regions_from_image(image, {"tumour": -70, "necrosis": 4000}, background="normal")
    np.testing.assert_array_equal(regions.labels, _tumour())


def test_ignored_labels_and_labels_named_as_background_become_background():
    image = LabelImage(_tumour(), SPACING, CORNER)
    _, regions = regions_from_image(image, {"tumour": 1}, background="normal", ignore=[2])
    np.testing.assert_array_equal(regions.mask("tumour"), _tumour() == 1)
    _, same = regions_from_image(image, {"tumour": 1, "normal": 2}, background="normal")
    np.testing.assert_array_equal(same.labels, regions.labels)


def test_every_fault_of_the_labels_is_told_with_what_the_image_holds():
    image = LabelImage(_tumour(), SPACING, CORNER)
    with pytest.raises(ConfigError) as caught:
        regions_from_image(image, {"tumour": 7, "other": 0}, background="normal")
    message = str(caught.value)
    assert "tissue.image.labels.tumour = 7: this label is not in the image" in message
    assert "Labels in the image: 0 (165 voxels), 1 (42 voxels), 2 (3 voxels)" in message
    assert "tissue.image.labels.other = 0: 0 is the background" in message
    assert "tissue.image.labels = 1: 42 voxels have this label, which has no name" in message
    assert "tissue.image.labels = 2: 3 voxels" in message


def test_a_label_is_named_once():
    image = LabelImage(_tumour(), SPACING, CORNER)
    with pytest.raises(ConfigError, match="used twice"):
        regions_from_image(image, {"tumour": 1, "necrosis": 2}, background="normal", ignore=[2])
    with pytest.raises(ConfigError, match="used twice"):
        regions_from_image(image, {"tumour": 1, "core": 2, "necrosis": 2}, background="normal")
