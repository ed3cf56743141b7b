"""The shapes that are drawn are those of the tissue and the vessels."""

from dataclasses import replace

import numpy as np
import pytest

from tumorsim.grid import Grid
from tumorsim.render import anatomy as rooms
from tumorsim.render.anatomy import MICRON, anatomy, block_mean, cut_faces, surface, tumour_masks
from tumorsim.render.vessel_tubes import vessel_tubes
from tumorsim.vessels.network import Network

END = 86400.0


def test_the_surface_lies_on_the_sphere(sphere):
    shapes = anatomy(sphere, END)
    points = surface(shapes).points / MICRON
    r = np.linalg.norm(points - np.array(sphere.grid.center)[::-1], axis=1)
    onto_the_cut = r < 0.9e-3
    assert not onto_the_cut.any()
    assert r == pytest.approx(1e-3, abs=1e-4)  # a voxel: staircase and smoothing


def test_the_octant_towards_the_viewer_is_missing(sphere):
    shapes = anatomy(sphere, END)
    z, y, x = ((index + 0.5) * 1e-4 for index in shapes.corner)
    points = surface(shapes).points / MICRON
    tolerance = 1e-9
    missing = (points[:, 0] > x + tolerance) & (points[:, 1] < y - tolerance) & (points[:, 2] > z + tolerance)
    assert not missing.any()
    assert (points[:, 2] > z).any() and (points[:, 1] < y).any()


def test_the_cut_faces_close_the_opening(sphere):
    """Each face is a quarter of a disc and a little more, for the cut goes beyond the middle."""
    shapes = anatomy(sphere, END)
    faces = cut_faces(shapes, sphere.arrays["free"])
    radius = 1e-3 * MICRON
    for face in faces:
        assert np.pi * radius**2 / 4 < face.area < 1.6 * np.pi * radius**2 / 4
    z = (shapes.corner[0] + 0.5) * 1e-4 * MICRON
    assert faces[0].points[:, 2] == pytest.approx(z)


def test_the_cut_faces_carry_the_values_of_the_voxels_there(sphere):
    shapes = anatomy(sphere, END)
    z, y, x = np.meshgrid(*(c.ravel() for c in sphere.grid.centers), indexing="ij")
    linear = (x + 2 * y + 3 * z) * MICRON
    for face in cut_faces(shapes, linear):
        px, py, pz = face.points.T
        assert face["field"] == pytest.approx(
            px + 2 * py + 3 * pz, rel=1e-5
        )  # float32; interpolation is linear


def test_the_core_belongs_to_the_tumour_and_the_background_does_not(sphere):
    tumour, core = tumour_masks(sphere, END)
    assert (tumour == (sphere.arrays["region"] > 0)).all()
    assert (core == (sphere.arrays["region"] == 2)).all()


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (("normal", "tumour", "margin"), [1]),
        (("normal", "rim", "lesion"), [1, 2]),
        (("muscle", "Tumor", "Necrotic core"), [1, 2]),
        (("tumour", "unused", "normal"), [0]),
    ],
)
def test_regions_are_known_by_their_names(sphere, names, labels):
    named = replace(sphere, region_names=names)
    assert (tumour_masks(named, END)[0] == np.isin(sphere.arrays["region"], labels)).all()


def test_without_a_tumour_the_whole_box_is_opened(sphere):
    bare = replace(sphere, arrays={"free": sphere.arrays["free"]})
    shapes = anatomy(bare, END)
    assert shapes.fills_the_box
    for corner, domain in zip(shapes.stage, shapes.domain, strict=True):
        assert corner == pytest.approx(domain)
    assert all(face.n_cells for face in cut_faces(shapes, bare.arrays["free"]))


@pytest.mark.parametrize("where", [np.s_[3, 3, 3], np.s_[5, :, :], np.s_[0, 0, :]])
def test_a_tumour_of_one_voxel_or_one_sheet_is_not_smoothed_away(made, where):
    region = np.zeros((10, 11, 12))
    region[where] = 1
    shapes = anatomy(made(region), END)
    assert surface(shapes).n_cells
    assert shapes.solid.max() >= 0.5


def test_a_large_volume_is_drawn_in_blocks(sphere, monkeypatch):
    monkeypatch.setattr(rooms, "_FINEST", 10)
    shapes = anatomy(sphere, END)
    assert shapes.factor == 3
    assert shapes.grid == Grid((9, 10, 10), (pytest.approx(3e-4),) * 3)
    low, high = shapes.bounds
    assert high - low == pytest.approx([2e-3] * 3, abs=6e-4)  # a block on either side


def test_blocks_keep_the_mean():
    array = np.random.default_rng(0).random((6, 9, 12))
    assert block_mean(array, 3).mean() == pytest.approx(array.mean())
    assert block_mean(array, 1) is array
    assert block_mean(np.ones((5, 7, 8)), 3) == pytest.approx(np.ones((2, 3, 3)))


def test_vessels_have_their_true_radius_and_pressure(with_vessels):
    shapes = anatomy(with_vessels, END)
    tubes = vessel_tubes(with_vessels.network, within=shapes.domain)
    low, high = tubes["pressure"].min(), tubes["pressure"].max()
    assert (low, high) == (2000.0, 3000.0)
    # around the middle of the straight vessel along x, away from the branch
    middle = np.array(with_vessels.grid.center)[::-1] * MICRON
    lines = tubes.points - middle
    along = np.abs(lines[:, 1:]).max(axis=1) < 40
    far = lines[:, 0] > 200
    assert np.linalg.norm(lines[along & far][:, 1:], axis=1).max() == pytest.approx(30, rel=1e-3)


def test_a_chain_of_segments_has_no_step_and_a_branch_keeps_its_radii():
    nodes = np.array([[0, 0, 0], [0, 0, 1], [0, 0, 2], [0, 1, 2], [0, 0, 3]]) * 1e-4
    segments = np.array([[0, 1], [1, 2], [2, 3], [2, 4]])
    network = Network(nodes, segments, np.array([1e-5, 2e-5, 1e-5, 3e-5]))
    tubes = vessel_tubes(network, within=(nodes.min(0), nodes.max(0)))
    at_the_bend = np.isclose(tubes.points[:, 0], 100.0) & (np.abs(tubes.points[:, 1]) < 40)
    r = np.linalg.norm(tubes.points[at_the_bend][:, 1:], axis=1)
    assert r.max() == pytest.approx(15.0, rel=1e-3)
    assert np.isnan(tubes["pressure"]).all()


def test_vessels_outside_are_left_out(with_vessels):
    corner = np.array([0.0, 0.0, 0.0])
    assert vessel_tubes(with_vessels.network, within=(corner, corner + 1e-6)) is None
