"""Work beside the solver: in order, one piece at a time, and no failure is lost."""

import threading

import pytest

from tumorsim.sinks.beside import Beside


def test_work_runs_beside_the_caller():
    here, done = threading.Event(), []

    def work():
        assert here.wait(10)  # set below, after the start: so it does not block the caller
        done.append(threading.current_thread() is threading.main_thread())

    with Beside() as beside:
        beside.start(work)
        here.set()
    assert done == [False]


def test_pieces_run_one_after_the_other():
    order = []
    with Beside() as beside:
        for k in range(20):
            beside.start(lambda k=k: order.append(k))
        beside.wait()
        assert order == list(range(20))


def fail():
    raise OSError("disk full")


def test_a_failure_comes_up_at_the_next_piece():
    with Beside() as beside, pytest.raises(OSError, match="disk full"):
        beside.start(fail)
        beside.start(lambda: None)


def test_a_failure_of_the_last_piece_comes_up_at_the_end():
    with pytest.raises(OSError, match="disk full"), Beside() as beside:
        beside.start(fail)


def test_the_failure_of_the_caller_goes_before():
    with pytest.raises(ValueError, match="numerics"), Beside() as beside:
        beside.start(fail)
        raise ValueError("numerics")
