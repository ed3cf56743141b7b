"""The ledger adds up, says when it does not, and keeps small steps that a plain sum would lose."""

from types import SimpleNamespace

import pytest

from tumorsim.errors import NumericsError
from tumorsim.sinks.ledger import LONG_NAMES, Ledger, check_closure, closure


def increment(**amounts):
    terms = dict.fromkeys(("entered", "extravasated", "lymph", "boundary", "decayed", "degraded"), 0.0)
    return SimpleNamespace(**terms | amounts)


PLASMA = SimpleNamespace(injected=lambda t: 100.0, amount=lambda t: 60.0, decayed=lambda t: 5.0)


def test_balanced_run_closes_and_every_part_of_the_dose_is_somewhere():
    ledger = Ledger(initial=1.0)
    ledger.add(increment(entered=12.0, extravasated=10.0, lymph=2.0, boundary=3.0, decayed=0.5))
    entries = ledger.entries({"free": 4.0, "bound": 1.0, "internalised": 0.5}, PLASMA, 1.0)
    assert set(entries) == set(LONG_NAMES)
    assert closure(entries) == 0
    check_closure(entries, precision="float64", step=1)
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
    assert sum(entries[name] for name in where) == pytest.approx(entries["injected"] + entries["initial"])


def test_lost_amount_stops_the_run_and_prints_every_term():
    ledger = Ledger()
    ledger.add(increment(entered=1.0, extravasated=1.0))
    entries = ledger.entries({"free": 1.0 - 1e-5}, PLASMA, 1.0)
    with pytest.raises(
        NumericsError, match=r"step 7: the ledger does not close: imbalance 1.00e-05[\s\S]*lymph"
    ):
        check_closure(entries, precision="float32", step=7)


def test_nan_is_named():
    ledger = Ledger()
    ledger.add(increment(lymph=float("nan")))
    with pytest.raises(NumericsError, match="lymph, imbalance are not finite"):
        check_closure(ledger.entries({}, PLASMA, 1.0), precision="float32", step=1)


def test_small_steps_that_a_plain_sum_would_lose_are_kept():
    ledger = Ledger(extravasated=1e8)
    for _ in range(100_000):
        ledger.add(increment(extravasated=1e-9))
    assert ledger.extravasated - 1e8 == pytest.approx(1e-4, rel=1e-3)


def test_ledger_survives_a_checkpoint():
    ledger = Ledger()
    ledger.add(increment(extravasated=0.1))
    ledger.add(increment(extravasated=0.2))
    assert Ledger(**ledger.to_json()) == ledger
