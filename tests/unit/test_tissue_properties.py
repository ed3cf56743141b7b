"""Facts about tissue properties: the published values, what varies and how, and maps from files."""

from dataclasses import fields, replace

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tumorsim.constants import MMHG
from tumorsim.errors import ConfigError
from tumorsim.grid import Grid
from tumorsim.tissue.properties import (
    PRESETS,
    UNITS,
    VARYING,
    RegionProperties,
    load_map,
    log_normal_field,
    property_map,
)
from tumorsim.tissue.regions import Regions
from tumorsim.units import from_si

UM = 1e-6


def _grid(n: int, spacing: float) -> Grid:
    return Grid((n, n, n), (spacing, spacing, spacing))


def _regions(n: int = 16, names: tuple[str, ...] = ("normal", "tumour")) -> Regions:
    labels = np.zeros((n, n, n), np.uint8)
    labels[n // 4 :] = 1
    return Regions(_grid(n, 50 * UM), labels, names)


TABLE = {"normal": PRESETS["normal"], "tumour": PRESETS["tumour"]}


def test_presets_are_the_published_table():
    """Baxter & Jain 1989–1991; SI values as converted independently in the reference table, three digits."""
    published = {
        "normal": (2.70e-12, 6.40e-15, 7.0e3, 2080, 2666, 1333, 0.91, 9.98e-8),
        "tumour": (2.10e-11, 3.10e-14, 2.0e4, 2080, 2666, 2000, 0.82, 0.0),
    }
    for name, values in published.items():
        p = PRESETS[name]
        found = (
            p.wall_hydraulic_conductivity,
            p.hydraulic_conductivity,
            p.vessel_area_density,
            p.vascular_pressure,
            p.plasma_oncotic_pressure,
            p.interstitial_oncotic_pressure,
            p.protein_reflection_coefficient,
            p.lymphatic_filtration,
        )
        assert found == pytest.approx(values, rel=2e-3)


def test_presets_give_the_equilibrium_pressures_of_tumour_and_normal_tissue():
    """p_e = (G_v p_e^v + G_L p_L)/(G_v + G_L): 11.5 mmHg in tumour, 1.04 mmHg in normal tissue."""

    def equilibrium(p: RegionProperties) -> float:
        blood = p.wall_hydraulic_conductivity * p.vessel_area_density
        oncotic = p.plasma_oncotic_pressure - p.interstitial_oncotic_pressure
        effective = p.vascular_pressure - p.protein_reflection_coefficient * oncotic
        total = blood + p.lymphatic_filtration
        return (blood * effective + p.lymphatic_filtration * p.lymphatic_pressure) / total / MMHG

    assert equilibrium(PRESETS["tumour"]) == pytest.approx(11.5, abs=0.05)
    assert equilibrium(PRESETS["normal"]) == pytest.approx(1.04, abs=0.005)


def test_normal_tissue_conducts_less_than_tumour():
    assert PRESETS["normal"].hydraulic_conductivity < PRESETS["tumour"].hydraulic_conductivity


def test_necrotic_tissue_is_tumour_without_vessels_and_live_cells():
    necrotic, tumour = PRESETS["necrotic"], PRESETS["tumour"]
    assert necrotic.vessel_area_density == necrotic.lymphatic_filtration == necrotic.cell_density == 0
    assert necrotic.perfusion == 0
    alive = {name: getattr(tumour, name) for name in ("vessel_area_density", "cell_density", "perfusion")}
    assert replace(necrotic, **alive) == tumour


def test_every_preset_is_within_its_limits_and_every_property_has_a_unit():
    for name, preset in PRESETS.items():
        assert preset.problems(name) == []
    assert set(UNITS) == {f.name for f in fields(RegionProperties)} | {"leakiness"}
    for unit in UNITS.values():
        assert from_si(1.0, unit, unit) == 1


@pytest.mark.parametrize("name", sorted(UNITS))
def test_without_variation_a_map_holds_the_value_of_each_region(name):
    regions = _regions(8)
    values = property_map(regions, TABLE, name)
    assert values.dtype == np.float64 and values.shape == regions.grid.shape
    for region, properties in TABLE.items():
        assert np.all(values[regions.mask(region)] == getattr(properties, name))


@pytest.fixture(scope="module")
def gaussian() -> np.ndarray:
    """ln f / log_sd in a box of 20 correlation lengths, 5 voxels to each."""
    return np.log(log_normal_field(_grid(100, 10 * UM), log_sd=0.7, correlation_length=50 * UM, seed=4)) / 0.7


def _independent(box: float, correlation_length: float) -> float:
    """Independent samples in a box: one per integral of the squared correlation, (π/2)^{3/2} ℓ³."""
    return box**3 / (np.pi / 2) ** 1.5 / correlation_length**3


def test_the_field_has_median_one_and_the_deviation_asked_for(gaussian):
    n = _independent(1e-3, 50 * UM)
    # The mean varies with the integral of the correlation itself, π^{3/2} ℓ³: √8 times fewer samples.
    assert abs(np.median(gaussian)) < 4 * np.sqrt(8**0.5 / n)
    assert abs(gaussian.std() - 1) < 4 / np.sqrt(2 * n)


def test_the_correlation_falls_as_a_gaussian_to_one_over_e_at_its_length(gaussian):
    tolerance = 4 / np.sqrt(_independent(1e-3, 50 * UM))
    for axis in range(3):
        values = np.moveaxis(gaussian, axis, 0)
        for lag in (1, 3, 5, 8, 15):
            correlation = np.mean(values[lag:] * values[:-lag])
            assert correlation == pytest.approx(np.exp(-((lag / 5) ** 2)), abs=tolerance)


def test_opposite_faces_are_unrelated_and_no_face_is_quieter(gaussian):
    n = (1e-3) ** 2 / (np.pi / 2) / (50 * UM) ** 2
    for axis in range(3):
        low, high = (np.moveaxis(gaussian, axis, 0)[k] for k in (0, -1))
        assert abs(np.mean(low * high)) < 4 / np.sqrt(n)
        assert abs(low.std() - 1) < 4 / np.sqrt(2 * n)


@pytest.mark.parametrize("spacing", [(2.0, 1.0, 0.5), (0.3, 0.3, 0.3), (9.0, 9.0, 9.0), (9.0, 1.0, 0.2)])
def test_the_variance_at_a_voxel_does_not_depend_on_the_voxels(spacing):
    """Over seeds, at fixed voxels of grids finer, coarser and more oblong than the correlation length."""
    grid = Grid((2, 3, 4), spacing)
    fields_ = [log_normal_field(grid, log_sd=1.0, correlation_length=1.0, seed=seed) for seed in range(400)]
    gaussian = np.log(fields_)
    # 24 voxels, not all independent; the deviation of 400 samples is right to 3.5 %, four times that is safe.
    np.testing.assert_allclose(gaussian.std(axis=0), 1, atol=4 / np.sqrt(2 * 400))
    np.testing.assert_allclose(gaussian.mean(axis=0), 0, atol=4 / np.sqrt(400))


@pytest.mark.parametrize("correlation_length", [77e-6, 60e-6])
def test_a_finer_grid_samples_the_same_field(correlation_length):
    """Voxels of a third of the length share a centre with the coarse ones.

    The box of 240 µm is 8 lattice steps of 30 µm; as 24 × (30 µm / 3) it is longer by a rounding.
    """
    assert 24 * (30e-6 / 3) > 8 * 30e-6
    coarse = log_normal_field(_grid(8, 30e-6), log_sd=0.5, correlation_length=correlation_length, seed=2)
    fine = log_normal_field(_grid(24, 30e-6 / 3), log_sd=0.5, correlation_length=correlation_length, seed=2)
    np.testing.assert_allclose(fine[1::3, 1::3, 1::3], coarse, rtol=1e-4)  # rounding may move the cut of w


def test_unresolved_variation_is_independent_from_voxel_to_voxel():
    gaussian = np.log(log_normal_field(_grid(40, 10 * UM), log_sd=1.0, correlation_length=0.0, seed=1))
    n = gaussian.size
    assert abs(gaussian.std() - 1) < 4 / np.sqrt(2 * n)
    assert abs(np.mean(gaussian[1:] * gaussian[:-1])) < 4 / np.sqrt(n)


@given(
    shape=st.tuples(*[st.integers(1, 9)] * 3),
    spacing=st.tuples(*[st.floats(1, 100)] * 3),
    correlation_length=st.floats(1, 1000),
    seed=st.integers(0, 2**64),
)
@settings(deadline=None, max_examples=40)
def test_the_field_is_positive_finite_and_the_same_for_the_same_seed(
    shape, spacing, correlation_length, seed
):
    grid = Grid(shape, tuple(h * UM for h in spacing))
    one, two = (
        log_normal_field(grid, log_sd=0.5, correlation_length=correlation_length * UM, seed=seed)
        for _ in range(2)
    )
    np.testing.assert_array_equal(one, two)
    assert one.shape == shape and np.all(one > 0) and np.all(np.isfinite(one))


def _varied(**log_sds: float) -> RegionProperties:
    return replace(PRESETS["tumour"], correlation_length=100 * UM, **log_sds)


@pytest.mark.parametrize("name", VARYING)
def test_variation_is_within_its_region_and_property_only(name):
    regions = _regions()
    table = TABLE | {"tumour": _varied(**{f"{name}_log_sd": 0.5})}
    for other in VARYING:
        values = property_map(regions, table, other, seed=3)
        assert np.unique(values[regions.mask("normal")]).size == 1
        assert (np.unique(values[regions.mask("tumour")]).size > 1) == (other == name)


def test_a_new_region_changes_no_other():
    varied = _varied(hydraulic_conductivity_log_sd=0.5)
    before = _regions()
    labels = before.labels.copy()
    labels[12:] = 2
    after = Regions(before.grid, labels, ("normal", "necrosis", "tumour"))
    after.labels[labels > 0] = 3 - labels[labels > 0]
    table = {"normal": PRESETS["normal"], "tumour": varied}
    old = property_map(before, table, "hydraulic_conductivity", seed=1)
    new = property_map(after, table | {"necrosis": varied}, "hydraulic_conductivity", seed=1)
    kept = after.mask("tumour")
    assert np.array_equal(old[kept], new[kept])
    assert not np.any(old[after.mask("necrosis")] == new[after.mask("necrosis")])


def test_properties_vary_independently_and_with_the_seed():
    varied = _varied(hydraulic_conductivity_log_sd=0.5, vessel_area_density_log_sd=0.5)
    regions = _regions(32)
    table = {"normal": varied, "tumour": varied}

    def logs(name: str, seed: int) -> np.ndarray:
        return np.log(property_map(regions, table, name, seed=seed) / getattr(varied, name)) / 0.5

    conductivity = logs("hydraulic_conductivity", 1)
    independent = _independent(32 * 50 * UM, 100 * UM)
    for other in (logs("vessel_area_density", 1), logs("hydraulic_conductivity", 2)):
        assert abs(np.mean(conductivity * other)) < 4 / np.sqrt(independent)
    np.testing.assert_array_equal(conductivity, logs("hydraulic_conductivity", 1))


def test_every_fault_of_the_table_is_told():
    wrong = replace(
        PRESETS["tumour"],
        hydraulic_conductivity=0.0,
        interstitial_fraction=1.5,
        vascular_pressure=float("nan"),
        leakiness_log_sd=-0.1,
        lymphatic_pressure=-500.0,  # allowed
    )
    with pytest.raises(ConfigError) as caught:
        property_map(_regions(), {"tumour": wrong}, "vessel_area_density")
    assert [problem.key for problem in caught.value.problems] == [
        "tissue.regions.normal",
        "tissue.regions.tumour.hydraulic_conductivity",
        "tissue.regions.tumour.interstitial_fraction",
        "tissue.regions.tumour.leakiness_log_sd",
        "tissue.regions.tumour.vascular_pressure",
    ]
    assert "must be above 0 and at most 1" in str(caught.value)


SHAPE = (2, 3, 4)


@pytest.fixture
def densities(tmp_path):
    values = np.linspace(0, 300, 24).reshape(SHAPE)
    np.save(tmp_path / "sv.npy", values)
    with h5py.File(tmp_path / "sv.h5", "w") as file:
        file["maps/sv"] = values.astype(np.float32)
        file["other"] = values
    return tmp_path, values


def test_a_map_is_read_in_its_unit(densities):
    folder, values = densities
    stored = load_map(folder / "sv.npy", name="vessel_area_density", shape=SHAPE, unit="1/cm")
    np.testing.assert_allclose(stored, 100 * values, rtol=1e-14)
    assert stored.dtype == np.float64
    stored = load_map(
        folder / "sv.h5", name="vessel_area_density", dataset="/maps/sv", shape=SHAPE, unit="1/m"
    )
    np.testing.assert_allclose(stored, values, rtol=1e-7)  # float32


def _map_fault(path, *, name="vessel_area_density", shape=SHAPE, unit="1/m", dataset=None) -> str:
    with pytest.raises(ConfigError) as caught:
        load_map(path, name=name, shape=shape, unit=unit, dataset=dataset)
    return str(caught.value)


def test_the_faults_of_a_map_are_told(densities):
    folder, _ = densities
    message = _map_fault(folder / "sv.npy", shape=(4, 3, 2), unit="mmHg")
    assert "the map has shape (2, 3, 4), the grid (4, 3, 2)" in message
    assert "tissue.maps.vessel_area_density.unit = 'mmHg'" in message and '"200 1/cm"' in message
    assert "Datasets in the file: /maps/sv, /other" in _map_fault(folder / "sv.h5")
    assert "no such file" in _map_fault(folder / "sw.npy")
    (folder / "sv.txt").write_text("1 2 3")
    assert "Give an .npy or HDF5 file" in _map_fault(folder / "sv.txt")
    (folder / "broken.npy").write_bytes(b"nonsense")
    assert "cannot be read" in _map_fault(folder / "broken.npy")


@pytest.mark.parametrize(
    ("name", "value", "unit"),
    [
        ("vessel_area_density", -1.0, "1/m"),
        ("vessel_area_density", float("nan"), "1/m"),
        ("vessel_area_density", float("inf"), "1/m"),
        ("hydraulic_conductivity", 0.0, "m^2/(Pa s)"),
        ("interstitial_fraction", 1.2, "1"),
        ("leakiness", -0.5, "1"),
    ],
)
def test_a_map_with_impossible_voxels_is_refused(tmp_path, name, value, unit):
    values = np.full(SHAPE, 0.5)
    values[1, 2, 3] = value
    np.save(tmp_path / "map.npy", values)
    assert "1 voxels are out of range" in _map_fault(tmp_path / "map.npy", name=name, unit=unit)


def test_a_lymphatic_pressure_may_be_negative(tmp_path):
    np.save(tmp_path / "map.npy", np.full(SHAPE, -3.0))
    stored = load_map(tmp_path / "map.npy", name="lymphatic_pressure", shape=SHAPE, unit="mmHg")
    np.testing.assert_allclose(stored, -3 * MMHG, rtol=1e-5)  # pint's mmHg has more digits than ours
