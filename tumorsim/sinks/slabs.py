"""Slabs: one field at one time, cut into chunks that are compressed side by side and stored as they are.

HDF5 itself compresses one chunk after another, which for large volumes takes longer than computing them.
"""

import os
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from math import ceil, prod

import h5py
import numpy as np

LARGEST_CHUNK = 4 * 2**20
"""Bytes [D]: large enough to compress and to stream well, small enough to be read piecewise."""

_MOST_THREADS = 16
_COMPRESSION_LEVEL = 1


def chunk_shape(shape: Sequence[int], itemsize: int) -> tuple[int, ...]:
    """The chunks of a slab: as many whole rows, then whole z-planes, as fit LARGEST_CHUNK, in equal parts."""
    room = LARGEST_CHUNK // itemsize
    chunk = []
    for n in reversed(shape):
        parts = ceil(n / max(1, min(n, room)))
        chunk.append(ceil(n / parts))
        room //= chunk[-1]
    return tuple(reversed(chunk))


def create_slabs(
    group: h5py.Group, name: str, *, shape: Sequence[int], dtype: np.dtype, compress: bool
) -> h5py.Dataset:
    """An empty dataset for slabs of ``shape``; its first axis grows with every slab."""
    filters = {"compression": "gzip", "compression_opts": _COMPRESSION_LEVEL} if compress else {}
    chunks = (1, *chunk_shape(shape, dtype.itemsize))
    shuffle = compress and dtype.itemsize > 1
    return group.create_dataset(
        name, (0, *shape), dtype, maxshape=(None, *shape), chunks=chunks, shuffle=shuffle, **filters
    )


def write_slab(dataset: h5py.Dataset, index: int, values: np.ndarray) -> None:
    """Store ``values``, of the dataset's type, as slab ``index``; the dataset grows where needed."""
    if dataset.shape[0] <= index:
        dataset.resize(index + 1, axis=0)
    threads = min(_MOST_THREADS, _processors())
    corners = list(_corners(values.shape, dataset.chunks[1:]))
    encode = _deflated if dataset.compression else _plain
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(corners), 2 * threads):  # so that not all of them wait in memory
            batch = corners[start : start + 2 * threads]
            for corner, stored in zip(
                batch, pool.map(lambda at: encode(_chunk(values, at, dataset.chunks[1:])), batch), strict=True
            ):
                dataset.id.write_direct_chunk((index, *corner), stored)


def _corners(shape: Sequence[int], chunk: Sequence[int]) -> Iterator[tuple[int, ...]]:
    return product(*(range(0, n, c) for n, c in zip(shape, chunk, strict=True)))


def _chunk(values: np.ndarray, corner: Sequence[int], chunk: Sequence[int]) -> np.ndarray:
    """The part of ``values`` at ``corner``; past the edge of the box it is filled up with zeros."""
    part = values[tuple(slice(c, c + n) for c, n in zip(corner, chunk, strict=True))]
    missing = [(0, n - m) for n, m in zip(chunk, part.shape, strict=True)]
    return np.pad(part, missing) if any(after for _, after in missing) else np.ascontiguousarray(part)


def _plain(chunk: np.ndarray) -> bytes:
    return chunk.tobytes()


def _deflated(chunk: np.ndarray) -> bytes:
    """HDF5's shuffle filter (all first bytes, then all second bytes, …) followed by its deflate filter."""
    by_significance = chunk.view(np.uint8).reshape(prod(chunk.shape), chunk.itemsize).T
    return zlib.compress(by_significance.tobytes(), _COMPRESSION_LEVEL)


def _processors() -> int:
    """Processors this process may use (a batch system often grants a part of the machine)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
