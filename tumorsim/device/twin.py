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
- an integer that names a dimension in the annotations (``nz``, ``ny``, ``nx``, …) takes that length.

Every launch checks dtype, shape and contiguity first, since neither CuPy nor a C compiler does.
"""

import hashlib
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Annotated, Any, Generic, ParamSpec, Protocol, get_args, get_origin

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

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Array: ...
    def zeros(self, shape: tuple[int, ...], dtype: Any) -> Array: ...
    def upload(self, host: np.ndarray, dtype: Any = None) -> Array: ...
    def download(self, array: Array) -> np.ndarray: ...
    def sum(self, array: Array, axis: Any = None) -> Any: ...
    def dot(self, a: Array, b: Array) -> float: ...
    def maximum(self, array: Array) -> float: ...
    def launch(self, operator: "Operator", arguments: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True)
class Parameter:
    """One parameter of a kernel: its name, C type without qualifiers, and whether it is a pointer."""

    name: str
    ctype: str
    pointer: bool
    written: bool


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
        found = re.findall(r'extern\s+"C"\s+__global__\s+void\s+(\w+)\s*\(([^)]*)\)', bare)
        if [kernel for kernel, _ in found] != [name]:
            raise ValueError(f'{name}.cu must hold exactly one extern "C" __global__ function, named {name}')
        return cls(name, text, tuple(_parameter(part) for part in found[0][1].split(",")))


def _parameter(declaration: str) -> Parameter:
    words = declaration.replace("*", " * ").split()
    kind = " ".join(word for word in words[:-1] if word not in ("const", "*", "__restrict__"))
    pointer = "*" in words
    return Parameter(words[-1], kind, pointer, pointer and "const" not in words)


@dataclass(frozen=True)
class Launch:
    """A checked call of a kernel: its values in the order of the ``.cu`` text, the meaning of ``real``, the rows."""

    source: KernelSource
    values: tuple[Any, ...]
    real: np.dtype
    rows: tuple[int, int]


class Operator(Generic[P]):
    """A NumPy body and the kernel of its name. Call it with the device first."""

    def __init__(self, body: Callable[P, None], rows: tuple[str, str]):
        self.body = body
        self.name = body.__name__
        self.rows = rows
        self.signature = inspect.signature(body)
        self.shapes = {
            name: str(get_args(parameter.annotation)[1]).split()
            for name, parameter in self.signature.parameters.items()
            if get_origin(parameter.annotation) is Annotated
        }
        self.__doc__ = body.__doc__
        self.__module__ = body.__module__

    def __call__(self, device: Device, *args: P.args, **kwargs: P.kwargs) -> None:
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        device.launch(self, bound.arguments)

    @cached_property
    def source(self) -> KernelSource:
        return KernelSource.read(self.name)

    def prepare(self, arguments: Mapping[str, Any]) -> Launch:
        """Check the arguments against annotations and kernel text, and put them in the kernel's order."""
        dimensions = self._dimensions(arguments)
        given = {**_spread(arguments), **dimensions}
        real = self._real(given)
        values = []
        for parameter in self.source.parameters:
            if parameter.name not in given:
                raise TypeError(f"{self.name}.cu wants {parameter.name!r}, which {self.name}() does not have")
            values.append(self._value(parameter, given[parameter.name], real))
        nz, ny = (dimensions[symbol] for symbol in self.rows)
        return Launch(self.source, tuple(values), real, (nz, ny))

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

    def _real(self, given: Mapping[str, Any]) -> np.dtype:
        reals = {
            np.dtype(given[p.name].dtype)
            for p in self.source.parameters
            if p.pointer and p.ctype == "real" and given.get(p.name) is not None
        }
        if len(reals) > 1:
            raise TypeError(f"{self.name}: its real arrays mix {', '.join(sorted(map(str, reals)))}")
        return reals.pop() if reals else np.dtype(np.float64)

    def _value(self, parameter: Parameter, value: Any, real: np.dtype) -> Any:
        dtype = real if parameter.ctype == "real" else np.dtype(_SCALARS[parameter.ctype])
        if not parameter.pointer:
            return dtype.type(value)
        if value is None:
            return None
        if value.dtype != dtype:
            raise TypeError(f"{self.name}: {parameter.name} is {value.dtype}, expected {dtype}")
        if not value.flags.c_contiguous:
            raise ValueError(f"{self.name}: {parameter.name} must be C-contiguous")
        return value


def _spread(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments with triples and six-tuples also under the names of their elements."""
    spread = dict(arguments)
    for name, value in arguments.items():
        if isinstance(value, tuple) and len(value) in _SUFFIXES:
            spread.update({f"{name}_{s}": v for s, v in zip(_SUFFIXES[len(value)], value, strict=True)})
    return spread


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
