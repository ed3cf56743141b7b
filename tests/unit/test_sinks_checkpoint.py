"""Checkpoints come back bit for bit, or not at all."""

import errno
import os
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tumorsim.errors import ConfigError, StorageError
from tumorsim.sinks.checkpoint import (
    Checkpoint,
    latest_checkpoint,
    remove_checkpoints,
    require_same_config,
    write_checkpoint,
)

CONFIG = {"title": "a", "run": {"duration": 3600.0, "checkpoint_every": 600.0}, "agent": {"diameter": 1e-7}}


@pytest.fixture
def base(tmp_path):
    return tmp_path / "run.vtkhdf"


def write(base, step=1, *, state=None, config=CONFIG, extra=None):
    state = {"free": np.arange(24.0).reshape(2, 3, 4) + step} if state is None else state
    return write_checkpoint(base, step=step, time=step * 10.0, state=state, config=config, extra=extra)


def test_arrays_come_back_bit_for_bit(base):
    odd = np.array([0.0, -0.0, np.nan, -np.inf, 5e-324, 0.1], np.float64)
    odd.view(np.uint64)[2] |= 0x1234  # a nan with a payload
    state = {
        "free": odd,
        "bound": np.random.default_rng(0).random((3, 4, 5), np.float32)[:, ::2],
        "region": np.arange(256, dtype=np.uint8),
        "scalar": np.array(7, np.int64),
        "none": np.empty((0, 3)),
    }
    write(base, state=state)
    found = latest_checkpoint(base).state
    assert list(found) == list(state)
    for name, array in state.items():
        assert found[name].dtype == array.dtype and found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes()


@given(
    step=st.integers(0, 2**40),
    numbers=st.lists(st.floats(allow_nan=False), max_size=5),
    text=st.text(max_size=20),
)
@settings(max_examples=30, deadline=None)
def test_step_time_and_extra_come_back_exactly(tmp_path_factory, step, numbers, text):
    base = tmp_path_factory.mktemp("checkpoint") / "run.vtkhdf"
    extra = {"ledger": numbers, text: text}
    write_checkpoint(base, step=step, time=step / 7, state={}, config=CONFIG, extra=extra)
    found = latest_checkpoint(base, config=CONFIG)
    assert (found.step, found.time, found.extra) == (step, step / 7, extra)


def test_the_last_two_are_kept_and_nothing_else_is_left(base):
    for step in (8, 9, 10, 11):
        write(base, step)
    assert sorted(os.listdir(base.parent)) == ["run.checkpoint-10.npz", "run.checkpoint-11.npz"]
    assert latest_checkpoint(base).step == 11


def test_a_new_run_removes_those_of_an_earlier_one(base):
    write(base, 1000)
    write(base.with_name("other.vtkhdf"), 7)
    remove_checkpoints(base)
    write(base, 1)
    assert latest_checkpoint(base).step == 1
    assert latest_checkpoint(base.with_name("other.vtkhdf")).step == 7


def test_checkpoints_of_another_result_are_not_taken(base):
    write(base.with_name("run.2.vtkhdf"), 5)
    write(base.with_name("rerun.vtkhdf"), 6)
    assert latest_checkpoint(base) is None
    assert latest_checkpoint(base.with_name("no") / "such.vtkhdf") is None


@pytest.mark.parametrize("kept", [0, 0.01, 0.5, 0.99])
def test_a_truncated_newest_falls_back_to_the_one_before(base, kept):
    write(base, 1)
    newest = write(base, 2)
    content = newest.read_bytes()
    newest.write_bytes(content[: int(kept * len(content))])
    assert latest_checkpoint(base).step == 1


def test_no_single_changed_byte_goes_unnoticed(base):
    good = write(base, 1, state={"free": np.arange(12.0), "bound": np.ones(5, np.float32)})
    content = good.read_bytes()
    whole = latest_checkpoint(base)
    for position in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[position] ^= 0x55
        good.write_bytes(damaged)
        try:
            found = latest_checkpoint(base)
        except StorageError:
            continue
        assert same(found, whole), (
            f"byte {position} changed the checkpoint silently"
        )  # unused zip fields may differ


def same(a: Checkpoint, b: Checkpoint) -> bool:
    return (a.step, a.time, a.extra, a.config) == (b.step, b.time, b.extra, b.config) and all(
        a.state[name].tobytes() == b.state[name].tobytes() for name in {*a.state, *b.state}
    )


def test_when_all_are_damaged_the_error_names_them(base):
    write(base, 3).write_bytes(b"rubbish")
    with pytest.raises(StorageError, match=r"run\.checkpoint-3\.npz: damaged"):
        latest_checkpoint(base)


def test_pickles_are_neither_written_nor_read(base):
    with pytest.raises(ValueError, match=r"[Oo]bject arrays"):
        write(base, state={"free": np.array([object()])})
    assert latest_checkpoint(base) is None


def test_a_full_disk_leaves_the_earlier_checkpoints(base, monkeypatch):
    write(base, 1)

    def full(file, **arrays):
        file.write(b"some of it")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(StorageError, match=r"checkpoint-2\.npz cannot be written: No space left.*192 bytes"):
        write(base, 2)
    assert os.listdir(base.parent) == ["run.checkpoint-1.npz"]
    assert latest_checkpoint(base).step == 1


def test_another_config_is_refused_with_every_changed_key(base):
    write(base)
    other = {"title": "b", "run": {"duration": 7200.0, "checkpoint_every": 60.0}, "agent": {"diameter": 2e-7}}
    with pytest.raises(ConfigError) as caught:
        latest_checkpoint(base, config=other)
    problems = {problem.key: problem for problem in caught.value.problems}
    assert set(problems) == {"run.duration", "agent.diameter"}  # the title and checkpoint_every may change
    assert problems["run.duration"].value == 7200.0
    assert "had 3600.0" in problems["run.duration"].fault


def test_an_added_or_removed_key_is_a_change():
    with pytest.raises(ConfigError) as caught:
        require_same_config({"a": {"x": 1, "y": 2}}, {"a": {"x": 1}, "b": {}, "c": [{"z": 3}]})
    assert [problem.key for problem in caught.value.problems] == [
        "a.y",
        "c[0].z",
    ]  # an empty table says nothing


def test_tuples_are_the_lists_that_json_makes_of_them(base):
    write(base, config=CONFIG | {"domain": {"shape": (1, 2, 3)}})
    assert latest_checkpoint(base, config=CONFIG | {"domain": {"shape": (1, 2, 3)}}).step == 1


def test_it_is_an_archive_that_numpy_opens(base):
    path = write(base)
    assert zipfile.ZipFile(path).testzip() is None
    with np.load(path) as arrays:
        assert arrays["state/free"].shape == (2, 3, 4)
