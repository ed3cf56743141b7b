"""What is read in a picture is legible, round and in its place."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tumorsim.render.annotate import (
    Bar,
    dose_text,
    draw_bars,
    draw_heading,
    length_text,
    round_length,
    sheet,
    time_text,
)
from tumorsim.render.colour_scale import colour_scale
from tumorsim.render.view import THEMES, View


@pytest.fixture
def view(sphere):
    scale = colour_scale(sphere, "free", times=[86400.0])
    return View(sphere, 86400.0, "free", scale, (1600, 1200), THEMES["dark"])


@given(some.floats(1e-7, 1.0))
def test_a_scale_bar_is_round_and_not_much_shorter_than_its_place(longest):
    length = round_length(longest)
    assert longest / 2.5 < length * (1 + 1e-9) and length <= longest * (1 + 1e-9)
    assert f"{length:.0e}"[0] in "125" and float(f"{length:.0e}") == pytest.approx(length)


def test_lengths_and_times_are_given_in_the_unit_that_suits_them():
    assert [length_text(x) for x in (5e-6, 5e-4, 1e-3, 2e-2)] == ["5 µm", "500 µm", "1 mm", "20 mm"]
    assert [time_text(t) for t in (0, 5, 60, 2700, 3600, 5400, 86400, 14 * 86400)] == [
        "0 h", "5 s", "1 min", "45 min", "1 h", "1.5 h", "24 h", "14 d",
    ]  # fmt: skip


def test_a_dose_is_given_in_grams_moles_or_becquerels():
    assert dose_text(5e-5, "kg") == "dose 50 mg"
    assert dose_text(8.6e-5, "mol") == "dose 86 µmol"
    assert dose_text(2e7, "Bq") == "dose 20 MBq"
    assert dose_text(None, "mol") == ""


def boxes(figure):
    return {text.get_text(): text.get_window_extent() for text in figure.texts if text.get_text()}


def test_a_long_title_meets_neither_the_time_nor_the_edge(view):
    long = replace(view, results=replace(view.results, title="A very long title " * 12))
    figure = sheet(long)
    draw_heading(figure, long)
    title, stamp = (
        next(box for text, box in boxes(figure).items() if text.startswith(s)) for s in ("A", "24")
    )
    assert title.x1 < stamp.x0 and stamp.x1 < 1600 and title.y1 < 1200
    assert any(text.endswith("…") for text in boxes(figure))


def test_agent_and_dose_stand_below_the_title(view):
    figure = sheet(view)
    draw_heading(figure, view)
    assert list(boxes(figure)) == ["A sphere", "Doxil, dose 100 µmol", "24 h"]


def test_what_has_no_time_shows_none(view):
    for other, stamp in (
        (replace(view, field="dose"), None),
        (replace(view, results=replace(view.results, steady=True)), "steady state"),
    ):
        figure = sheet(other)
        draw_heading(figure, other)
        assert list(boxes(figure))[2:] == ([stamp] if stamp else [])


def test_texts_are_legible_at_the_default_size(view):
    """The smallest letters of the labels are at least 1.5 % of the height: 18 px of 1200."""
    figure = sheet(view)
    draw_heading(figure, view)
    draw_bars(figure, view, [Bar(view.scale, (0.855, 0.2, 0.018, 0.5))])
    sizes = [text.get_fontsize() for text in figure.texts + figure.axes[0].get_yticklabels()]
    assert min(sizes) * 100 / 72 >= 18


def test_a_colour_bar_shows_unit_label_and_the_whole_range(view):
    figure = sheet(view)
    draw_bars(figure, view, [Bar(view.scale, (0.855, 0.2, 0.018, 0.5))])
    (axes,) = figure.axes
    assert axes.get_ylim() == (view.scale.low, view.scale.high)
    assert [text.get_text() for text in figure.texts] == ["%ID/g", "Doxil free in the\ninterstitium"]
    unit, label = boxes(figure).values()
    assert unit.y1 < label.y0 and label.x1 < 1600
