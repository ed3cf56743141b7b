"""Two stages in one pass over memory are, bit for bit, the two stages one after the other."""

import ctypes
import ctypes.util

import numpy as np
import pytest
from fibers import FibersDevice
from twins import AVAILABLE, machine_called

from tumorsim.device.native import NativeDevice, find_compiler
from tumorsim.device.numpy import NumpyDevice
from tumorsim.flow.chebyshev import smooth_voxels
from tumorsim.flow.medium import Medium
from tumorsim.operators.transport_stage import transport_stage

pytestmark = pytest.mark.skipif(find_compiler() is None, reason="no C++ compiler")

SCALARS = {
    "outside": (0.5, 0.0, 2.0, 0.0, 1.0, 0.3), "rate": 0.11, "start_weight": 0.15, "part": 0.7, "plasma": 1.3,
    "weight": 0.6, "seed": 7, "conductance_scale": 2.0**-15, "rate_scale": 2.0**-15, "exchange_scale": 2.0**-15,
}  # fmt: skip


@pytest.fixture(params=[1, 2, 3, 7])
def threads(request):
    """So many threads share the slabs, whatever the machine has."""
    name = ctypes.util.find_library("gomp")
    if name is None:
        pytest.skip("OpenMP is not GCC's")
    openmp = ctypes.CDLL(name)
    before = openmp.omp_get_max_threads()
    openmp.omp_set_num_threads(request.param)
    yield request.param
    openmp.omp_set_num_threads(before)


def as_halves(device, arrays):
    """The coefficients as float16 over their scale."""
    kinds = ("conductance", "rate", "extravasation", "reabsorption", "lymph_drainage")
    return {
        name: device.upload(array * 2.0**15, np.float16)
        for name, array in arrays.items()
        if array is not None and name.startswith(kinds)
    }


def two_stages(shape, *, first, halves=False):
    """Arguments of a stage and of the next one, which writes over what the first reads."""
    random = np.random.default_rng(list(shape))
    nz, ny, nx = shape
    field = {
        name: random.uniform(0.3, 1, shape).astype(np.float32)
        for name in ("one", "other", "start_rate", "extravasation", "reabsorption", "available_fraction")
    }
    faces = {
        f"{kind}_{axis}": random.uniform(0, size, box).astype(np.float32)
        for kind, size in (("conductance", 1.0), ("rate", 0.2))
        for axis, box in (("x", (nz, ny, nx + 1)), ("y", (nz, ny + 1, nx)), ("z", (nz + 1, ny, nx)))
    }
    arrays = {"booked": np.ones((4, nz, ny)), "captured": field["one"] * 0}
    one, other = field.pop("one"), field.pop("other")
    common = {**field, **faces, **arrays, **SCALARS, "lymph_drainage": None, "source": None}
    common |= {"capture": common["reabsorption"]}
    common |= as_halves(NumpyDevice(), common) if halves else {}
    stage = {
        **common,
        "result": one,
        "last": other,
        "before_last": None if first else one,
        "start": None,
        "first": first,
        "again": 0.4 * (not first),
    }
    after = {
        **common,
        "result": other,
        "last": one,
        "before_last": other,
        "start": None,
        "first": False,
        "again": 0.4,
    }
    return stage, after, (one, other, *arrays.values(), field["start_rate"])


@pytest.mark.parametrize("shape", [(1, 91, 97), (2, 70, 65), (5, 40, 45), (31, 17, 19)], ids=str)
@pytest.mark.parametrize("first", [True, False], ids=["from the start", "on the way"])
@pytest.mark.parametrize("halves", [False, True], ids=["", "halves"])
def test_one_pass_on_native_is_the_same_as_two(shape, first, halves, threads):
    device = NativeDevice()
    stage, after, apart = two_stages(shape, first=first, halves=halves)
    transport_stage(device, **stage)
    transport_stage(device, **after)
    stage, after, together = two_stages(shape, first=first, halves=halves)
    transport_stage.twice(device, stage, after)
    for expected, found in zip(apart, together, strict=True):
        assert (expected == found).all()


@pytest.mark.parametrize("shape", [(1, 91, 97), (5, 40, 45), (31, 17, 19)], ids=str)
@pytest.mark.parametrize("steps", [2, 5])
def test_smoothing_in_one_pass_is_the_same_as_step_by_step(shape, steps, threads):
    """The last step is of a pair, or left over, and sums up its products."""
    results = []
    for in_place in (True, False):
        device, random = NativeDevice(), np.random.default_rng(list(shape))
        device.in_place = in_place
        boxes = [[n + (a == axis) for a, n in enumerate(shape)] for axis in range(3)]
        z, y, x, absorption, source, pressure, spare = (
            random.uniform(0.1, 1, box).astype(np.float32) for box in [*boxes, *[shape] * 4]
        )
        medium, products = Medium((z, y, x), absorption, (1.0, 2.0, 1.0)), np.empty(shape[:2])
        last, _ = smooth_voxels(device, medium, source, pressure, spare, steps=steps, products=products)
        results.append((last, products))
    for together, apart in zip(*results, strict=True):
        assert (together == apart).all()


def test_numpy_takes_one_after_the_other():
    results = []
    for device in (NumpyDevice(), NativeDevice()):
        stage, after, arrays = two_stages((3, 4, 5), first=True)
        transport_stage.twice(device, stage, after)
        results.append(arrays)
    for expected, found in zip(*results, strict=True):
        assert np.abs(expected - found).max() <= 4e-6  # two stages of terms of order 1, each to 1e-6


GIVEN = {
    "diffusion": (),
    "flow": ("rate",),
    "vessels and lymph": ("extravasation", "reabsorption", "lymph_drainage"),
    "cells": ("capture", "captured", "source"),
    "all": ("rate", "extravasation", "reabsorption", "lymph_drainage", "capture", "captured", "source"),
}


TILES = [(1, 1, 1), (2, 3, 61), (33, 5, 2), (5, 9, 70)]
ON_A_GPU = [pytest.mark.gpu, pytest.mark.skipif("cuda" not in AVAILABLE, reason="no GPU")]
SIDE_BY_SIDE = [pytest.param("fibers", shape, id=f"fibers-{shape}") for shape in TILES]
SIDE_BY_SIDE += [
    pytest.param("cuda", shape, id=f"cuda-{shape}", marks=ON_A_GPU) for shape in [*TILES, (33, 40, 130)]
]
"""The tiles of a GPU are larger than those of the fibers, and so the last shape."""


def stages_apart(device, shape, real, *, terms, begun, ends, halves):
    """Arguments of two stages that share no array which either writes, and those arrays."""
    random = np.random.default_rng(list(shape))
    nz, ny, nx = shape
    boxes = {"x": (nz, ny, nx + 1), "y": (nz, ny + 1, nx), "z": (nz + 1, ny, nx)}

    def array(box=shape, low=0.3, high=1.0):
        return device.upload(random.uniform(low, high, box).astype(real))

    def nothing():
        return device.upload(np.full(shape, np.nan, real))

    arrays = {name: array() for name in ("available_fraction", *GIVEN["all"][1:])}
    arrays |= {f"conductance_{axis}": array(box, 0.0, 1.0) for axis, box in boxes.items()}
    arrays |= {f"rate_{axis}": array(box, -0.2, 0.2) for axis, box in boxes.items()}
    left_out = [name for name in GIVEN["all"] if name not in GIVEN[terms]]
    arrays |= {name: None for name in arrays if name.split("_")[0] in left_out or name in left_out}
    arrays |= as_halves(device, arrays) if halves else {}
    kept = not ends or begun
    last, before_last, start, start_rate = array(), array(), array(), array()
    booked = device.upload(np.ones((4, nz, ny)))
    one = nothing() if kept or device.in_place else None
    other = nothing()
    arrays |= {"booked": booked, "start_rate": (start_rate if begun else nothing()) if kept else None}
    stage = {**arrays, **SCALARS, "result": one, "last": last, "start": None, "first": not begun}
    stage |= {"again": 0.4 if begun else 0.0, "before_last": before_last if begun else None}
    numbers = {"outside": (0.0,) * 6, "rate": 0.21, "plasma": -0.3, "weight": 0.4, "first": False}
    after = {**stage, **numbers, "result": other, "last": one, "before_last": last if begun else None}
    after |= {"start": (start if begun else last) if ends else None}
    written = {"one": one, "other": other, "captured": arrays["captured"], "start_rate": arrays["start_rate"]}
    return stage, after, {name: a for name, a in written.items() if a is not None}, booked


@pytest.mark.parametrize(
    ("real", "halves"),
    [(np.float32, False), (np.float64, False), (np.float32, True)],
    ids=["float32", "float64", "halves"],
)
@pytest.mark.parametrize("ends", [False, True], ids=["", "to the end"])
@pytest.mark.parametrize("begun", [False, True], ids=["from the start", "on the way"])
@pytest.mark.parametrize("terms", GIVEN)
@pytest.mark.parametrize(("device", "shape"), SIDE_BY_SIDE)
def test_tiles_that_know_nothing_of_each_other_take_both_stages(
    shape, device, terms, begun, ends, real, halves
):
    """Among them are a tile with a single voxel of its own, parts of z, and tiles away from the faces of the box."""
    results = []
    how = {"terms": terms, "begun": begun, "ends": ends, "halves": halves}
    for machine in (NumpyDevice(), machine_called(device)):
        *stages, written, booked = stages_apart(machine, shape, real, **how)
        transport_stage.twice(machine, *stages)
        arrays = {name: machine.download(array) for name, array in written.items()}
        results.append(
            arrays | {"booked": machine.download(booked).sum(axis=(1, 2))}
        )  # a block books in any row
    expected, found = results
    assert expected.keys() - found.keys() == ({"one"} if ends and not begun else set()), (
        "what nobody reads again"
    )
    tolerance = 4e-6 if real == np.float32 else 1e-13
    for name, values in found.items():
        assert np.isfinite(values).all()
        assert np.abs(values - expected[name]).max() <= tolerance * max(1.0, np.abs(values).max())


def test_stages_side_by_side_cannot_share_what_they_write():
    device = FibersDevice()
    stage, after, _ = two_stages((3, 4, 5), first=False)
    with pytest.raises(ValueError, match="result and before_last are one array"):
        transport_stage.twice(device, stage, after)
