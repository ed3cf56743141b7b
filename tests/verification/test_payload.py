"""A carrier and its drug: closed forms in one voxel, books that close in any tissue, and what heat does in a run."""

from math import exp

import numpy as np
import pytest

import tumorsim
from tumorsim.agents.payload import ScheduledRelease
from tumorsim.agents.release import FirstOrder, ReleaseLaws, Weibull
from tumorsim.boundaries import Boundaries
from tumorsim.device.select import select_device
from tumorsim.grid import Grid
from tumorsim.resources import configs_directory
from tumorsim.simulation import simulate
from tumorsim.sinks.ledger import TOLERANCE, closure
from tumorsim.transport.payload import Cells, PayloadPlasma, PayloadStepper
from tumorsim.transport.reactions import Kinetics
from tumorsim.transport.stepper import Stepper, TransportProperties
from tumorsim.verify.marching import NO_PLASMA, FallingPlasma, given_flow

DEVICE, _ = select_device("auto")
CELLS = {"fastest": 2e-6, "half_outside": 0.4, "half_inside": 3e-6}
DENSITY = 1e6
CLEAN = PayloadPlasma(NO_PLASMA, NO_PLASMA)


def payload(grid, laws, *, cells=None, carrier=None, drug=None, precision="float64", flow=None):
    """A carrier and a drug without vessels, unless their properties are given."""
    closed = TransportProperties(0.3, 0.0, 0.0, 0.0)
    common = {"flow": flow or given_flow(DEVICE, grid), "boundaries": Boundaries(), "precision": precision}
    steppers = [Stepper(DEVICE, grid, properties=p or closed, **common) for p in (carrier, drug)]
    return PayloadStepper(*steppers, release=ScheduledRelease(laws), cells=cells)


def after(stepper, end, *, steps, free=None, plasma=CLEAN):
    state = stepper.start({} if free is None else {"free": np.full(stepper.grid.shape, free)})
    for k in range(steps):
        stepper.step(state, k * end / steps, end / steps, plasma)
    return state


@pytest.mark.parametrize("law", [FirstOrder(2e-3), Weibull(400.0, 0.6)], ids=["first order", "Weibull"])
def test_what_a_closed_voxel_releases_follows_the_law(law):
    stepper = payload(Grid((1, 1, 1), (1e-4,) * 3), ReleaseLaws(law, law))
    pools = stepper.pools(after(stepper, 600.0, steps=7, free=1.0))
    kept = exp(-law.hazard(0.0, 600.0))
    assert pools["free"].item() == pytest.approx(kept, rel=1e-13)  # whatever the steps
    assert pools["drug_free"].item() == pytest.approx(1 - kept, rel=1e-13)


def test_carriers_in_cells_release_there():
    grid = Grid((1, 1, 2), (1e-4,) * 3)
    carrier = TransportProperties(0.3, 0.0, 0.0, 0.0, uptake_rate=1e-2)
    stepper = payload(grid, ReleaseLaws(None, FirstOrder(1e-3)), carrier=carrier)
    pools = stepper.pools(after(stepper, 1000.0, steps=200, free=1.0))
    taken, released = 1e-2, 1e-3  # dI/dt = k_up N − k I: Bateman
    inside = taken / (taken - released) * (exp(-released * 1000.0) - exp(-taken * 1000.0))
    assert pools["internalised"] == pytest.approx(
        np.full(grid.shape, inside), rel=1e-4
    )  # second order, k dt = 0.05
    assert pools["drug_in_cells"] == pytest.approx(
        np.full(grid.shape, 1 - exp(-taken * 1000.0) - inside), rel=1e-3
    )
    assert not pools["drug_free"].any()


def test_cells_and_fluid_reach_their_equilibrium():
    """D.3: I/(ρK_i) = fF/(K_e ε) where nothing is pumped, of a total that stays."""
    grid, f = Grid((1, 1, 1), (1e-4,) * 3), 0.25
    cells = Cells(np.full(grid.shape, DENSITY), **CELLS, free_fraction=f)
    uptake = TransportProperties(0.3, 0.0, 0.0, 0.0, uptake_rate=cells.most_capture / 0.3)
    stepper = payload(grid, ReleaseLaws(FirstOrder(0.1)), cells=cells, drug=uptake)
    pools = stepper.pools(after(stepper, 400.0, steps=800, free=2.0))
    fluid, inside = pools["drug_free"].item(), pools["drug_in_cells"].item()
    assert fluid + inside == pytest.approx(2.0, rel=1e-13)
    assert inside / (DENSITY * CELLS["half_inside"]) == pytest.approx(
        f * fluid / (CELLS["half_outside"] * 0.3), rel=1e-3
    )


def test_uptake_follows_its_differential_equations():
    """A closed voxel whose carriers empty at once, far into saturation both ways."""
    from scipy.integrate import solve_ivp

    f, epsilon, end, efflux = 0.25, 0.3, 20.0, 0.05
    cells = Cells(np.full((1, 1, 1), DENSITY), **CELLS, efflux=efflux, free_fraction=f)
    most, outside = DENSITY * CELLS["fastest"], CELLS["half_outside"] * epsilon

    def slope(t, x):
        into = most * f * x[0] / (f * x[0] + outside)
        out = most * x[1] / (x[1] + DENSITY * CELLS["half_inside"]) + efflux * x[1]
        return out - into, into - out

    exact = solve_ivp(slope, (0, end), (5.0, 0.0), rtol=1e-10, atol=1e-12).y[:, -1]
    uptake = TransportProperties(epsilon, 0.0, 0.0, 0.0, uptake_rate=cells.most_capture / epsilon)
    errors = []
    for steps in (200, 400, 800):
        stepper = payload(
            Grid((1, 1, 1), (1e-4,) * 3), ReleaseLaws(FirstOrder(1e9)), cells=cells, drug=uptake
        )
        pools = stepper.pools(after(stepper, end, steps=steps, free=5.0))
        errors.append(
            max(abs(pools["drug_free"].item() - exact[0]), abs(pools["drug_in_cells"].item() - exact[1]))
        )
    assert errors[-1] < 5e-3 * 5.0  # first order: rates are those of the start of a step
    assert np.log2(errors[0] / errors[2]) / 2 >= 0.9, errors


def test_dna_holds_drug_in_proportion():
    """G/I = κ_on/κ_off in the end, and the sum stays."""
    cells = Cells(np.full((1, 1, 1), DENSITY), **CELLS, dna_on=0.1, dna_off=0.02)
    uptake = TransportProperties(0.3, 0.0, 0.0, 0.0, uptake_rate=cells.most_capture / 0.3)
    stepper = payload(Grid((1, 1, 1), (1e-4,) * 3), ReleaseLaws(FirstOrder(0.1)), cells=cells, drug=uptake)
    pools = {
        name: pool.item() for name, pool in stepper.pools(after(stepper, 600.0, steps=600, free=2.0)).items()
    }
    assert pools["drug_on_dna"] == pytest.approx(
        5 * pools["drug_in_cells"], rel=1e-2
    )  # cells fill by a step's worth
    assert sum(pools.values()) == pytest.approx(2.0, rel=1e-13)


def rough(random, grid, precision):
    """Everything at once, and differing from voxel to voxel."""

    def somewhere(high, part=0.7):
        return high * random.random(grid.shape) * (random.random(grid.shape) < part)

    cells = Cells(
        DENSITY * somewhere(1.0), **CELLS, efflux=1e-3, free_fraction=0.25, dna_on=1e-3, dna_off=1e-4
    )
    carrier = TransportProperties(
        0.05 + 0.3 * random.random(grid.shape), 1e-13, somewhere(1e-4), 0.3, uptake_rate=somewhere(1e-5),
        binding_sites=somewhere(1.0), kinetics=Kinetics(1e-3, 1e-4, 1e-5, 0.0, 1e-6),
    )  # fmt: skip
    room = 0.2 + 0.3 * random.random(grid.shape)
    drug = TransportProperties(room, 1e-10, somewhere(0.1), 0.0, uptake_rate=cells.most_capture / room)
    flow = given_flow(DEVICE, grid, filtration=1e-5, lymph_drainage=2e-5)
    laws = ReleaseLaws(FirstOrder(1e-4), FirstOrder(3e-4))
    return payload(grid, laws, cells=cells, carrier=carrier, drug=drug, precision=precision, flow=flow)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("dt", [1.0, 120.0])
def test_carrier_and_drug_are_conserved_and_positive(precision, dt):
    random = np.random.default_rng(4)
    stepper = rough(random, Grid((7, 6, 9), (20e-6, 30e-6, 25e-6)), precision)
    plasma = PayloadPlasma(FallingPlasma(1.0, 1e-3), FallingPlasma(0.3, 2e-3))
    state = stepper.start()
    for k in range(20):
        stepper.step(state, k * dt, dt, plasma)
    pools, a = stepper.pools(state), stepper.amounts(state)
    assert all((pool >= 0).all() and pool.any() for pool in pools.values())
    held = (
        a["free"] + a["bound"] + a["internalised"] + a["lymph"] + a["decayed"] + a["released"] + a["returned"]
    )
    drug = a["drug_free"] + a["drug_in_cells"] + a["drug_on_dna"] + a["drug_lymph"] + a["drug_returned"]
    assert abs(a["entered"] - held) <= TOLERANCE[precision] * a["entered"]
    came = a["drug_entered"] + a["released"]
    assert abs(came - drug) <= TOLERANCE[precision] * came


DOXIL = ["domain.spacing=500 um", "run.duration=2 h", "output.every=1 h", "drug.name=doxorubicin"]


def test_a_run_with_a_drug_closes_and_resumes_bit_for_bit(interrupted):
    overrides = [*DOXIL, "drug.cell_uptake.efflux=1e-5 1/s", "run.checkpoint_every=0.001 s"]
    case = tumorsim.load(configs_directory() / "quickstart.toml", overrides=overrides)
    whole, _ = interrupted(case, reports=10)
    entries = {name: float(values[-1]) for name, values in whole.ledger.items()}
    assert closure(entries) <= TOLERANCE["float32"]
    assert entries["drug_in_cells"] > entries["drug_free"] > 0 and entries["released"] > 0


def test_heat_releases_in_the_heated_region_only(tmp_path):
    uptake = ["drug.cell_uptake.efflux=0 1/s", "output.every=30 min", "run.duration=1 h"]
    overrides = [*DOXIL, "agent.name=ThermoDox", *uptake]
    heat = ["heating.temperature=42 degC", 'heating.regions=["tumour"]', "heating.duration=30 min"]
    path = configs_directory() / "quickstart.toml"
    cold, warm = (
        simulate(tumorsim.load(path, overrides=[*overrides, *more]), out=tmp_path / f"{len(more)}.vtkhdf")
        for more in ([], heat)
    )
    labels = cold.field("region")
    tumour = labels == cold.region_names.index("tumour")
    gain = [r.field("drug_free", step=-1) + r.field("drug_in_cells", step=-1) for r in (cold, warm)]
    assert gain[1][tumour].mean() > 2 * gain[0][tumour].mean()
    far = labels == cold.region_names.index("normal")
    assert gain[1][far].mean() < 1.5 * gain[0][far].mean()


PLACES = {
    "light": [
        "light.face=z_high",
        "light.release_rate=1e-3 1/s",
        "light.penetration_depth=1 mm",
        "light.duration=1 h",
    ],
    "enzymes": ["tissue.regions.tumour.carrier_release_rate=1e-3 1/s"],
}


@pytest.mark.parametrize("place", PLACES)
def test_light_and_enzymes_release_where_they_are(tmp_path, place):
    """Of carriers that release nothing by themselves: half the box is lit, or the tumour alone has the enzyme."""
    overrides = [*DOXIL, "agent.release_model=none", *PLACES[place]]
    case = tumorsim.load(configs_directory() / "quickstart.toml", overrides=overrides)
    results = simulate(case, out=tmp_path / "place.vtkhdf")
    per_carrier = results.field("drug_free", time="1 h") / np.maximum(
        results.field("free", time="1 h"), 1e-300
    )
    if place == "light":
        assert (
            per_carrier[-1].mean() > 5 * per_carrier[0].mean()
        )  # 5.5 mm further down e^{-5.5}; the drug spreads
        return
    labels = results.field("region")
    tumour, normal = (labels == results.region_names.index(name) for name in ("tumour", "normal"))
    assert (
        results.field("drug_free", time="1 h")[tumour].mean()
        > 5 * results.field("drug_free", time="1 h")[normal].mean()
    )
