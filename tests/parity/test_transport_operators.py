"""Each transport kernel does what its NumPy body says, on every device, at awkward shapes."""

import numpy as np
import pytest
from twins import EVERYWHERE, assert_twins_agree, machine_called

from tumorsim.operators.advect import LIMITERS, advect
from tumorsim.operators.bind import bind
from tumorsim.operators.cell_exchange import cell_exchange
from tumorsim.operators.collect import collect
from tumorsim.operators.convective_rates import convective_rates
from tumorsim.operators.interchange import interchange
from tumorsim.operators.internalise import internalise
from tumorsim.operators.release import release
from tumorsim.operators.tally import tally
from tumorsim.operators.transport_limits import LIMITS, transport_limits
from tumorsim.operators.transport_stage import transport_stage
from tumorsim.operators.wall_exchange_rates import wall_exchange_rates

HALF_SCALE = 2.0**-15
SCALES = {f"{kind}_scale": HALF_SCALE for kind in ("conductance", "rate", "exchange")}
OUTSIDE = (0.5, 0.0, 2.0, 0.0, 1.0, 0.3)

HALVES = pytest.mark.parametrize("halves", [False, True], ids=["", "halves"])

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

    def halves(self, arrays):
        """As float16 over HALF_SCALE, some so small that they are subnormal."""
        shrunk = [a if a is None else a * self.random.choice([1e-7, 1.0], a.shape) for a in arrays]
        return [a if a is None else (a / HALF_SCALE).astype(np.float16) for a in shrunk]

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


@pytest.mark.parametrize("limiter", LIMITERS.values(), ids=LIMITERS.keys())
@pytest.mark.parametrize("keep", [0.0, 0.5])
@HALVES
def test_advect(shape, real, device, limiter, keep, halves):
    a = Arrays(shape, real)
    result, rates = a.field() if keep else a.poisoned(), a.faces(-1, 1)
    rates = a.halves(rates) if halves else rates
    arguments = [result, a.rows(fill=2.0), a.field(), *rates, a.field(0.3, 1)]
    scalars = {"outside": OUTSIDE, "limiter": limiter, "keep": keep, "weight": 0.5, "dt": 0.1, "seed": 5}
    assert_twins_agree(advect, device, arguments, real, **scalars, rate_scale=HALF_SCALE)


@pytest.mark.parametrize("stage", ["first", "first of two", "second", "middle", "last", "last of two"])
@pytest.mark.parametrize(
    "terms", ["diffusion", "vessels", "vessels and lymph", "flow", "cells", "all", "all in halves"]
)
def test_transport_stage(shape, real, device, stage, terms):
    a = Arrays(shape, real)
    first, of_two, last_one = stage.startswith("first"), stage.endswith("of two"), stage.startswith("last")
    before_last = None if first or stage == "second" or of_two else a.field(-1, 1)
    start_rate = None if of_two else a.poisoned() if first else a.field(-1, 1)
    last = a.field() if first else a.field(-0.5, 0.5)  # with the start below: negative in some voxels
    start = a.field() if last_one else None
    halves, terms = terms.endswith("in halves"), terms.removesuffix(" in halves")
    rates = a.faces(-0.3, 0.3) if terms in ("flow", "all") else [None] * 3
    wall = [a.field() * (a.field() < 0.7) if "vessels" in terms or terms == "all" else None for _ in range(2)]
    lymph = a.field() if terms in ("vessels and lymph", "all") else None
    capture, source = (a.field(), a.field()) if terms in ("cells", "all") else (None, None)
    captured = None if capture is None else a.poisoned() if first else a.field()
    coefficients = [*a.faces(), *rates, *wall, lymph]
    arguments = [
        a.poisoned(),
        start_rate,
        captured,
        a.rows(4, fill=2.0),
        last,
        before_last,
        start,
        *(a.halves(coefficients) if halves else coefficients),
        capture,
        source,
        a.field(0.3, 1),
    ]
    again = 0.0 if before_last is None else 0.4
    scalars = {"again": again, "rate": 0.11, "start_weight": 0.15, "part": 0.7, "plasma": 1.3, "weight": 0.6}
    assert_twins_agree(
        transport_stage, device, arguments, real, outside=OUTSIDE, first=first, **scalars, **SCALES, seed=7
    )


@pytest.mark.parametrize(("on", "off"), [(1.0, 0.3), (5.0, 0.0), (0.5, 5.0)])
def test_bind(shape, real, device, on, off):
    a = Arrays(shape, real)
    sites = a.field() * (a.field() < 0.8)
    bound = sites * a.field()
    arguments = [a.field(), bound, sites, a.field(0.1, 1)]
    rates = {"binding_on": on, "binding_off": off, "dt": 0.4}
    for limited in (True, False):
        assert_twins_agree(bind, device, arguments, real, **rates, limited=limited, seed=1)


@pytest.mark.parametrize("pools", ["free", "bound", "internalised", "all"])
def test_internalise(shape, real, device, pools):
    a = Arrays(shape, real)
    free, bound, cells = (
        a.field() if pools in ("all", pool) else None for pool in ("free", "bound", "internalised")
    )
    rates = {"internalisation": 0.3 if pools == "all" else 0.0, "degradation": 0.2, "decay": 0.1, "dt": 0.5}
    arguments = [free, bound, cells, a.rows(2, fill=1.0), a.field(0.1, 1)]
    assert_twins_agree(internalise, device, arguments, real, **rates, seed=2)


def test_interchange(shape, real, device):
    a = Arrays(shape, real)
    assert_twins_agree(interchange, device, [a.field(), a.field()], real, on=0.4, off=0.1, dt=0.8, seed=5)


def test_collect(shape, real, device):
    a = Arrays(shape, real)
    assert_twins_agree(collect, device, [a.field(), a.field(-0.5, 1)], real, seed=4)


@pytest.mark.parametrize("counted", ["exposure", "peak", "both"])
def test_tally(shape, real, device, counted):
    a = Arrays(shape, real)
    exposure, before = (a.field(), a.field()) if counted != "peak" else (None, None)
    arguments = [exposure, before, a.field() if counted != "exposure" else None, a.field()]
    assert_twins_agree(tally, device, arguments, real, half_step=0.3, seed=6)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("pools", ["free", "all"])
def test_release(shape, real, device, pools, first):
    a = Arrays(shape, real)
    bound, cells, place, heat = (a.field() if pools == "all" else None for _ in range(4))
    out, inside = (a.poisoned() if first else a.field() for _ in range(2))
    arguments = [a.field(), bound, cells, out, inside, a.rows(2, fill=1.0), place, heat, a.field(0.1, 1)]
    rates = {"outside": 0.2, "inside": 0.4, "triggered": 0.5, "dt": 0.7}
    assert_twins_agree(release, device, arguments, real, **rates, first=first, seed=6)


def test_release_in_cells_alone(shape, real, device):
    a = Arrays(shape, real)
    arguments = [
        None,
        None,
        a.field(),
        None,
        a.field(),
        a.rows(2, fill=1.0),
        None,
        a.field(),
        a.field(0.1, 1),
    ]
    rates = {"outside": 0.0, "inside": 0.4, "triggered": 0.5, "dt": 0.7}
    assert_twins_agree(release, device, arguments, real, **rates, first=False, seed=6)


@pytest.mark.parametrize("with_cells", [True, False])
def test_cell_exchange(shape, real, device, with_cells):
    a = Arrays(shape, real)
    density, local = (a.field() * (a.field() < 0.7), a.field()) if with_cells else (None, None)
    fields = [a.field() for _ in range(4)]
    arguments = [a.poisoned(), a.poisoned(), *fields, density, a.field(0.1, 1), local, local]
    constants = {
        "fastest": 0.3,
        "half_outside": 0.2,
        "half_inside": 0.5,
        "efflux": 0.1,
        "free_fraction": 0.25,
    }
    assert_twins_agree(cell_exchange, device, arguments, real, **constants, local_plasma=0.4, dt=0.8, seed=9)


def test_convective_rates(shape, real, device):
    a = Arrays(shape, real)
    empty = [np.full_like(face, np.nan) for face in a.faces()]
    velocity = [face * (abs(face) > 0.1) for face in a.faces(-1, 1)]
    assert_twins_agree(
        convective_rates, device, [*empty, *velocity, a.field(0.2, 1)], real, spacing=(0.5, 2, 3)
    )


@pytest.mark.parametrize("losses", ["none", "wall", "all"])
@pytest.mark.parametrize("flow", [0.0, 1.0])
@HALVES
def test_transport_limits(shape, real, device, losses, flow, halves):
    a = Arrays(shape, real)
    conductances, rates = a.faces(), [flow * face for face in a.faces(-1, 1)]
    for g, r in zip(conductances, rates, strict=True):
        g[a.random.random(g.shape) < 0.1] = 0  # nothing diffuses there, and nothing may flow there
        r[g == 0] = 0
    wall, lymph, other = (
        a.field() if losses in kinds else None for kinds in (("wall", "all"), ("all",), ("all",))
    )
    if halves:
        conductances, rates = a.halves(conductances), a.halves(rates)
        wall, lymph = a.halves([wall, lymph])
    arguments = [a.rows(len(LIMITS)), *conductances, *rates, wall, lymph, other, a.field(0.3, 1)]
    assert_twins_agree(transport_limits, device, arguments, real, **SCALES)


def test_flow_without_diffusion_has_no_finite_peclet_number(shape, real, device):
    a, machine = Arrays(shape, real), machine_called(device)
    largest = machine.upload(a.rows(len(LIMITS)))
    conductances, rates = [machine.upload(0 * g) for g in a.faces()], [machine.upload(r) for r in a.faces()]
    transport_limits(machine, largest, *conductances, *rates, None, None, None, machine.upload(a.field(0.3)))
    inner = max(shape) > 1
    assert machine.download(largest)[LIMITS.index("peclet")].max() == (np.inf if inner else 0)
