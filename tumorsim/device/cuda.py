"""The cuda device: the ``.cu`` files through CuPy's RawModule (NVRTC), on one NVIDIA GPU."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tumorsim.device.twin import (
    Call,
    Calls,
    CallTwice,
    KernelSource,
    Launch,
    Operator,
    Variant,
    headers_hash,
    scalar_values,
)
from tumorsim.errors import DeviceError
from tumorsim.resources import kernels_directory

THREADS = 128
"""Threads of a block; one block walks one row of voxels. kernels/include/row_sum.cuh assumes a multiple of 32."""
TILE_THREADS = 448
"""Threads of a block that takes two calls in one pass: a tile of a slab, LANES wide, with a rim of one voxel."""
LANES = 32
BLOCKS, SLABS = 1056, 16
"""About how many blocks such a pass has, eight for each multiprocessor of an H100, and their fewest slabs [D]."""


class CudaDevice:
    """Arrays are CuPy arrays on one GPU; an operator is its kernel."""

    name = "cuda"
    in_place = False

    def __init__(self, index: int | None = None):
        """On GPU ``index``, which this thread uses from now on; without one on that which it uses, at first 0."""
        try:
            import cupy
        except ImportError:
            raise DeviceError('CuPy is not installed: pip install "tumorsim[cuda12]" (or cuda13)') from None
        try:
            self._gpu = cupy.cuda.Device(index)
            self._gpu.use()
            properties = cupy.cuda.runtime.getDeviceProperties(self._gpu.id)
        except cupy.cuda.runtime.CUDARuntimeError as error:
            raise DeviceError(f"no CUDA device {index or 0}: {error}") from None
        self._cupy = cupy
        self._leaving: list[_Snapshot] = []
        self.calls = Calls()
        self._kernels: dict[tuple[str, ...], Any] = {}
        driver = cupy.cuda.runtime.driverGetVersion()
        self.description = (
            f"{properties['name'].decode()}, CUDA driver {driver // 1000}.{driver % 1000 // 10}"
        )

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Any:
        return self._cupy.empty(shape, dtype)

    def zeros(self, shape: tuple[int, ...], dtype: Any) -> Any:
        return self._cupy.zeros(shape, dtype)

    def upload(self, host: np.ndarray, dtype: Any = None) -> Any:
        return self._cupy.asarray(np.ascontiguousarray(host, dtype=dtype))

    def download(self, array: Any) -> np.ndarray:
        if isinstance(array, _Snapshot):
            with self._gpu:  # the thread that asks may have another
                array.arrived.synchronize()
            return array.values
        return self._cupy.asnumpy(array)

    def snapshot(self, array: Any) -> "_Snapshot":
        """On its way to pinned memory, in line with what is launched before and after; nobody waits until `download`.

        Not on a stream of its own: the next kernels overwrite the state, and a second copy of it on the GPU would take
        memory that a run may need.
        """
        from cupyx import empty_pinned

        # pinned memory that is let go serves the next copy at once, even if this one has not arrived
        self._leaving = [copy for copy in self._leaving if not copy.arrived.done]
        values = empty_pinned(array.shape, array.dtype)
        array.get(out=values, blocking=False)
        self._leaving.append(_Snapshot(values, self._cupy.cuda.get_current_stream().record()))
        return self._leaving[-1]

    def sum(self, array: Any, axis: Any = None) -> Any:
        total = array.sum(axis=axis, dtype=np.float64)
        return float(total) if axis is None else total

    def dot(self, a: Any, b: Any) -> float:
        """Σ a b in float64, products included."""
        return float(self._cupy.multiply(a, b, dtype=np.float64).sum())

    def maximum(self, array: Any) -> float:
        return float(array.max())

    def prepare(self, operator: Operator, arguments: Mapping[str, Any]) -> Call:
        """Launches go to the current stream and wait for nothing."""
        launch = operator.check(arguments)
        nz, ny = launch.rows
        return self._launcher(launch, (ny, nz))

    def prepare_twice(self, operator: Operator, *arguments: Mapping[str, Any]) -> CallTwice:
        """The kernel NAME_twice, whose blocks each take both calls to a tile."""
        launch = operator.check_twice(*arguments)
        return scalars_of_two(launch, self._launcher(launch, tiles_and_parts(launch)))

    def _launcher(self, launch: Launch, grid: tuple[int, int]) -> Call:
        """CuPy passes values by the size of their type."""
        function, threads = self._function(launch), threads_of(launch.source)
        parameters = launch.source.parameters
        values = {
            p.name: np.intp(_address(launch.fixed[p.name])) if p.pointer else np.int32(launch.fixed[p.name])
            for p in parameters
            if p.name in launch.fixed
        }
        scalars = launch.scalars  # not the launch, which holds the arrays
        types = [p.dtype(launch.real).type for p in parameters if p.name in scalars]

        def call(given: Mapping[str, Any]) -> None:
            for name, dtype, value in zip(scalars, types, scalar_values(scalars, given), strict=True):
                values[name] = dtype(value)
            function((*grid, 1), (threads, 1, 1), tuple(values[p.name] for p in parameters))

        return call

    def recorded(self, work: Callable[[], None]) -> Callable[[], None]:
        """Work that launches operators on the same arrays with the same scalars each time, and does nothing else.

        The first call does it, which compiles the kernels; the second records its launches, and from then on all of
        them are one launch, in order on the current stream.
        """
        return _Recorded(self._cupy, work)

    def _function(self, launch: Launch) -> Any:
        key = launch.variant.key
        if key not in self._kernels:
            options = compile_options(launch.variant)
            module = self._cupy.RawModule(code=launch.source.text, options=options)
            self._kernels[key] = module.get_function(launch.source.name)
        return self._kernels[key]


class _Recorded:
    """A CUDA graph of launches, once they have run as they are. It holds the work, and so the arrays."""

    def __init__(self, cupy: Any, work: Callable[[], None]):
        self._cupy, self._work = cupy, work
        self._begun = False
        self._again: Callable[[], None] | None = None

    def __call__(self) -> None:
        if not self._begun:
            self._begun = True
            self._work()
            return
        if self._again is None:
            self._again = self._record()
        self._again()

    def _record(self) -> Callable[[], None]:
        """On a stream of its own, since the default one cannot record; nothing runs meanwhile. Or the work as it is."""
        try:
            with self._cupy.cuda.Stream(non_blocking=True) as stream:
                stream.begin_capture()
                try:
                    self._work()
                finally:
                    graph = stream.end_capture()
        except self._cupy.cuda.runtime.CUDARuntimeError:
            return self._work  # a driver that does not record: slower, and the same
        return graph.launch


@dataclass(frozen=True)
class _Snapshot:
    """Values on the host, once the event ``arrived``."""

    values: np.ndarray
    arrived: Any


def _address(array: Any) -> int:
    return 0 if array is None else array.data.ptr


def threads_of(source: KernelSource) -> int:
    """Threads of a block of the kernel."""
    return TILE_THREADS if source.name.endswith("_twice") else THREADS


def tiles_and_parts(launch: Launch, threads: int = TILE_THREADS) -> tuple[int, int]:
    """The grid of a pass with two calls: blocks for the tiles of a slab, and parts of z.

    There are never more blocks than rows, since each books in a row of its own.
    """
    (nz, ny), nx = launch.rows, launch.fixed["nx"]
    if (nz + 1) * (ny + 1) * (nx + 1) >= 2**31:
        raise DeviceError(
            f"{nz} × {ny} × {nx} voxels are too many for one GPU: at most 2.1e9. Use larger voxels"
        )
    tiles = -(-nx // (LANES - 2)) * -(-ny // (threads // LANES - 2))
    parts = max(1, min(-(-BLOCKS // tiles), nz // SLABS))
    return min(tiles, nz * ny // parts), parts


def scalars_of_two(launch: Launch, call: Call) -> CallTwice:
    """The call, which takes the arguments of the second with _2, with those of both apart."""
    of_second = {name: name.removesuffix("_2") for name, _ in launch.scalars.values() if name.endswith("_2")}
    return lambda first, second: call({**first, **{name: second[of_second[name]] for name in of_second}})


def compile_options(variant: Variant) -> tuple[str, ...]:
    """The NVRTC options of a kernel. CuPy's cache does not read headers, so their hash is one of them."""
    definitions = {**variant.definitions, "THREADS": threads_of(variant.source), "HEADERS": headers_hash()}
    include = f"-I{kernels_directory() / 'include'}"
    return (*(f"-D{name}={value}" for name, value in definitions.items()), "--std=c++17", include)
