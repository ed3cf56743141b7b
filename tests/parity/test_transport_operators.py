"""Each transport kernel does what its NumPy body says, on every device, at awkward shapes."""

import numpy as np
import pytest
from twins import EVERYWHERE, assert_twins_agree

from tumorsim.operators.advect import LIMITERS, advect
from tumorsim.operators.bind import bind
from tumorsim.operators.diffuse import diffuse
from tumorsim.operators.exchange import exchange
from tumorsim.operators.exchange_factors import exchange_factors
from tumorsim.operators.internalise import internalise
from tumorsim.operators.wall_exchange_rates import wall_exchange_rates

OUTSIDE = (0.5, 0.0, 2.0, 0.0, 1.0, 0.3)

pytestmark = EVERYWHERE


class Arrays:
    """Seeded random fields of one shape and precision; outputs start as NaN."""

    def __init__(self, shape, real):
        self.shape, self.real, self.random = shape, real, np.random.default_rng(list(shape))

    def field(self, low=0.0, high=1.0):
        return self.random.uniform(low, high, self.shape).astype(self.real)

    def faces(self, low=0.0, high=1.0):
        """x, y and z faces."""
        nz, ny, nx = self.shape
        shapes = (nz, ny, nx + 1), (nz, ny + 1, nx), (nz + 1, ny, nx)
        return [self.random.uniform(low, high, shape).astype(self.real) for shape in shapes]

    def poisoned(self):
        return np.full(self.shape, np.nan, self.real)

    def rows(self, *terms, fill=np.nan):
        return np.full((*terms, *self.shape[:2]), fill)


def test_wall_exchange_rates(shape, real, device):
    a = Arrays(shape, real)
    permeability = a.field()
    permeability[a.field() < 0.2] = 0
    filtration = a.field(-1, 1) * np.where(a.field() < 0.3, real(1e4), real(1))
    arguments = [a.poisoned(), a.poisoned(), permeability, a.field(), filtration]
    assert_twins_agree(wall_exchange_rates, device, arguments, real)


@pytest.mark.parametrize("none", [(), (1,), (2,), (1, 2)], ids=["all", "no lymph", "no uptake", "neither"])
def test_exchange_factors(shape, real, device, none):
    a = Arrays(shape, real)
    losses = [None if k in none else a.field() * (a.field() < 0.7) for k in range(3)]
    arguments = [a.poisoned(), a.poisoned(), a.field(), *losses, a.field(0.1, 1)]
    assert_twins_agree(exchange_factors, device, arguments, real, decay=0.0, dt=0.7)


@pytest.mark.parametrize("with_lymph", [True, False])
@pytest.mark.parametrize("with_cells", [True, False])
def test_exchange(shape, real, device, with_cells, with_lymph):
    a = Arrays(shape, real)
    rates = [a.field() * (a.field() < 0.7) for _ in range(2)]
    lymph = a.field() * (a.field() < 0.7) if with_lymph else None
    uptake, cells = (a.field(), a.field()) if with_cells else (None, None)
    arguments = [a.field(), cells, a.rows(5), a.field(), a.field(), *rates, lymph, uptake, a.field(0.1, 1)]
    assert_twins_agree(exchange, device, arguments, real, plasma=1.3, decay=0.2, dt=0.5, seed=3)


@pytest.mark.parametrize("limiter", LIMITERS.values(), ids=LIMITERS.keys())
@pytest.mark.parametrize("keep", [0.0, 0.5])
def test_advect(shape, real, device, limiter, keep):
    a = Arrays(shape, real)
    result = a.field() if keep else a.poisoned()
    arguments = [result, a.rows(fill=2.0), a.field(), *a.faces(-1, 1), a.field(0.3, 1)]
    scalars = {"outside": OUTSIDE, "limiter": limiter, "keep": keep, "weight": 0.5, "dt": 0.1, "seed": 5}
    assert_twins_agree(advect, device, arguments, real, **scalars)


@pytest.mark.parametrize("stage", ["first", "first of two", "second", "middle", "last", "last of two"])
def test_diffuse(shape, real, device, stage):
    a = Arrays(shape, real)
    first, of_two = stage.startswith("first"), stage.endswith("of two")
    result = a.poisoned() if first or stage == "second" or of_two else a.field(-1, 1)
    start_rate = None if of_two else a.poisoned() if first else a.field(-1, 1)
    last = a.field() if first else a.field(-0.5, 0.5)  # with the start below: negative in some voxels
    start = a.field() if stage.startswith("last") else None
    arguments = [result, start_rate, a.rows(2), last, start, *a.faces(), a.field(0.3, 1)]
    again = 0.0 if np.isnan(result).any() else 0.4
    scalars = {"again": again, "rate": 0.11, "start_weight": 0.15, "part": 0.7, "seed": 7}
    assert_twins_agree(diffuse, device, arguments, real, outside=OUTSIDE, first=first, **scalars)


@pytest.mark.parametrize(("on", "off"), [(1.0, 0.3), (5.0, 0.0), (0.5, 5.0)])
def test_bind(shape, real, device, on, off):
    a = Arrays(shape, real)
    sites = a.field() * (a.field() < 0.8)
    bound = sites * a.field()
    arguments = [a.field(), bound, sites, a.field(0.1, 1)]
    assert_twins_agree(bind, device, arguments, real, binding_on=on, binding_off=off, dt=0.4, seed=1)


@pytest.mark.parametrize("pools", ["both", "bound", "internalised"])
def test_internalise(shape, real, device, pools):
    a = Arrays(shape, real)
    bound, internalised = (
        a.field() if pools in ("both", pool) else None for pool in ("bound", "internalised")
    )
    rates = {"internalisation": 0.3 if pools == "both" else 0.0, "degradation": 0.2, "decay": 0.1, "dt": 0.5}
    assert_twins_agree(internalise, device, [bound, internalised, a.rows(2)], real, **rates, seed=2)
