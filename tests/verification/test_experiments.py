"""Experiments of the literature on coarse grids: who wins, by how much, what closed forms say (docs/experiments.md)."""

from functools import cache

import numpy as np
import pytest
from experiments import COARSE, HOUR, MICRON, NM

import tumorsim
from tumorsim.agents.binding_barrier import spheroid_moduli
from tumorsim.agents.release import release_laws
from tumorsim.constants import BODY_TEMPERATURE
from tumorsim.flow.bioheat import BLOOD_HEAT_CAPACITY
from tumorsim.resources import configs_directory
from tumorsim.sinks.ledger import TOLERANCE
from tumorsim.verify.baxter_jain import SphericalTumour, Tissue
from tumorsim.vessels.transvascular import transvascular_flux


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Case and results of a shipped config on its coarse grid; every choice of overrides runs once."""
    folder = tmp_path_factory.mktemp("experiments")

    @cache
    def once(name, *overrides):
        chosen = [f"domain.spacing={COARSE[name]}", *overrides]
        case = tumorsim.load(configs_directory() / f"{name}.toml", overrides=chosen)
        out = folder / f"{len(list(folder.iterdir()))}.vtkhdf"
        return case, tumorsim.simulate(case, out=out)

    return once


def inside(results, region):
    return results.field("region") == results.regions[region]


# vessel normalisation: Chauhan et al. 2012 ------------------------------------------------------------------

CORE = 0.45e-3


def leaky(run, size, pores):
    pore_radius = f"tissue.regions.tumour.pore_radius={pores} nm"
    return run("vessel_normalisation", f"agent.diameter={size} nm", pore_radius)


def uptake(run, size, pores):
    """Mean N of the core and of the whole tumour at 10 min."""
    _, results = leaky(run, size, pores)
    tumour, r = inside(results, "tumour"), results.grid.distance((0.0, 0.0, 0.0))
    free = results.field("free", "10 min")
    return np.array([free[tumour & (r < CORE)].mean(), free[tumour].mean()])


def closed_pressure(case):
    """Baxter and Jain's pressure of the tumour in a shell of normal tissue as thick as the margin of the box."""
    tumour, normal = (case.config.tissue.properties(name) for name in ("tumour", "normal"))
    shape = case.grid.shape
    filtration, effective = (
        case.fluid.map(name, shape) for name in ("vessel_filtration", "vascular_effective_pressure")
    )
    loss = filtration[-1, -1, -1] + normal.lymphatic_filtration
    rest = filtration[-1, -1, -1] * effective[-1, -1, -1] / loss
    form = SphericalTumour(
        0.9e-3,
        tumour=Tissue(tumour.hydraulic_conductivity, filtration[0, 0, 0], effective[0, 0, 0]),
        surroundings=Tissue(normal.hydraulic_conductivity, loss, rest),
        outer_radius=1.2e-3,
    )
    return form.pressure(case.grid.distance((0.0, 0.0, 0.0)))


@pytest.mark.parametrize("pores", [150, 30])
def test_pressure_of_the_core_is_that_of_baxter_and_jain(run, pores):
    case, results = leaky(run, 12, pores)
    core = results.grid.distance((0.0, 0.0, 0.0)) < CORE
    # a shell for a box, and nine voxels to the radius
    assert results.field("pressure")[core].mean() == pytest.approx(
        closed_pressure(case)[core].mean(), rel=0.05
    )


def test_smaller_pores_lower_the_pressure(run):
    before, after = (leaky(run, 12, pores)[1].field("pressure")[0, 0, 0] for pores in (150, 30))
    assert after < 0.75 * before


def test_normalisation_helps_small_particles_and_hinders_large_ones_in_the_core(run):
    gains = [(uptake(run, size, 30) / uptake(run, size, 150))[0] for size in (12, 60, 125)]
    assert gains[0] > 1.5  # 2.1 on the grid of the config
    assert 0.7 < gains[1] < 1.6  # 1.3: about unchanged
    assert gains[2] < 0.1  # 0.04


def test_normalisation_to_a_lesser_degree_helps_all_sizes_in_the_core(run):
    assert all((uptake(run, size, 100) / uptake(run, size, 150))[0] > 1.2 for size in (12, 60, 125))


def test_the_whole_tumour_never_takes_up_more_through_smaller_pores(run):
    for size in (12, 60, 125):
        whole = [uptake(run, size, pores)[1] for pores in (150, 100, 30)]
        assert whole[0] > whole[1] > whole[2]


def test_gains_in_the_core_are_those_of_the_influx(run):
    """Patlak's flux into clean tissue at the closed pressure; 12 nm reach the core from outside too, and gain less."""
    influx = {}
    for pores in (150, 30):
        case, results = leaky(run, 60, pores)
        effective = case.fluid.map("vascular_effective_pressure", case.grid.shape)
        flux = transvascular_flux(
            volume_flux=case.wall.hydraulic_conductivity * (effective - closed_pressure(case)),
            permeability=case.wall.permeability,
            reflection_coefficient=case.wall.reflection_coefficient,
            plasma_concentration=1.0,
            interstitial_concentration=0.0,
        )
        influx[pores] = flux[results.grid.distance((0.0, 0.0, 0.0)) < CORE].mean()
    gain = (uptake(run, 60, 30) / uptake(run, 60, 150))[0]
    assert gain == pytest.approx(influx[30] / influx[150], rel=0.2)  # 1.31 and 1.37 on the grid of the config


# binding-site barrier: Graff and Wittrup 2003, Thurber et al. 2007 ------------------------------------------

SITES, RADIUS, LOW, HIGH = 4e-4, 200 * MICRON, 2, 200


def antibody(run, medium):
    return run("binding_site_barrier", *(f"transport.boundary.{axis}_high={medium} nM" for axis in "xyz"))


def moduli(case, medium):
    return spheroid_moduli(
        internalisation=case.agent.internalisation,
        binding_sites=SITES,
        radius=RADIUS,
        effective_diffusivity=float((case.matrix.available_fraction * case.matrix.diffusivity)[0, 0, 0]),
        concentration=medium * NM,
        exposure=medium * NM * case.config.run.duration,
    )


def test_the_moduli_tell_which_dose_fills_the_spheroid(run):
    for medium, filled in ((LOW, False), (HIGH, True)):
        case, results = antibody(run, medium)
        found = moduli(case, medium)
        assert (found.thiele < 1) == (found.clearance < 1) == filled
        taken = results.field("bound") / SITES
        r = results.grid.distance((0.0, 0.0, 0.0))
        rim = inside(results, "spheroid") & (r > 0.8 * RADIUS)
        assert taken[rim].mean() > 0.6
        assert (taken[r < 0.4 * RADIUS].mean() > 0.95) if filled else (taken[r < 0.4 * RADIUS].mean() < 0.05)


@pytest.mark.parametrize("medium", [LOW, 6])
def test_what_is_held_is_that_of_a_radial_solution(run, medium):
    """The box lies between the spheres inscribed in it and around it; coarse voxels may add 0.02."""
    case, results = antibody(run, medium)
    held = results.field("bound")[inside(results, "spheroid")].mean() / SITES
    box = case.grid.size[0]
    near, far = (radial_barrier(case, medium * NM, outer=outer) for outer in (box, np.sqrt(3) * box))
    assert far - 0.02 < held < near + 0.02


def test_tight_antibody_stays_beside_the_vessel_unless_it_fills_all(run):
    """And loose antibody of the same dose spreads evenly."""
    found = {}
    for name, more in (
        ("low", ()),
        ("high", ("dosing.dose=3 umol",)),
        ("loose", ("agent.dissociation_constant=100 nM",)),
    ):
        _, results = run("perivascular_antibody", "run.duration=8 h", *more)
        _, y, x = results.grid.centers
        r = np.broadcast_to(np.hypot(x, y), results.grid.shape)
        held = results.field("bound") + results.field("internalised")
        near, far = held[(r > 8 * MICRON) & (r < 16 * MICRON)].mean(), held[r > 60 * MICRON].mean()
        found[name] = near, far, held[inside(results, "tumour")].mean()
    assert found["low"][1] < 0.1 * found["low"][0]
    assert found["high"][1] > 0.25 * found["high"][0] and found["high"][1] > 150 * found["low"][1]
    assert found["loose"][1] > 0.8 * found["loose"][0]
    assert found["loose"][2] == pytest.approx(found["low"][2], rel=0.15)  # the wall lets in as much


def radial_barrier(case, medium, *, outer, shells=100):
    """Part of the sites that is taken at the end, by finite volumes along r and SciPy's BDF."""
    from scipy.integrate import solve_ivp

    agent, n, h = case.agent, shells, outer / shells
    r, faces = (np.arange(n) + 0.5) * h, np.arange(n + 1) * h
    spheroid = r < RADIUS
    inner, last = (0, 0, 0), (-1, -1, -1)
    room, spread = (
        np.where(spheroid, values[inner], values[last])
        for values in (case.matrix.available_fraction, case.matrix.diffusivity)
    )
    sites = SITES * spheroid
    resistance = h / (2 * room * spread)
    conductance = np.append(1 / (resistance[1:] + resistance[:-1]), 1 / resistance[-1]) * faces[1:] ** 2
    volume = np.diff(faces**3) / 3

    def rates(_, y):
        c, bound = y[:n], y[n:]
        flux = np.append(0.0, conductance * np.diff(np.append(c, medium)))
        binding = agent.binding_on * c * (sites - bound) - agent.binding_off * bound
        return np.append((np.diff(flux) / volume - binding) / room, binding - agent.internalisation * bound)

    end = solve_ivp(
        rates, (0, case.config.run.duration), np.zeros(2 * n), method="BDF", rtol=1e-4, atol=1e-11
    ).y[n:, -1]
    return (end * volume).sum() / (sites * volume).sum()


# ThermoDox --------------------------------------------------------------------------------------------------

COLD, INTERSTITIAL = "heating.temperature=37 degC", "heating.transit_time=0 s"


def in_cells(results, region, minutes):
    return results.statistics[f"{region}/mean_drug_in_cells"][results.step_at(60.0 * minutes)]


def test_heat_brings_drug_into_the_cells_of_the_tumour_only(run):
    warm, cold = run("thermodox")[1], run("thermodox", COLD)[1]
    assert in_cells(warm, "tumour", 30) > 12 * in_cells(cold, "tumour", 30)
    # it does not stay, for nothing of it binds to DNA in the model
    assert in_cells(warm, "tumour", 120) < 0.1 * in_cells(warm, "tumour", 30)
    assert in_cells(warm, "normal", 30) < 0.1 * in_cells(warm, "tumour", 30)


def test_most_is_released_in_the_blood(run):
    warm, interstitial, cold = (run("thermodox", *more)[1] for more in ((), (INTERSTITIAL,), (COLD,)))
    gain = in_cells(warm, "tumour", 30) - in_cells(cold, "tumour", 30)
    assert in_cells(interstitial, "tumour", 30) - in_cells(cold, "tumour", 30) < 0.1 * gain


def test_fluid_of_the_heated_tumour_follows_what_its_blood_has_released(run):
    """C tends to the part 1 − (1 − e^{−kτ})/(kτ) of what is in carriers, and what else is free in plasma.

    It stays below while the cells fill.
    """
    case, results = run("thermodox")
    law, heating = release_laws(case.agent).outside, case.config.heating
    kt = float(law.rate(heating.temperature) - law.rate(BODY_TEMPERATURE)) * heating.transit_time
    part = 1 - (1 - np.exp(-kt)) / kt
    time = 1800.0
    blood = part * case.plasma.concentration(time) + case.drug_plasma.concentration(time)
    core = results.grid.distance((0.0, 0.0, 0.0)) < 1e-3
    fluid = results.field("drug_free", time)[core].mean() / 0.4
    assert 0.8 * blood < fluid < blood * 1.02


def test_release_in_blood_carries_free_drug_further_from_the_capillary(run):
    """Manzoor et al. 2012 (10.1158/0008-5472.CAN-12-1683): deeper, and more of it."""
    far = {}
    for name, more in (("blood", ()), ("interstitium", (INTERSTITIAL,))):
        _, results = run("thermodox_capillary", *more)
        _, y, x = results.grid.centers
        r = np.broadcast_to(np.hypot(x, y), results.grid.shape)
        free = results.field("drug_free", "30 min")
        near, away = (free[(r > low) & (r < low + 8 * MICRON)].mean() for low in (10 * MICRON, 60 * MICRON))
        assert near > away
        far[name] = away / near, away
    assert far["blood"][0] > 1.3 * far["interstitium"][0]
    assert far["blood"][1] > 10 * far["interstitium"][1]


# ThermoDox under a focus ------------------------------------------------------------------------------------


def test_the_cool_rim_under_a_focus_gets_less_drug_than_at_one_temperature(run):
    _, focus = run("thermodox_focus")
    _, even = run("thermodox_focus", "heating.mode=prescribed")
    assert in_cells(focus, "tumour", 30) == pytest.approx(in_cells(even, "tumour", 30), rel=0.1)
    assert in_cells(focus, "rim", 30) < 0.6 * in_cells(even, "rim", 30)  # 0.39 on the grid of the config
    temperature = focus.field("temperature")
    assert temperature[inside(focus, "tumour")].mean() == pytest.approx(315.15, abs=1e-3)
    assert temperature[0, 0, 0] == temperature.max() > 316.5


def test_heat_settles_long_before_it_ends(run):
    """The slowest mode of the box, ω + 3k(π/2L)²/(ρc), with the perfusion of what is least perfused."""
    case, _ = run("thermodox_focus")
    tumour = case.config.tissue.properties("tumour")
    rate = tumour.perfusion + 3 * tumour.thermal_conductivity / BLOOD_HEAT_CAPACITY * (np.pi / 2 / 16e-3) ** 2
    assert 1 / rate < 0.15 * case.config.heating.duration


# infusion into a tumour -------------------------------------------------------------------------------------

DEPOSIT, BLOODLESS = "dosing.injection={radius='0.5 mm'}", "vessels.model=none"


def reach(run, *overrides):
    """Radius of a ball with the second moment of the free agent at 2 h, and the part of the dose that is left."""
    case, results = run("intratumoural_infusion", *overrides)
    free, r = results.field("free", "2 h"), results.grid.distance(results.grid.center)
    moment = np.sqrt(5 / 3 * (free * r**2).sum() / free.sum())
    return moment, free.sum() * results.grid.voxel_volume / case.dose


def test_without_vessels_infused_particles_fill_the_fluid_that_came(run):
    case, _ = run("intratumoural_infusion", BLOODLESS)
    radius, left = reach(run, BLOODLESS)
    available = case.matrix.available_fraction.max()
    assert left == pytest.approx(1, abs=1e-3)  # nothing leaves but through faces far away
    front = (0.5e-3**3 + 3 * 8e-9 / (4 * np.pi * available)) ** (1 / 3)
    assert radius == pytest.approx(front, rel=0.06)  # the last ball of fluid is not yet full


def test_an_infusion_reaches_further_than_a_deposit_and_loses_more_to_vessels(run):
    infusion, deposit = reach(run), reach(run, DEPOSIT)
    bloodless = reach(run, BLOODLESS)
    assert deposit[0] < 0.7 * infusion[0] < 0.7 * bloodless[0]
    assert infusion[1] < 0.5 < 0.8 < deposit[1]


# spheroid on a chip: Albanese et al. 2013 -------------------------------------------------------------------


def on_chip(run, size, pascals):
    return run("spheroid_on_chip", f"agent.diameter={size} nm", f"pressure.boundary.x_low={pascals} Pa")


def filling(run, size, pascals):
    """Mean C/C₀ of the spheroid at the end."""
    case, results = on_chip(run, size, pascals)
    spheroid = inside(results, "spheroid")
    return float((results.field("free") / case.matrix.available_fraction)[spheroid].mean() / NM)


def test_diameter_limits_what_gets_in(run):
    for pascals in (0, 50):
        found = [filling(run, size, pascals) for size in (12, 60, 125)]
        assert found[0] > 1.1 * found[1] > 1.2 * found[2]


def test_flow_brings_more_of_every_size(run):
    for size in (12, 60, 125):
        assert filling(run, size, 50) > 1.5 * filling(run, size, 0)


def test_a_fast_channel_fills_the_spheroid_as_a_well_stirred_bath(run):
    """Crank's sphere: for 60 nm, flow through the spheroid adds to it what the channel takes to fill."""
    case, _ = on_chip(run, 60, 150)
    fourier = float(case.diffusivity.min()) * 2 * HOUR / RADIUS**2
    n = np.arange(1, 100)
    crank = 1 - 6 / np.pi**2 * np.sum(np.exp(-((n * np.pi) ** 2) * fourier) / n**2)
    assert filling(run, 60, 150) == pytest.approx(crank, rel=0.06)


def test_the_spheroid_is_flowed_through_as_an_inclusion(run):
    """Darcy: u inside is uniform, 3K_s/(K_s + 2K_g) u; walls at twice the radius squeeze the flow by up to a tenth."""
    case, results = on_chip(run, 60, 50)
    conductivity = case.tissue_map("hydraulic_conductivity")
    spheroid, gel = conductivity.min(), conductivity.max()
    core = results.grid.distance((0.0, 0.0, 500 * MICRON)) < 0.6 * RADIUS
    along = results.field("velocity")[core][:, 0].mean()
    assert along == pytest.approx(3 * spheroid / (spheroid + 2 * gel) * gel * 50 / 1e-3, rel=0.15)


def test_books_close_on_what_came_in_through_the_face(run):
    for case, results in (antibody(run, LOW), on_chip(run, 60, 50)):
        entered = -results.ledger["boundary"][-1]
        assert entered > 0
        assert abs(results.ledger["imbalance"][-1]) <= TOLERANCE[case.config.run.precision] * entered
