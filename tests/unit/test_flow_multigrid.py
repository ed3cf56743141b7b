"""The multigrid cycle is a symmetric positive operator on any shape, and its coarse levels are honest media."""

from itertools import pairwise

import numpy as np
import pytest

from tumorsim.boundaries import Boundaries
from tumorsim.device.select import describe_devices, select_device
from tumorsim.flow.medium import Medium, make_medium
from tumorsim.flow.multigrid import (
    DENSE,
    Multigrid,
    build_levels,
    coarsen,
    dense_inverse,
    finest_level,
    strong_axes,
)
from tumorsim.flow.part_multigrid import PartMultigrid
from tumorsim.grid import Grid
from tumorsim.operators.pressure_operator import net_outflow

DEVICES = [name for name, here, _ in describe_devices() if here and name != "cuda"]
MIXED = Boundaries(z_low=0.0, y_high=0.0, x_low=0.0, x_high=0.0)


def rough_medium(
    device, shape, *, spacing=(1.0, 1.0, 1.0), boundaries=MIXED, absorption=0.1, dtype=np.float64, contrast=4
):
    """Conductivities over ``contrast`` decades between neighbours, absorption in a tenth of the voxels."""
    random = np.random.default_rng(list(shape))
    conductivity = device.upload(10.0 ** random.uniform(-contrast, 0, shape))
    absorbing = device.upload(np.where(random.random(shape) < 0.1, absorption, 0.0))
    return make_medium(device, Grid(shape, spacing), conductivity, absorbing, boundaries, dtype=dtype)


def operate(medium, p):
    """A p."""
    return net_outflow(p, medium.conductance, medium.absorption, slice(0, len(p)), spacing=medium.spacing)


def vectors(shape, count=2):
    return np.random.default_rng(7).standard_normal((count, *shape))


@pytest.fixture(params=DEVICES)
def device(request):
    return select_device(request.param)[0]


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 40), (7, 1, 5), (9, 8, 11)])
def test_the_operator_is_symmetric(device, shape):
    medium = rough_medium(device, shape, spacing=(1.0, 2.0, 8.0))
    v, w = vectors(shape)
    av, aw = operate(medium, v), operate(medium, w)
    assert (av * w).sum() == pytest.approx((v * aw).sum(), rel=1e-12)
    assert (av * v).sum() > 0


def test_in_a_closed_box_a_level_pressure_stays_and_only_absorption_takes_fluid(device):
    """Row sums of A are G: the fluxes between voxels cancel, column by column and row by row."""
    medium = rough_medium(device, (5, 6, 7), boundaries=Boundaries())
    ones, (v,) = np.ones((5, 6, 7)), vectors((5, 6, 7), 1)
    assert operate(medium, ones) == pytest.approx(medium.absorption, abs=1e-13)
    assert operate(medium, v).sum() == pytest.approx((medium.absorption * v).sum(), abs=1e-12)


SHAPES = [(12, 12, 12), (17, 13, 11), (1, 31, 37), (97, 3, 2), (1, 1, 600)]


CYCLES = pytest.mark.parametrize("kind", [Multigrid, PartMultigrid])


@CYCLES
@pytest.mark.parametrize("boundaries", [MIXED, Boundaries()], ids=["mixed", "no flux"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_cycle_is_symmetric_and_positive(device, shape, boundaries, kind):
    medium = rough_medium(device, shape, spacing=(1.0, 3.0, 1.0), boundaries=boundaries, dtype=np.float32)
    cycle = kind(device, finest_level(device, medium))
    v, w = vectors(shape).astype(np.float32)
    mv, products = cycle(device.upload(v))
    mv, product = device.download(mv), float(device.sum(products))
    mw = device.download(cycle(device.upload(w))[0])
    assert product == pytest.approx(float((v.astype(float) * mv).sum()), rel=1e-5)  # sums of float32 products
    assert product > 0
    # M is applied in float32: symmetric to its rounding, against the size of the terms
    size = np.linalg.norm(v) * np.linalg.norm(mw)
    assert abs(float((mv * w).sum()) - float((v * mw).sum())) < 1e-4 * size


@CYCLES
def test_the_cycle_repeats_bit_for_bit(device, kind):
    medium = rough_medium(device, (20, 20, 20), dtype=np.float32)
    cycle = kind(device, finest_level(device, medium))
    (v,) = vectors((20, 20, 20), 1).astype(np.float32)
    first = device.download(cycle(device.upload(v))[0])
    assert np.array_equal(first, device.download(cycle(device.upload(v))[0]))


@pytest.mark.parametrize("shape", [(64, 64, 64), (101, 67, 53), (1, 1, 3000), (2, 500, 3)], ids=str)
def test_levels_shrink_to_a_size_that_can_be_inverted(device, shape):
    medium = make_medium(
        device, Grid(shape, (1.0,) * 3), device.upload(np.ones(shape)), device.zeros(shape, np.float64), MIXED,
        dtype=np.float32,
    )  # fmt: skip
    levels = build_levels(device, finest_level(device, medium))
    sizes = [np.prod(level.medium.shape) for level in levels]
    assert sizes[-1] <= DENSE < sizes[-2]
    assert all(small < large for large, small in pairwise(sizes))
    assert sum(sizes) < 2.1 * sizes[0]


def test_a_coarse_level_of_uniform_tissue_is_the_same_tissue_at_twice_the_spacing(device):
    """T halves, the spacing doubles and G stays."""
    shape = (8, 10, 14)
    grid = Grid(shape, (1.0, 1.5, 1.75))
    medium = make_medium(
        device, grid, device.upload(np.full(shape, 3.0)), device.upload(np.full(shape, 0.7)),
        Boundaries.uniform(0.0), dtype=np.float64,
    )  # fmt: skip
    coarse = coarsen(device, finest_level(device, medium)).medium
    assert coarse.shape == (4, 5, 7)
    assert coarse.spacing == (2.0, 3.0, 3.5)
    for axis, t in enumerate(coarse.conductance):
        inner = np.moveaxis(t, axis, 0)[1:-1]
        assert inner == pytest.approx(np.full(inner.shape, 3.0 / coarse.spacing[axis]))
        assert np.moveaxis(t, axis, 0)[0] == pytest.approx(2 * 3.0 / coarse.spacing[axis])
    assert coarse.absorption == pytest.approx(0.7)


@pytest.mark.parametrize("n", [1200, 1201, 1279])
def test_every_level_of_a_row_resists_as_the_row_does(device, n):
    """In one dimension Σ 1/T from end to end is the resistance n h/K, whatever blocks are left over."""
    boundaries = Boundaries(x_low=0.0, x_high=0.0)
    conductivity, absorption = device.upload(np.ones((1, 1, n))), device.zeros((1, 1, n), np.float64)
    medium = make_medium(
        device, Grid((1, 1, n), (1.0,) * 3), conductivity, absorption, boundaries, dtype=np.float64
    )
    for level in build_levels(device, finest_level(device, medium)):
        assert (1 / level.medium.conductance[2]).sum() == pytest.approx(n)


@pytest.mark.parametrize(
    ("shape", "spacing", "layered", "expected"),
    [
        ((8, 8, 8), (1.0, 1.0, 1.0), False, [0, 1, 2]),
        ((8, 8, 8), (8.0, 1.0, 1.0), False, [1, 2]),
        ((8, 8, 8), (1.0, 1.0, 8.0), False, [0, 1]),
        ((8, 8, 8), (1.0, 1.0, 1.0), True, [1, 2]),
        ((1, 8, 8), (1.0, 1.0, 1.0), False, [1, 2]),
        ((8, 1, 1), (9.0, 1.0, 1.0), False, [0]),
    ],
)
def test_only_axes_that_conduct_well_are_halved(device, shape, spacing, layered, expected):
    layers = np.where(np.arange(shape[0]) % 2, 1.0, 1e-4) if layered else np.ones(shape[0])
    conductivity = device.upload(layers[:, None, None] * np.ones(shape))
    absorption = device.zeros(shape, np.float64)
    medium = make_medium(device, Grid(shape, spacing), conductivity, absorption, MIXED, dtype=np.float32)
    assert strong_axes(device, medium) == expected


def test_the_coarsest_inverse_inverts_the_operator(device):
    medium = rough_medium(device, (4, 5, 6), contrast=2)
    inverse = dense_inverse(device, medium)
    (v,) = vectors((4, 5, 6), 1)
    image = operate(medium, v)
    assert (inverse @ image.ravel()) == pytest.approx(v.ravel(), rel=1e-8, abs=1e-9)


def test_a_closed_coarsest_level_leaves_the_shape_of_the_pressure_alone(device):
    shape = (3, 4, 5)
    medium = rough_medium(device, shape, boundaries=Boundaries(), absorption=0.0, contrast=1)
    assert medium.is_closed(device)
    (v,) = vectors(shape, 1)
    v -= v.mean()
    image = operate(medium, v)
    assert (dense_inverse(device, medium) @ image.ravel()) == pytest.approx(v.ravel(), abs=1e-9)


def test_a_medium_is_closed_only_without_fixed_faces_and_absorption(device):
    for boundaries, absorption, closed in [
        (Boundaries(), 0.0, True),
        (Boundaries(), 0.1, False),
        (Boundaries(y_low=3.0), 0.0, False),
    ]:
        medium = rough_medium(device, (4, 4, 4), boundaries=boundaries, absorption=absorption)
        assert isinstance(medium, Medium)
        assert medium.is_closed(device) is closed
