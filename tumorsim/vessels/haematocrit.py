"""Red cells in a network: how they part at branchings (phase separation), and their balance at every node.

At a node where vessels a and b lead away, a takes of the red cells that arrive (Pries et al. 1989/1990 [S])::

    logit(F_E,a) = A + B logit((F_B,a − X0)/(1 − 2 X0)),   0 for F_B,a ≤ X0, 1 for F_B,a ≥ 1 − X0
    A = −13.29 (r² − 1)/(r² + 1) (1 − H)/D_F,  B = 1 + 6.98 (1 − H)/D_F,  X0 = 0.964 (1 − H)/D_F,  r = D_a/D_b

with F_B,a its share of the blood flow, D in µm, and H and D_F of what arrives. Where several vessels arrive, D_F² is
the mean of theirs weighted by flow; where more than two lead away, b is all but a, its D_b² the mean likewise, and
the shares are made to add up to 1 [D]: with these rules nothing jumps when a small flow turns round, as sweeps need.
For given shares the cell flows are linear: solved from node to node down the pressure, they are conserved to rounding
whatever the shares are.
"""

from dataclasses import dataclass

import numpy as np

from tumorsim.errors import NumericsError
from tumorsim.vessels.network import Network

X0, B, A = 0.964, 6.98, -13.29
"""µm [S]: physics.md F.2, Pries et al. 1990, Circ Res 67:826."""
STILL = 1e-12
"""[D]: segments with less than this part of the largest flow have no cells of their own."""


def red_cell_share(
    blood_share: np.ndarray,
    *,
    diameter: np.ndarray,
    other: np.ndarray,
    feeding: np.ndarray,
    haematocrit: np.ndarray,
) -> np.ndarray:
    """F_E of the vessel with ``diameter`` beside one with the diameter ``other``, both in m. Broadcasts.

    The shares of the two add up to 1, to rounding.
    """
    plasma = (1 - haematocrit) / (np.asarray(feeding) * 1e6)
    threshold = np.minimum(X0 * plasma, 0.499)
    ratio = (np.asarray(diameter) / other) ** 2
    asymmetry = A * (ratio - 1) / (ratio + 1) * plasma
    inside = np.clip((blood_share - threshold) / (1 - 2 * threshold), 0.0, 1.0)
    with np.errstate(divide="ignore"):
        logit = asymmetry + (1 + B * plasma) * (np.log(inside) - np.log1p(-inside))
    return np.exp(-np.logaddexp(0.0, -logit))


@dataclass(frozen=True, eq=False)
class Ways:
    """A network's flow as directed: (m,) nodes that each segment comes ``from_`` and goes ``to``, and its ``flow`` ≥ 0.

    ``still`` marks segments without flow, ``inlets`` are the nodes that no moving segment comes to, ``order`` the
    nodes down the flow.
    """

    from_: np.ndarray
    to: np.ndarray
    flow: np.ndarray
    still: np.ndarray
    inlets: np.ndarray
    order: np.ndarray


def directed(network: Network) -> Ways:
    """The ways of a network with pressures and flows."""
    assert network.flow is not None and network.pressure is not None
    n = len(network.nodes)
    a, b = network.segments.T
    forth = network.flow > 0
    from_, to, flow = np.where(forth, a, b), np.where(forth, b, a), np.abs(network.flow)
    still = flow <= STILL * flow.max()
    still |= network.pressure[from_] <= network.pressure[to]  # rounding, where nothing moves
    moving = np.flatnonzero(~still)
    number = np.bincount(from_[moving], minlength=n)
    arriving = np.bincount(to[moving], minlength=n)
    inlets = np.flatnonzero((arriving == 0) & (number > 0))
    return Ways(from_, to, flow, still, inlets, np.argsort(-network.pressure, kind="stable"))


def spread_cells(network: Network, ways: Ways, haematocrit: np.ndarray, *, inlet: np.ndarray) -> np.ndarray:
    """Red-cell flow (m,) in m³/s of every segment, with the shares that the present ``haematocrit`` (m,) gives.

    ``inlet`` (n,) is the haematocrit of the blood that comes in at the inlets.
    """
    n, m = len(network.nodes), len(ways.flow)
    moving = ~ways.still
    flow = np.where(moving, ways.flow, 0.0)
    passing = np.bincount(ways.from_, flow, minlength=n)
    share = np.divide(flow, passing[ways.from_], out=np.zeros(m), where=passing[ways.from_] > 0)
    square = (2 * network.radius) ** 2
    brought, cells, feeding = (
        np.bincount(ways.to, flow * x, minlength=n) for x in (1.0, haematocrit, square)
    )
    fed = (brought > 0)[ways.from_] & moving & (share < 1)
    node = ways.from_[fed]
    leaving = np.bincount(ways.from_, flow * square, minlength=n)
    others = (leaving[node] - flow[fed] * square[fed]) / (passing[node] - flow[fed])
    share[fed] = red_cell_share(
        share[fed],
        diameter=np.sqrt(square[fed]),
        other=np.sqrt(np.maximum(others, square.min())),
        feeding=np.sqrt(feeding[node] / brought[node]),
        haematocrit=np.clip(cells[node] / brought[node], 0.0, 1.0),
    )
    total = np.bincount(ways.from_, share, minlength=n)
    share = np.divide(share, total[ways.from_], out=np.zeros(m), where=moving)
    return share * _through_nodes(ways, share, passing, inlet)[ways.from_]


def _through_nodes(ways: Ways, share: np.ndarray, passing: np.ndarray, inlet: np.ndarray) -> np.ndarray:
    """Red-cell flow through every node: what segments bring, or at an inlet what comes in."""
    from scipy.sparse import coo_array, eye_array
    from scipy.sparse.linalg import splu

    n = len(passing)
    source = np.zeros(n)
    source[ways.inlets] = passing[ways.inlets] * inlet[ways.inlets]
    place = np.empty(n, int)
    place[ways.order] = np.arange(n)
    moving = ~ways.still
    carry = coo_array((share[moving], (place[ways.to[moving]], place[ways.from_[moving]])), shape=(n, n))
    lower = (eye_array(n) - carry).tocsc()  # triangular in this order, so its factor is itself
    options = {"Equil": False, "SymmetricMode": True}
    solved = splu(lower, permc_spec="NATURAL", diag_pivot_thresh=0.0, options=options).solve(
        source[ways.order]
    )
    return solved[place]


def cell_imbalance(network: Network) -> float:
    """Largest difference of red cells that come and go at a node inside, over all that enter the network."""
    assert network.haematocrit is not None and network.flow is not None
    cells = network.haematocrit * network.flow
    a, b = network.segments.T
    n = len(network.nodes)
    net = np.bincount(b, cells, minlength=n) - np.bincount(a, cells, minlength=n)
    gates = network.degree == 1
    entering = np.maximum(-net[gates], 0).sum()
    if not entering > 0:
        raise NumericsError("blood flow: no red cells enter the network")
    return float(np.abs(net[~gates]).max(initial=0.0) / entering)
