"""Multigrid for the steady balance on exponentially fitted faces: a preconditioner for a matrix that is not symmetric.

A level knows its faces by conductance g and rate r (see transport.steady), and its voxels by their loss. The next
coarser one merges blocks of 2·2·2 voxels: losses and rates add up, conductances along an axis follow one another as
resistances do, and the fluxes are fitted anew, so that every level is an M-matrix and upwind where the fluid dominates.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tumorsim.operators.wall_exchange_rates import wall_exchange_rates

SWEEPS = 2
"""Red–black Gauss–Seidel sweeps before and after the coarse correction [D]."""
COARSEST = 64
"""Voxels of a level that is solved directly [D]."""

Index = tuple[slice | int, ...]


@dataclass(frozen=True, eq=False)
class FittedMedium:
    """Faces normal to z, y, x and voxels of one level, per volume of a finest voxel, 1/s.

    Flux towards the higher voxel: ``F = forward C_low − backward C_high``, forward = g B(−r/g), backward = g B(r/g).
    """

    conductance: tuple[np.ndarray, ...]
    rate: tuple[np.ndarray, ...]
    loss: np.ndarray

    @cached_property
    def weights(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Forward and backward weights of the faces along each axis.

        They are to conductance and rate what the two rates of a vessel wall are to its permeability and filtration.
        """
        pairs = []
        for g, r in zip(self.conductance, self.rate, strict=True):
            forward, backward = np.empty_like(g), np.empty_like(g)
            wall_exchange_rates.body(forward, backward, g, np.zeros_like(g), r)
            pairs.append((forward, backward))
        return pairs

    def ends(self) -> Iterator[tuple[Index, np.ndarray, np.ndarray]]:
        """For each face of the box in the order of FACES: its voxels, and the outward and inward weights."""
        for axis, (forward, backward) in enumerate(self.weights):
            for end, outward, inward in ((0, backward, forward), (-1, forward, backward)):
                at: Index = (*(slice(None),) * axis, end)
                yield at, outward[at], inward[at]

    def diagonal(self) -> np.ndarray:
        """What leaves a voxel, by loss and through its faces."""
        total = self.loss.copy()
        for axis, (forward, backward) in enumerate(self.weights):
            view = np.moveaxis(total, axis, 0)
            view += np.moveaxis(forward, axis, 0)[1:] + np.moveaxis(backward, axis, 0)[:-1]
        return total

    def matrix(self):  # type: ignore[no-untyped-def]  # SciPy has no types
        """A (CSR): (A C)_i = loss_i C_i + Σ_faces outward flux; C outside the box counts as 0."""
        from scipy.sparse import diags_array

        n, stride, bands = self.loss.size, self.loss.size, {0: self.diagonal().ravel()}
        for axis, (forward, backward) in enumerate(self.weights):
            stride //= self.loss.shape[axis]
            if self.loss.shape[axis] == 1:
                continue
            for weight, offset in ((forward, -stride), (backward, stride)):
                band = np.zeros(self.loss.shape)  # by the lower of the two voxels, which suits both bands
                np.moveaxis(band, axis, 0)[:-1] = -np.moveaxis(weight, axis, 0)[1:-1]
                bands[offset] = band.ravel()[: n - stride]
        return diags_array(list(bands.values()), offsets=list(bands), shape=(n, n), format="csr")

    def trapped(self) -> np.ndarray:
        """True in the voxels from which no path of fluxes leads to a loss or out of the box."""
        from scipy.sparse import csr_array, vstack
        from scipy.sparse.csgraph import breadth_first_order

        leaving = self.loss.copy()
        for at, outward, _ in self.ends():
            leaving[at] += outward
        if (leaving > 0).all():
            return np.zeros(self.loss.shape, bool)
        n = leaving.size
        inward = self.matrix()  # row i names the voxels from which something flows into voxel i
        inward.eliminate_zeros()
        graph = vstack([inward, csr_array(leaving.reshape(1, -1))], format="csr")
        graph.resize((n + 1, n + 1))
        reached = breadth_first_order(abs(graph), n, return_predecessors=False)
        trapped = np.ones(n + 1, bool)
        trapped[reached] = False
        return trapped[:n].reshape(leaving.shape)

    def coarser(self) -> "FittedMedium":
        """Blocks of two voxels along every axis as one; what is left over at the end stays alone."""
        axes = range(3)
        return FittedMedium(
            tuple(_blocks(_in_series(self.conductance[axis], axis), skip=axis) for axis in axes),
            tuple(_blocks(_every_other(self.rate[axis], axis), skip=axis) for axis in axes),
            _blocks(self.loss),
        )


def _in_series(conductance: np.ndarray, axis: int) -> np.ndarray:
    """Conductance from centre to centre of blocks: a face between, and half of what lies within on either side."""
    with np.errstate(divide="ignore"):
        resistance = 1 / np.moveaxis(conductance, axis, 0)
    within = resistance[1:-1:2]
    between = _every_other(resistance, 0)
    between[: len(within)] += within / 2
    between[1 : len(within) + 1] += within / 2
    return np.moveaxis(1 / between, 0, axis)


def _every_other(faces: np.ndarray, axis: int) -> np.ndarray:
    """The faces that remain between blocks of two voxels."""
    count = faces.shape[axis] - 1
    return np.take(faces, [*range(0, count, 2), count], axis)


def _blocks(values: np.ndarray, *, skip: int | None = None) -> np.ndarray:
    """Sums over blocks of two along every axis but ``skip``."""
    for axis in range(3):
        if axis != skip:
            values = np.add.reduceat(values, range(0, values.shape[axis], 2), axis)
    return values


class Multigrid:
    """V-cycles for A C = s on the finest level."""

    def __init__(self, medium: FittedMedium):
        self._levels = [_Level(medium)]
        while medium.loss.size > COARSEST and max(medium.loss.shape) > 1:
            medium = medium.coarser()
            self._levels.append(_Level(medium))
        self._coarsest = np.linalg.pinv(medium.matrix().toarray())

    def product(self, c: np.ndarray) -> np.ndarray:
        """A C on the finest level."""
        return self._levels[0].product(c.ravel())

    def cycle(self, source: np.ndarray) -> np.ndarray:
        """One V-cycle from zero: nearly A⁻¹ s."""
        return self._descend(0, source.ravel())

    def _descend(self, number: int, source: np.ndarray) -> np.ndarray:
        if number == len(self._levels) - 1:
            return self._coarsest @ source
        level = self._levels[number]
        c = np.zeros_like(source)
        for _ in range(SWEEPS):
            level.sweep(c, source)
        left = (source - level.product(c)).reshape(level.shape)
        correction = self._descend(number + 1, _blocks(left).ravel())
        c += _spread(correction.reshape(self._levels[number + 1].shape), level.shape).ravel()
        for _ in range(SWEEPS):
            level.sweep(c, source, backwards=True)
        return c


class _Level:
    """The rows of A by colour, like a chessboard: voxels of one colour do not touch."""

    def __init__(self, medium: FittedMedium):
        self.shape = medium.loss.shape
        matrix, diagonal = medium.matrix(), medium.diagonal().ravel()
        colour = np.indices(self.shape).sum(axis=0).ravel() % 2
        inverse = np.divide(1.0, diagonal, out=np.zeros_like(diagonal), where=diagonal > 0)
        self._colours = []
        for which in (0, 1):
            rows = np.flatnonzero(colour == which)
            self._colours.append((rows, matrix[rows], inverse[rows]))

    def product(self, c: np.ndarray) -> np.ndarray:
        out = np.empty_like(c)
        for rows, matrix, _ in self._colours:
            out[rows] = matrix @ c
        return out

    def sweep(self, c: np.ndarray, source: np.ndarray, *, backwards: bool = False) -> None:
        """Solve for the voxels of one colour, then for those of the other, in place."""
        for rows, matrix, inverse in reversed(self._colours) if backwards else self._colours:
            c[rows] += (source[rows] - matrix @ c) * inverse


def _spread(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The value of its block in every voxel."""
    for axis, count in enumerate(shape):
        values = np.take(values, np.arange(count) // 2, axis)
    return values
