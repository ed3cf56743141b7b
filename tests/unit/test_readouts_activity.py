"""From amounts to activity: frames, decay, time integrals, and the half-life that a run has already used."""

import numpy as np
import pytest

from tumorsim.errors import ConfigError
from tumorsim.readouts.activity import (
    decay_over_frame,
    frame_weights,
    label,
    mean_activity,
    mean_course,
    tail_weight,
    time_integrated_activity,
)
from tumorsim.readouts.nuclides import nuclide

HOUR = 3600.0
TIMES = np.array([0.0, 6 * HOUR, 12 * HOUR, 24 * HOUR])
ZIRCONIUM, FLUORINE = nuclide("Zr-89"), nuclide("F-18")


@pytest.mark.parametrize("rate", [0.0, 1e-9, 1e-5, 1e-3], ids=str)
def test_weights_add_up_to_the_decay_of_the_frame(rate):
    """Whatever the half-life: 6 h of λ = 1e-3/s are 31 half-lives."""
    start, end = 3 * HOUR, 20 * HOUR
    weights = frame_weights(TIMES, start, end, decay_rate=rate)
    exact = (end - start) * decay_over_frame(start, end, decay_rate=rate)
    assert weights.sum() == pytest.approx(exact, rel=1e-9)
    assert (weights >= 0).all()


def test_weights_are_exact_for_a_linear_amount_that_decays():
    """∫ t e^{−λt} dt = [1 − (1 + λT) e^{−λT}]/λ²."""
    rate, end = FLUORINE.decay_rate, TIMES[-1]
    weights = frame_weights(TIMES, 0.0, end, decay_rate=rate)
    exact = (1 - (1 + rate * end) * np.exp(-rate * end)) / rate**2
    assert weights @ TIMES == pytest.approx(exact, rel=1e-10)


def test_a_frame_lies_within_the_outputs():
    for start, end in ((-1.0, HOUR), (0.0, 25 * HOUR), (HOUR, HOUR)):
        with pytest.raises(ConfigError, match="frame"):
            frame_weights(TIMES, start, end, decay_rate=0.0)


def test_tail_is_physical_or_biological():
    rate = ZIRCONIUM.decay_rate
    assert tail_weight(0.0, decay_rate=rate) == pytest.approx(1 / rate)
    same = tail_weight(0.0, decay_rate=rate, biological_half_life=ZIRCONIUM.half_life)
    assert same == pytest.approx(0.5 / rate)


def test_constant_uptake_decays_in_place(make_result):
    """Ã = A_0/λ, whatever the outputs: the weights and the tail meet."""
    results = make_result(free=lambda time, labels: 1.0 + labels)
    of = label(results, ZIRCONIUM, injected=5e6)
    decays = time_integrated_activity(results, of)
    labels = results.field("region")
    assert decays == pytest.approx(5e6 * (1.0 + labels) / ZIRCONIUM.decay_rate, rel=1e-12)


def test_a_run_that_decays_by_itself_is_not_decayed_again(make_result):
    rate = ZIRCONIUM.decay_rate
    decayed = make_result(
        free=lambda time, labels: (1.0 + labels) * np.exp(-rate * time),
        agent={"decay_half_life": ZIRCONIUM.half_life},
        name="decayed",
    )
    plain = make_result(free=lambda time, labels: 1.0 + labels)
    for of_run in (mean_activity, time_integrated_activity):
        frame = (6 * HOUR, 7 * HOUR) if of_run is mean_activity else ()
        options = {"blood": False}
        one, other = (
            of_run(each, label(each, ZIRCONIUM, injected=1.0), *frame, **options) for each in (decayed, plain)
        )
        assert one == pytest.approx(other, rel=1e-12)


def test_blood_adds_its_activity(make_result):
    """S/V = 2e4/m of capillaries of 5 µm is 5 % blood; at C_p = 1 with 45 % cells."""
    results = make_result(free=lambda time, labels: 0.0 * labels, area_density=2e4)
    of = label(results, ZIRCONIUM, injected=1e6)
    frame = (6 * HOUR, 7 * HOUR)
    expected = 1e6 * 0.05 * 0.55 * decay_over_frame(*frame, decay_rate=ZIRCONIUM.decay_rate)
    assert mean_activity(results, of, *frame) == pytest.approx(expected)
    assert not mean_activity(results, of, *frame, blood=False).any()
    assert not time_integrated_activity(results, of).any()


def test_course_between_outputs(make_result):
    results = make_result()
    times, activity = mean_course(results, label(results, FLUORINE, injected=3.0), "tumour")
    exact = 3.0 * 2.0 * times / times[-1] * np.exp(-FLUORINE.decay_rate * times)
    assert activity == pytest.approx(exact, rel=1e-12)
    assert np.diff(times).max() * FLUORINE.decay_rate <= 1 / 20
    assert (np.diff(times) > 0).all()


def test_the_label_needs_an_activity_and_the_nuclide_of_the_run(make_result):
    with pytest.raises(ConfigError, match="185 MBq"):
        label(make_result(), ZIRCONIUM)
    other = make_result(agent={"decay_half_life": 6 * HOUR}, amount_unit="Bq")
    with pytest.raises(ConfigError, match="half-life of 6 h"):
        label(other, ZIRCONIUM)
    with pytest.raises(ConfigError, match="transient"):
        label(make_result(mode="steady", times=(0.0,)), ZIRCONIUM, injected=1.0)
    assert label(make_result(amount_unit="Bq"), ZIRCONIUM).injected == 1.0
    with pytest.raises(ConfigError, match="above zero"):
        label(make_result(), ZIRCONIUM, injected=-1.0)


def test_unknown_nuclide_lists_the_known():
    with pytest.raises(ConfigError, match="Lu-177"):
        nuclide("Lu177")
