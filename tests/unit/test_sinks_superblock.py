"""The mark that keeps other programs out of an HDF5 file, and taking it off."""

import struct
import subprocess
import sys

import h5py
import pytest

from tumorsim.errors import StorageError
from tumorsim.sinks.superblock import checksum, is_marked, release, release_file


def test_checksum_is_lookup3():
    # the self-test value that Jenkins gives for an initial value of 0
    assert checksum(b"Four score and seven years ago") == 0x17770551


def test_checksum_agrees_with_hdf5(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w", libver=("v110", "v110")) as file:
        file["x"] = 1.0
    block = (tmp_path / "a.h5").read_bytes()[:48]
    assert struct.unpack_from("<I", block, 44)[0] == checksum(block[:44])


def written_and_left(path):
    """A file as a killed process leaves it: the mark is set."""
    code = """if True:
        import h5py, os, sys
        file = h5py.File(sys.argv[1], "w", libver=("v110", "v110"))
        file["x"] = 42.0
        file.flush()
        os._exit(0)
    """
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    return path


def test_a_file_left_open_is_refused_until_released(tmp_path):
    path = written_and_left(tmp_path / "left.h5")
    with pytest.raises(OSError, match="already open"):
        h5py.File(path, "r")
    assert release_file(path)
    with h5py.File(path, "r") as file:
        assert file["x"][()] == 42.0


def test_a_sound_file_is_left_as_it_is(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w", libver=("v110", "v110")) as file:
        file["x"] = 1.0
    before = (tmp_path / "a.h5").read_bytes()
    assert not release_file(tmp_path / "a.h5")
    assert (tmp_path / "a.h5").read_bytes() == before


def test_an_end_of_file_beyond_the_bytes_is_corrected(tmp_path):
    path = written_and_left(tmp_path / "left.h5")
    block = bytearray(path.read_bytes())
    struct.pack_into("<Q", block, 28, len(block) + 1000)
    struct.pack_into("<I", block, 44, checksum(block[:44]))
    path.write_bytes(block)
    assert release_file(path)
    with h5py.File(path, "r") as file:
        assert file["x"][()] == 42.0


@pytest.mark.parametrize("content", [b"", b"no HDF5 at all" * 10, b"\x89HDF\r\n\x1a\n" + b"\0" * 60])
def test_what_is_not_known_is_not_touched(tmp_path, content):
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(StorageError, match="not a tumorsim result"):
        release_file(path)
    assert path.read_bytes() == content


def test_an_older_hdf5_format_has_no_mark(tmp_path):
    with h5py.File(tmp_path / "old.h5", "w", libver="earliest") as file:
        file["x"] = 1.0
    with open(tmp_path / "old.h5", "r+b") as file:
        assert not release(file.fileno())


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(StorageError, match=r"nowhere\.vtkhdf cannot be opened"):
        release_file(tmp_path / "nowhere.vtkhdf")


def test_the_mark_is_seen_only_on_a_whole_file(tmp_path):
    path = written_and_left(tmp_path / "left.h5")
    content = path.read_bytes()
    assert is_marked(path)
    path.write_bytes(content[:-1])
    assert not is_marked(path)  # HDF5 would wait long for what is missing
    path.write_bytes(content)
    release_file(path)
    assert not is_marked(path)
