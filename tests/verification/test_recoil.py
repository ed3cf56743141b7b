"""A daughter that leaves its carrier by recoil: Bateman in a closed voxel, books that close, plasma, and its dose."""

from math import exp, log

import numpy as np
import pytest

import tumorsim
from tumorsim.agents.payload import ScheduledRelease
from tumorsim.agents.radionuclide import chain_decays, radionuclide
from tumorsim.agents.release import FirstOrder, ReleaseLaws
from tumorsim.boundaries import Boundaries
from tumorsim.device.select import select_device
from tumorsim.errors import ConfigError
from tumorsim.grid import Grid
from tumorsim.readouts.activity import (
    daughter_activity,
    daughter_decays,
    label,
    mean_activity,
    time_integrated_activity,
)
from tumorsim.readouts.dose_report import dose_report
from tumorsim.readouts.imaging import SCANNERS, emission_image, observed
from tumorsim.readouts.nuclides import nuclide
from tumorsim.readouts.resample import FWHM
from tumorsim.resources import configs_directory
from tumorsim.simulation import simulate
from tumorsim.sinks.ledger import TOLERANCE, closure
from tumorsim.transport.payload import PayloadPlasma, PayloadStepper
from tumorsim.transport.reactions import Kinetics, Macrophages
from tumorsim.transport.stepper import Stepper, TransportProperties
from tumorsim.verify.marching import NO_PLASMA, FallingPlasma, given_flow

DEVICE, _ = select_device("auto")
CLEAN = PayloadPlasma(NO_PLASMA, NO_PLASMA)
PARENT, DAUGHTER = 2e-4, 1e-3
"""1/s, less unlike than any real pair, so that both are resolved."""


def recoiling(grid, *, carrier=None, drug=None, lasting=None, precision="float64", flow=None, keep=False):
    carrier = carrier or TransportProperties(0.3, 0.0, 0.0, 0.0)
    drug = drug or TransportProperties(0.3, 0.0, 0.0, 0.0, kinetics=Kinetics(decay=DAUGHTER))
    common = {"flow": flow or given_flow(DEVICE, grid), "boundaries": Boundaries(), "precision": precision}
    steppers = [Stepper(DEVICE, grid, properties=each, **common) for each in (carrier, drug)]
    release = ScheduledRelease(ReleaseLaws(*[FirstOrder(PARENT)] * 2))
    return PayloadStepper(*steppers, release=release, lasting_uptake=lasting, macrophages_keep=keep)


def after(stepper, end, *, steps, pool="free"):
    """Pools of one voxel that begins with 1 in one of them."""
    state = stepper.start({"free": np.full(stepper.grid.shape, float(pool == "free"))})
    if pool == "in_macrophages":
        state.in_macrophages = DEVICE.upload(np.ones(stepper.grid.shape), np.float64)
    for k in range(steps):
        stepper.step(state, k * end / steps, end / steps, CLEAN)
    return {name: pool.item() for name, pool in stepper.pools(state).items()}


@pytest.mark.parametrize(
    ("pool", "daughter"), [("free", "drug_free"), ("in_macrophages", "drug_in_macrophages")]
)
def test_parent_and_daughter_follow_bateman_to_second_order(pool, daughter):
    """N_d = λ_p/(λ_d − λ_p) (e^{−λ_p t} − e^{−λ_d t}), of parents that are free, or in macrophages that keep all."""
    kept, end = pool == "in_macrophages", 2000.0
    carrier = TransportProperties(0.3, 0.0, 0.0, 0.0, macrophages=Macrophages(0.0, 0.0) if kept else None)
    exact = PARENT / (DAUGHTER - PARENT) * (exp(-PARENT * end) - exp(-DAUGHTER * end))
    errors = []
    for steps in (5, 10, 20):
        stepper = recoiling(Grid((1, 1, 1), (1e-4,) * 3), carrier=carrier, keep=kept)
        pools = after(stepper, end, steps=steps, pool=pool)
        assert pools[pool] == pytest.approx(exp(-PARENT * end), rel=1e-12)  # exact
        errors.append(abs(pools[daughter] - exact) / exact)
    assert errors[0] < 0.01 and np.log2(errors[0] / errors[2]) / 2 >= 1.9, errors


def test_steps_are_short_enough_for_the_balance_of_a_daughter():
    stepper = recoiling(Grid((1, 1, 1), (1e-4,) * 3))
    assert stepper.limits["drug decay"] == pytest.approx(0.25 / DAUGHTER)
    dt = stepper.step_size
    pools = after(stepper, 100 * dt, steps=100)
    assert pools["drug_free"] / pools["free"] == pytest.approx(PARENT / (DAUGHTER - PARENT), rel=5e-3)


def test_a_daughter_that_cells_keep():
    """F' = λ_p N − (k + λ_d)F in transient equilibrium, I' = kF − λ_d I."""
    k, grid = 5e-4, Grid((1, 1, 1), (1e-4,) * 3)
    drug = TransportProperties(0.3, 0.0, 0.0, 0.0, uptake_rate=k, kinetics=Kinetics(decay=DAUGHTER))
    stepper = recoiling(grid, drug=drug, lasting=np.full(grid.shape, 0.3 * k))
    pools = after(stepper, 2e4, steps=200)
    free = PARENT / (DAUGHTER + k - PARENT)
    assert pools["drug_free"] / pools["free"] == pytest.approx(free, rel=2e-3)
    assert pools["drug_in_cells"] / pools["free"] == pytest.approx(free * k / (DAUGHTER - PARENT), rel=2e-3)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("keep", [True, False])
def test_atoms_are_conserved_and_positive(precision, keep):
    random, grid = np.random.default_rng(5), Grid((5, 6, 7), (20e-6, 30e-6, 25e-6))
    there, uptake = random.random(grid.shape) * (random.random(grid.shape) < 0.7), 1e-3
    carrier = TransportProperties(
        0.1 + 0.3 * random.random(grid.shape), 1e-12, 1e-4 * there, 0.3, binding_sites=there,
        kinetics=Kinetics(1e-3, 1e-4, 1e-5), macrophages=Macrophages(1e14 * there, 1e-18, 2e-14),
    )  # fmt: skip
    drug = TransportProperties(
        0.3, 1e-10, 1e-3 * there, 0.0, uptake_rate=uptake * there, kinetics=Kinetics(decay=DAUGHTER)
    )
    flow = given_flow(DEVICE, grid, filtration=1e-5, lymph_drainage=2e-5)
    stepper = recoiling(
        grid,
        carrier=carrier,
        drug=drug,
        lasting=0.3 * uptake * there,
        precision=precision,
        flow=flow,
        keep=keep,
    )
    state = stepper.start()
    for k in range(20):
        stepper.step(
            state, k * 200.0, 200.0, PayloadPlasma(FallingPlasma(1.0, 1e-3), FallingPlasma(0.1, 1e-3))
        )
    pools, a = stepper.pools(state), stepper.amounts(state)
    assert all((pool >= 0).all() for pool in pools.values()) and pools["drug_in_cells"].any()
    out = ("free", "bound", "internalised", "in_macrophages", "lymph", "released", "returned")
    assert abs(a["entered"] - sum(a[name] for name in out)) <= TOLERANCE[precision] * a["entered"]
    names = ("free", "in_cells", "in_macrophages", "lymph", "returned", "decayed")
    drug_out, came = sum(a[f"drug_{name}"] for name in names), a["drug_entered"] + a["released"]
    assert a["drug_decayed"] > 0.1 * came
    assert abs(came - drug_out) <= TOLERANCE[precision] * came


RUN = [
    "domain.spacing=500 um", "run.duration=6 h", "output.every=1 h", "agent.radionuclide=Ac-225",
    "agent.release_model=decay", "dosing.dose=8 MBq",
    "drug.radionuclide=Bi-213", "drug.diameter=0.8 nm", 'drug.plasma_half_lives=["0.5 h"]',
    "drug.uptake_rate=1e-4 1/s",
]  # fmt: skip


def load(*overrides):
    return tumorsim.load(configs_directory() / "quickstart.toml", overrides=[*RUN, *overrides])


def test_daughters_in_plasma_come_from_the_decay_there():
    """Bateman with clearance at q: in balance, λ_p/(λ_d + q) of the parent."""
    case = load('agent.plasma_half_lives=["1000 d"]', "agent.plasma_fractions=[1.0]")
    parent, daughter = log(2) / (10 * 86400), log(2) / (45.59 * 60)
    time, cleared = 2 * 86400.0, log(2) / 1800
    assert case.plasma.decay_rate == pytest.approx(parent)
    ratio = case.drug_plasma.amount(time) / case.plasma.amount(time)
    gone = log(2) / (1000 * 86400)
    assert ratio == pytest.approx(parent / (daughter + cleared - parent - gone), rel=1e-6)


def test_a_run_closes_and_its_daughters_are_near_balance(tmp_path):
    results = simulate(load(), out=tmp_path / "recoil.vtkhdf")
    entries = {name: float(values[-1]) for name, values in results.ledger.items()}
    assert closure(entries) <= TOLERANCE["float32"]
    assert entries["decayed"] == 0 and entries["drug_decayed"] > 0  # what the parent lost was released
    held = entries["drug_free"] + entries["drug_in_cells"]
    balance = 45.59 * 60 / (10 * 86400)  # λ_p/λ_d
    assert 0.3 < held / entries["free"] / balance < 3  # some leaves with the blood, some comes with it


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("drug.radionuclide=Lu-177", "drug.radionuclide"),
        ("drug.unencapsulated=0.1", "drug.unencapsulated"),
        ("tissue.regions.tumour.carrier_release_rate=1 1/h", "tissue.regions.NAME.carrier_release_rate"),
    ],
)
def test_what_does_not_fit_is_named(override, key):
    with pytest.raises(ConfigError) as caught:
        load(override)
    assert key in [problem.key for problem in caught.value.problems]


def test_decay_needs_a_nuclide():
    path = configs_directory() / "quickstart.toml"
    with pytest.raises(ConfigError) as caught:
        tumorsim.load(path, overrides=["agent.release_model=decay", "drug.name=doxorubicin"])
    assert "agent.radionuclide" in [problem.key for problem in caught.value.problems]


CLOSED = [
    'vessels.model="none"', 'dosing.initial_free="1 MBq/m^3"', "run.max_step=5 min", "output.every=15 min",
    "run.precision=float64", "output.precision=float64",
]  # fmt: skip


def test_dose_is_that_of_both_maps(tmp_path):
    """Where daughters stay: the parent's decays, with those of daughters before Bi-213, and Bateman's of that."""
    results = simulate(
        load(*CLOSED, "drug.interstitial_diffusivity=1e-30 m^2/s", "drug.uptake_rate=0 1/s"),
        out=tmp_path / "a.vtkhdf",
    )
    of = label(results, nuclide("Ac-225"))
    assert [each.name for each in of.nuclide.chain] == ["Ac-225", "Fr-221", "At-217", "Rn-217"]
    assert of.daughter.name == "Bi-213"
    chain = [radionuclide(name) for name in ("Ac-225", "Bi-213")]
    start, end = 1e6 / 8e6, 6 * 3600.0
    decayed = -np.expm1(-of.nuclide.decay_rate * end) / of.nuclide.decay_rate
    rates = [each.decay_rate for each in chain]
    alone = rates[1] / (rates[1] - rates[0]) * (decayed + np.expm1(-rates[1] * end) / rates[1])
    found = daughter_decays(results, of, tail=False)
    # trapezoids over 15 min of 46: a fifth of a percent; parents spread a little from region to region
    assert found.mean() == pytest.approx(8e6 * start * alone, rel=5e-3)
    report = dose_report(results, of, region="tumour", tail=False)
    theirs = nuclide("Bi-213")
    energy = found.sum() * (theirs.electron_energy + theirs.alpha_energy) * results.grid.voxel_volume
    assert report.accounts.recoiled == pytest.approx(energy / report.accounts.released, rel=1e-9)
    fresh = chain_decays(nuclide("Ac-225").chain, 1.0, end)
    whole = sum(n.charged_energy * d for n, d in zip(nuclide("Ac-225").chain, fresh, strict=True))
    volume = results.grid.voxels * results.grid.voxel_volume
    assert report.accounts.released == pytest.approx(
        1e6 * volume * whole, rel=1.5e-2
    )  # Pb-209, 0.2 of 28.7 MeV, is taken to be in balance with Bi-213


def test_the_tail_has_as_many_daughters_as_parents_at_most(tmp_path):
    results = simulate(load("output.every=6 h"), out=tmp_path / "tail.vtkhdf")
    of = label(results, nuclide("Ac-225"))
    daughters = daughter_decays(results, of).sum() - daughter_decays(results, of, tail=False).sum()
    decays = time_integrated_activity
    parents = decays(results, of).sum() - decays(results, of, tail=False).sum()
    assert 0.2 * parents < daughters <= parents * (1 + 1e-6)


def test_a_scanner_sees_photons_where_the_daughter_is(tmp_path):
    """Of Ac-225 itself Fr-221 emits 0.114 a decay; Bi-213, which has left, 0.261."""
    results = simulate(load("output.every=6 h"), out=tmp_path / "image.vtkhdf")
    of, scanner = label(results, nuclide("Ac-225")), SCANNERS["preclinical-spect"]
    end, start = float(results.times[-1]), float(results.times[-1]) - 600
    image = emission_image(results, of, scanner, start=start, end=end, blood=False, seed=None)
    assert image.truth == pytest.approx(mean_activity(results, of, start, end, blood=False))
    own = mean_activity(results, of, start, end, blood=False, shares=of.nuclide.photon_shares)
    seen = (0.114 * own + 0.261 * daughter_activity(results, of, start, end)) / 0.375
    expected = observed(seen, results.grid, image.image_grid, sigma=scanner.resolution / FWHM)
    assert image.expected == pytest.approx(expected, rel=1e-3)  # yields of three digits
