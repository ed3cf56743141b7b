"""Each flow kernel does what its NumPy body says, on every device, at awkward shapes."""

import numpy as np
import pytest
from twins import EVERYWHERE, assert_twins_agree, machine_called

from tumorsim.operators.add_correction import add_correction
from tumorsim.operators.add_parts import add_parts
from tumorsim.operators.chebyshev_start import chebyshev_start
from tumorsim.operators.chebyshev_step import chebyshev_step
from tumorsim.operators.coarse_conductance import coarse_conductance
from tumorsim.operators.darcy_velocity import darcy_velocity
from tumorsim.operators.dense_product import dense_product
from tumorsim.operators.descend import descend
from tumorsim.operators.divergence import divergence
from tumorsim.operators.fluid_exchange import fluid_exchange
from tumorsim.operators.harmonic_conductance import harmonic_conductance
from tumorsim.operators.log_conductance import log_conductance
from tumorsim.operators.network_residual import SLICE, network_residual
from tumorsim.operators.network_smooth import network_smooth
from tumorsim.operators.network_step import network_step
from tumorsim.operators.pressure_operator import pressure_operator
from tumorsim.operators.pressure_residual import pressure_residual
from tumorsim.operators.restrict_residual import restrict_residual
from tumorsim.operators.search_direction import search_direction
from tumorsim.operators.starling import starling
from tumorsim.operators.sum_parts import sum_parts
from tumorsim.operators.total import total

SPACING = (0.4, 0.7, 1.1)
FLAT = (0.2, 1.6, 0.2)
BOUNDARIES = {
    "no flux": (None,) * 6,
    "fixed": (0.3, -0.1, 0.2, 0.4, 0.0, -0.5),
    "mixed": (None, 0.3, 0.1, None, -0.2, None),
}

pytestmark = EVERYWHERE


class Arrays:
    """Seeded random fields of one shape and precision; outputs start as NaN."""

    def __init__(self, shape, real):
        self.shape, self.real, self.random = shape, real, np.random.default_rng(list(shape))

    def field(self, low=-1.0, high=1.0, real=None):
        return self.random.uniform(low, high, self.shape).astype(real or self.real)

    def faces(self, boundary, low=0.01, high=1.0, real=None):
        """Random conductances on the x, y and z faces; zero where nothing passes the box."""
        faces = []
        for axis in (2, 1, 0):
            t = self.random.uniform(low, high, [n + (a == axis) for a, n in enumerate(self.shape)])
            for end, value in zip((0, -1), boundary[2 * axis : 2 * axis + 2], strict=True):
                np.moveaxis(t, axis, 0)[end] *= value is not None
            faces.append(t.astype(real or self.real))
        return faces

    def poisoned(self, real=None):
        return np.full(self.shape, np.nan, real or self.real)

    def poisoned_faces(self):
        shapes = ([n + (a == axis) for a, n in enumerate(self.shape)] for axis in (2, 1, 0))
        return [np.full(shape, np.nan, self.real) for shape in shapes]

    def rows(self, *terms):
        return np.full((*terms, *self.shape[:2]), np.nan)


def outside(boundary):
    return tuple(value or 0.0 for value in boundary)


boundaries = pytest.mark.parametrize("boundary", BOUNDARIES.values(), ids=BOUNDARIES.keys())
spacings = pytest.mark.parametrize("spacing", [SPACING, FLAT], ids=["long", "flat"])


@boundaries
@spacings
def test_harmonic_conductance(shape, real, device, boundary, spacing):
    a = Arrays(shape, real)
    conductivity = 10.0 ** a.field(-4, 0, real=np.float64)
    fixed = tuple(value is not None for value in boundary)
    arguments = [*a.poisoned_faces(), conductivity]
    assert_twins_agree(harmonic_conductance, device, arguments, real, fixed=fixed, spacing=spacing)


@boundaries
@spacings
def test_pressure_operator(shape, real, device, boundary, spacing):
    a = Arrays(shape, real)
    arguments = [a.poisoned(), a.rows(), a.field(real=np.float32), *a.faces(boundary), a.field(0)]
    scalars = {"outside": outside(boundary), "spacing": spacing}
    assert_twins_agree(pressure_operator, device, arguments, real, **scalars)


@boundaries
def test_pressure_residual(shape, real, device, boundary):
    a = Arrays(shape, real)
    outputs = [a.poisoned(), a.poisoned(np.float32), a.rows()]
    arguments = [*outputs, a.field(), a.field(), *a.faces(boundary), a.field(0)]
    scalars = {"outside": outside(boundary), "spacing": SPACING}
    assert_twins_agree(pressure_residual, device, arguments, real, **scalars)


@boundaries
@spacings
@pytest.mark.parametrize("start", ["from zero", "without momentum", "with momentum"])
@pytest.mark.parametrize("summed", [True, False])
def test_chebyshev_step(shape, real, device, boundary, spacing, start, summed):
    a = Arrays(shape, real)
    older = a.field() if start == "with momentum" else a.poisoned()
    newer = None if start == "from zero" else a.field()
    products = a.rows() if summed else None
    arguments = [older, products, newer, a.field(), *a.faces(boundary), a.field(0.1)]
    weights = {"weight_newer": 1.4, "weight_older": -0.4 if start == "with momentum" else 0.0}
    assert_twins_agree(chebyshev_step, device, arguments, real, **weights, step=0.7, spacing=spacing)


@boundaries
@spacings
@pytest.mark.parametrize("kept", [True, False])
def test_chebyshev_start(shape, real, device, boundary, spacing, kept):
    a = Arrays(shape, real)
    inverse = a.field(0.1)
    arguments = [
        a.poisoned(),
        a.poisoned() if kept else None,
        a.field(),
        inverse,
        *a.faces(boundary),
        a.field(0.1),
    ]
    weights = {"first_step": 0.6, "weight": 1.2, "step": 0.4}
    assert_twins_agree(chebyshev_start, device, arguments, real, **weights, spacing=spacing)


HALVINGS = [(0, 1, 2), (0,), (1, 2), (2,), ()]
halvings = pytest.mark.parametrize("halved", HALVINGS, ids=str)


def coarse(shape, halved):
    return tuple(-(-n // 2) if axis in halved else n for axis, n in enumerate(shape))


@boundaries
@halvings
def test_restrict_residual(shape, real, device, boundary, halved):
    a = Arrays(shape, real)
    result = np.full(coarse(shape, halved), np.nan, real)
    arguments = [result, a.field(), a.field(), *a.faces(boundary), a.field(0)]
    assert_twins_agree(restrict_residual, device, arguments, real, spacing=SPACING)


@halvings
def test_add_correction(shape, real, device, halved):
    a = Arrays(shape, real)
    correction = Arrays(coarse(shape, halved), real).field()
    assert_twins_agree(add_correction, device, [a.field(), correction], real)


@boundaries
@halvings
def test_coarse_conductance(shape, real, device, boundary, halved):
    a, c = Arrays(shape, real), Arrays(coarse(shape, halved), real)
    nearness = [a.random.uniform(0.5, 1, n + 1).astype(real) for n in c.shape]
    arguments = [*c.poisoned_faces(), c.poisoned(), *a.faces(boundary), a.field(0), *nearness]
    assert_twins_agree(coarse_conductance, device, arguments, real)


def network(a):
    """Diagonal, couplings, nodes and starts of a network whose slices have one to five columns."""
    n = int(np.prod(a.shape))
    starts = np.concatenate([[0], np.cumsum(a.random.integers(1, 6, n // SLICE))]).astype(np.int32)
    columns = (starts[-1], SLICE)
    couplings = a.random.uniform(0, 0.3, columns).astype(a.real)
    return [a.field(1, 2), couplings, a.random.integers(0, n, columns).astype(np.int32), starts]


def slices_of(shape):
    """An awkward shape with rows of whole slices."""
    return (*shape[:2], SLICE * shape[2])


@pytest.mark.parametrize("start", ["from zero", "without momentum", "with momentum"])
def test_network_step(shape, real, device, start):
    a = Arrays(slices_of(shape), real)
    older = a.field() if start == "with momentum" else a.poisoned()
    newer = None if start == "from zero" else a.field()
    weights = {"weight_newer": 1.4, "weight_older": -0.4 if start == "with momentum" else 0.0}
    assert_twins_agree(
        network_step, device, [older, newer, a.field(), *network(a)], real, **weights, step=0.7
    )


@pytest.mark.parametrize("from_zero", [True, False])
def test_network_smooth(shape, real, device, from_zero):
    a = Arrays(slices_of((1, *shape[1:])), real)
    pressure = a.poisoned() if from_zero else a.field()
    weights = np.array([[1.0, 0.0, 0.6], [1.2, 0.0, 1.2], [1.4, -0.4, 1.4], [1.5, -0.5, 1.6]], real)
    arguments = [pressure, a.poisoned(), a.field(), *network(a), weights]
    assert_twins_agree(network_smooth, device, arguments, real, from_zero=from_zero)


def test_network_residual(shape, real, device):
    a = Arrays(slices_of(shape), real)
    assert_twins_agree(network_residual, device, [a.poisoned(), a.field(), a.field(), *network(a)], real)


@pytest.mark.parametrize("parts", [(1, 1, 1), (1, 2, 5), (1, 3, 128)], ids=str)
def test_sum_parts_and_add_parts(shape, real, device, parts):
    a, c = Arrays(shape, real), Arrays(parts, real)
    part = a.random.integers(0, max(1, np.prod(parts) - 1), a.shape).astype(
        np.int32
    )  # the last one stays empty
    members = np.argsort(part.ravel(), kind="stable").astype(np.int32)
    starts = np.searchsorted(part.ravel()[members], np.arange(np.prod(parts) + 1)).astype(np.int32)
    assert_twins_agree(sum_parts, device, [c.poisoned(), a.field(), members, starts], real)
    assert_twins_agree(add_parts, device, [a.field(), c.field(), part], real)


def test_log_conductance(shape, real, device):
    a = Arrays(shape, real)
    # a sum of up to 33 logarithms of float32 numbers
    assert_twins_agree(log_conductance, device, [a.rows(3), *a.faces((1.0,) * 6)], real)


@pytest.mark.parametrize("summed", [True, False])
def test_dense_product(shape, real, device, summed):
    a = Arrays((1, shape[1] % 7 + 1, shape[2] % 17 + 1), real)
    n = int(np.prod(a.shape))
    matrix = a.random.uniform(-1, 1, (1, n, n)).astype(real)
    products = np.full((1, n), np.nan) if summed else None
    assert_twins_agree(dense_product, device, [a.poisoned(), products, matrix, a.field()], real)


@pytest.mark.parametrize("kept", [True, False])
def test_total(shape, real, device, kept):
    a = Arrays(shape, np.float64)
    m, n = shape[0], shape[1] * shape[2]
    sums = a.random.uniform(-1, 1, (m, 1)) if kept else np.full((m, 1), np.nan)
    before = np.full((m, 1), np.nan) if kept else None
    assert_twins_agree(total, device, [sums, before, a.field().reshape(m, n)], np.float64)


def scalar(value):
    return np.full((1, 1), value)


@pytest.mark.parametrize("last", [0.5, np.inf, 0.0], ids=["on", "first", "nothing left"])
def test_search_direction(shape, real, device, last):
    a = Arrays(shape, np.float64)
    begun = last == 0.5
    direction = a.field(real=np.float32) if begun else a.poisoned(np.float32)

    def turn(machine, *arrays):
        search_direction(machine, *arrays, machine.upload(scalar(last)))

    assert_twins_agree(turn, device, [direction, a.field(real=np.float32), scalar(0.4)], np.float32)


def test_descend(shape, real, device):
    a = Arrays(shape, np.float64)
    outputs = [a.field(), a.field(), a.poisoned(np.float32), a.rows()]
    arguments = [*outputs, a.field(real=np.float32), a.field(), scalar(0.3), scalar(2.0)]
    assert_twins_agree(descend, device, arguments, np.float64)


@pytest.mark.parametrize(("product", "curvature"), [(0.3, 0.0), (0.3, -1.0), (0.3, np.nan), (np.inf, 2.0)])
def test_where_there_is_no_step_descend_changes_nothing(shape, real, device, product, curvature):
    a, machine = Arrays(shape, np.float64), machine_called(device)
    before = a.field(), a.field()
    after = [machine.upload(values) for values in before]
    outputs = [*after, machine.upload(a.poisoned(np.float32)), machine.upload(a.rows())]
    wrong = (machine.upload(a.poisoned(real)) for real in (np.float32, np.float64))
    descend(machine, *outputs, *wrong, *(machine.upload(scalar(v)) for v in (product, curvature)))
    for found, expected in zip(outputs, (*before, before[1].astype(np.float32)), strict=False):
        assert np.array_equal(machine.download(found), expected)
    assert machine.download(outputs[3]) == pytest.approx((before[1] ** 2).sum(axis=2))


@boundaries
def test_darcy_velocity(shape, real, device, boundary):
    a = Arrays(shape, real)
    arguments = [*a.poisoned_faces(), *a.faces(boundary, real=np.float64), a.field(real=np.float64)]
    assert_twins_agree(darcy_velocity, device, arguments, real, outside=outside(boundary))


@spacings
def test_divergence(shape, real, device, spacing):
    a = Arrays(shape, real)
    velocity = a.faces((1.0,) * 6, low=-1)
    assert_twins_agree(divergence, device, [a.poisoned(), *velocity], real, spacing=spacing)


@pytest.mark.parametrize("begun", [True, False])
def test_starling(shape, real, device, begun):
    a = Arrays(shape, np.float64)
    pressure = a.field() if begun else None
    absorption = a.field() if begun else a.poisoned()
    coefficients = [a.field(0), a.field(), a.field(0), a.field()]
    arguments = [absorption, a.poisoned(), a.rows(), pressure, *coefficients]
    assert_twins_agree(starling, device, arguments, np.float64, margin=0.01)


def test_fluid_exchange(shape, real, device):
    a = Arrays(shape, real)
    coefficients = [
        a.field(*limits, real=np.float64) for limits in [(-1, 1), (0, 1), (-1, 1), (0, 1), (-1, 1)]
    ]
    assert_twins_agree(fluid_exchange, device, [a.poisoned(), a.poisoned(), a.rows(3), *coefficients], real)
