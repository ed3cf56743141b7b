"""PET, SPECT, MRI and CT: resolution, resampling, noise, signal, and the files they become."""

import sys
from math import sqrt

import nibabel
import numpy as np
import pytest

from tumorsim.cli import main
from tumorsim.errors import ConfigError
from tumorsim.grid import Grid
from tumorsim.readouts.activity import label
from tumorsim.readouts.companion import correlation, does_the_tracer_predict, predict
from tumorsim.readouts.ct import HIGHEST, TomographyScan, hounsfield, tomography_image
from tumorsim.readouts.imaging import (
    SCANNERS,
    correlated_noise,
    emission_image,
    noisy,
    observed,
    positron_spread,
    recovery,
    sphere_recovery,
)
from tumorsim.readouts.mri import (
    FERUMOXYTOL,
    IRON,
    GradientEcho,
    iron_concentration,
    magnetic_image,
    rician,
    signal_of,
)
from tumorsim.readouts.nifti import write_nifti
from tumorsim.readouts.nuclides import nuclide
from tumorsim.readouts.resample import FWHM, blur, resample, scanner_grid
from tumorsim.tissue.images import read_label_image

HOUR = 3600.0
PET = SCANNERS["preclinical-pet"]


# resolution -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("diameter", "fwhm", "expected"),
    [(5, 4, 0.46), (10, 4, 0.97), (15, 4, 1.00), (5, 6, 0.19), (10, 6, 0.72), (15, 6, 0.97)],
)
def test_centre_recovery_of_spheres(diameter, fwhm, expected):
    assert sphere_recovery(diameter / 2, fwhm / FWHM) == pytest.approx(expected, abs=0.005)


def test_blur_of_a_sphere_is_the_closed_form():
    """A sphere of 10 mm diameter at 4 mm FWHM, with edges rounded over a voxel of 0.5 mm: right to (h/σ)²/24."""
    grid = Grid((29,) * 3, (0.5e-3,) * 3)
    sphere = np.clip((5e-3 - grid.distance(grid.center)) / 0.5e-3 + 0.5, 0, 1)
    seen = blur(sphere, grid, sigma=4e-3 / FWHM, beyond="empty")
    assert seen[14, 14, 14] == pytest.approx(sphere_recovery(5e-3, 4e-3 / FWHM), abs=4e-3)
    assert seen[14, 14, 14] == pytest.approx(0.97, abs=0.005)


@pytest.mark.parametrize("spacing", [(1e-4, 1e-4, 1e-4), (3e-4, 2e-4, 1e-4)])
def test_blur_and_resampling_conserve_activity(spacing):
    """Away from the faces, or with a mirror image beyond them, also where voxels do not divide the box."""
    grid = Grid((24, 30, 40), spacing)
    values = np.random.default_rng(2).random(grid.shape)
    onto = scanner_grid(grid, (7e-4, 5e-4, 3.3e-4))
    total = values.sum() * grid.voxel_volume
    assert resample(values, grid, onto).sum() * onto.voxel_volume == pytest.approx(total, rel=1e-12)
    mirrored = blur(values, grid, sigma=4e-4, beyond="mirrored")
    assert mirrored.sum() == pytest.approx(values.sum(), rel=1e-12)
    central = np.zeros(grid.shape)
    central[12, 15, 20] = 1.0
    seen = observed(central, grid, onto, sigma=1.5e-4, beyond="empty")
    assert seen.sum() * onto.voxel_volume == pytest.approx(grid.voxel_volume, rel=1e-12)


def test_a_constant_stays_constant():
    grid = Grid((10, 10, 10), (1e-4,) * 3)
    onto = scanner_grid(grid, (3e-4,) * 3)
    assert onto.shape == (4, 4, 4)
    assert onto.center == pytest.approx(grid.center)
    assert observed(np.full(grid.shape, 3.0), grid, onto, sigma=2e-4) == pytest.approx(3.0, rel=1e-12)


def test_resampling_onto_the_same_grid_changes_nothing():
    grid = Grid((3, 4, 5), (1e-4, 2e-4, 3e-4), (1e-3, 0.0, -1e-3))
    values = np.random.default_rng(1).random(grid.shape)
    assert resample(values, grid, grid) == pytest.approx(values, rel=1e-9)


def test_positron_range_widens_the_response():
    """Mean distance of a three-dimensional Gaussian: σ √(8/π)."""
    gallium = nuclide("Ga-68")
    assert positron_spread(gallium, PET) == pytest.approx(2.9e-3 / sqrt(8 / np.pi))
    points = np.random.default_rng(3).standard_normal((100_000, 3)) * positron_spread(gallium, PET)
    # 1e5 points: within 0.4 %
    assert np.linalg.norm(points, axis=1).mean() == pytest.approx(2.9e-3, rel=4e-3)
    assert positron_spread(gallium, SCANNERS["preclinical-spect"]) == 0


# noise ------------------------------------------------------------------------------------------------------


def test_correlated_noise_has_unit_variance_and_a_known_width():
    """Neighbours n apart correlate as e^{−n²/4σ²}."""
    noise = correlated_noise((60, 60, 60), sigma=1.5, rng=np.random.default_rng(4))
    # about 60³/(4πσ²)^1.5 ≈ 1400 independent values: the variance scatters by 4 %
    assert noise.var() == pytest.approx(1, abs=0.12)
    beside = (noise[:, :, 1:] * noise[:, :, :-1]).mean() / noise.var()
    assert beside == pytest.approx(np.exp(-1 / (4 * 1.5**2)), abs=0.02)


def test_noise_is_that_of_counting():
    """Relative variance 1/counts over many seeds, and none where nothing decays."""
    onto = Grid((1, 1, 2), (5e-4,) * 3)
    expected, counts = np.array([[[2.0, 0.0]]]), np.array([[[400.0, 0.0]]])
    seen = np.array([noisy(expected, counts, PET, onto, rng=np.random.default_rng(n)) for n in range(2000)])
    values = seen[:, 0, 0, 0]
    # 2000 samples: the mean to 0.1 %, the variance to 3 %
    assert values.mean() == pytest.approx(2.0, rel=5e-3)
    assert values.var() == pytest.approx(4.0 / 400, rel=0.13)
    assert not seen[:, 0, 0, 1].any()


def test_rician_noise_lifts_the_background():
    """In air the magnitude is σ√(π/2) on average; far above the noise it is √(S² + σ²)."""
    rng = np.random.default_rng(5)
    assert rician(np.zeros(100_000), 2.0, rng=rng).mean() == pytest.approx(2 * sqrt(np.pi / 2), rel=6e-3)
    assert (rician(np.full(100_000, 30.0), 1.0, rng=rng) ** 2).mean() == pytest.approx(902, rel=2e-3)


# images of a result -----------------------------------------------------------------------------------------


@pytest.fixture
def uniform(make_result):
    return make_result(free=lambda time, labels: np.ones(labels.shape))


def frame(results, scanner=PET, *, seed=None, **options):
    of = label(results, nuclide("Zr-89"), injected=5e6)
    return emission_image(results, of, scanner, start=23 * HOUR, end=24 * HOUR, seed=seed, **options)


def test_uniform_activity_is_seen_as_it_is(uniform):
    """N = dose per m³, so %ID/g is 1e-4 and SUV of 25 g is mass × %ID/g / 100, decay-corrected."""
    image = frame(uniform)
    assert image.image == pytest.approx(5e6 * image.decay)
    assert image.percent_dose_per_gram() == pytest.approx(1e-4)
    assert image.standard_uptake(body_mass=0.025) == pytest.approx(25 * 1e-4 / 100)


def test_seed_decides_the_noise(make_result):
    results = make_result(free=lambda time, labels: 1e3 * labels)
    one, same, other = (frame(results, seed=seed).image for seed in (1, 1, 2))
    assert (one == same).all() and (one != other).any() and one.min() >= 0


def test_a_small_tumour_loses_and_its_surroundings_gain(make_result):
    results = make_result()
    image = frame(results)
    labels = results.field("region")
    tumour, normal = (
        recovery(image.expected, image.image_grid, image.truth, inside=labels == k, grid=results.grid)
        for k in (1, 0)
    )
    assert tumour < 0.9 and normal > 1.05


def test_a_scanner_sees_only_what_is_emitted(make_result):
    results = make_result()
    of = label(results, nuclide("Lu-177"), injected=1e9)
    with pytest.raises(ConfigError, match="positrons"):
        emission_image(results, of, PET, start=0.0, end=HOUR)
    emission_image(results, of, SCANNERS["preclinical-spect"], start=0.0, end=HOUR)


def test_gradient_echo_signal():
    """Ernst angle: the most signal is at cos θ = E1; R2* takes e^{−TE R2*}."""
    e1 = np.exp(-0.030 / 1.2)
    ernst = np.degrees(np.arccos(e1))
    best, below, above = (
        float(signal_of(1 / 1.2, 0.0, GradientEcho(flip_angle=a))) for a in (ernst, ernst - 2, ernst + 2)
    )
    assert best > max(below, above)
    assert best == pytest.approx(np.sqrt((1 - e1) / (1 + e1)))
    assert signal_of(1.0, 25.0, GradientEcho()) == pytest.approx(
        np.exp(-0.125) * signal_of(1.0, 0.0, GradientEcho())
    )


def test_iron_raises_both_rates(make_result):
    results = make_result(amount_unit="kg", free=lambda time, labels: IRON * 0.1 * labels)
    image = magnetic_image(results, FERUMOXYTOL["3 T"], GradientEcho(), seed=1)
    inside = results.field("region") == 1
    assert image.iron[inside] == pytest.approx(0.1)  # mM
    assert image.r1[inside] == pytest.approx(1 / 1.2 + 0.95)
    assert image.r2_star[inside] == pytest.approx(25 + 5.57)
    assert image.before.shape == image.image.shape == image.image_grid.shape
    with pytest.raises(ConfigError, match="iron"):
        iron_concentration(make_result(amount_unit="Bq"), step=-1)


def test_gold_in_hounsfield_units(make_result):
    scan = TomographyScan(noise=0.0)
    assert hounsfield(np.array([0.0, 1.0, 1e3]), scan) == pytest.approx([40, 60, HIGHEST])
    results = make_result(amount_unit="kg", free=lambda time, labels: np.full(labels.shape, 0.5))
    assert tomography_image(results, scan).image == pytest.approx(50)


# NIfTI ------------------------------------------------------------------------------------------------------


def test_nifti_is_read_back_where_it_was(tmp_path):
    grid = Grid((3, 4, 5), (3e-4, 2e-4, 1e-4), (1e-3, 0.0, -2e-3))
    values = np.random.default_rng(6).random(grid.shape).astype(np.float32)
    path = write_nifti(tmp_path / "a.nii.gz", values, grid, unit="Bq/mL", meaning="activity")
    image = nibabel.load(path)
    assert image.get_fdata().transpose(2, 1, 0) == pytest.approx(values)
    assert nibabel.aff2axcodes(image.affine) == ("R", "A", "S")
    assert image.header.get_zooms() == pytest.approx((0.1, 0.2, 0.3))
    assert image.header.get_xyzt_units() == ("mm", "sec")
    first_voxel = nibabel.affines.apply_affine(image.affine, (0, 0, 0))
    assert first_voxel == pytest.approx((-1.95, 0.1, 1.15))  # centre, x y z in mm
    assert image.header["descrip"].item().decode() == "activity [Bq/mL]"


def test_labels_come_back_through_the_reader_of_scans(tmp_path):
    grid = Grid((3, 4, 5), (3e-4, 2e-4, 1e-4), (1e-3, 0.0, -2e-3))
    labels = np.arange(60, dtype=np.uint8).reshape(grid.shape)
    write_nifti(tmp_path / "l.nii", labels, grid, unit="1", meaning="region")
    image = read_label_image(tmp_path / "l.nii")
    assert (image.labels == labels).all()
    assert image.spacing == pytest.approx(grid.spacing)
    assert image.origin == pytest.approx(grid.origin)


# the tracer and the drug ------------------------------------------------------------------------------------


def test_a_proportional_tracer_predicts_perfectly(make_result):
    drug = make_result(name="drug", free=lambda time, labels: np.indices(labels.shape)[2] + 1.0)
    tracer = make_result(name="tracer", free=lambda time, labels: 5 + 3.0 * np.indices(labels.shape)[2])
    found = does_the_tracer_predict(drug, tracer)
    for number in (found.pearson, found.spearman, found.parts_pearson, found.parts_spearman, found.explained):
        assert number == pytest.approx(1)
    assert found.slope == pytest.approx(1 / 3) and found.intercept == pytest.approx(1 - 5 / 3)
    assert found.error == pytest.approx(0, abs=1e-9)


def test_an_unrelated_tracer_predicts_nothing():
    rng = np.random.default_rng(7)
    tracer, drug = rng.random((2, 4000))
    found = predict(tracer, drug, parts=np.repeat([1, 2], 2000))
    assert abs(found.pearson) < 0.06  # 4/√n
    # what is left is the drug's own variation
    assert found.error == pytest.approx(drug.std() / drug.mean(), rel=5e-3)


def test_order_of_parts_and_monotonic_relation():
    tracer = np.arange(1.0, 101)
    found = predict(tracer, tracer**5, parts=np.repeat([1, 2, 3, 4], 25))
    assert found.same_rank and found.spearman == pytest.approx(1) and found.pearson < 0.9
    assert not predict(tracer, -tracer, parts=np.repeat([1, 2, 3, 4], 25)).same_rank
    assert np.isnan(correlation(np.ones(5), np.arange(5.0)))


def test_the_scanner_hides_what_is_smaller_than_its_resolution(make_result):
    """Stripes of one voxel, the same in tracer and drug: they correlate in the tissue, and not in the image."""
    stripes = lambda time, labels: 1.0 + np.indices(labels.shape)[2] % 2  # noqa: E731
    drug, tracer = make_result(name="drug", free=stripes), make_result(name="tracer", free=stripes)
    assert does_the_tracer_predict(drug, tracer).pearson == pytest.approx(1)
    seen = frame(tracer, beyond="mirrored")
    # of the 67 % between stripes 2 % are left, from the double ones that the mirrors make
    assert np.ptp(seen.expected) < 0.03 * seen.expected.mean()
    assert does_the_tracer_predict(drug, seen, pieces=1).voxels < 100


def test_runs_on_different_grids_are_not_compared(make_result):
    with pytest.raises(ConfigError, match="same"):
        does_the_tracer_predict(make_result(name="a"), make_result(name="b", voxels=10))


# the command ------------------------------------------------------------------------------------------------


@pytest.fixture
def command(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["tumorsim", "image", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return call


def test_command_writes_pet(command, make_result, tmp_path):
    status, out, _ = command(
        make_result().path, "--nuclide", "Zr-89", "--activity", "5 MBq", "--body-mass", "25 g"
    )
    assert status == 0 and "recovery" in out
    folder = tmp_path / "run_pet"
    assert {"truth.nii.gz", "image.nii.gz", "suv.nii.gz", "image.png", "image.csv"} <= {
        path.name for path in folder.iterdir()
    }
    assert nibabel.load(folder / "truth.nii.gz").shape == (20, 20, 20)
    assert nibabel.load(folder / "image.nii.gz").shape == (4, 4, 4)


def test_command_takes_the_nuclide_and_the_activity_of_the_run(command, make_result, tmp_path):
    zirconium = nuclide("Zr-89")
    agent = {"decay_half_life": zirconium.half_life, "radionuclide": "Zr-89"}
    path = make_result(agent=agent, amount_unit="Bq").path
    assert command(path)[0] == 0
    assert command(path, "--nuclide", "Zr-89", "--activity", "1 Bq", "--out", "named")[0] == 0
    assert (tmp_path / "named" / "image.csv").read_text() == (tmp_path / "run_pet" / "image.csv").read_text()


def test_an_agent_that_is_not_radioactive_has_no_nuclide(command, make_result):
    status, _, err = command(make_result(agent={"radionuclide": ""}).path)
    assert status == 2 and "not radioactive" in err


@pytest.mark.parametrize("modality", ["mri", "ct"])
def test_command_writes_mri_and_ct(command, make_result, tmp_path, modality):
    status, out, _ = command(make_result().path, "--modality", modality)
    assert status == 0 and "counts as" in out
    assert (tmp_path / f"run_{modality}" / "image.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--modality", "pett"), "pet"),
        ((), "nuclide"),
        (("--nuclide", "Zr-89"), "activity"),
        (("--nuclide", "Zr-89", "--activity", "5 g"), "--activity"),
        (("--nuclide", "Zr-89", "--activity", "5 MBq", "--scanner", "big"), "clinical"),
        (("--nuclide", "Zr-89", "--activity", "5 MBq", "--time", "0 h"), "frame"),
        (("--modality", "mri", "--field", "7 T"), "1.5 T"),
    ],
)
def test_command_names_what_is_wrong(command, make_result, arguments, said):
    status, _, err = command(make_result().path, *arguments)
    assert status == 2 and said in err
