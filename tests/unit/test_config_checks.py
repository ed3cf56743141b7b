"""What only shows when keys, files and the machine are looked at together; and all of it in one go."""

import os
from pathlib import Path

import numpy as np
import pytest

from tumorsim.config import checks
from tumorsim.config.inputs import Inputs, length
from tumorsim.config.load import load_config
from tumorsim.errors import ConfigError
from tumorsim.tissue.images import resample

DATA = Path(__file__).parents[3] / "shared" / "data"
NETWORK = DATA / "tumour_network_tapmeier.vtp"
TABLES = {
    "domain": 'size = ["1 mm", "1 mm", "1 mm"]\nspacing = "100 um"',
    "tissue": 'background = "tumour"',
    "agent": 'diameter = "85 nm"\nplasma_half_lives = ["20 h"]',
    "dosing": 'dose = "50 mg"',
    "run": 'duration = "24 h"',
}


@pytest.fixture
def write(tmp_path):
    """A config of TABLES with some tables replaced; the label image tumour.npy lies beside it."""
    labels = np.zeros((4, 5, 6), np.uint8)
    labels[1:3, 1:3, 1:3] = 1
    np.save(tmp_path / "tumour.npy", labels)

    def put(**tables):
        text = "".join(f"[{name.replace('__', '.')}]\n{keys}\n" for name, keys in (TABLES | tables).items())
        path = tmp_path / "case.toml"
        path.write_text(text)
        return path

    return put


def problems(path):
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    return {problem.key: problem for problem in caught.value.problems}


def test_the_config_of_these_tests_is_sound(write):
    load_config(write())


# the ten mistakes -------------------------------------------------------------------------------------------

IMAGE = 'file = "tumour.npy"\nspacing = "50 um"\nlabels = { tumour = 1 }'
MISTAKES = {
    "wrong key": (
        {"run": 'duration = "24 h"\nclf = 0.3'},
        "run.clf", "unknown key", 'Did you mean "cfl"?',
    ),
    "missing unit": (
        {"run": "duration = 24"},
        "run.duration", "the unit is missing", '"24 h"',
    ),
    "wrong dimension": (
        {"vessels": 'margin = "5 mmHg"'},
        "vessels.margin", "a quantity in m was expected", '"50 um"',
    ),
    "negative size": (
        {"domain": 'size = ["1 mm", "-1 mm", "1 mm"]\nspacing = "100 um"'},
        "domain.size[1]", "must be greater than 0", '"50 um"',
    ),
    "missing file": (
        {"vessels": 'model = "network"\nfile = "tumor.vtp"'},
        "vessels.file", "no such file", "Did you mean tumour.npy?",
    ),
    "label not in the image": (
        {"domain": "", "tissue__image": IMAGE.replace("tumour = 1", "tumour = 1, necrotic = 2")},
        "tissue.image.labels.necrotic", "not in the image", "0 (112 voxels), 1 (8 voxels)",
    ),
    "zero voxels": (
        {"domain": 'size = ["1 mm", "1 mm", "30 um"]\nspacing = "100 um"'},
        "domain.size[2]", "holds no voxel", 'Use "100 um" (1 voxel)',
    ),
    "particle larger than every pore": (
        {"agent": 'diameter = "5 um"\nplasma_half_lives = ["20 h"]'},
        "agent.diameter", "larger than every pore (400 nm in tumour)", "pore_radius above 2.5 um",
    ),
    "duration 0": (
        {"run": 'duration = "0 h"'},
        "run.duration", "must be greater than 0", '"24 h"',
    ),
    "more memory than the machine has": (
        {"domain": 'size = ["1 m", "1 m", "1 m"]\nspacing = "10 um"'},
        "domain.spacing", "voxels need", "A spacing of about",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_by_key_and_cure_and_nothing_else_is(write, mistake):
    tables, key, fault, cure = MISTAKES[mistake]
    found = problems(write(**tables))
    assert fault in found[key].fault
    assert cure in found[key].cure
    assert len(found) == 1


def test_coefficients_of_16_bits_are_refused_beside_a_state_of_64(write):
    run = TABLES["run"] + '\ncoefficients = "float16"'
    assert load_config(write(run=run)).run.coefficients == "float16"
    found = problems(write(run=run + '\nprecision = "float64"'))
    assert list(found) == ["run.coefficients"]
    assert 'run.precision = "float32"' in found["run.coefficients"].cure


def test_all_ten_in_one_file_come_out_together(write):
    """The image gives the grid, so a box without voxels hides no lack of memory; two keys contradict it."""
    found = problems(
        write(
            domain='size = ["1 mm", "1 mm", "30 um"]\nspacing = "100 um"',
            tissue__image=IMAGE.replace("}", ", necrosis = 2 }") + '\nresample = "1 nm"',
            tissue__regions__necrosis='preset = "necrotic"',
            vessels='model = "network"\nfile = "tumor.vtp"\nmargin = "-5 um"\ndefault_radius = "5 mmHg"',
            pressure="boundary = 0.0",
            transport='limitr = "upwind"',
            agent='diameter = "5 um"\nplasma_half_lives = ["20 h"]',
            run='duration = "0 h"',
        )
    )
    assert found.keys() == {
        "transport.limitr",
        "pressure.boundary",
        "vessels.default_radius",
        "vessels.margin",
        "vessels.file",
        "tissue.image.labels.necrosis",
        "domain.size[2]",
        "agent.diameter",
        "run.duration",
        "tissue.image.resample",
        "domain.size",
        "domain.spacing",
    }


def test_a_broken_key_hides_no_other_fault_of_its_table(write):
    found = problems(
        write(
            agent='diameter = "5 um"\nplasma_half_lives = ["20 h", "1 h"]\nplasma_fractions = [0.3, 0.3]\n'
            'binding_on = "fast"\nname = "Doxill"',
            tissue__regions__tumour='pore_radius = "100 nm"\nuptake_rate = "2"',
        )
    )
    assert found.keys() == {
        "tissue.regions.tumour.uptake_rate",
        "agent.binding_on",
        "agent.name",
        "agent.plasma_fractions",
        "agent.diameter",
    }
    assert "must not be negative and must add up to 1" in found["agent.plasma_fractions"].fault


# domain -----------------------------------------------------------------------------------------------------


def test_the_box_must_be_a_whole_number_of_voxels(write):
    found = problems(write(domain='size = ["1 mm", "1 mm", "1.03 mm"]\nspacing = "100 um"'))
    assert found["domain.size[2]"].value == "1.03 mm"
    assert 'Use "1 mm" (10 voxels) or "1.1 mm" (11 voxels)' in found["domain.size[2]"].cure


def test_a_size_that_is_whole_but_for_rounding_is_taken(write):
    config = load_config(write(domain='size = ["0.3 mm", "0.7 mm", "1.1 mm"]\nspacing = "0.1 mm"'))
    assert Inputs(config).grid.shape == (11, 7, 3)


def test_size_and_shape_exclude_each_other(write):
    keys = 'size = ["1 mm", "1 mm", "1 mm"]\nshape = [10, 10, 10]\nspacing = "100 um"'
    assert "size is given too" in problems(write(domain=keys))["domain.shape"].fault


def test_the_image_gives_the_grid_and_its_resampling(write):
    tissue = IMAGE + '\nresample = ["30 um", "50 um", "70 um"]'
    inputs = Inputs(load_config(write(domain="", tissue__image=tissue)))
    image = resample(inputs.stored_image, (7e-5, 5e-5, 3e-5))
    assert inputs.grid.shape == image.labels.shape == inputs.image.labels.shape
    assert inputs.grid.spacing == (7e-5, 5e-5, 3e-5)


def test_a_domain_that_contradicts_the_image_is_refused(write):
    assert "domain.size" in problems(write(tissue__image=IMAGE))
    agreeing = 'size = ["300 um", "250 um", "200 um"]\nspacing = "50 um"'
    load_config(write(domain=agreeing, tissue__image=IMAGE))


@pytest.mark.skipif(not NETWORK.is_file(), reason="the network is not here")
def test_the_box_can_be_that_of_the_network_and_a_margin(write):
    keys = f'model = "network"\nfile = "{NETWORK}"\n'
    fitted = load_config(
        write(domain='spacing = "20 um"', vessels=keys + 'fit_domain = true\nmargin = "30 um"')
    )
    inputs = Inputs(fitted)
    low, high = inputs.network.bounding_box
    ends = np.add(inputs.grid.origin, inputs.grid.size)
    assert (inputs.grid.origin <= low - 30e-6 + 1e-9).all()
    assert (ends >= high + 30e-6 - 1e-9).all()
    assert (ends - high <= 30e-6 + 20e-6).all()
    outside = 'shape = [9, 9, 9]\nspacing = "9 um"\norigin = ["1 m", "1 m", "1 m"]'
    assert "outside the box" in problems(write(domain=outside, vessels=keys))["vessels.file"].fault


# tissue -----------------------------------------------------------------------------------------------------


def test_a_region_that_nothing_describes_is_refused(write):
    found = problems(write(tissue='background = "muscle"'))["tissue.background"]
    assert "[tissue.regions.muscle]" in found.cure
    found = problems(write(tissue__regions__muscle='pore_radius = "5 nm"'))
    assert "hydraulic_conductivity is not" in found["tissue.regions.muscle.preset"].fault


def test_cores_and_margins_come_after_their_region(write):
    shapes = (
        "shapes = [{kind = 'core', region = 'necrotic', of = 'rim', fraction = 0.5, depth = '1 um'}, "
        "{kind = 'margin', region = 'rim', of = 'tumour', thickness = '1 um'}]\nbackground = 'tumour'"
    )
    found = problems(write(tissue=shapes, tissue__regions__rim="preset = 'normal'"))
    assert found["tissue.shapes[0].of"].value == "rim"
    assert "one size" in found["tissue.shapes[0].fraction"].fault
    assert len(found) == 2


def test_shapes_and_an_image_exclude_each_other(write):
    ball = "shapes = [{kind = 'sphere', region = 'tumour', radius = '1 mm'}]"
    assert "both given" in problems(write(domain="", tissue=ball, tissue__image=IMAGE))["tissue.image"].fault


def test_a_map_needs_its_file_and_a_unit_of_its_dimension(write):
    found = problems(write(tissue__maps="pore_radius = { file = 'tumour.npz', unit = 'mmHg' }"))
    assert found["tissue.maps.pore_radius"].cure == "Did you mean tumour.npy?"
    assert '"m"' in found["tissue.maps.pore_radius.unit"].cure


def test_a_folder_is_no_file(write, tmp_path):
    found = problems(write(domain="", tissue__image=IMAGE.replace("tumour.npy", ".")))
    assert "folder" in found["tissue.image.file"].fault


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(write, tmp_path):
    (tmp_path / "tumour.npy").chmod(0)
    assert "permission" in problems(write(domain="", tissue__image=IMAGE))["tissue.image.file"].fault


# vessels, agent and dose ------------------------------------------------------------------------------------


def test_a_network_needs_a_file_and_a_file_a_network(write):
    assert "needs a file" in problems(write(vessels='model = "network"'))["vessels.file"].fault
    found = problems(write(vessels='file = "tumour.npy"\nfit_domain = true'))
    assert found.keys() == {"vessels.file", "vessels.fit_domain"}


def test_blood_flows_from_arteries_to_veins(write):
    keys = 'model = "network"\nfile = "tumour.npy"\narterial_pressure = "5 mmHg"'
    assert "must exceed" in problems(write(vessels=keys))["vessels.arterial_pressure"].fault


def test_only_pores_of_vessels_count(write):
    """Necrosis of the tumour's pores has no vessels; normal pores, 5 nm in radius, pass nothing of 85 nm."""
    ball = "background = 'normal'\nshapes = [{kind = 'sphere', region = 'necrotic', radius = '0.2 mm'}]"
    assert "larger than every pore" in problems(write(tissue=ball))["agent.diameter"].fault
    load_config(write(tissue=ball, vessels="model = 'none'"))
    load_config(write(tissue=ball.replace("necrotic", "tumour")))


@pytest.mark.parametrize(
    ("mode", "unread"),
    [
        ("pores", 'wall_hydraulic_conductivity = "2e-11 m/(Pa s)"'),
        ("empirical", "pore_radius_log_sd = 0.3"),
        ("empirical", "pore_area_fraction = 0.01"),
        ("empirical", 'large_pore_radius = "300 nm"'),
        ("empirical", 'wall_thickness = "1 um"'),
    ],
)
def test_measured_walls_and_walls_of_pores_do_not_mix(write, mode, unread):
    agent, other = (
        TABLES["agent"] + f'\nwall_mode = "{mode}"',
        {"pores": "empirical", "empirical": "pores"}[mode],
    )
    key = f"tissue.regions.tumour.{unread.split()[0]}"
    found = problems(write(agent=agent, tissue__regions__tumour=unread))
    assert found.keys() == {key}
    assert f'agent.wall_mode = "{other}"' in found[key].cure
    load_config(write(agent=agent.replace(mode, other), tissue__regions__tumour=unread))


def test_a_measured_permeability_belongs_to_the_empirical_wall(write):
    agent = TABLES["agent"] + '\nwall_permeability = "1e-9 m/s"'
    load_config(write(agent=agent))
    assert problems(write(agent=agent + '\nwall_mode = "pores"')).keys() == {"agent.wall_permeability"}


def test_wide_pores_let_large_particles_through(write):
    """The second kind of pores, the tail of a distribution of pores, or the small end of one of sizes."""
    agent = 'diameter = "500 nm"\nplasma_half_lives = ["20 h"]\nwall_mode = "pores"'
    assert "larger than every pore (400 nm" in problems(write(agent=agent))["agent.diameter"].fault
    load_config(write(agent=agent, tissue__regions__tumour="large_pore_area_fraction = 1e-5"))
    load_config(write(agent=agent, tissue__regions__tumour="pore_radius_log_sd = 0.3"))
    load_config(write(agent=agent + "\npolydispersity_index = 0.2"))


def test_the_spread_of_sizes_is_given_once(write):
    found = problems(write(agent=TABLES["agent"] + "\ndiameter_log_sd = 0.1\npolydispersity_index = 0.1"))
    assert found.keys() == {"agent.polydispersity_index"}


def test_a_power_law_takes_a_molar_mass_unless_the_diffusivity_is_measured(write):
    agent = TABLES["agent"] + '\nmatrix_model = "power_law"'
    assert problems(write(agent=agent)).keys() == {"agent.molar_mass"}
    load_config(write(agent=agent + '\nmolar_mass = "150 kg/mol"'))
    load_config(write(agent=agent + '\ninterstitial_diffusivity = "1e-11 m^2/s"'))


def test_agents_of_ones_own_are_read_from_beside_the_config(write, tmp_path):
    (tmp_path / "own.toml").write_text(
        '[mine]\nclass = "x"\ndiameter = "60 nm"\nplasma_half_lives = ["9 h"]\n'
    )
    config = load_config(write(agent='file = "own.toml"\nname = "mine"'))
    assert config.agent.chosen().diameter == pytest.approx(60e-9)
    assert 'Add name = "mine"' in problems(write(agent='file = "own.toml"'))["agent.file"].cure
    assert "Did you mean mine" in problems(write(agent='file = "own.toml"\nname = "mime"'))["agent.name"].cure
    assert (
        "Did you mean own.toml"
        in problems(write(agent='file = "ovn.toml"\nname = "mine"'))["agent.file"].cure
    )


def test_every_fault_of_a_file_of_agents_is_told(write, tmp_path):
    (tmp_path / "own.toml").write_text('[mine]\nclass = "x"\ndiameter = 60\nwall_mode = "porous"\n')
    found = problems(write(agent='file = "own.toml"\nname = "mine"'))
    assert found.keys() == {"own.toml [mine] diameter", "own.toml [mine] wall_mode"}


def test_a_particle_of_the_catalogue_that_passes_no_pore_is_named(write):
    found = problems(write(tissue="background = 'normal'", agent="name = 'Doxil'"))
    assert found["agent.name"].value == "Doxil"


def test_an_agent_has_a_size_and_half_lives(write):
    assert problems(write(agent="")).keys() == {"agent.diameter", "agent.plasma_half_lives"}


def test_the_size_of_a_protein_is_proposed_from_its_mass(write):
    found = problems(write(agent='molar_mass = "150 kg/mol"\nplasma_half_lives = ["20 h"]'))
    assert 'diameter = "9.68' in found["agent.diameter"].cure  # 2 · 0.912 nm · 150^0.333


def test_two_half_lives_need_two_fractions(write):
    agent = 'diameter = "85 nm"\nplasma_half_lives = ["20 h", "1 h"]'
    assert "agent.plasma_fractions" in problems(write(agent=agent))


def test_binding_takes_rates_and_a_dose_in_mol(write):
    sites = 'binding_sites = "1 uM"'
    found = problems(write(tissue__regions__tumour=sites))
    assert found.keys() == {"agent.binding_on", "agent.binding_off", "dosing.dose"}
    rates = (
        TABLES["agent"] + '\nbinding_on = "1e5 1/(M s)"\nbinding_off = "1e-4 1/s"\nmolar_mass = "500 g/mol"'
    )
    found = problems(write(tissue__regions__tumour=sites, agent=rates))
    assert found["dosing.dose"].cure == 'At 500 g/mol it is "100 umol"'  # 50 mg
    load_config(write(tissue__regions__tumour=sites, agent=rates, dosing='dose = "100 umol"'))


def test_all_amounts_are_in_the_unit_of_the_dose(write):
    found = problems(write(dosing='dose = "5 mg"\ninitial_free = "1 uM"', transport='boundary = "1 uM"'))
    assert found.keys() == {"dosing.initial_free", "transport.boundary"}
    load_config(write(dosing='dose = "5 mg"\ninitial_free = "0 uM"', transport='boundary = "open"'))


# run and memory ---------------------------------------------------------------------------------------------


def test_outputs_lie_within_the_run(write):
    found = problems(write(output='times = ["1 h", "25 h"]\nfields = ["free", "free"]'))
    assert found.keys() == {"output.times[1]", "output.fields"}
    assert problems(write(output='every = "25 h"')).keys() == {"output.every"}
    assert "Leave one" in problems(write(output='every = "1 h"\ntimes = ["2 h"]'))["output.times"].cure
    load_config(write(output='every = "24 h"'))


def test_the_spacing_that_is_proposed_fits_into_the_memory(write, monkeypatch):
    monkeypatch.setattr(checks, "available_memory", lambda: 10**9)
    keys = 'size = ["6 mm", "6 mm", "6 mm"]\nspacing = "{}"'
    cure = problems(write(domain=keys.format("10 um")))["domain.spacing"].cure
    proposed = cure.split('"')[1]
    cells = round(6e3 / float(proposed.removesuffix(" um")))
    config = load_config(write(domain=f'shape = [{cells}, {cells}, {cells}]\nspacing = "{proposed}"'))
    assert 0.5e9 < checks.estimated_memory(config) < 1e9  # rounding to two digits costs less than half of it


def test_float64_takes_more_memory(write):
    single, double = (
        checks.estimated_memory(load_config(write(run=f'duration = "1 h"\nprecision = "float{bits}"')))
        for bits in (32, 64)
    )
    assert double - single == 1000 * (checks.RUN_BYTES["float64"] - checks.RUN_BYTES["float32"])


def test_no_number_of_voxels_is_too_absurd_to_be_told(write):
    found = problems(write(domain='size = ["1e300 m", "1 m", "1 m"]\nspacing = "1e-300 m"'))
    assert "too many voxels" in found["domain.size[0]"].fault


@pytest.mark.parametrize(
    ("metres", "text"), [(6e-3, "6 mm"), (5e-5, "50 um"), (8.5e-8, "85 nm"), (3e-10, "0.3 nm"), (0.0, "0 nm")]
)
def test_lengths_are_shown_as_people_write_them(metres, text):
    assert length(metres) == text
