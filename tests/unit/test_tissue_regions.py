"""Facts about labelled regions: volumes, and distances to surfaces."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tumorsim.errors import ConfigError
from tumorsim.grid import Grid
from tumorsim.tissue.regions import Regions, depth, surroundings

GRID = Grid((8, 10, 12), (200e-6, 100e-6, 50e-6))


def _slab(axis: int, start: int) -> np.ndarray:
    mask = np.zeros(GRID.shape, bool)
    np.moveaxis(mask, axis, 0)[start:] = True
    return mask


def test_a_mask_selects_the_voxels_of_its_name():
    regions = Regions(GRID, _slab(0, 6).astype(np.uint8), ("normal", "tumour"))
    np.testing.assert_array_equal(regions.mask("tumour"), _slab(0, 6))
    np.testing.assert_array_equal(regions.mask("normal"), ~_slab(0, 6))


def test_volume_is_voxels_times_voxel_volume():
    regions = Regions(GRID, _slab(0, 6).astype(np.uint8), ("normal", "tumour"))
    assert regions.volume("tumour") == 2 * 10 * 12 * GRID.voxel_volume


@given(arrays(np.uint8, (3, 4, 5), elements=st.integers(0, 3)))
@settings(deadline=None)
def test_the_volumes_add_up_to_the_box(labels):
    regions = Regions(Grid((3, 4, 5), (1e-4, 2e-4, 3e-4)), labels, ("a", "b", "c", "d"))
    assert sum(regions.volumes().values()) == pytest.approx(regions.grid.volume, rel=1e-14)  # rounding
    assert all(regions.volume(name) == volume for name, volume in regions.volumes().items())


def test_the_repr_tells_the_volumes():
    regions = Regions(Grid((10, 10, 10), (1e-4, 1e-4, 1e-4)), np.zeros((10, 10, 10), np.uint8), ("normal",))
    assert repr(regions).startswith("Regions(normal 1 mm³; Grid(10 × 10 × 10")


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_depth_below_a_flat_surface_is_right_to_half_a_voxel(axis):
    mask, h = _slab(axis, 3), GRID.spacing[axis]
    layers = np.moveaxis(depth(mask, GRID), axis, 0)[:, 0, 0]
    exact = np.maximum(np.arange(GRID.shape[axis]) - 3 + 0.5, 0) * h
    assert np.abs(layers - exact)[3:].max() < h / 2
    assert np.all(layers[:3] == 0)


def test_depth_in_a_ball_is_its_radius_less_the_distance_from_the_centre():
    grid = Grid((30, 40, 40), (4 / 3, 1, 1))
    distance = grid.distance((20.3, 19.8, 20.1))
    error = (depth(distance <= 15, grid) - (15 - distance))[distance <= 15]
    assert np.abs(error).max() < 4 / 3  # one voxel
    assert abs(error.mean()) < 0.2  # as the docstring claims


def test_the_faces_of_the_box_are_no_surface():
    deepest = depth(_slab(2, 2), GRID)[:, :, -1]
    assert np.all(deepest > 9 * GRID.spacing[2])


def test_a_mask_without_a_surface_is_infinitely_deep():
    assert np.all(np.isinf(depth(np.ones(GRID.shape, bool), GRID)))
    assert np.all(depth(np.zeros(GRID.shape, bool), GRID) == 0)


def test_distance_to_surface_is_the_depth_of_a_region():
    regions = Regions(GRID, _slab(1, 4).astype(np.uint8), ("normal", "tumour"))
    np.testing.assert_array_equal(regions.distance_to_surface("tumour"), depth(_slab(1, 4), GRID))


@given(arrays(bool, (4, 5, 6)))
@settings(deadline=None)
def test_surroundings_hold_the_whole_mask(mask):
    if mask.any():
        assert mask[surroundings(mask, (0, 1, 2))].sum() == mask.sum()


def test_an_unknown_name_is_refused_with_the_known_ones():
    regions = Regions(GRID, np.zeros(GRID.shape, np.uint8), ("normal", "tumour"))
    with pytest.raises(ConfigError, match=r"'tumor': there is no region.*normal, tumour"):
        regions.mask("tumor")


def test_every_fault_of_the_names_is_told():
    labels = np.zeros(GRID.shape, np.uint8)
    with pytest.raises(ConfigError) as caught:
        Regions(GRID, labels, ("a", "a", ""))
    assert len(caught.value.problems) == 2
    with pytest.raises(ConfigError, match="1 to 255"):
        Regions(GRID, labels, tuple(f"region {n}" for n in range(256)))


@pytest.mark.parametrize(
    "labels",
    [np.zeros(GRID.shape, np.int32), np.zeros((2, 2, 2), np.uint8), np.full(GRID.shape, 1, np.uint8)],
)
def test_labels_must_be_bytes_that_fit_the_grid_and_the_names(labels):
    with pytest.raises(ValueError, match="label"):
        Regions(GRID, labels, ("normal",))
