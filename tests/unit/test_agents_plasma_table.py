"""Measured plasma curves: what lies between the points, and what a table may say."""

import numpy as np
import pytest
from scipy.integrate import quad

from tumorsim.agents.plasma_table import MeasuredCurve, read_plasma_table
from tumorsim.errors import ConfigError

HOUR = 3600.0
TIMES = (300.0, 3600.0, 7200.0, 86400.0, 172800.0)
VALUES = (1.0, 1.4, 0.9, 0.3, 0.1)


def curve(join="log-linear", **changed) -> MeasuredCurve:
    given = {"times": TIMES, "values": VALUES, "join": join}
    return MeasuredCurve(10.0, "mol", 3.0, **given | changed)


@pytest.mark.parametrize("join", ["log-linear", "linear", "monotone"])
def test_the_curve_passes_through_its_points(join):
    np.testing.assert_allclose(curve(join).concentration(np.array(TIMES)), VALUES, rtol=1e-14)
    assert curve(join).concentration(0.0) == curve(join).concentration(299.0) == 1.0
    assert curve(join).concentration(-1.0) == 0


def test_falling_parts_are_exponential_and_rising_ones_straight():
    half = 0.5 * (TIMES[2] + TIMES[3])
    assert curve().concentration(half) == pytest.approx(np.sqrt(0.9 * 0.3))
    assert curve().concentration(1950.0) == pytest.approx(1.2)
    assert curve("linear").concentration(half) == pytest.approx(0.6)


def test_a_table_of_an_exponential_is_that_exponential():
    t = np.array([0.0, 1.0, 5.0, 20.0]) * HOUR
    measured = MeasuredCurve(1.0, "mol", 1.0, tuple(t), tuple(np.exp(-1e-5 * t)))
    assert measured.concentration(100 * HOUR) == pytest.approx(np.exp(-3.6), rel=1e-12)
    assert measured.auc() == pytest.approx(1e5, rel=1e-12)
    assert measured.mean(1000.0, 1000.1) == pytest.approx(np.exp(-1e-5 * 1000.05), rel=1e-11)


@pytest.mark.parametrize("join", ["log-linear", "linear", "monotone"])
@pytest.mark.parametrize("tail", ["exponential", "zero"])
@pytest.mark.parametrize(("start", "end"), [(0, 10), (200, 400), (0, 8e4), (5000, 5001), (1.7e5, 3e5), (2e5, 4e5)])
def test_the_mean_is_exact(join, tail, start, end):
    c = curve(join, tail=tail)
    edges = [start, *(t for t in TIMES if start < t < end), end]
    area = sum(quad(c.concentration, a, b, epsabs=0, epsrel=1e-13)[0] for a, b in zip(edges, edges[1:], strict=False))
    assert c.mean(start, end) == pytest.approx(area / (end - start), rel=1e-12, abs=1e-300)


def test_the_tail_goes_on_at_the_last_rate_or_ends():
    rate = np.log(3) / 86400
    assert curve().concentration(172800 + 1e5) == pytest.approx(0.1 * np.exp(-rate * 1e5))
    assert curve(tail="zero").concentration(172801.0) == 0
    assert curve().auc() == pytest.approx(curve(tail="zero").auc() + 0.1 / rate, rel=1e-12)


def test_the_monotone_cubic_makes_no_new_extremes():
    c = curve("monotone").concentration(np.linspace(0, 172800, 5000))
    assert c.max() == pytest.approx(1.4, rel=1e-6) and c.min() == pytest.approx(0.1, rel=1e-12)


def test_what_was_given_is_accounted_for():
    c = curve(decay_rate=1e-6, infusion=200.0)
    assert c.injected(100.0) == pytest.approx(5.0, rel=1e-4)  # 1e-6/s · 100 s decays in the syringe
    total = c.amount(5e4) + c.decayed(5e4) + c.cleared(5e4)
    assert c.injected(5e4) == pytest.approx(total, rel=1e-14)
    assert c.decayed(5e4) == pytest.approx(1e-6 * 3 * quad(c.concentration, 0, 5e4, points=TIMES[:3])[0], rel=1e-8)


def test_points_are_landmarks():
    assert curve().landmarks == (0.0, *TIMES)
    assert curve("monotone").landmarks == (0.0, 300.0, 172800.0)
    straight = dict(curve("linear").step_limits(1e-2))
    assert all(straight[moment] == np.inf for moment in TIMES)  # straight pieces bend nowhere


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"times": (0.0, 1.0), "values": (1.0,)}, "2 times and 1 values"),
        ({"times": (1.0, 0.0), "values": (1.0, 0.5)}, "must rise"),
        ({"times": (0.0, 1.0), "values": (1.0, -0.5)}, "negative"),
        ({"times": (0.0, 1.0), "values": (1.0, 1.0)}, 'tail = "zero"'),
        ({"values": (1.0, 4.0, 0.9, 0.3, 0.1)}, "would hold 12 mol, and 10 mol were given"),
        ({"infusion": 7200.0, "values": (1.0, 0.9, 0.8, 0.3, 0.1)}, "at 300 s"),
    ],
)
def test_points_that_are_no_curve_are_refused(changed, said):
    with pytest.raises(ConfigError, match=said):
        curve(**changed)


# files ------------------------------------------------------------------------------------------------------


def read(tmp_path, text, **given):
    path = tmp_path / "curve.csv"
    path.write_text(text)
    return read_plasma_table(path, **{"amount_unit": "mol", "dose": 2e-6} | given)


def test_units_stand_in_the_header(tmp_path):
    text = "# mouse 3\ntime [h], plasma (uM), sd\n0, 4, 1\n\n1.5, 2.5, 1\n"
    assert read(tmp_path, text) == ((0.0, 5400.0), (4e-3, 2.5e-3))


def test_units_can_be_given(tmp_path):
    assert read(tmp_path, "0;4\n90;2\n", time_unit="min", unit="nM") == ((0.0, 5400.0), (4e-6, 2e-6))
    assert read(tmp_path, "t\tc\n0\t4\n1\t2\n", time_unit="s", unit="mol/m^3")[1] == (4.0, 2.0)


def test_a_concentration_may_be_a_share_of_the_dose(tmp_path):
    """50 %ID/mL of 2 µmol are 1 µmol/mL."""
    assert read(tmp_path, "time [min], c [%ID/mL]\n0, 50\n1, 25\n")[1] == pytest.approx((1.0, 0.5))


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        ("t, c\n0, 1\n1, 0.5\n", "dosing.plasma_table.time_unit", "is required"),
        ("t [h], c [kPa]\n0, 1\n1, 0.5\n", "dosing.plasma_table.unit", "no unit"),
        ("t [h], c [uM]\n0, 1\n1, n/a\n", "curve.csv, line 3", "two numbers"),
        ("t [h], c [uM]\n0\n1, 2\n", "curve.csv, line 2", "two numbers"),
        ("t [h], c [uM]\n1, 1\n\n1, 0.5\n", "curve.csv, line 4", "not after"),
        ("t [h], c [uM]\n0, 1\n1, -0.5\n", "curve.csv, line 3", "negative"),
    ],
)
def test_a_faulty_file_is_told_by_its_line(tmp_path, text, key, said):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    found = {problem.key: problem.fault for problem in caught.value.problems}
    assert said in found[key]


def test_all_faulty_lines_are_told_at_once(tmp_path):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "t, c [uM]\n0, x\n1, y\n")
    assert len(caught.value.problems) == 3


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "curve.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="Give a CSV file"):
        read_plasma_table(tmp_path / "curve.csv", amount_unit="mol", dose=1.0)
