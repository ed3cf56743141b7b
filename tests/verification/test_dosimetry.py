"""Dose: point and voxel kernels, energy, closed forms of spheres and cubes, histograms, BED and survival."""

from dataclasses import replace
from math import erf, exp, log, pi, sqrt

import numpy as np
import pytest
from scipy.integrate import dblquad

from tumorsim.device.select import select_device
from tumorsim.errors import ConfigError
from tumorsim.grid import Grid
from tumorsim.readouts.dose_kernels import (
    REACH,
    PointKernel,
    alpha_kernel,
    beta_spectrum,
    electron_kernel,
    loevinger,
    read_kernel,
    straight_ahead,
    tabulated,
    voxel_kernel,
)
from tumorsim.readouts.dose_response import (
    Radiobiology,
    biologically_effective_dose,
    dose_at_volume,
    dose_volume_histogram,
    protraction,
    summarise,
    survival,
    volume_at_dose,
)
from tumorsim.readouts.dosimetry import (
    cube_fraction,
    dose_map,
    emissions,
    local,
    sphere_fraction,
    spread,
    uniform_uptake,
)
from tumorsim.readouts.nuclides import MEV, nuclide
from tumorsim.verify import sphere_dose
from tumorsim.verify.cases import select_cases
from tumorsim.verify.convergence import converge

LUTETIUM, YTTRIUM, ACTINIUM = nuclide("Lu-177"), nuclide("Y-90"), nuclide("Ac-225")
MICRON = 1e-6


def even(reach):
    """As much energy at every distance up to ``reach``: F = r/reach."""
    return PointKernel(lambda r: np.minimum(r / reach, 1.0), reach, "even")


def radius_with(kernel, part):
    r = np.linspace(0, kernel.reach, 20_001)
    return float(np.interp(part, kernel.cumulative(r), r))


# point kernels ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["Lu-177", "Y-90", "I-131", "Tb-161", "Cu-64", "Zr-89", "F-18", "Ga-68", "I-124"]
)
def test_electron_kernels_keep_the_radii_of_their_nuclide(name):
    """Exactly where they are made of them; the three fits to within their error of 0.012 in F."""
    of = nuclide(name)
    kernel = electron_kernel(of)
    f = kernel.cumulative(np.array([0.0, of.electron_r50, of.electron_r90, kernel.reach]))
    assert f == pytest.approx([0, 0.5, 0.9, REACH], abs=0.012)
    assert (np.diff(kernel.cumulative(np.linspace(0, kernel.reach, 500))) > 0).all()


@pytest.mark.parametrize(
    ("endpoint", "charge", "r90"), [(2.280, 40, 5.3e-3), (1.711, 16, 3.66e-3), (0.606, 54, 0.85e-3)]
)
def test_straight_ahead_kernel_of_allowed_spectra(endpoint, charge, r90):
    """R90 of Y-90, P-32 and I-131's main branch: 4 % for the shape of their forbidden and mixed spectra."""
    kernel = straight_ahead(*beta_spectrum(endpoint * MEV, charge=charge))
    assert radius_with(kernel, 0.9) == pytest.approx(r90, rel=0.04)


@pytest.mark.parametrize(
    ("endpoint", "r90"), [(2.280, 6.1e-3), (1.711, 4.1e-3), (0.4985, 0.64e-3), (0.606, 0.90e-3)]
)
def test_loevinger_kernel(endpoint, r90):
    """The radii of physics.md G.3 to their last digit; all energy in the end, and a smooth join at u = 1."""
    kernel = loevinger(endpoint=endpoint * MEV)
    assert radius_with(kernel, 0.9) == pytest.approx(r90, rel=0.01)
    assert kernel.cumulative(np.array([1.0])) == pytest.approx(1.0)
    slope = np.diff(kernel.cumulative(np.linspace(0, kernel.reach, 2000)))
    assert (slope > 0).all() and slope.max() < 20 * slope.mean()


def test_alpha_kernel_ends_at_the_range():
    kernel = alpha_kernel(((1.0, 5.83 * MEV),))
    assert kernel.reach == pytest.approx(47e-6, rel=0.01)
    assert alpha_kernel(ACTINIUM.alphas).reach == pytest.approx(85e-6, rel=0.01)
    f = kernel.cumulative(np.linspace(0, kernel.reach, 100))
    assert f[0] == 0 and f[-1] == pytest.approx(1)
    # Bragg: the second half of the track has more of the energy
    assert f[50] < 0.5
    assert sum(e for e, _ in ACTINIUM.alphas) == pytest.approx(28.0 * MEV, rel=1e-3)


def test_tables_are_straight_between_their_points(tmp_path):
    (tmp_path / "k.csv").write_text("0.1,0.25\n0.2,0.75\n0.4,1.0\n")
    kernel = read_kernel(tmp_path / "k.csv")
    at = np.array([0.0, 50, 150, 300, 900]) * MICRON
    assert kernel.cumulative(at) == pytest.approx([0, 0.125, 0.5, 0.875, 1])
    for radii, values in (([1.0, 0.5], [0.1, 1.0]), ([1.0, 2.0], [0.9, 0.2]), ([1.0], [0.0])):
        with pytest.raises(ConfigError, match="kernel"):
            tabulated(np.array(radii), np.array(values))
    with pytest.raises(ConfigError, match="two columns"):
        read_kernel(tmp_path / "absent.txt")


# voxel kernels and energy -----------------------------------------------------------------------------------


@pytest.mark.parametrize("spacing", [(50e-6,) * 3, (90e-6, 60e-6, 40e-6)])
@pytest.mark.parametrize("kernel", [even(150e-6), electron_kernel(LUTETIUM)], ids=lambda k: k.name)
def test_voxel_kernel_adds_up_to_one_and_is_even(kernel, spacing):
    n = int(2 * kernel.reach / min(spacing)) + 4
    voxels = voxel_kernel(kernel, Grid((n, n, n), spacing))
    assert voxels.sum() == pytest.approx(1, rel=1e-12)
    assert voxels == pytest.approx(voxels[::-1, ::-1, ::-1])
    assert voxels.max() == voxels[tuple(k // 2 for k in voxels.shape)]


@pytest.mark.parametrize("reach", [20e-6, 60e-6, 100e-6])
def test_a_voxel_keeps_what_a_cube_keeps(reach):
    """The centre of the kernel is the closed form for a cube; 1e-4 for the points on the spheres."""
    grid = Grid((5, 5, 5), (100e-6,) * 3)
    own = voxel_kernel(even(reach), grid)[tuple(k // 2 for k in voxel_kernel(even(reach), grid).shape)]
    assert own == pytest.approx(cube_fraction(even(reach), 100e-6), rel=1e-4)
    s = reach / 100e-6  # ∫ γ over an even F
    assert own == pytest.approx(1 - 3 * s / 4 + 2 * s**2 / (3 * pi) - s**3 / (16 * pi), rel=1e-4)


def test_a_cube_needs_a_short_kernel():
    with pytest.raises(ConfigError, match="larger"):
        cube_fraction(even(2e-4), 1e-4)


@pytest.mark.parametrize("reach", [0.5, 1.0, 2.0])
def test_sphere_fraction_of_an_even_kernel(reach):
    """``1 − 3s/4·½ + s³/64`` with s = reach/R up to the diameter."""
    s = reach
    assert sphere_fraction(even(reach), 1.0) == pytest.approx(1 - 3 * s / 8 + s**3 / 64, rel=1e-6)


def test_sphere_fraction_against_random_pairs():
    """A point in the sphere, a distance from F, a direction: 2e5 histories scatter by 1e-3."""
    rng = np.random.default_rng(8)
    kernel, radius, n = electron_kernel(LUTETIUM), 0.4e-3, 200_000
    inside = rng.standard_normal((n, 3))
    inside *= radius * (rng.random(n) ** (1 / 3) / np.linalg.norm(inside, axis=1))[:, None]
    fine = np.linspace(0, kernel.reach, 50_001)
    steps = np.interp(rng.random(n), kernel.cumulative(fine), fine)
    directions = rng.standard_normal((n, 3))
    ends = inside + directions * (steps / np.linalg.norm(directions, axis=1))[:, None]
    kept = (np.linalg.norm(ends, axis=1) < radius).mean()
    assert kept == pytest.approx(sphere_fraction(kernel, radius), abs=4e-3)


@pytest.mark.parametrize("mirrored", [False, True])
def test_energy_is_conserved(mirrored):
    """Σ dose · mass = Σ decays · E, where the box holds the kernel's reach, or mirrors what leaves it."""
    grid = Grid((30, 32, 34), (100e-6,) * 3)
    decays = np.zeros(grid.shape)
    block = (slice(None),) * 3 if mirrored else (slice(13, 17),) * 3
    decays[block] = np.random.default_rng(9).random(decays[block].shape) * 1e12
    dose = dose_map(decays, emissions(LUTETIUM), grid=grid, mirrored=mirrored)
    released = decays.sum() * grid.voxel_volume * LUTETIUM.electron_energy
    assert dose.released == pytest.approx(released, rel=1e-12)
    assert dose.absorbed == pytest.approx(released, rel=1e-9)
    assert (dose.total >= 0).all() and not dose.alphas.any()


def test_what_leaves_the_box_is_told():
    grid = Grid((10, 10, 10), (100e-6,) * 3)
    dose = dose_map(np.ones(grid.shape), emissions(YTTRIUM), grid=grid)
    assert 0.5 < dose.escaped < 1
    denser = dose_map(np.ones(grid.shape), emissions(YTTRIUM), grid=grid, density=2000.0)
    assert denser.total == pytest.approx(dose.total / 2)
    assert denser.escaped == pytest.approx(dose.escaped)


def test_spread_does_not_come_round_the_box():
    """A source in one corner leaves the opposite one alone."""
    grid = Grid((12, 12, 12), (100e-6,) * 3)
    source = np.zeros(grid.shape)
    source[0, 0, 0] = 1.0
    there = spread(source, even(300e-6), grid=grid)
    assert there[-1, -1, -1] == pytest.approx(0, abs=1e-15)
    assert there[4:].sum() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("bad", [np.ones((2, 2, 2)), np.full((4, 4, 4), -1.0), np.full((4, 4, 4), np.nan)])
def test_decays_must_fit(bad):
    with pytest.raises(ConfigError, match="decays"):
        dose_map(bad, emissions(LUTETIUM), grid=Grid((4, 4, 4), (1e-4,) * 3))


def test_lutetium_that_decays_in_place():
    """1 MBq/mL: 19.6 Gy from electrons; the closed form in the number of decays to rounding."""
    grid = Grid((3, 3, 3), (1e-3,) * 3)
    decays = np.full(grid.shape, 1e12 * 6.647 * 86400 / log(2))
    dose = dose_map(decays, local(LUTETIUM), grid=grid).total
    assert dose == pytest.approx(19.6, abs=0.05)
    assert dose == pytest.approx(decays * 0.14795 * 1.602176634e-13 / 1000, rel=1e-12)


def test_alphas_and_electrons_are_kept_apart():
    grid = Grid((9, 9, 9), (100e-6,) * 3)
    dose = dose_map(np.full(grid.shape, 1e9), local(ACTINIUM), grid=grid)
    assert dose.alphas / dose.electrons == pytest.approx(28.0 / 0.69, rel=1e-3)


def test_uniform_uptake_keeps_the_decays_of_each_region():
    labels = np.array([[[0, 0, 1, 1, 1]]], np.uint8)
    assert uniform_uptake(np.array([[[1.0, 3.0, 0.0, 6.0, 3.0]]]), labels).ravel() == pytest.approx(
        [2, 2, 3, 3, 3]
    )


@pytest.mark.parametrize("factor", [0.95, 1.05])
def test_verify_notices_a_wrong_range(monkeypatch, factor):
    """``tumorsim verify``: a range that is wrong by a twentieth does not get through."""
    device, _ = select_device("numpy")
    wrong = electron_kernel(replace(LUTETIUM, electron_r90=factor * LUTETIUM.electron_r90))
    right = sphere_dose.spread
    monkeypatch.setattr(sphere_dose, "spread", lambda source, kernel, grid: right(source, wrong, grid=grid))
    (case,) = select_cases(["cube_dose"])
    assert not converge(case, device, quick=True).passed


# response ---------------------------------------------------------------------------------------------------


def test_histogram_of_evenly_spread_doses():
    doses = np.linspace(0, 10, 1001)
    levels, part = dose_volume_histogram(doses, bins=10)
    assert part == pytest.approx(1 - levels / 10, abs=2e-3)
    assert part[0] == 1
    assert dose_at_volume(doses, 95) == pytest.approx(0.5)
    assert dose_at_volume(doses, 2) == pytest.approx(9.8)
    assert volume_at_dose(doses, 2.5) == pytest.approx(0.75, abs=1e-3)


@pytest.mark.parametrize("half_life", [3600.0, 86400.0, 1e6])
def test_protraction_of_an_exponential_dose_rate(half_life):
    """λ/(λ + μ); straight lines over a fiftieth of a mean life are right to 1e-4."""
    decay, repair = log(2) / half_life, Radiobiology().repair_rate
    times = np.linspace(0, 3 / decay, 151)
    g = protraction(times, np.exp(-decay * times), repair_rate=repair, tail_rate=decay)
    assert g == pytest.approx(decay / (decay + repair), rel=1e-4)


@pytest.mark.parametrize("half_life", [3600.0, 1e6])
def test_protraction_of_what_comes_after_the_last_output_alone(half_life):
    decay, repair = log(2) / half_life, Radiobiology().repair_rate
    g = protraction(np.array([0.0]), np.array([2.0]), repair_rate=repair, tail_rate=decay)
    assert g == pytest.approx(decay / (decay + repair), rel=1e-12)  # closed form


@pytest.mark.parametrize(("decay", "repair"), [(1.0, 3.0), (3.0, 1.0), (0.5, 0.0)])
def test_protraction_is_the_double_integral(decay, repair):
    """Of e^{−λt} over a unit time, by quadrature; straight lines over a hundredth of it."""
    double = dblquad(lambda w, t: exp(-decay * (t + w) - repair * (t - w)), 0, 1, 0, lambda t: t)[0]
    times = np.linspace(0, 1, 101)
    dose = (1 - exp(-decay)) / decay
    g = protraction(times, np.exp(-decay * times), repair_rate=repair)
    assert g == pytest.approx(2 * double / dose**2, rel=1e-4)


@pytest.mark.parametrize("x", [1e-6, 0.1, 1.0, 30.0])
def test_protraction_of_a_constant_dose_rate(x):
    """2(x − 1 + e^{−x})/x², x = μT; one step or ten are the same."""
    exact = 1 - x / 3 if x < 1e-3 else 2 * (x - 1 + exp(-x)) / x**2
    for steps in (2, 11):
        g = protraction(np.linspace(0, x, steps), np.ones(steps), repair_rate=1.0)
        assert g == pytest.approx(exact, rel=1e-9)


def test_biologically_effective_dose():
    """BED = D(1 + λD/((μ + λ)α/β)); dense tracks count RBE times in the linear term."""
    tissue = Radiobiology(alpha=0.3, alpha_beta=10.0, rbe=5.0)
    g = 0.25
    assert biologically_effective_dose(np.array(20.0), protraction=g, tissue=tissue) == pytest.approx(30.0)
    mixed = biologically_effective_dose(np.array(1.0), np.array(2.0), protraction=g, tissue=tissue)
    assert mixed == pytest.approx(10 + 1 + g * 9 / 10)
    assert survival(np.array(10.0), tissue=tissue) == pytest.approx(exp(-3))


def test_cold_voxels_decide_survival():
    """Half without dose: half survives, and the even BED of the same survival is ln 2/α."""
    tissue = Radiobiology()
    doses = np.array([0.0, 1000.0])
    found = summarise("tumour", "x", doses, 0 * doses, protraction=0.0, tissue=tissue)
    assert found.survival == pytest.approx(0.5)
    assert found.uniform_bed == pytest.approx(log(2) / tissue.alpha)
    assert found.mean == 500.0 and found.v_mean == 0.5
    everywhere = summarise("tumour", "x", doses + 9000, 0 * doses, protraction=0.0, tissue=tissue)
    assert everywhere.uniform_bed == pytest.approx(9000 + log(2) / tissue.alpha)  # survival underflows


def test_gaussian_kernel_of_verify_is_normalised():
    kernel = sphere_dose._gaussian(1.0)
    assert kernel.cumulative(np.array([1.538])) == pytest.approx(0.5, abs=1e-3)  # physics.md G.3
    assert kernel.cumulative(np.array([1.0])) == pytest.approx(erf(1 / sqrt(2)) - sqrt(2 / pi) * exp(-0.5))
