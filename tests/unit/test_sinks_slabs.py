"""Chunks, and writing them compressed past HDF5's own filters."""

from math import prod

import h5py
import numpy as np
import pytest

from tumorsim.sinks import slabs


@pytest.mark.parametrize(
    "shape, itemsize, expected",
    [
        ((64, 64, 64), 4, (64, 64, 64)),
        ((128, 128, 128), 4, (64, 128, 128)),
        ((512, 512, 512), 4, (4, 512, 512)),
        ((100, 128, 128), 4, (50, 128, 128)),  # equal parts rather than 64 and 36
        ((128, 128, 128, 3), 4, (19, 128, 128, 3)),  # 7 chunks of at most 21 planes
        ((3, 2048, 2048), 4, (1, 512, 2048)),  # one plane is too large
        ((1, 1, 5_000_000), 4, (1, 1, 1_000_000)),
        ((1, 1, 1), 8, (1, 1, 1)),
    ],
)
def test_chunks_are_whole_planes_of_at_most_4_mib(shape, itemsize, expected):
    chunk = slabs.chunk_shape(shape, itemsize)
    assert chunk == expected
    assert prod(chunk) * itemsize <= slabs.LARGEST_CHUNK


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 7, 9), (4, 6, 5, 3)])
def test_hdf5_reads_back_what_was_written_in_chunks(tmp_path, monkeypatch, shape, dtype, compress):
    monkeypatch.setattr(slabs, "LARGEST_CHUNK", 500)  # many chunks, cut off at the edges of the box
    random = np.random.default_rng(1)
    arrays = [(random.random(shape) * 200).astype(dtype) for _ in range(2)]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = slabs.create_slabs(file, "a", shape=shape, dtype=np.dtype(dtype), compress=compress)
        for index, array in enumerate(arrays):
            slabs.write_slab(dataset, index, array)
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["a"].compression == ("gzip" if compress else None)
        for index, array in enumerate(arrays):
            np.testing.assert_array_equal(file["a"][index], array)


def test_compression_is_as_good_as_that_of_hdf5(tmp_path):
    # the same filters and level; builds of zlib differ by a few percent in size
    x = np.linspace(0, 6, 40, dtype=np.float32)
    values = np.sin(x)[:, None, None] * np.cos(x)[None, :, None] * np.exp(-x)[None, None, :]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        ours = slabs.create_slabs(file, "a", shape=values.shape, dtype=values.dtype, compress=True)
        slabs.write_slab(ours, 0, values)
        options = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
        theirs = file.create_dataset("b", data=values[None], chunks=(1, *values.shape), **options)
        assert ours.id.get_storage_size() <= 1.1 * theirs.id.get_storage_size()


def test_a_slab_can_be_replaced(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = slabs.create_slabs(file, "a", shape=(4, 4, 4), dtype=np.dtype("f4"), compress=True)
        slabs.write_slab(dataset, 0, np.random.default_rng(0).random((4, 4, 4), dtype=np.float32))
        slabs.write_slab(dataset, 0, np.ones((4, 4, 4), np.float32))
        np.testing.assert_array_equal(dataset[0], 1.0)
        assert dataset.shape[0] == 1
