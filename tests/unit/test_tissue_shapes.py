"""Facts about painted tumours: sizes converge, thicknesses are right to a voxel, forms outlive refinement."""

from math import pi

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tumorsim.errors import ConfigError
from tumorsim.grid import Grid
from tumorsim.tissue.shapes import Core, Ellipsoid, Lobed, Margin, Shape, Sphere, lobed_radius, paint

MM = 1e-3


def _box(n: int, aspect: tuple[int, int, int] = (1, 1, 1)) -> Grid:
    """A box of 6 mm with n voxels along x; ``aspect`` divides the count on each axis."""
    nz, ny, nx = (n // a for a in aspect)
    return Grid((nz, ny, nx), (6 * MM / nz, 6 * MM / ny, 6 * MM / nx))


def _paint(grid: Grid, *shapes: Shape):
    return paint(grid, shapes, background="normal")


def _radius(volume: float) -> float:
    return (3 * volume / (4 * pi)) ** (1 / 3)


def _fault(*shapes: Shape, grid: Grid | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        _paint(grid or _box(24), *shapes)
    return str(caught.value)


@pytest.mark.parametrize("aspect", [(1, 1, 1), (2, 1, 1)])
@pytest.mark.parametrize("radii", [(2 * MM, 2 * MM, 2 * MM), (1.4 * MM, 1.9 * MM, 2.5 * MM)])
def test_volume_converges_with_the_grid(radii, aspect):
    def error(n: int) -> float:
        """Root mean square over positions: a single one may be right by luck."""
        rng = np.random.default_rng(3)
        exact = 4 / 3 * pi * np.prod(radii)
        centers = (3 * MM + rng.uniform(-0.2 * MM, 0.2 * MM, (12, 3))).tolist()
        shapes = [Ellipsoid("tumour", radii=radii, center=tuple(center)) for center in centers]
        errors = [_paint(_box(n, aspect), shape).volume("tumour") / exact - 1 for shape in shapes]
        return float(np.sqrt(np.mean(np.square(errors))))

    coarse, fine = error(14), error(56)
    assert np.log(coarse / fine) / np.log(4) > 1
    assert fine < 5e-3


def test_a_sphere_is_an_ellipsoid_with_equal_axes_at_the_centre_of_the_box():
    ball = _paint(_box(24), Sphere("tumour", radius=2 * MM))
    same = _paint(_box(24), Ellipsoid("tumour", radii=(2 * MM,) * 3, center=(3 * MM,) * 3))
    np.testing.assert_array_equal(ball.labels, same.labels)


def test_positions_are_measured_from_the_origin_of_the_world():
    shifted = Grid((24, 24, 24), (0.25 * MM,) * 3, origin=(10 * MM, 20 * MM, 30 * MM))
    ball = Sphere("tumour", radius=1 * MM, center=(12 * MM, 23 * MM, 33 * MM))
    moved = Sphere("tumour", radius=1 * MM, center=(2 * MM, 3 * MM, 3 * MM))
    np.testing.assert_array_equal(_paint(shifted, ball).labels, _paint(_box(24), moved).labels)


def test_radii_are_in_array_order():
    regions = _paint(_box(24), Ellipsoid("tumour", radii=(1 * MM, 2 * MM, 2.8 * MM)))
    extent = [np.ptp(indices) + 1 for indices in np.nonzero(regions.mask("tumour"))]
    assert extent == [8, 16, 22]


def test_later_shapes_cover_earlier_ones():
    regions = _paint(_box(24), Sphere("tumour", radius=2 * MM), Sphere("cyst", radius=1 * MM))
    alone = _paint(_box(24), Sphere("tumour", radius=2 * MM))
    np.testing.assert_array_equal(alone.mask("tumour"), regions.mask("tumour") | regions.mask("cyst"))
    assert regions.names == ("normal", "tumour", "cyst")


@pytest.mark.parametrize("aspect", [(1, 1, 1), (2, 1, 1)])
@pytest.mark.parametrize("fraction", [0.3, 0.5, 0.8])
def test_the_core_of_a_sphere_is_a_sphere_of_that_fraction(fraction, aspect):
    grid = _box(40, aspect)
    regions = _paint(
        grid, Sphere("tumour", radius=2.4 * MM), Core("necrosis", of="tumour", fraction=fraction)
    )
    assert abs(_radius(regions.volume("necrosis")) - fraction * 2.4 * MM) < max(grid.spacing)


@pytest.mark.parametrize("thickness", [0.3 * MM, 0.6 * MM, 1.1 * MM])
def test_a_core_and_a_margin_have_their_thickness_right_to_a_voxel(thickness):
    grid = _box(40)
    ball = Sphere("tumour", radius=1.8 * MM)
    core = _paint(grid, ball, Core("necrosis", of="tumour", depth=thickness))
    assert abs(_radius(core.volume("necrosis")) - (1.8 * MM - thickness)) < grid.spacing[0]
    margin = _paint(grid, ball, Margin("rim", of="tumour", thickness=thickness))
    outer = _radius(margin.volume("tumour") + margin.volume("rim"))
    assert abs(outer - (1.8 * MM + thickness)) < grid.spacing[0]


def test_the_core_of_a_half_tumour_at_a_face_reaches_the_face():
    """A box face may be a plane of symmetry: there is no surface."""
    regions = _paint(
        _box(30),
        Sphere("tumour", radius=2 * MM, center=(0.0, 3 * MM, 3 * MM)),
        Core("necrosis", of="tumour", fraction=0.5),
    )
    assert regions.mask("necrosis")[0].any()
    assert abs(_radius(2 * regions.volume("necrosis")) - 1 * MM) < 0.2 * MM


def test_a_margin_is_painted_over_the_background_only():
    ball, neighbour = (
        Sphere("tumour", radius=1 * MM),
        Sphere("bone", radius=0.8 * MM, center=(3e-3, 3e-3, 4.8e-3)),
    )
    before = _paint(_box(24), ball, neighbour)
    after = _paint(_box(24), ball, neighbour, Margin("rim", of="tumour", thickness=0.5 * MM))
    assert after.volume("rim") > 0
    for name in ("tumour", "bone"):
        np.testing.assert_array_equal(before.mask(name), after.mask(name))


def _dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


@given(seed=st.integers(0, 2**32), lobes=st.integers(2, 6))
@settings(max_examples=8, deadline=None)
def test_a_lobed_tumour_is_the_same_on_a_finer_grid(seed, lobes):
    shape = Lobed("tumour", radius=1.6 * MM, roughness=0.2, lobes=lobes, seed=seed)
    coarse, fine = (_paint(_box(n), shape).mask("tumour") for n in (48, 96))
    for axis in range(3):
        coarse = coarse.repeat(2, axis)
    assert _dice(coarse, fine) > 0.95  # measured 0.965: a quarter of a coarse voxel at the surface


def test_another_seed_is_another_tumour_of_the_same_volume():
    one, two = (_paint(_box(48), Lobed("tumour", radius=1.5 * MM, seed=seed)) for seed in (1, 2))
    assert _dice(one.mask("tumour"), two.mask("tumour")) < 0.95
    exact = 4 / 3 * pi * (1.5 * MM) ** 3
    for regions in (one, two):
        assert regions.volume("tumour") == pytest.approx(exact, rel=0.01)  # the grid's error at 12 voxels


def test_a_lobed_tumour_without_roughness_is_a_sphere():
    smooth = _paint(_box(32), Lobed("tumour", radius=2 * MM, roughness=0.0))
    np.testing.assert_array_equal(smooth.labels, _paint(_box(32), Sphere("tumour", radius=2 * MM)).labels)


def _fibonacci(n: int) -> np.ndarray:
    """Evenly spread unit vectors."""
    height = 1 - (2 * np.arange(n) + 1) / n
    turn = np.arange(n) * pi * (3 - np.sqrt(5))
    across = np.sqrt(1 - height**2)
    return np.stack([height, across * np.sin(turn), across * np.cos(turn)], axis=-1)


@pytest.mark.parametrize("roughness", [0.1, 0.25, 0.5])
def test_roughness_is_the_relative_deviation_of_the_radius(roughness):
    deviations = []
    for seed in range(5):
        radius, least, greatest = lobed_radius(Lobed("tumour", radius=1.0, roughness=roughness, seed=seed))
        samples = radius(_fibonacci(4000))
        assert least <= samples.min() and samples.max() <= greatest
        assert np.mean(samples**3) == pytest.approx(1, rel=2e-3)  # equal volume; 4000 points
        deviations.append(samples.std() / samples.mean())
    # One tumour's ln r is not exactly normal, which moves the deviation of r a little.
    assert np.mean(deviations) == pytest.approx(roughness, rel=0.15)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_lobes_leave_a_tumour_at_its_centre(seed):
    """To first order in the roughness the centroid moves with the mean of n ln r over directions n."""
    radius, _, _ = lobed_radius(Lobed("tumour", radius=1.0, seed=seed))
    directions = _fibonacci(4000)
    shift = np.mean(np.log(radius(directions))[:, None] * directions, axis=0)
    np.testing.assert_allclose(shift, 0, atol=1e-3)  # 4000 points; degree 1 alone would give 0.1


def test_more_lobes_make_a_rougher_surface_of_the_same_deviation():
    def bumpiness(lobes: int) -> float:
        """Mean relative change of the radius over a degree of arc."""
        radius, _, _ = lobed_radius(Lobed("tumour", radius=1.0, lobes=lobes))
        here = _fibonacci(2000)
        there = here + np.radians(1) * np.cross(here, np.array([0.0, 0.0, 1.0]))
        there /= np.linalg.norm(there, axis=1, keepdims=True)
        return float(np.abs(radius(there) - radius(here)).mean())

    assert bumpiness(3) < bumpiness(6) < bumpiness(12)


def test_a_shape_outside_the_box_is_named_with_the_span_of_the_box():
    message = _fault(Sphere("tumour", radius=1 * MM, center=(3 * MM, 3 * MM, 20 * MM)))
    assert "tissue.shapes[0].center = '20000 um, 3000 um, 3000 um'" in message
    assert "sphere of region 'tumour' lies outside the box" in message
    assert "x 0 um to 6000 um, y 0 um to 6000 um, z 0 um to 6000 um" in message


def test_a_shape_between_the_voxel_centres_is_told_the_size_that_works():
    message = _fault(Sphere("tumour", radius=50e-6))
    assert "tissue.shapes[0].radius" in message and "at least 216.506 um" in message
    _paint(_box(24), Sphere("tumour", radius=216.51e-6))


def test_a_core_needs_its_region_first():
    message = _fault(Core("necrosis", of="tumour", fraction=0.5), Sphere("tumour", radius=2 * MM))
    assert "tissue.shapes[0].of = 'tumour'" in message and "painted so far: normal" in message


def test_a_core_too_deep_is_told_how_deep_it_may_be():
    message = _fault(Sphere("tumour", radius=1 * MM), Core("necrosis", of="tumour", depth=3 * MM))
    assert "tissue.shapes[1].depth" in message and "Use a depth below" in message


def test_a_margin_thinner_than_a_voxel_is_refused():
    message = _fault(Sphere("tumour", radius=1 * MM), Margin("rim", of="tumour", thickness=20e-6))
    assert "tissue.shapes[1].thickness" in message and "at least 250 um" in message


def test_a_margin_of_the_background_is_refused():
    assert "paints no voxel" in _fault(Margin("rim", of="normal", thickness=1 * MM))


def test_a_region_that_fills_the_box_has_no_core():
    assert "has no surface" in _fault(Core("necrosis", of="normal", fraction=0.5))


def test_a_hidden_region_is_refused():
    message = _fault(Sphere("cyst", radius=1 * MM), Sphere("tumour", radius=2 * MM))
    assert "'cyst': later shapes hide this region" in message


def test_every_impossible_number_is_told_at_once():
    message = _fault(
        Sphere("a", radius=-1.0),
        Ellipsoid("b", radii=(1.0, 0.0, 1.0)),
        Lobed("c", radius=float("nan"), roughness=2.0, lobes=1, seed=-1),
        Core("d", of="a"),
        Core("e", of="a", fraction=1.5),
        Core("f", of="a", fraction=0.5, depth=1.0),
        Margin("g", of="a", thickness=0.0),
    )
    keys = [line.split(" = ")[0].split(":")[0] for line in message.splitlines()]
    assert keys == [
        f"tissue.shapes[{key}"
        for key in (
            "0].radius",
            "1].radii",
            "2].radius",
            "2].roughness",
            "2].lobes",
            "2].seed",
            "3]",
            "4].fraction",
            "5]",
            "6].thickness",
        )
    ]
