"""What is stored per region."""

import math

import numpy as np
import pytest

from tumorsim.grid import Grid
from tumorsim.sinks.statistics import field_statistics, statistics_fields

GRID = Grid((2, 3, 4), (1e-4, 2e-4, 5e-4))
NAMES = ("normal", "tumour")
DOSE = 2e-6


@pytest.fixture
def labels():
    labels = np.zeros(GRID.shape, np.uint8)
    labels[1] = 1
    return labels


def statistics(labels, *, dose=DOSE, names=NAMES, **fields):
    return field_statistics(fields, labels=labels, region_names=names, grid=GRID, dose=dose)


def test_a_uniform_tissue_has_its_value_everywhere_and_no_variation(labels):
    found = statistics(labels, free=np.full(GRID.shape, 3.0))
    assert found["tumour/mean_free"] == found["tumour/max_free"] == found["tumour/mean_total"] == 3.0
    assert found["tumour/sd_free"] == found["tumour/cv_free"] == 0.0


def test_regions_are_told_apart(labels):
    found = statistics(labels, free=np.where(labels == 1, 5.0, 1.0))
    assert (found["normal/mean_free"], found["tumour/mean_free"]) == (1.0, 5.0)


def test_a_half_filled_region_varies_as_much_as_its_mean(labels):
    free = np.zeros(GRID.shape)
    free[1, :, :2] = 4.0
    found = statistics(labels, free=free)
    assert found["tumour/mean_free"] == found["tumour/sd_free"] == 2.0
    assert found["tumour/cv_free"] == 1.0
    assert found["tumour/max_free"] == 4.0


def test_total_is_the_sum_of_all_forms(labels):
    random = np.random.default_rng(0)
    free, bound, internalised = (random.random(GRID.shape) for _ in range(3))
    found = statistics(labels, free=free, bound=bound, internalised=internalised)
    total = (free + bound + internalised)[1]
    assert found["tumour/mean_total"] == pytest.approx(total.mean(), rel=1e-14)  # rounding of 12 numbers
    assert found["tumour/amount"] == pytest.approx(total.sum() * GRID.voxel_volume, rel=1e-14)


def test_volumes_and_amounts_of_the_regions_add_up_to_those_of_the_box(labels):
    free = np.random.default_rng(0).random(GRID.shape)
    found = statistics(labels, free=free)
    assert sum(found[f"{name}/volume"] for name in NAMES) == pytest.approx(GRID.volume, rel=1e-14)
    amount = sum(found[f"{name}/amount"] for name in NAMES)
    assert amount == pytest.approx(free.sum() * GRID.voxel_volume, rel=1e-14)
    assert sum(found[f"{name}/percent_dose"] for name in NAMES) == pytest.approx(
        100 * amount / DOSE, rel=1e-14
    )


def test_percent_injected_dose_per_gram_is_1e4_doses_per_cubic_metre(labels):
    # physics reference, section 0: 1 %ID/g = 1e4·dose/m³ at 1 g/mL
    found = statistics(labels, free=np.full(GRID.shape, 1e4 * DOSE))
    assert found["tumour/percent_dose_per_gram"] == pytest.approx(1.0, rel=1e-14)


def test_sums_of_float32_fields_are_taken_in_float64():
    grid = Grid((100, 100, 100), (1e-4,) * 3)
    free = np.full(grid.shape, 0.1, np.float32)
    found = field_statistics(
        {"free": free}, labels=np.zeros(grid.shape, np.uint8), region_names=["all"], grid=grid, dose=1.0
    )
    assert found["all/mean_free"] == pytest.approx(float(np.float32(0.1)), rel=1e-12)


def test_what_has_no_value_is_nan(labels):
    found = statistics(labels, names=(*NAMES, "necrosis"), dose=0.0, free=np.zeros(GRID.shape))
    for name in ("necrosis/mean_free", "necrosis/max_total", "tumour/cv_free", "tumour/percent_dose"):
        assert math.isnan(found[name])
    assert found["necrosis/volume"] == found["necrosis/amount"] == 0.0


def test_every_number_has_a_unit_and_a_meaning(labels):
    fields = {name: np.ones(GRID.shape) for name in ("free", "bound", "internalised", "drug_free")}
    described = statistics_fields(NAMES, list(fields))
    assert [field.name for field in described] == list(statistics(labels, **fields))
    assert all(field.unit and field.long_name for field in described)
    by_name = {field.name: field for field in described}
    assert by_name["tumour/mean_free"].unit == "{amount}/m^3"
    assert by_name["tumour/mean_free"].long_name == "mean of agent free in the interstitium in tumour"
