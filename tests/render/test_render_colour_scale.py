"""What stands beside the colours: the unit, the range, the words."""

from dataclasses import replace

import numpy as np
import pytest

from tumorsim.constants import MMHG
from tumorsim.render.colour_scale import colour_scale, display_unit, pressure_scale, values


def test_one_percent_of_the_dose_in_a_gram():
    """1 %ID/g is 0.01 dose in 1e-6 m³ of tissue."""
    factor, unit = display_unit("mol/m^3", peak=1.0, amount_unit="mol", dose=2e-4)
    assert unit == "%ID/g"
    assert 0.01 * 2e-4 / 1e-6 * factor == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("amount", "peak", "factor", "unit"),
    [
        ("mol", 2.0, 1.0, "mM"),
        ("mol", 2e-3, 1e3, "µM"),
        ("mol", 5e-8, 1e9, "pM"),  # 5e-11 M
        ("kg", 3e-6, 1e6, "ng/mL"),  # 1 kg/m³ is 1e-3 g/mL
        ("Bq", 5e9, 1e-9, "kBq/mL"),
        ("mol", 0.0, 1e-3, "M"),
    ],
)
def test_amounts_of_an_unknown_dose_get_a_prefix_that_suits_them(amount, peak, factor, unit):
    found, name = display_unit(f"{amount}/m^3", peak=peak, amount_unit=amount, dose=None)
    assert name == unit
    assert found == pytest.approx(factor)


def test_other_fields_are_shown_in_the_units_of_the_field():
    assert display_unit("Pa", peak=1, amount_unit="mol", dose=1.0) == (pytest.approx(1 / MMHG), "mmHg")
    assert display_unit("1/m", peak=1, amount_unit="mol", dose=1.0) == (0.01, "1/cm")
    assert display_unit("1/s", peak=1, amount_unit="mol", dose=1.0) == (1.0, "1/s")


def test_exposures_are_shown_in_hours():
    factor, unit = display_unit("mol s/m^3", peak=7.2, amount_unit="mol", dose=None)
    assert unit == "µM · h" and factor * 7.2 == pytest.approx(2.0)  # 2e-3 mol/m³ for an hour
    factor, unit = display_unit("mol s/m^3", peak=1.0, amount_unit="mol", dose=2e-4)
    whole, _ = display_unit("mol/m^3", peak=1.0, amount_unit="mol", dose=2e-4)
    assert unit == "%ID/g · h" and factor == pytest.approx(whole / 3600)


def test_a_linear_scale_starts_at_zero_and_ends_at_two_digits(sphere):
    scale = colour_scale(
        sphere.with_field("free", np.full(sphere.grid.shape, 1.234)), "free", times=[86400.0]
    )
    assert (scale.low, scale.high) == (0.0, pytest.approx(1.3))  # 1.234 mol/m³ is 1.234 %ID/g of 1e-4 mol
    assert scale.unit == "%ID/g" and scale.label == "Doxil free in the interstitium" and not scale.clipped


def test_temperatures_are_shown_in_degrees_from_the_coolest(sphere):
    warmed = sphere.with_field(
        "temperature", np.linspace(310.15, 316.15, sphere.grid.voxels).reshape(sphere.grid.shape)
    )
    scale = colour_scale(warmed, "temperature", times=[86400.0])
    assert (scale.low, scale.high, scale.unit) == (37.0, 43.0, "°C")
    assert values(warmed, "temperature", 86400.0).max() == pytest.approx(43.0, abs=1e-4)


def test_few_hot_voxels_are_clipped_and_the_bar_says_so(sphere):
    hot = np.ones(sphere.grid.shape)
    hot[0, 0, :5] = 100.0
    scale = colour_scale(sphere.with_field("free", hot), "free", times=[86400.0])
    assert scale.high == pytest.approx(1.0) and scale.clipped


def test_only_voxels_within_the_mask_count(sphere):
    outside = np.where(sphere.arrays["region"] > 0, 1.0, 50.0)
    scale = colour_scale(
        sphere.with_field("free", outside), "free", times=[86400.0], within=sphere.arrays["region"] > 0
    )
    assert scale.high == pytest.approx(1.0) and not scale.clipped


def test_one_scale_serves_all_times(sphere):
    late = colour_scale(sphere, "free", times=[86400.0])
    assert colour_scale(sphere, "free", times=sphere.times) == late
    assert colour_scale(sphere, "free", times=[3600.0]).high < late.high


def test_an_empty_field_still_has_a_scale(sphere):
    nothing = sphere.with_field("free", np.zeros(sphere.grid.shape))
    scale = colour_scale(nothing, "free", times=[86400.0])
    assert (scale.low, scale.high) == (0.0, 1.0)
    assert scale.norm(0.0) == 0.0


def test_a_logarithmic_scale_spans_three_decades(sphere):
    scale = colour_scale(sphere, "free", times=[86400.0], log=True)
    assert scale.high / scale.low == pytest.approx(1e3)
    assert scale.norm(np.sqrt(scale.high * scale.low)) == pytest.approx(0.5)


def test_limits_are_taken_as_given(sphere):
    scale = colour_scale(sphere, "free", times=[86400.0], limits=(0.1, 0.5))
    assert (scale.low, scale.high, scale.clipped) == (0.1, 0.5, True)


def test_negative_values_are_on_the_scale(sphere):
    pressure = np.linspace(-MMHG, 10 * MMHG, sphere.grid.voxels).reshape(sphere.grid.shape)
    scale = colour_scale(sphere.with_field("pressure", pressure), "pressure", times=[86400.0])
    assert scale.low == pytest.approx(-1.0, rel=1e-6)  # the field is drawn in float32


def test_zero_is_not_black_and_lightness_rises_along_the_map(sphere):
    colours = colour_scale(sphere, "free", times=[86400.0]).colour_map(np.linspace(0, 1, 64))[:, :3]
    lightness = colours @ (0.2126, 0.7152, 0.0722)
    assert lightness[0] > 0.02
    assert (np.diff(lightness) > 0).all()


def test_blood_pressures_are_in_mmhg_and_unknown_ones_are_left_out():
    scale = pressure_scale(np.array([np.nan, 10 * MMHG, 30 * MMHG]))
    assert (scale.low, scale.high, scale.unit) == (pytest.approx(10), pytest.approx(30), "mmHg")
    even = pressure_scale(np.full(3, 20 * MMHG))
    assert even.low < 20 < even.high


def test_a_vector_field_is_shown_by_its_magnitude(sphere):
    velocity = np.zeros((*sphere.grid.shape, 3))
    velocity[..., 0], velocity[..., 2] = 3e-8, 4e-8
    moving = sphere.with_field("velocity", velocity)
    assert values(moving, "velocity", 86400.0) == pytest.approx(5e-8)
    assert colour_scale(moving, "velocity", times=[86400.0]).unit == "µm/s"


def test_without_an_agents_name_the_field_keeps_its_words(sphere):
    nameless = replace(sphere, config={})
    assert colour_scale(nameless, "free", times=[86400.0]).label == "agent free in the interstitium"


def test_a_steady_state_has_no_dose_to_be_a_part_of(sphere):
    """Its plasma concentration is held; the dose in the config was never given."""
    assert colour_scale(replace(sphere, steady=True), "free", times=[86400.0]).unit == "µM"  # just below 1 mM
