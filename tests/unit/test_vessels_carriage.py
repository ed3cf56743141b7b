"""An agent in the blood of a network: what it loses on the way, when it arrives, and that nothing of it is lost."""

from dataclasses import replace

import numpy as np
import pytest

from tumorsim.grid import Grid
from tumorsim.vessels.carriage import Carriage, piece_conductances
from tumorsim.vessels.network import Network
from tumorsim.vessels.rasterise import wall_pieces

UM = 1e-6
GRID = Grid((1, 1, 40), (10 * UM,) * 3, (0.0, 0.0, 0.0))
SPEED, RADIUS, LENGTH, H = 1e-3, 5 * UM, 400 * UM, 0.4
TRANSIT = LENGTH / SPEED


def tube(parts=4, turned=()) -> Network:
    """A straight vessel along x, with some of its segments numbered against the flow."""
    nodes = np.full((parts + 1, 3), 5 * UM)
    nodes[:, 2] = np.linspace(0, LENGTH, parts + 1)
    segments = np.stack([np.arange(parts), np.arange(parts) + 1], axis=1)
    flow = np.full(parts, SPEED * np.pi * RADIUS**2)
    for k in turned:
        segments[k], flow[k] = segments[k][::-1].copy(), -flow[k]
    return Network(nodes, segments, np.full(parts, RADIUS), flow=flow, haematocrit=np.full(parts, H))


def fork(split=0.75) -> Network:
    """Two vessels that join in one: flows ``split`` and the rest of one."""
    nodes = np.array([[0.0, 0, 0], [0, 40, 0], [0, 20, 100], [0, 20, 200]]) * UM
    flow = 1e-13 * np.array([split, 1 - split, 1.0])
    return Network(
        nodes, np.array([[0, 2], [1, 2], [2, 3]]), np.full(3, RADIUS), flow=flow, haematocrit=np.full(3, H)
    )


def carriage(network=None, *, permeability=0.0, grid=GRID, cell=10 * UM, **more) -> Carriage:
    network = network or tube()
    pieces = wall_pieces(network, grid)
    passing = network.wall_area[pieces.segment] * pieces.share * permeability
    return Carriage(network, pieces, passing, passing, cell, **more)


def steady(given: Carriage, tissue=0.0, arterial=1.0):
    """What has settled, and what a second brings then."""
    returned = given.per_cell(given.contacts.back) * tissue
    held, _ = given.advance(np.zeros(given.cells), 1e4, arterial=[arterial] * 3, returned=returned)
    return given.advance(held, 1.0, arterial=[arterial], returned=returned)


PERMEABILITY = 2e-5
LOSS = 2 * np.pi * RADIUS * LENGTH * PERMEABILITY / (SPEED * np.pi * RADIUS**2 * (1 - H))
"""P A/Q of plasma: 5.3."""


@pytest.mark.parametrize("cell", [100 * UM, 30 * UM, 10 * UM])
@pytest.mark.parametrize("tissue", [0.0, 0.3])
def test_steady_depletion_is_exact_on_any_cells(cell, tissue):
    """C(L) = C_t + (C_in − C_t) e^{−PA/Q}."""
    _, passed = steady(carriage(permeability=PERMEABILITY, cell=cell), tissue)
    expected = tissue + (1 - tissue) * np.exp(-LOSS)
    assert passed.outflow / passed.inflow == pytest.approx(expected, rel=1e-9)


def test_plasma_flows_not_red_cells():
    given = carriage()
    assert given.inflow == pytest.approx(SPEED * np.pi * RADIUS**2 * (1 - H))
    held, _ = steady(given)
    assert held.sum() == pytest.approx((1 - H) * np.pi * RADIUS**2 * LENGTH)
    assert given.segment_concentration(held) == pytest.approx(np.ones(4))


def test_red_cells_that_hold_the_agent_flow_with_it():
    given = carriage(permeability=PERMEABILITY, red_cells_hold=True)
    assert given.inflow == pytest.approx(SPEED * np.pi * RADIUS**2)
    _, passed = steady(given)
    assert passed.outflow / passed.inflow == pytest.approx(np.exp(-LOSS * (1 - H)), rel=1e-9)


def march(given: Carriage, dt, end, arterial, *, returned=0.0, held=None):
    """Held after ``end``, and the outflow of every step."""
    held = np.zeros(given.cells) if held is None else held
    outflow = []
    for k in range(round(end / dt)):
        held, passed = given.advance(
            held, dt, arterial=[arterial((k + 0.5) * dt)], returned=np.full(given.cells, returned)
        )
        outflow.append(passed.outflow)
    return held, np.array(outflow)


def test_a_pulse_takes_the_transit_time_in_the_mean_on_any_step():
    for dt in (0.2, 0.05, 0.01):
        _, out = march(carriage(), dt, 20 * TRANSIT, lambda t: float(t < 0.2))
        times = (np.arange(len(out)) + 0.5) * dt
        assert (times * out).sum() / out.sum() - 0.1 == pytest.approx(TRANSIT, rel=1e-6)
        assert out.sum() == pytest.approx(0.2 * carriage().inflow, rel=1e-6)


def test_a_step_arrives_after_the_transit_time_ever_sharper():
    """Backward Euler spreads a front by √(Δt · transit): half the width at a quarter of the step."""
    widths = []
    for dt in (0.02, 0.005):
        given = carriage(cell=2 * UM)
        _, out = march(given, dt, 3 * TRANSIT, lambda t: 1.0)
        level = out / (given.inflow * dt)
        times = (np.arange(len(out)) + 0.5) * dt
        assert np.interp(0.5, level, times) == pytest.approx(TRANSIT, rel=0.03)
        assert (np.diff(level) >= -1e-12).all() and level.max() <= 1 + 1e-12
        widths.append(np.interp(0.9, level, times) - np.interp(0.1, level, times))
    assert widths[0] / widths[1] == pytest.approx(2.0, rel=0.1)


def profile_error(cells: int, dt: float, end: float) -> float:
    """Of what is held where C_in = (1 + sin ωt)/2, against the wave that travels."""
    given, omega = carriage(tube(1), cell=LENGTH / cells), 2 * np.pi / 0.5
    held, _ = march(given, dt, end, lambda t: 0.5 + 0.5 * np.sin(omega * t))
    x = (np.arange(cells) + 0.5) * LENGTH / cells
    return float(np.abs(held / given.volume - 0.5 - 0.5 * np.sin(omega * (end - x / SPEED))).max())


def test_of_first_order_in_time_and_cells_add_no_error_of_that_order():
    """Cells of the way of a step add a tenth to the error of the step alone; upwind would double it."""
    coarse, fine = (profile_error(round(LENGTH / (SPEED * dt)), dt, 1.0) for dt in (2e-3, 1e-3))
    assert np.log2(coarse / fine) > 0.85
    alone = profile_error(2000, 2e-3, 1.0)
    assert abs(coarse - alone) < 0.1 * alone


def test_turned_segments_change_nothing():
    straight, turned = carriage(permeability=1e-6), carriage(tube(turned=(1, 3)), permeability=1e-6)
    pairs = [march(given, 0.05, 1.0, lambda t: 1.0) for given in (straight, turned)]
    assert pairs[0][1] == pytest.approx(pairs[1][1], rel=1e-12)
    found = [
        given.segment_concentration(held) for given, (held, _) in zip((straight, turned), pairs, strict=True)
    ]
    assert found[0] == pytest.approx(found[1], rel=1e-12)


def test_a_junction_mixes_by_flow():
    """One inlet clean, because its wall took all: the rest goes on at the share of the other flow."""
    network = fork(split=0.75)
    grid = Grid((1, 10, 20), (10 * UM,) * 3, (-5 * UM, -40 * UM, 0.0))
    pieces = wall_pieces(network, grid)
    out = np.where(pieces.segment == 1, 1e-10, 0.0)
    _, passed = steady(Carriage(network, pieces, out, np.zeros_like(out), 10 * UM))
    assert passed.outflow / passed.inflow == pytest.approx(0.75, rel=1e-9)
    assert passed.outflow + passed.given.sum() == pytest.approx(passed.inflow, rel=1e-12)


@pytest.mark.parametrize("dt", [1e-3, 0.1, 100.0])
def test_amounts_are_conserved_and_never_negative(dt):
    rng = np.random.default_rng(1)
    given = carriage(permeability=3e-6, decay_rate=0.1)
    held = rng.random(given.cells) * given.volume
    came = gone = 0.0
    before = held.sum()
    for _ in range(20):
        returned = rng.random(given.cells) * 1e-14
        held, passed = given.advance(held, dt, arterial=rng.random(4), returned=returned)
        came += passed.inflow + returned.sum() * dt
        gone += passed.outflow + passed.given.sum() + passed.decayed
        assert (held >= 0).all() and (passed.given >= 0).all()
    total = before + came
    assert abs(held.sum() + gone - total) < 1e-13 * total


def test_nothing_exceeds_what_comes_in_where_nothing_is_filtered():
    for dt in (1e-3, 0.02, 1.0):
        given = carriage(permeability=1e-6)
        held, _ = march(given, dt, 50 * dt, lambda t: 1.0)
        assert (held <= given.volume * (1 + 1e-12)).all()


def test_still_blood_fills_by_diffusion():
    """A blind end of length ℓ beside a flow: mean 1 − Σ 2/q_n² e^{−q_n² Dt/ℓ²}, q_n = (n + ½)π (Crank 1975)."""
    nodes = np.array([[5.0, 5, 0], [5, 5, 100], [5, 5, 200], [5, 5, 300]]) * UM
    flow = np.array([1e-13, 0.0, 0.0])
    network = Network(nodes, np.array([[0, 1], [1, 2], [2, 3]]), np.full(3, RADIUS), flow=flow)
    given = carriage(network, cell=5 * UM, diffusivity=1e-10)
    held, _ = march(given, 0.5, 60.0, lambda t: 1.0)
    q = (np.arange(50) + 0.5) * np.pi
    expected = 1 - (2 / q**2 * np.exp(-(q**2) * 1e-10 * 60 / (200 * UM) ** 2)).sum()
    found = held[given.segment_cells != 0].sum() / given.volume[given.segment_cells != 0].sum()
    assert found == pytest.approx(expected, rel=0.01)  # of first order in time: 120 steps


def filtering(network, lost, *, out=0.0, **more) -> Carriage:
    """A vessel whose segments lose ``lost`` (m,) of fluid, m³/s of blood, evenly along their length."""
    pieces = wall_pieces(network, GRID)
    part = pieces.end - pieces.start
    passing = np.full(len(part), out) * part
    return Carriage(
        network,
        pieces,
        passing,
        0 * passing,
        10 * UM,
        filtered=np.asarray(lost)[pieces.segment] * part,
        **more,
    )


def test_fluid_that_is_lost_leaves_the_agent_behind():
    """Two fifths of the flow leave through walls that keep the agent; flow is that of the network in the middle."""
    flow = SPEED * np.pi * RADIUS**2
    given = filtering(replace(tube(2), flow=flow * np.array([1.0, 0.8])), [0.4 * flow, 0.0])
    held, passed = steady(given)
    assert given.inflow == pytest.approx(1.2 * flow * (1 - H))
    assert given.segment_concentration(held)[1] == pytest.approx(1.5)
    assert passed.outflow == pytest.approx(passed.inflow)


def test_fluid_that_takes_the_agent_along_leaves_its_concentration():
    """σ = 0: the wall takes C with the fluid; where the flow does not know of it, blood makes up for it at nodes."""
    flow = SPEED * np.pi * RADIUS**2
    held, passed = steady(filtering(tube(4), np.full(4, 0.1 * flow), out=0.1 * flow * (1 - H)))
    assert held == pytest.approx(carriage().volume, rel=1e-9)
    assert passed.given.sum() == pytest.approx(0.4 * flow * (1 - H))


@pytest.mark.parametrize("lost", [3.0, -3.0])
def test_flow_that_turns_within_a_segment_is_conserved_and_bounded(lost):
    """More is filtered, or drawn in, than flows: both ends feed a segment, or both are fed."""
    flow = SPEED * np.pi * RADIUS**2
    given = filtering(tube(2), np.full(2, lost * flow), out=max(lost, 0.0) * flow * (1 - H))
    held, passed = steady(given)
    assert passed.outflow + passed.given.sum() == pytest.approx(passed.inflow, rel=1e-12)
    assert (held <= given.volume * (1 + 1e-9)).all()
    assert (passed.given.sum() > passed.outflow) == (lost > 0)


def test_the_echo_is_what_a_uniform_tissue_gets_back():
    """1 − (1 − e^{−g})/g along a vessel whose inflow is clean, in the mean."""
    given = carriage(permeability=PERMEABILITY)
    weights = np.bincount(given.contacts.voxel, given.contacts.back)
    mean = (given.echo() * weights).sum() / weights.sum()
    assert mean == pytest.approx(1 - (1 - np.exp(-LOSS)) / LOSS, rel=1e-9)
    assert carriage(permeability=1e-9).echo().max() < 1e-3


def test_conductances_of_pieces_are_those_of_patlak():
    out, back = piece_conductances(np.array([1e-15]), np.array([0.5]), np.array([2e-15]))
    assert out - back == pytest.approx(1e-15)  # (1 − σ) J
    assert out / back == pytest.approx(np.e)  # Pe = 1
