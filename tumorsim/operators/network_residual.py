from typing import Annotated

from tumorsim.device.twin import Array, Voxels, kernel_twin

PerCoupling = Annotated[Array, "entries"]
CouplingStarts = Annotated[Array, "rows+1"]


@kernel_twin
def network_residual(
    residual: Voxels,
    pressure: Voxels,
    source: Voxels,
    diagonal: Voxels,
    couplings: PerCoupling,
    nodes: PerCoupling,
    starts: CouplingStarts,
) -> None:
    """What is left of the equation of a network, ``source − A p``.

    ``(A p)_i = diagonal_i p_i − Σ_k couplings_k p[nodes_k]`` with k from ``starts[i]`` to ``starts[i + 1] − 1``. The
    vectors are arrays of any three dimensions, whose flat index counts the nodes.
    """
    residual[...] = source - network_outflow(pressure, diagonal, couplings, nodes, starts)


def network_outflow(pressure: Array, diagonal: Array, couplings: Array, nodes: Array, starts: Array) -> Array:
    """A p."""
    from scipy.sparse import csr_array

    matrix = csr_array((couplings, nodes, starts), shape=(pressure.size, pressure.size))
    return diagonal * pressure - (matrix @ pressure.ravel()).reshape(pressure.shape)
