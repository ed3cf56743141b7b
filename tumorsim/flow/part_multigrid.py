"""Multigrid on parts of blocks: the preconditioner of the conjugate gradients where tissue is rough.

The finest level is the medium itself, with the kernels of flow.multigrid; the coarser ones are networks of parts
(flow.parts). One application is a fixed symmetric positive operator in float32. It takes a set-up on the host and costs
several times a V-cycle of flow.multigrid, but its iterations grow neither with contrast nor with the size of the box.

Every network is visited twice by its finer level (a W-cycle). That keeps the operator positive: halved couplings make
a correction at most twice too large, so that the error propagation of a level has its eigenvalues in (−1, 1) if the
coarser one is solved exactly or falls short; two cycles, whose error is the square of that, do fall short. One cycle
may not: with single visits to all networks but the first, leaky walls took 73 iterations instead of 18 [C].
"""

from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import Any

import numpy as np

from tumorsim.boundaries import NOTHING_OUTSIDE
from tumorsim.device.twin import Array, Device
from tumorsim.flow.chebyshev import smooth, smooth_voxels, step_weights
from tumorsim.flow.multigrid import Level, inverse_diagonal, inverse_of
from tumorsim.flow.parts import Network, next_parts, voxel_parts
from tumorsim.operators.add_parts import add_parts
from tumorsim.operators.dense_product import dense_product
from tumorsim.operators.network_residual import SLICE, network_residual
from tumorsim.operators.network_smooth import network_smooth
from tumorsim.operators.network_step import network_step
from tumorsim.operators.pressure_residual import pressure_residual
from tumorsim.operators.sum_parts import sum_parts

LANES = 128
"""Nodes that a block of GPU threads takes: a vector of a network is an array (1, n/LANES, LANES)."""
DENSE = 800
"""Nodes of the coarsest level at most: it is visited often, and its inverse takes 3 MB at most."""
SMALL = 8192
"""Nodes of a network whose smoothing is one launch: about where the steps take as long as launching them [C]."""
STEPS = (6, 8)
"""Chebyshev steps before and after the coarse correction on the finest level and on the others [D]."""


@dataclass(frozen=True)
class Parts:
    """How a level is divided into the nodes of the next: ``part`` of every value, ``members`` of part i from
    ``starts[i]`` on."""

    part: Array
    members: Array
    starts: Array


class NetworkLevel:
    """A coarse level on the device: its operator and its work arrays."""

    def __init__(self, device: Device, network: Network):
        self.nodes = len(network.ground)
        self.shape = (1, ceil(self.nodes / LANES), LANES)
        diagonal = np.ones(self.shape)
        diagonal.reshape(-1)[: self.nodes] = network.ground + network.couplings.sum(axis=1)
        couplings, nodes, starts = in_slices(network.couplings, diagonal.size)
        self.arguments: dict[str, Any] = {
            "diagonal": device.upload(diagonal, np.float32),
            "couplings": device.upload(couplings, np.float32),
            "nodes": device.upload(nodes, np.int32),
            "starts": device.upload(starts, np.int32),
        }
        self.pressure, self.spare, self.source = (device.empty(self.shape, np.float32) for _ in range(3))


def in_slices(couplings: Any, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A CSR matrix as the couplings, nodes and starts of network_residual, of ``length`` rows with the empty ones."""
    degrees = np.zeros(length, np.int32)
    degrees[: couplings.shape[0]] = np.diff(couplings.indptr)
    starts = np.zeros(length // SLICE + 1, np.int32)
    np.cumsum(np.maximum(degrees.reshape(-1, SLICE).max(axis=1), 1), out=starts[1:])
    row = np.repeat(np.arange(length, dtype=np.int32), degrees)
    column = np.arange(couplings.nnz, dtype=np.int32) - couplings.indptr[row] + starts[row // SLICE]
    values, nodes = (np.zeros((starts[-1], SLICE), dtype) for dtype in (couplings.dtype, np.int32))
    values[column, row % SLICE] = couplings.data
    nodes[column, row % SLICE] = couplings.indices
    return values, nodes, starts


class PartMultigrid:
    """The hierarchy of a finest level (float32). Call it with a residual to get the preconditioned one."""

    def __init__(self, device: Device, finest: Level):
        medium = finest.medium
        self.device, self.finest = device, finest
        self._products = device.empty(medium.shape[:2], np.float64)
        self._inverse_diagonal = inverse_diagonal(device, finest)
        self._weights = [
            device.upload(np.array(step_weights(STEPS[1], from_zero=zero)), np.float32)
            for zero in (False, True)
        ]
        self.levels: list[NetworkLevel] = []
        self.parts: list[Parts] = []
        finer, (part, network) = medium.shape, voxel_parts(device, medium)
        while len(network.ground) > DENSE:
            further = next_parts(network)  # before this level takes memory on the device
            finer = self._add_level(finer, part, network)
            part, network = further
        self._add_level(finer, part, network)
        self._inverse = device.upload(self._coarsest_inverse(network), np.float32)

    def _add_level(
        self, finer: tuple[int, int, int], part: np.ndarray, network: Network
    ) -> tuple[int, int, int]:
        """A level, and the way to it from the ``finer`` shape; returns its own."""
        level = NetworkLevel(self.device, network)
        members = np.argsort(part, kind="stable")
        starts = np.searchsorted(part[members], np.arange(level.pressure.size + 1))
        everywhere = np.zeros(finer, np.int32)
        everywhere.reshape(-1)[: len(part)] = part
        self.levels.append(level)
        self.parts.append(Parts(*(self.device.upload(a, np.int32) for a in (everywhere, members, starts))))
        return level.shape

    def _coarsest_inverse(self, network: Network) -> np.ndarray:
        coupled = network.couplings.toarray().astype(np.float64)
        inverse = np.zeros((1, self.levels[-1].pressure.size, self.levels[-1].pressure.size))
        matrix = np.diag(network.ground + coupled.sum(axis=1)) - coupled
        inverse[0, : len(matrix), : len(matrix)] = inverse_of(matrix, closed=not network.ground.any())
        return inverse

    def __call__(self, residual: Array) -> tuple[Array, Array]:
        """The preconditioned residual M⁻¹r, in an array of the hierarchy, and the parts of r·M⁻¹r."""
        finest = self.finest
        smoothed = partial(smooth_voxels, self.device, finest.medium, residual, steps=STEPS[0])
        inverse = self._inverse_diagonal
        pressure, spare = smoothed(finest.pressure, finest.spare, inverse_diagonal=inverse)
        pressure_residual(
            self.device, spare, finest.source, self._products, pressure, residual,
            outside=NOTHING_OUTSIDE, **finest.medium.arguments,
        )  # fmt: skip
        self._correct(0, pressure, spare)
        pressure, _ = smoothed(pressure, spare, products=self._products)
        return pressure, self._products

    def _correct(self, depth: int, pressure: Array, residual: Array) -> None:
        """Add to the pressure of a level what the next coarser level, ``depth``, makes of its residual."""
        level, parts = self.levels[depth], self.parts[depth]
        sum_parts(self.device, level.source, residual, parts.members, parts.starts)
        add_parts(self.device, pressure, self._solve(depth), parts.part)

    def _solve(self, depth: int) -> Array:
        """An approximate solution on a network for its ``source``: two cycles, or the stored inverse."""
        level = self.levels[depth]
        if depth == len(self.levels) - 1:
            dense_product(self.device, level.pressure, None, self._inverse, level.source)
            return level.pressure

        pressure, spare = level.pressure, level.spare
        for cycle in range(2):
            pressure, spare = self._smooth(level, pressure, spare, from_zero=cycle == 0)
            network_residual(self.device, spare, pressure, level.source, **level.arguments)
            self._correct(depth + 1, pressure, spare)
            pressure, spare = self._smooth(level, pressure, spare, from_zero=False)
        return pressure

    def _smooth(
        self, level: NetworkLevel, pressure: Array, spare: Array, *, from_zero: bool
    ) -> tuple[Array, Array]:
        """Chebyshev steps on a network; returns the array of the last iterate and the other one."""
        if level.nodes <= SMALL:
            weights = self._weights[from_zero]
            network_smooth(
                self.device,
                pressure,
                spare,
                level.source,
                **level.arguments,
                weights=weights,
                from_zero=from_zero,
            )
            return pressure, spare

        def step(older: Array, newer: Array | None, **weights: float) -> None:
            network_step(self.device, older, newer, level.source, **level.arguments, **weights)

        return smooth(step, pressure, spare, steps=STEPS[1], from_zero=from_zero)
