"""Tissue and the blood of a network in one: washed out and filled as closed forms say, and nothing is lost."""

from pathlib import Path

import numpy as np
import pytest

import tumorsim
from tumorsim.boundaries import Boundaries
from tumorsim.device.select import select_device
from tumorsim.errors import ConfigError
from tumorsim.grid import Grid
from tumorsim.readouts.blood import amount_in_blood, plasma_concentration
from tumorsim.resources import configs_directory
from tumorsim.sinks.ledger import TOLERANCE, closure
from tumorsim.transport.carried_plasma import CarriedStepper, echo_limit
from tumorsim.transport.stepper import Stepper, TransportProperties
from tumorsim.verify.marching import FallingPlasma, given_flow
from tumorsim.vessels.carriage import Carriage
from tumorsim.vessels.network import Network
from tumorsim.vessels.rasterise import wall_pieces

DEVICE, _ = select_device("auto")
UM = 1e-6
SIDE, RADIUS, FLOW, EPSILON = 100 * UM, 0.1 * UM, 1e-15, 0.24  # so thin that it holds nothing to speak of
BOX = Grid((1, 1, 1), (SIDE,) * 3)


def vessel(
    grid=BOX, *, conductance, parts=1, epsilon=EPSILON, uptake=0.0, precision="float64", diffusivity=1e-10
):
    """A vessel along x through the middle of a box; its wall lets ``conductance`` pass, m³/s in all."""
    nodes = np.full((parts + 1, 3), SIDE / 2)
    nodes[:, 2] = np.linspace(0, SIDE, parts + 1)
    links = np.stack([np.arange(parts), np.arange(parts) + 1], axis=1)
    network = Network(nodes, links, np.full(parts, RADIUS), flow=np.full(parts, FLOW))
    pieces = wall_pieces(network, grid)
    passing = conductance * pieces.share * network.length[pieces.segment] / SIDE
    carriage = Carriage(network, pieces, passing, passing, grid.spacing[2])
    loss = np.bincount(pieces.voxel, passing, minlength=grid.voxels).reshape(grid.shape) / grid.voxel_volume
    tissue = Stepper(
        DEVICE, grid, flow=given_flow(DEVICE, grid), boundaries=Boundaries(), precision=precision,
        properties=TransportProperties(epsilon, diffusivity, 0.0, 0.0, uptake_rate=uptake + loss / epsilon),
    )  # fmt: skip
    return CarriedStepper(tissue, carriage, cell_uptake=np.asarray(uptake), diffusivity=diffusivity)


def march(stepper, state, dt, steps, plasma):
    for k in range(steps):
        stepper.step(state, k * dt, dt, plasma)
    return state


@pytest.mark.parametrize("arterial", [0.0, 1.0])
@pytest.mark.parametrize("ratio", [0.1, 3.0])
def test_tissue_in_balance_with_its_blood_at_second_order(ratio, arterial):
    """εV dC/dt = Q (1 − e^{−PA/Q}) (C_p − C): with little or most of what is lost given back downstream."""
    conductance, errors = ratio * FLOW, []
    rate = FLOW * -np.expm1(-ratio) / (EPSILON * SIDE**3)
    end = 2 / rate
    for steps in (20, 40, 80):
        stepper = vessel(conductance=conductance)
        state = stepper.start({"free": np.full(BOX.shape, EPSILON * (1 - arterial))})
        march(stepper, state, end / steps, steps, FallingPlasma(arterial))
        level = stepper.amounts(state)["free"] / (EPSILON * SIDE**3)
        errors.append(abs(level - arterial - (1 - 2 * arterial) * np.exp(-2)))
    assert errors[-1] < 1e-3
    assert np.log2(errors[0] / errors[2]) / 2 > 1.8, errors


def test_what_is_lost_upstream_is_missing_downstream():
    """Voxels along a vessel that stays in balance with each: first order cascades, Σ_{j<n} e^{−t} tʲ/j! for PA ≫ Q."""
    grid = Grid((1, 1, 4), (SIDE, SIDE, SIDE / 4))
    stepper = vessel(grid, conductance=400 * FLOW, diffusivity=0.0)
    unit = EPSILON * SIDE**3 / 4 / FLOW  # in which the flow clears a voxel
    state = stepper.start({"free": np.full(grid.shape, EPSILON)})
    march(stepper, state, unit / 400, 800, FallingPlasma(0.0))
    t, j = 2.0, np.arange(4)
    terms = np.exp(-t) * t**j / np.array([1, 1, 2, 6])
    found = stepper.pools(state)["free"].ravel() / EPSILON
    assert found == pytest.approx(np.cumsum(terms), abs=0.01)  # 400 steps per unit, and PA/Q of 100 per voxel


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("uptake", [0.0, 2e-3])
@pytest.mark.parametrize("dt", [0.1, 30.0])
def test_every_amount_is_somewhere(precision, uptake, dt):
    grid = Grid((3, 3, 5), (SIDE / 3, SIDE / 3, SIDE / 5))
    stepper = vessel(grid, conductance=3 * FLOW, parts=3, uptake=uptake, precision=precision)
    state = stepper.start({"free": np.full(grid.shape, 0.1)})
    begun = sum(stepper.amounts(state).values())
    march(stepper, state, dt, 25, FallingPlasma(1.0, 1e-3))
    found = stepper.amounts(state)
    came = begun + found["vessels_inflow"]
    there = sum(found[name] for name in ("free", "internalised", "vessels", "vessels_outflow"))
    assert abs(there / came - 1) < TOLERANCE[precision]
    assert found["entered"] == pytest.approx(found["vessels_given"], rel=1e-12)
    assert found["returned"] == pytest.approx(found["vessels_returned"], rel=1e-12)
    assert (found["internalised"] > 0) == (uptake > 0)
    assert min(map(np.min, stepper.pools(state).values())) >= 0


def test_the_limit_of_a_step_does_not_hang_on_the_grid():
    """Agent spreads over many voxels in a step: a finer grid, with a higher rate in fewer of them, allows the same."""

    def limit(spacing):
        n = round(400 * UM / spacing)
        again = np.zeros((n, n, n))
        again[:, n // 2, n // 2] = 1e-2 * (100 * UM / spacing) ** 2
        return echo_limit(again, diffusivity=1e-10, spacing=(spacing,) * 3, longest=1e4)

    assert limit(5 * UM) == pytest.approx(limit(20 * UM), rel=1.5)  # found to a factor of two
    assert echo_limit(np.full((2, 2, 2), 1e-9), diffusivity=1e-10, spacing=(UM,) * 3, longest=600) == np.inf
    assert echo_limit(np.full((2, 2, 2), 1.0), diffusivity=0.0, spacing=(UM,) * 3, longest=600) == 1.0


FORK = """DGF
Vertex
parameters 1 # blood pressure, Pa; that of the second is what conserves blood
0 1e-4 1e-4 3300
1e-4 1e-4 1e-4 2911.60544795
2e-4 0.5e-4 0.9e-4 2000
2e-4 1.6e-4 1.2e-4 2100
#
Simplex
parameters 1 # radius, m
0 1 6e-6
1 2 4e-6
1 3 5e-6
#
"""
CASE = """
[domain]
size = ["200 um", "200 um", "200 um"]
spacing = "20 um"
[tissue]
background = "tumour"
[vessels]
model = "network"
file = "fork.dgf"
plasma = "carried"
[agent]
name = "Doxil"
[dosing]
dose = "90 mg"
[run]
duration = "10 min"
precision = "float64"
max_step = "20 s"
[output]
every = "2 min"
"""


@pytest.fixture
def case(tmp_path):
    (tmp_path / "fork.dgf").write_text(FORK)
    path = tmp_path / "case.toml"
    path.write_text(CASE)
    return lambda *overrides: tumorsim.load(path, overrides=overrides)


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ("vessels.two_way=true",),
        ("vessels.unresolved=true",),
        ("vessels.phase_separation=true", "run.precision=float32"),
        ("agent.radionuclide=In-111", "run.step_error=0.001"),
    ],
    ids=lambda given: given[0] if given else "plain",
)
def test_a_network_carries_particles_and_loses_what_the_tissue_gets(case, tmp_path, overrides):
    given = case(*overrides)
    results = tumorsim.simulate(given, out=tmp_path / "run.vtkhdf")
    ledger = {name: float(values[-1]) for name, values in results.ledger.items()}
    assert closure(ledger) <= TOLERANCE[given.config.run.precision]
    level = results.in_blood[-1] / plasma_concentration(results)[-1]
    assert (
        (level > 0.99) & (level < 1)
    ).all()  # particles hardly pass walls, and blood takes less than a second
    assert level[1:].max() < level[0]  # the two daughters are downstream
    assert results.in_blood.shape == (6, 3) and (results.in_blood[0] == 0).all()


def test_what_the_blood_holds_is_in_its_voxels(case, tmp_path):
    """As a scanner sees it; but for what the blood owes the tissue, or is owed."""
    results = tumorsim.simulate(case("agent.wall_mode=empirical"), out=tmp_path / "run.vtkhdf")
    weights = np.zeros(len(results.times))
    weights[-1] = 1.0
    seen = amount_in_blood(results, weights).sum() * results.grid.voxel_volume
    assert seen == pytest.approx(results.ledger["vessels"][-1], rel=1e-3)


def test_a_bed_of_capillaries_is_washed_out_at_the_rate_of_an_independent_solution(tmp_path):
    """9.254e-3 1/s [C]: upwind along the segments (extrapolated from 4 and 16 cells each), steady in blood but for the
    share of the storage, in voxels of 10 µm; of a tracer that red cells keep out."""
    network = Path(__file__).parents[3] / "shared" / "data" / "mouse_cortex_network.dgf"
    if not network.exists():
        pytest.skip(f"{network.name} is not here")
    overrides = [f"vessels.file={network}", "domain.spacing=10 um", "vessels.well_correction=false"]
    overrides += ["vessels.carried_in=plasma"]
    given = tumorsim.load(configs_directory() / "tracer_washout.toml", overrides=overrides)
    results = tumorsim.simulate(given, out=tmp_path / "washout.vtkhdf")
    left = np.interp([150, 200], results.times, results.ledger["free"])
    assert np.log(left[0] / left[1]) / 50 == pytest.approx(9.254e-3, rel=1e-3)
    assert (
        results.ledger["vessels_inflow"][-1] == 0
    )  # nothing flows in, and nothing is lost but through the ends
    gone = results.ledger["vessels_outflow"] + results.ledger["vessels"] + results.ledger["free"]
    assert gone == pytest.approx(np.full(len(gone), results.ledger["initial"][0]), rel=1e-6)


def test_fast_blood_is_that_of_the_plasma_curve(case, tmp_path):
    """With all its depletion and delay, 10 min through a fork differ from the same C_p everywhere by a few 1e-3."""
    found = [
        tumorsim.simulate(case(f"vessels.plasma={plasma}"), out=tmp_path / f"{plasma}.vtkhdf").ledger
        for plasma in ("carried", "uniform")
    ]
    assert 0.99 < found[0]["entered"][-1] / found[1]["entered"][-1] < 1


def test_a_run_resumes_bit_for_bit(case, interrupted):
    results, _ = interrupted(case("run.checkpoint_every=0.0001 s"), reports=13)
    assert results.in_blood[-1].max() > 0


@pytest.mark.parametrize(
    "overrides",
    [
        ("dosing.closed_body=true",),
        ('dosing.injection={radius="50 um", volume="1 nL", duration="1 min"}',),
        ("run.mode=steady", "dosing.plasma_concentration=1 mg/L"),
        ("drug.name=doxorubicin",),
        ("vessels.model=generated", "vessels.model=continuum"),
    ],
)
def test_what_a_network_cannot_carry_is_said(case, overrides):
    with pytest.raises(ConfigError, match=r"vessels\.plasma"):
        case(*overrides)
