"""What is noted about how a result was made."""

import hashlib
import json
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tumorsim.errors import StorageError
from tumorsim.sinks import provenance


def collected(**changes):
    return provenance.collect(
        **{"device_name": "numpy", "kernel_hashes": {}, "seed": 7, "inputs": []} | changes
    )


def test_it_survives_json():
    found = collected(kernel_hashes={"diffusion": "ab12"}, driver="580.1")
    assert json.loads(json.dumps(found)) == found
    assert found["device"] == "numpy" and found["seed"] == 7 and found["driver"] == "580.1"
    assert found["kernels"] == {"diffusion": "ab12"}


def test_versions_of_what_computes_are_there():
    import h5py
    import numpy

    packages = collected()["packages"]
    assert packages["numpy"] == numpy.__version__ and packages["h5py"] == h5py.__version__


def test_the_date_is_utc():
    date = datetime.fromisoformat(collected()["date"])
    assert date.utcoffset() == timedelta(0)


def test_inputs_carry_their_checksum_under_the_name_that_was_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("scan.npy").write_bytes(b"voxels")
    assert collected(inputs=[Path("scan.npy")])["inputs"] == {
        "scan.npy": hashlib.sha256(b"voxels").hexdigest()
    }


def test_a_missing_input_is_named(tmp_path):
    with pytest.raises(StorageError, match=r"gone\.npy cannot be read"):
        collected(inputs=[tmp_path / "gone.npy"])


def test_the_command_does_not_tell_where_the_program_lives(monkeypatch):
    monkeypatch.setattr("sys.argv", ["/home/someone/venv/bin/tumorsim", "run", "case.toml"])
    assert collected()["command"] == "tumorsim run case.toml"


def git(folder, *arguments):
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    package = tmp_path / "repository" / "tumorsim"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    git(package.parent, "init", "-q")
    git(package.parent, "add", ".")
    git(package.parent, "commit", "-q", "-m", "first")
    return package


def test_the_commit_of_a_clean_checkout(checkout):
    assert provenance._checkout(checkout) == (git(checkout, "rev-parse", "HEAD"), False)


def test_a_changed_checkout_is_called_dirty(checkout):
    (checkout / "__init__.py").write_text("changed = True\n")
    assert provenance._checkout(checkout)[1] is True


def test_somebody_elses_repository_around_an_installed_package_does_not_count(checkout):
    installed = checkout.parent / "venv" / "tumorsim"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("")
    assert provenance._checkout(installed) == (None, None)


def test_without_git_there_is_no_commit(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert provenance._checkout(checkout) == (None, None)
