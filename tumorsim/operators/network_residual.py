from typing import Annotated

import numpy as np

from tumorsim.device.twin import Array, Voxels, kernel_twin

SLICE = 16
"""Nodes that share their columns of couplings."""
PerCoupling = Annotated[Array, "columns slice"]
ColumnStarts = Annotated[Array, "slices+1"]


@kernel_twin
def network_residual(
    residual: Voxels,
    pressure: Voxels,
    source: Voxels,
    diagonal: Voxels,
    couplings: PerCoupling,
    nodes: PerCoupling,
    starts: ColumnStarts,
) -> None:
    """What is left of the equation of a network, ``source − A p``.

    ``(A p)_i = diagonal_i p_i − Σ_k couplings[k, i mod SLICE] p[nodes[k, i mod SLICE]]`` with k from ``starts[s]`` to
    ``starts[s + 1] − 1`` for the slice ``s = i // SLICE``. Shorter rows are filled up with zeros, and every slice has a
    column at least. Vectors are arrays of three dimensions, the last a multiple of SLICE, whose flat index counts
    the nodes.
    """
    residual[...] = source - network_outflow(pressure, diagonal, couplings, nodes, starts)


def network_outflow(pressure: Array, diagonal: Array, couplings: Array, nodes: Array, starts: Array) -> Array:
    """A p."""
    inflow = np.add.reduceat(couplings * pressure.ravel()[nodes], starts[:-1], axis=0)
    return diagonal * pressure - inflow.reshape(pressure.shape)
