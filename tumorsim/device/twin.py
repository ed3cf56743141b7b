"""One operator, two texts: a NumPy body, which is the specification, and a ``.cu`` file of the same name.

An operator module reads::

    @kernel_twin
    def darcy_velocity(velocity_x: FacesX, pressure: Voxels, *, spacing: Spacing) -> None:
        ...NumPy...

and is called with the device in front: ``darcy_velocity(device, velocity_x, pressure, spacing=grid.spacing)``.
The device runs the body, or the kernel ``kernels/darcy_velocity.cu``. Arguments meet the parameters of the
kernel **by name**:

- an array parameter takes the argument of its name; ``None`` becomes a null pointer;
- ``NAME_z``, ``NAME_y``, ``NAME_x`` take the elements of a triple ``NAME``; ``NAME_z_low`` … those of six faces;
- an integer that names a dimension in the annotations (``nz``, ``ny``, ``nx``, …) takes that length;
- arrays of ``coefficient`` have the precision of the ``real`` ones, or are all float16 (include/coefficients.cuh);
- where the text asks ``GIVEN(NAME)``, it is compiled anew for calls with and without that array.

Neither CuPy nor a C compiler checks dtype, shape and contiguity. A call does so once for every set of arrays: the
device keeps what came of it (`Calls`) for as long as all of them live, and a repeated call costs some microseconds.
"""

import hashlib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Annotated, Any, Generic, ParamSpec, Protocol, get_args, get_origin
from weakref import ref

import numpy as np

from tumorsim.resources import kernels_directory

Array = Any  # numpy.ndarray, or cupy.ndarray on the cuda device
Voxels = Annotated[Array, "nz ny nx"]
FacesX = Annotated[Array, "nz ny nx+1"]
FacesY = Annotated[Array, "nz ny+1 nx"]
FacesZ = Annotated[Array, "nz+1 ny nx"]
RowSums = Annotated[Array, "terms nz ny"]
"""One float64 partial sum per row and term: what a ledger is summed from."""
Rows = Annotated[Array, "nz ny"]
"""One float64 sum per row."""
Spacing = tuple[float, float, float]
"""Voxel edge lengths (z, y, x), m."""
SixValues = tuple[float, float, float, float, float, float]
"""One number per face of the box, in the order of tumorsim.boundaries.FACES."""

P = ParamSpec("P")

_SUFFIXES = {3: ("z", "y", "x"), 6: ("z_low", "z_high", "y_low", "y_high", "x_low", "x_high")}
_SCALARS = {"int": np.int32, "double": np.float64, "unsigned char": np.uint8, "float": np.float32}


class Device(Protocol):
    """What the floors above may ask of a device."""

    name: str
    description: str
    calls: "Calls"
    in_place: bool
    """Whether the second of two calls in one pass may write over what the first reads."""

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Array: ...
    def zeros(self, shape: tuple[int, ...], dtype: Any) -> Array: ...
    def upload(self, host: np.ndarray, dtype: Any = None) -> Array: ...
    def download(self, array: Array) -> np.ndarray: ...
    def snapshot(self, array: Array) -> Any:
        """The values as they are now, to be downloaded later, in any thread."""
        ...

    def sum(self, array: Array, axis: Any = None) -> Any: ...
    def dot(self, a: Array, b: Array) -> float: ...
    def maximum(self, array: Array) -> float: ...
    def prepare(self, operator: "Operator", arguments: Mapping[str, Any]) -> "Call": ...
    def prepare_twice(self, operator: "Operator", *arguments: Mapping[str, Any]) -> "CallTwice": ...
    def recorded(self, work: Callable[[], None]) -> Callable[[], None]:
        """Work that launches operators, on the same arrays with the same scalars each time, and does nothing else."""
        ...


@dataclass(frozen=True)
class Parameter:
    """One parameter of a kernel: its name, C type without qualifiers, and whether it is a pointer."""

    name: str
    ctype: str
    pointer: bool
    written: bool

    def dtype(self, real: np.dtype, coefficient: np.dtype | None = None) -> np.dtype:
        if self.ctype == "coefficient":
            return coefficient or real
        return real if self.ctype == "real" else np.dtype(_SCALARS[self.ctype])


@dataclass(frozen=True)
class KernelSource:
    """A ``.cu`` file: its text and the parameters of its one ``__global__`` function."""

    name: str
    text: str
    parameters: tuple[Parameter, ...]

    @classmethod
    def read(cls, name: str) -> "KernelSource":
        text = (kernels_directory() / f"{name}.cu").read_text()
        bare = re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL)
        found = re.findall(
            r'extern\s+"C"\s+__global__\s+void\s+(?:__launch_bounds__\(.*?\)\s+)?(\w+)\s*\(([^)]*)\)', bare
        )
        if [kernel for kernel, _ in found] != [name]:
            raise ValueError(f'{name}.cu must hold exactly one extern "C" __global__ function, named {name}')
        return cls(name, text, tuple(_parameter(part) for part in found[0][1].split(",")))

    @cached_property
    def optional(self) -> tuple[str, ...]:
        """The arrays without which the kernel is another one."""
        return tuple(sorted(set(re.findall(r"\bGIVEN\((\w+)\)", self.text))))


def _parameter(declaration: str) -> Parameter:
    words = declaration.replace("*", " * ").split()
    kind = " ".join(word for word in words[:-1] if word not in ("const", "*", "__restrict__"))
    pointer = "*" in words
    return Parameter(words[-1], kind, pointer, pointer and "const" not in words)


@dataclass(frozen=True)
class Variant:
    """One of the kernels that come of a text: what ``real`` means in it, and which optional arrays it goes without.

    ``halves`` says that a ``coefficient`` is not ``real`` but 16 bits (kernels/include/coefficients.cuh).
    """

    source: KernelSource
    real: np.dtype
    missing: tuple[str, ...] = ()
    halves: bool = False

    @property
    def key(self) -> tuple[str, ...]:
        """What tells it from all others of the same version."""
        return (self.source.name, self.real.name, str(self.halves), *self.missing)

    @property
    def definitions(self) -> dict[str, str]:
        """The macros that the text is compiled with."""
        given = {f"GIVEN_{name}": str(int(name not in self.missing)) for name in self.source.optional}
        meanings = {"REAL": "float" if self.real == np.float32 else "double", "HALVES": str(int(self.halves))}
        return meanings | given


@dataclass(frozen=True)
class Launch:
    """A checked call of a kernel: its arrays and lengths by parameter, the meaning of ``real``, the rows.

    ``halves``: coefficients are 16 bits.
    ``scalars`` are the other parameters: the argument that each comes from, and its place where that is a tuple.
    """

    source: KernelSource
    fixed: Mapping[str, Any]
    scalars: Mapping[str, tuple[str, int | None]]
    real: np.dtype
    rows: tuple[int, int]
    halves: bool = False

    @property
    def variant(self) -> Variant:
        """Which of the kernels that come of the text this call needs."""
        missing = tuple(name for name in self.source.optional if self.fixed[name] is None)
        return Variant(self.source, self.real, missing, self.halves)


def scalar_values(scalars: Mapping[str, tuple[str, int | None]], given: Mapping[str, Any]) -> list[Any]:
    """The scalars of a launch among the arguments of a call, in order."""
    return [given[name] if k is None else given[name][k] for name, k in scalars.values()]


Call = Callable[[Mapping[str, Any]], None]
"""A call whose arrays were checked: takes the arguments by name, of which only the scalars may differ now.

It must not hold the arrays, or they live as long as the device.
"""


CallTwice = Callable[[Mapping[str, Any], Mapping[str, Any]], None]
"""The same for two calls in one pass over memory."""


class Calls:
    """The prepared calls of a device, found again by the identity of their arrays, until one of these is gone.

    An array does not change its dtype, its shape or where its values are (nothing here resizes one in place).
    """

    def __init__(self) -> None:
        self._prepared: dict[tuple[Any, ...], tuple[Callable[..., None], list[Any]]] = {}

    def find(self, key: tuple[Any, ...]) -> Callable[..., None] | None:
        found = self._prepared.get(key)
        return found and found[0]

    def keep(self, key: tuple[Any, ...], call: Callable[..., None], arrays: Iterable[Array | None]) -> None:
        prepared = self._prepared  # a weak reference that is called back must not keep the device alive
        watched = [ref(a, lambda _: prepared.pop(key, None)) for a in arrays if a is not None]
        prepared[key] = call, watched


class Operator(Generic[P]):
    """A NumPy body and the kernel of its name. Call it with the device first."""

    def __init__(self, body: Callable[P, None], rows: tuple[str, str]):
        self.body = body
        self.name = body.__name__
        self.rows = rows
        self.signature = inspect.signature(body)
        self.shapes = {
            name: symbols
            for name, parameter in self.signature.parameters.items()
            if (symbols := _symbols(parameter.annotation))
        }
        self._names = tuple(self.signature.parameters)
        self.__doc__ = body.__doc__
        self.__module__ = body.__module__

    def __call__(self, device: Device, *args: P.args, **kwargs: P.kwargs) -> None:
        given: dict[str, Any] = dict(zip(self._names, args, strict=False))
        given.update(kwargs)
        if not len(args) + len(kwargs) == len(given) == len(self._names):
            bound = self.signature.bind(*args, **kwargs)
            bound.apply_defaults()
            given = bound.arguments
        self._prepared(device, given)(given)

    def twice(self, device: Device, first: Mapping[str, Any], second: Mapping[str, Any]) -> None:
        """Two calls, given all their arguments by name; the same as one after the other.

        The device may take them in one pass over memory, slab behind slab or tile by tile. So what the second writes
        must be nothing that the first reads, but for devices that work ``in_place``: there a slab of the second may
        write what the first reads there and in the slabs next to it.
        """
        arrays = [first.get(name) for name in self.shapes] + [second.get(name) for name in self.shapes]
        key = (self, "twice", *map(id, arrays))
        call = device.calls.find(key)
        if call is None:
            for given in (first, second):
                self.signature.bind(**given)
            call = device.prepare_twice(self, first, second)
            device.calls.keep(key, call, arrays)
        call(first, second)

    def _prepared(self, device: Device, given: Mapping[str, Any]) -> Call:
        arrays = [given.get(name) for name in self.shapes]
        key = (self, *map(id, arrays))
        call = device.calls.find(key)
        if call is None:
            self.signature.bind(**given)
            call = device.prepare(self, given)
            device.calls.keep(key, call, arrays)
        return call

    @cached_property
    def pair(self) -> "Operator[P]":
        """Two calls as one, for the kernel NAME_twice: what belongs to the second is named with _2."""
        both = Operator(self.body, self.rows)
        both.name = f"{self.name}_twice"
        both.shapes = self.shapes | {f"{name}_2": symbols for name, symbols in self.shapes.items()}
        return both

    @cached_property
    def source(self) -> KernelSource:
        return KernelSource.read(self.name)

    def check(self, arguments: Mapping[str, Any]) -> Launch:
        """Check the arguments against annotations and kernel text, and sort them."""
        dimensions = self._dimensions(arguments)
        real = self._dtype_of("real", arguments) or np.dtype(np.float64)
        coefficient = self._dtype_of("coefficient", arguments) or real
        if coefficient not in (real, np.float16):
            raise TypeError(f"{self.name}: its coefficients are {coefficient}, expected {real} or float16")
        elements = _elements(arguments)
        fixed: dict[str, Any] = {}
        scalars: dict[str, tuple[str, int | None]] = {}
        for parameter in self.source.parameters:
            name = parameter.name
            if name in dimensions:
                fixed[name] = dimensions[name]
            elif name not in (self.shapes if parameter.pointer else elements):
                raise TypeError(f"{self.name}.cu wants {name!r}, which {self.name}() does not have")
            elif parameter.pointer:
                fixed[name] = self._checked(arguments[name], name, parameter.dtype(real, coefficient))
            else:
                scalars[name] = elements[name]
        nz, ny = (dimensions[symbol] for symbol in self.rows)
        return Launch(self.source, fixed, scalars, real, (nz, ny), coefficient != real)

    def check_twice(self, first: Mapping[str, Any], second: Mapping[str, Any]) -> Launch:
        """Check two calls that are taken side by side, as one launch of NAME_twice."""
        both = dict(first) | {f"{name}_2": value for name, value in second.items()}
        launch = self.pair.check(both)
        arrays = {p: launch.fixed[p.name] for p in launch.source.parameters if p.pointer}
        for written, array in arrays.items():
            for other, read in arrays.items():
                if written.written and other is not written and array is read is not None:
                    raise ValueError(
                        f"{self.name}: {written.name} and {other.name} are one array, "
                        "which two calls side by side cannot share"
                    )
        return launch

    def _dimensions(self, arguments: Mapping[str, Any]) -> dict[str, int]:
        """Length of every named dimension; raises when two arrays disagree."""
        lengths: dict[str, int] = {}
        for name, symbols in self.shapes.items():
            array = arguments[name]
            if array is None:
                continue
            if array.ndim != len(symbols):
                raise ValueError(
                    f"{self.name}: {name} has shape {array.shape}, expected ({', '.join(symbols)})"
                )
            for symbol, length in zip(symbols, array.shape, strict=True):
                base, _, more = symbol.partition("+")
                if lengths.setdefault(base, length - int(more or 0)) != length - int(more or 0):
                    known = {k: v for k, v in lengths.items() if k in "".join(symbols)}
                    raise ValueError(
                        f"{self.name}: {name} has shape {array.shape}, expected ({', '.join(symbols)}) with {known}"
                    )
        return lengths

    def _dtype_of(self, ctype: str, given: Mapping[str, Any]) -> np.dtype | None:
        """That of all arrays of a kind, which must agree; None where none is given."""
        found = {
            np.dtype(given[p.name].dtype)
            for p in self.source.parameters
            if p.pointer and p.ctype == ctype and given.get(p.name) is not None
        }
        if len(found) > 1:
            raise TypeError(f"{self.name}: its {ctype} arrays mix {', '.join(sorted(map(str, found)))}")
        return found.pop() if found else None

    def _checked(self, value: Array | None, name: str, dtype: np.dtype) -> Array | None:
        if value is None:
            return None
        if value.dtype != dtype:
            raise TypeError(f"{self.name}: {name} is {value.dtype}, expected {dtype}")
        if not value.flags.c_contiguous:
            raise ValueError(f"{self.name}: {name} must be C-contiguous")
        return value


def _symbols(annotation: Any) -> list[str]:
    """The named dimensions of an array, which may be None or not; empty for anything else."""
    kinds = [annotation, *get_args(annotation)]
    return next((str(get_args(kind)[1]).split() for kind in kinds if get_origin(kind) is Annotated), [])


def _elements(arguments: Mapping[str, Any]) -> dict[str, tuple[str, int | None]]:
    """Where each name is found: the argument, and for the elements of triples and six-tuples their place in it."""
    found: dict[str, tuple[str, int | None]] = {name: (name, None) for name in arguments}
    for name, value in arguments.items():
        if isinstance(value, tuple) and len(value) in _SUFFIXES:
            found |= {f"{name}_{s}": (name, k) for k, s in enumerate(_SUFFIXES[len(value)])}
    return found


@cache
def headers_hash() -> str:
    """Hash of the headers that kernels include: caches of compiled kernels must know of it."""
    headers = sorted((kernels_directory() / "include").iterdir())
    return hashlib.sha256(b"".join(path.read_bytes() for path in headers)).hexdigest()[:16]


def kernel_hashes() -> dict[str, str]:
    """Hash of every kernel's text with the headers, by name: which equations a result was made with."""
    return {
        path.stem: hashlib.sha256(path.read_bytes() + headers_hash().encode()).hexdigest()[:16]
        for path in sorted(kernels_directory().glob("*.cu"))
    }


def kernel_twin(body: Callable[P, None] | None = None, *, rows: tuple[str, str] = ("nz", "ny")) -> Any:
    """Make an operator of a NumPy body. ``rows`` names the two dimensions over whose rows the kernel runs."""
    if body is None:
        return lambda late: Operator(late, rows)
    return Operator(body, rows)
