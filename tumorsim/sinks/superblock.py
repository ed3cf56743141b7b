"""The 48 bytes at the start of an HDF5 file that decide whether other programs may open it.

A result is written in HDF5's single-writer mode: metadata reach the file in an order that leaves it
consistent after every write, so that a killed run loses at most the output it was writing. In that mode
HDF5 marks the file "open for writing", and refuses it to every reader that does not ask for that mode,
ParaView among them, even when the writer is long dead. These functions take the mark off, as the
``h5clear`` tool of HDF5 does: after every output, and on request.

Layout of the superblock, version 3 (HDF5 File Format Specification 3.0, section II.A)::

    0 signature   8 version   9 size of offsets   11 consistency flags   28 end of file   44 checksum
"""

import os
import struct
from math import ceil
from pathlib import Path

from tumorsim.errors import StorageError

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_FLAGS, _END, _CHECKSUM, _SIZE = 11, 28, 44, 48
_MASK = 0xFFFFFFFF
_MIX = (4, 6, 8, 16, 19, 4)
_FINAL = (14, 11, 25, 16, 4, 14, 24)


def release_file(path: Path) -> bool:
    """Take the mark off the file at ``path``; True if anything was changed.

    Also corrects an end of file that lies beyond the bytes that are there (full disk). Nothing else is touched.

    Raises StorageError when the file cannot be read or written, or is not a file of this kind.
    """
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError as error:
        raise StorageError(f"{path} cannot be opened for writing: {error.strerror}.") from error
    try:
        if not _is_known(os.pread(descriptor, _SIZE, 0)):
            raise StorageError(f"{path} is not a tumorsim result, or its beginning is damaged. Run it again.")
        return release(descriptor)
    finally:
        os.close(descriptor)


def release(descriptor: int) -> bool:
    """The same for the open file ``descriptor``; what is not known is left alone."""
    block = os.pread(descriptor, _SIZE, 0)
    if not _is_known(block):
        return False
    (end,) = struct.unpack_from("<Q", block, _END)
    clean = bytearray(block)
    clean[_FLAGS] = 0
    struct.pack_into("<Q", clean, _END, min(end, os.fstat(descriptor).st_size))
    struct.pack_into("<I", clean, _CHECKSUM, checksum(clean[:_CHECKSUM]))
    if clean == block:
        return False
    os.pwrite(descriptor, clean, 0)
    return True


def is_marked(path: Path) -> bool:
    """True for a file that carries the mark and has all its bytes."""
    with open(path, "rb") as file:
        block = file.read(_SIZE)
    return (
        _is_known(block)
        and block[_FLAGS] != 0
        and struct.unpack_from("<Q", block, _END)[0] <= os.stat(path).st_size
    )


def _is_known(block: bytes) -> bool:
    """A version 3 superblock with 8-byte offsets whose checksum is right."""
    return (
        len(block) == _SIZE
        and block.startswith(_SIGNATURE)
        and block[8:10] == b"\x03\x08"
        and struct.unpack_from("<I", block, _CHECKSUM)[0] == checksum(block[:_CHECKSUM])
    )


def checksum(data: bytes | bytearray) -> int:
    """Jenkins' lookup3 hash of ``data``, the checksum of all HDF5 metadata (B. Jenkins 2006)."""
    padded = data.ljust(ceil(len(data) / 12) * 12, b"\0")
    words = struct.unpack(f"<{len(padded) // 4}I", padded)
    state = [(0xDEADBEEF + len(data)) & _MASK] * 3
    for start in range(0, len(words), 3):
        state = [(s + w) & _MASK for s, w in zip(state, words[start : start + 3], strict=True)]
        if start + 3 < len(words):
            _mix(state)
    _finish(state)
    return state[2]


def _rotate(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (32 - bits))) & _MASK


def _mix(state: list[int]) -> None:
    """The reversible mixing: each word in turn takes the one before it, which takes the one after."""
    for step, bits in enumerate(_MIX):
        this, before, after = step % 3, (step + 2) % 3, (step + 1) % 3
        state[this] = ((state[this] - state[before]) & _MASK) ^ _rotate(state[before], bits)
        state[before] = (state[before] + state[after]) & _MASK


def _finish(state: list[int]) -> None:
    """The irreversible last mixing, which spreads every bit over the third word."""
    for step, bits in enumerate(_FINAL):
        this, before = (step + 2) % 3, (step + 1) % 3
        state[this] = ((state[this] ^ state[before]) - _rotate(state[before], bits)) & _MASK
