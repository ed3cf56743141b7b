"""The step is bent to land on every output, and a resumed plan is the same plan."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tumorsim.schedule import Schedule, output_times

moments = st.lists(st.floats(1.0, 1e5), min_size=1, max_size=6)


@given(moments, st.floats(0.5, 1e4))
def test_steps_join_up_land_and_keep_the_limit(times, limit):
    schedule = Schedule(max(times), max(limit, max(times) / 2000), tuple(sorted(set(times))))
    steps = list(schedule.steps())
    assert steps[0].start == 0 and steps[-1].end == schedule.duration
    assert len(steps) == schedule.count == steps[-1].number
    assert all(a.end == b.start for a, b in pairwise(steps))
    assert [s.end for s in steps if s.output] == sorted(set(times))
    assert all(0 < s.length <= schedule.limit * (1 + 1e-9) for s in steps)


@given(moments, st.integers(0, 40))
def test_resumed_plan_is_the_rest_of_the_same_plan(times, after):
    schedule = Schedule(max(times), max(times) / 30, tuple(sorted(set(times))))
    assert list(schedule.steps(after=after)) == list(schedule.steps())[after:]


def test_pieces_of_time_have_their_own_longest_step():
    steps = list(Schedule(100.0, 20.0, (50.0, 100.0), pieces=((10.0, 1.0), (30.0, 4.0))).steps())
    assert [step.length for step in steps[:10]] == pytest.approx([1.0] * 10)
    assert [step.length for step in steps[10:15]] == pytest.approx([4.0] * 5)
    assert [step.end for step in steps[15:]] == pytest.approx([50.0, 50 + 50 / 3, 50 + 100 / 3, 100.0])


def test_infusion_end_is_landed_on_without_an_output():
    steps = list(Schedule(10.0, 4.0, (10.0,), landmarks=(3.0,)).steps())
    assert [s.end for s in steps] == [3.0, 6.5, 10.0]
    assert [s.output for s in steps] == [False, False, True]


@pytest.mark.parametrize(
    ("every", "times", "expected"),
    [
        (3.0, None, (3.0, 6.0, 9.0, 10.0)),
        (0.1, None, (*(0.1 * k for k in range(1, 100)), 10.0)),
        (None, [1.0, 4.0, 40.0], (1.0, 4.0, 10.0)),
        (None, None, (10.0,)),
    ],
)
def test_output_times_end_with_the_end(every, times, expected):
    assert output_times(duration=10.0, every=every, times=times) == expected
