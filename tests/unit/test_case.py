"""What a case makes of its config: the right number in the right voxel."""

import numpy as np
import pytest

import tumorsim
from tumorsim.agents.interstitium import FibreMatrix, convective_retardation, hindered_diffusivity
from tumorsim.agents.passage import wall_passage
from tumorsim.constants import MMHG
from tumorsim.errors import ConfigError
from tumorsim.limits import limits
from tumorsim.resources import configs_directory
from tumorsim.tissue.properties import PRESETS

CONFIG = """
title = "small"
[domain]
size = ["2 mm", "1.6 mm", "1.2 mm"]
spacing = "200 um"
[tissue]
background = "normal"
[[tissue.shapes]]
region = "tumour"
kind = "sphere"
radius = "0.5 mm"
[vessels]
{vessels}
[agent]
name = "{agent}"
[dosing]
dose = "{dose}"
[run]
duration = "1 h"
"""

FORK = """DGF
Vertex
parameters 1
2e-4 6e-4 6e-4 3000
1e-3 8e-4 6e-4 2000
#
Simplex
parameters 1
0 1 2e-5
#
"""


@pytest.fixture
def make(tmp_path):
    def case(*overrides, vessels="", agent="Doxil", dose="50 mg"):
        path = tmp_path / "small.toml"
        path.write_text(CONFIG.format(vessels=vessels, agent=agent, dose=dose))
        return tumorsim.load(path, overrides=overrides)

    return case


def test_positions_are_x_y_z_in_the_file_and_z_y_x_in_arrays(make):
    assert make().grid.shape == (6, 8, 10)


def test_regions_carry_their_properties(make):
    case = make()
    inside = case.regions.mask("tumour")
    density = case.vessel_area_density
    assert np.all(density[inside] == PRESETS["tumour"].vessel_area_density)
    assert np.all(density[~inside] == PRESETS["normal"].vessel_area_density)


def test_effective_vascular_pressure_is_that_of_baxter_and_jain(make):
    case = make()
    effective = case.fluid.vascular_effective_pressure[case.regions.mask("tumour")]
    assert effective == pytest.approx(11.5 * MMHG, rel=1e-6)


def test_liposome_does_not_pass_the_pores_of_normal_vessels(make):
    case = make()
    inside = case.regions.mask("tumour")
    assert np.all(case.wall.permeability[~inside] == 0)
    assert np.all(case.wall.permeability[inside] > 0)


def test_leakiness_multiplies_filtration_and_permeability_alike(make):
    even, uneven = make(), make("tissue.regions.tumour.leakiness_log_sd=0.8")
    inside = even.regions.mask("tumour")
    filtration = (uneven.fluid.vessel_filtration / even.fluid.vessel_filtration)[inside]
    permeability = (uneven.wall.permeability / np.where(inside, even.wall.permeability, 1))[inside]
    assert filtration == pytest.approx(permeability)
    assert filtration.std() > 0.1


def test_measured_values_of_free_doxorubicin_stand_in_for_the_models(make):
    case = make(agent="free doxorubicin")
    assert case.diffusivity == pytest.approx(1.17e-10)


def test_pores_and_sizes_of_the_config_reach_the_wall(make):
    """Region by region, and the same voxel by voxel where a map gives a property of the wall."""
    pores = ("agent.wall_mode=pores", "agent.polydispersity_index=0.1", "tissue.regions.tumour.pore_radius_log_sd=0.3",
             "tissue.regions.tumour.large_pore_area_fraction=1e-5", "tissue.regions.tumour.preset=tumour")  # fmt: skip
    case, plain = make(*pores), make("agent.wall_mode=pores")
    inside = case.regions.mask("tumour")
    values = vars(case.config.tissue.properties("tumour"))
    expected = wall_passage(case.agent, lambda name: values[name])
    assert case.agent.diameter_log_sd == pytest.approx(np.sqrt(np.log(1.1)))
    for name in ("hydraulic_conductivity", "permeability", "reflection_coefficient"):
        assert getattr(case.wall, name)[inside] == pytest.approx(getattr(expected, name))
    assert np.all(case.wall.permeability[inside] != plain.wall.permeability[inside])
    assert np.all(case.fluid.vessel_filtration[inside] > plain.fluid.vessel_filtration[inside])


def test_a_map_of_pores_gives_the_wall_voxel_by_voxel(make, tmp_path):
    radii = np.where(make().regions.mask("tumour"), 200e-9, 5e-9)
    np.save(tmp_path / "pores.npy", radii)
    mapped = make("agent.diameter_log_sd=0.2", f"tissue.maps.pore_radius={tmp_path / 'pores.npy'}")
    plain = make("agent.diameter_log_sd=0.2")
    for name in ("hydraulic_conductivity", "permeability", "reflection_coefficient"):
        np.testing.assert_allclose(getattr(mapped.wall, name), getattr(plain.wall, name), rtol=1e-12)


def test_fibres_differ_between_regions(make):
    case = make(
        "agent.matrix_model=fibre", "agent.retardation_model=pore", "tissue.regions.tumour.fibre_volume_fraction=0.06",
        "tissue.regions.tumour.preset=tumour",
    )  # fmt: skip
    inside = case.regions.mask("tumour")
    fibres = {True: FibreMatrix(volume_fraction=0.06), False: FibreMatrix()}
    for where, fibre in fibres.items():
        voxels = inside if where else ~inside
        ratio = hindered_diffusivity(42.5e-9, 1e-14, model="fibre", fibres=fibre)
        assert case.diffusivity[voxels] == pytest.approx(ratio)
        assert case.transport.retardation[voxels] == pytest.approx(
            convective_retardation(42.5e-9, model="pore", fibres=fibre)
        )


def test_power_law_of_each_region_gives_the_diffusivity(make):
    case = make("agent.matrix_model=power_law", agent="trastuzumab")
    inside = case.regions.mask("tumour")
    mass = case.agent.molar_mass * 1e3
    assert case.diffusivity[inside] == pytest.approx(2.51e-6 * mass**-1.14)
    assert case.diffusivity[~inside] == pytest.approx(1e2 * mass**-2.96)


def test_size_classes_are_cases_of_one_size_with_weights(make):
    case = make("agent.polydispersity_index=0.04")
    classes = case.size_classes(5)
    assert [part.agent.diameter_log_sd for part, _ in classes] == [0.0] * 5
    assert sum(weight for _, weight in classes) == pytest.approx(1)
    assert classes[2][0].agent.diameter == pytest.approx(85e-9)
    smallest, largest = classes[0][0], classes[4][0]
    assert np.all(smallest.diffusivity > case.diffusivity) and np.all(largest.diffusivity < case.diffusivity)
    assert [weight for _, weight in make().size_classes()] == [1.0]


def test_map_replaces_a_property_everywhere(make, tmp_path):
    values = np.linspace(10, 300, 480).reshape(6, 8, 10)
    np.save(tmp_path / "density.npy", values)
    case = make('tissue.maps.vessel_area_density={ file = "%s", unit = "1/cm" }' % (tmp_path / "density.npy"))
    assert case.vessel_area_density == pytest.approx(values * 100)


def test_network_brings_its_wall_area_and_its_pressures(make, tmp_path):
    path = tmp_path / "one.dgf"
    path.write_text(FORK)
    case = make(vessels=f'model = "network"\nfile = "{path}"')
    area = case.vessel_area_density.sum() * case.grid.voxel_volume
    assert area == pytest.approx(2 * np.pi * 2e-5 * np.hypot(8e-4, 2e-4))
    crossed = case.vessel_area_density > 0
    raised = (
        case.fluid.vascular_effective_pressure[crossed]
        - case.fluid.vascular_effective_pressure[~crossed].max()
    )
    assert raised.max() > 0 and case.network.flow[0] > 0


def test_network_outside_the_box_is_an_error(make, tmp_path):
    path = tmp_path / "one.dgf"
    path.write_text(FORK)
    with pytest.raises(ConfigError, match=r"vessels\.file"):
        _ = make(
            'domain.origin=["9 mm", "9 mm", "9 mm"]', vessels=f'model = "network"\nfile = "{path}"'
        ).fluid


def test_limits_tell_size_steps_and_dimensionless_numbers(make):
    found = limits(make(), device="numpy")
    assert found["voxels"][0] == 480
    assert found["steps"][0] >= 3600 / found["step: advection"][0]
    assert {"Péclet number", "Thiele modulus", "memory", "result file"} <= found.keys()


def test_dose_in_mol_makes_amounts_mol(make):
    assert make(dose="2 umol").amount_unit == "mol"
    assert make(dose="2 umol").plasma.dose == pytest.approx(2e-6)


def test_an_injection_puts_the_dose_into_a_ball(tmp_path):
    overrides = [
        "domain.spacing=200 um",
        "dosing.injection.radius=500 um",
        "run.duration=2 h",
    ]
    case = tumorsim.load(configs_directory() / "quickstart.toml", overrides=overrides)
    start = case.initial_free
    assert start.sum() * case.grid.voxel_volume == pytest.approx(case.dose, rel=1e-12)
    assert (case.grid.distance(case.grid.center)[start > 0] <= 500e-6).all()
    results = tumorsim.simulate(case, out=tmp_path / "injected.vtkhdf")
    ledger = {name: float(values[-1]) for name, values in results.ledger.items()}
    assert ledger["plasma"] == ledger["injected"] == 0 and ledger["initial"] == pytest.approx(
        case.dose, rel=1e-6
    )
    assert ledger["free"] + ledger["lymph"] + ledger["boundary"] - ledger["extravasated"] == pytest.approx(
        case.dose
    )


def test_what_cells_took_up_is_degraded(tmp_path):
    uptake = ["tissue.regions.tumour.uptake_rate=1e-4 1/s", "agent.degradation=1 1/h"]
    overrides = ["domain.spacing=600 um", "run.duration=2 h", *uptake]
    case = tumorsim.load(configs_directory() / "quickstart.toml", overrides=overrides)
    ledger = tumorsim.simulate(case, out=tmp_path / "degraded.vtkhdf").ledger
    assert ledger["degraded"][-1] > 0.1 * ledger["internalised"][-1] > 0


def test_an_injection_outside_the_box_is_refused():
    away = ["dosing.injection.radius=500 um", 'dosing.injection.center=["9 mm", "3 mm", "3 mm"]']
    with pytest.raises(ConfigError, match="outside the box"):
        tumorsim.load(configs_directory() / "quickstart.toml", overrides=away)
