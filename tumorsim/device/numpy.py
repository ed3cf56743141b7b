"""The numpy device: runs the NumPy bodies. It needs no compiler and is the oracle of every parity test."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tumorsim.device.twin import Call, Calls, CallTwice, Operator


class NumpyDevice:
    """Arrays are NumPy arrays; an operator is its own body."""

    name = "numpy"
    in_place = True
    description = f"NumPy {np.__version__}, the reference bodies"

    def __init__(self) -> None:
        self.calls = Calls()

    def empty(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        return np.empty(shape, dtype)

    def zeros(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        return np.zeros(shape, dtype)

    def upload(self, host: np.ndarray, dtype: Any = None) -> np.ndarray:
        """A C-contiguous copy of a host array."""
        return np.array(host, dtype=dtype, order="C", copy=True)

    def download(self, array: np.ndarray) -> np.ndarray:
        return array.copy()

    def snapshot(self, array: np.ndarray) -> np.ndarray:
        return array.copy()

    def sum(self, array: np.ndarray, axis: Any = None) -> Any:
        """Sum in float64: a number, or over some axes an array of the device."""
        return array.sum(axis=axis, dtype=np.float64)

    def dot(self, a: np.ndarray, b: np.ndarray) -> float:
        """Σ a b in float64."""
        if a.dtype == np.float64:
            return float(np.dot(a.ravel(), b.ravel()))
        return float(np.einsum("i,i->", a.ravel(), b.ravel(), dtype=np.float64))

    def maximum(self, array: np.ndarray) -> float:
        return float(array.max())

    def prepare(self, operator: Operator, arguments: Mapping[str, Any]) -> Call:
        operator.check(arguments)
        return lambda given: operator.body(**given)

    def prepare_twice(self, operator: Operator, *arguments: Mapping[str, Any]) -> CallTwice:
        """One after the other."""
        first, second = (self.prepare(operator, given) for given in arguments)

        def call(given_first: Mapping[str, Any], given_second: Mapping[str, Any]) -> None:
            first(given_first)
            second(given_second)

        return call

    def recorded(self, work: Callable[[], None]) -> Callable[[], None]:
        """Work that launches operators on the same arrays each time: here it is called again as it is."""
        return work
