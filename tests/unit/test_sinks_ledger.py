"""The ledger adds up, and says when it does not."""

from types import SimpleNamespace

import pytest

from tumorsim.errors import NumericsError
from tumorsim.sinks.ledger import LONG_NAMES, check_closure, closure, entries
from tumorsim.transport.stepper import PASSED

PLASMA = SimpleNamespace(injected=lambda t: 100.0, amount=lambda t: 60.0, decayed=lambda t: 5.0)


def ledger(initial=0.0, **amounts):
    every = dict.fromkeys((*PASSED, "free", "bound", "internalised"), 0.0)
    return entries(every | amounts, PLASMA, 1.0, initial=initial)


def test_balanced_run_closes_and_every_part_of_the_dose_is_somewhere():
    passed = {"entered": 12.0, "returned": 2.0, "lymph": 2.0, "boundary": 3.0, "decayed": 0.5}
    found = ledger(initial=1.0, free=4.0, bound=1.0, internalised=0.5, **passed)
    assert set(found) == set(LONG_NAMES)
    assert closure(found) == 0
    check_closure(found, precision="float64", step=1)
    where = (
        "plasma",
        "plasma_decayed",
        "cleared",
        "free",
        "bound",
        "internalised",
        "lymph",
        "boundary",
        "decayed",
    )
    assert sum(found[name] for name in where) == pytest.approx(found["injected"] + found["initial"])


def test_lost_amount_stops_the_run_and_prints_every_term():
    found = ledger(entered=1.0, free=1.0 - 1e-5)
    with pytest.raises(
        NumericsError, match=r"step 7: the ledger does not close: imbalance 1.00e-05[\s\S]*lymph"
    ):
        check_closure(found, precision="float32", step=7)


def test_agent_that_came_through_the_faces_is_held_to_the_same():
    """In tissue without vessels: 1 came in, net, and 1e-5 of it is missing."""
    assert closure(ledger(boundary=-1.0, free=1.0)) == 0
    assert closure(ledger(boundary=-1.0, free=1.0 - 1e-5)) == pytest.approx(1e-5)


def test_nan_is_named():
    with pytest.raises(NumericsError, match="lymph, imbalance are not finite"):
        check_closure(ledger(lymph=float("nan")), precision="float32", step=1)
