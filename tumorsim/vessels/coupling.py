"""A resolved network and its tissue: what the walls exchange in every voxel, and pressures that agree on both sides.

Every piece k of a segment in a voxel has a conductance for fluid G_k = Lp_k A_k and one for the agent, P_k A_k. A voxel
has their sums, and with them the vessel pressure Σ G_k p(s_k)/Σ G_k, so that what leaves the vessels is to rounding
what enters the tissue. The pressure of a voxel is not that at the wall of a vessel thinner than it: between the two is
the resistance ln(r_e/R)/(2πK) per length, and likewise with εD for the agent (physics.md F.4; Peaceman 1978,
doi 10.2118/6893-PA [M]).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tumorsim.errors import NumericsError
from tumorsim.grid import Grid
from tumorsim.vessels.blood_flow import BloodPressure
from tumorsim.vessels.network import Network
from tumorsim.vessels.open_ends import Blood, conductance
from tumorsim.vessels.poiseuille import Leak, drop
from tumorsim.vessels.rasterise import Pieces, piece_pressure
from tumorsim.vessels.wall import WallCoefficients

EQUIVALENT_RADIUS = np.exp(-np.euler_gamma) / (2 * np.sqrt(2))
"""r_e/h = 0.1985 [C]: distance at which the field of a line source has the value of the voxel it runs through."""
MOST_GAIN = 2.0
"""[D]: of a wall by the well correction; beyond, the voxel is too coarse for it."""
FIRST_ACCURACY, AHEAD = 1e-4, 1e-2
"""[D]: relative residual to which the tissue is solved at first, and then over the mismatch of the round before."""
MOST_ROUNDS = 50
"""[D]: of blood and tissue, each solved with the other's pressure; about five are the rule."""
DEPTH = 8
"""[D]: earlier rounds that the next one's first guess is combined from."""


@dataclass(frozen=True, eq=False)
class PieceWalls:
    """The wall of every piece (k,): its area in m², Lp in m/(Pa s), P in m/s and σ."""

    area: np.ndarray
    wall: WallCoefficients


@dataclass(frozen=True, eq=False)
class VoxelWalls:
    """In every voxel (nz, ny, nx): wall area per tissue volume, 1/m, and Lp, P, σ and pressure of the wall there.

    Lp and P are means by area, σ and the pressure, Pa, by Lp × area. Voxels without a vessel have Lp = P = 0.
    """

    area_density: np.ndarray
    wall: WallCoefficients
    pressure: np.ndarray


def well_factor(
    conductance: np.ndarray,
    *,
    radius: np.ndarray,
    spacing: float,
    mobility: np.ndarray,
    around: np.ndarray | float = 0.0,
) -> np.ndarray:
    """What a wall's ``conductance`` (Lp or P) becomes between a vessel and its voxel: 1/(1 + c R ln(r_e/R)/m).

    ``mobility`` m is K or εD of the tissue; ``spacing`` h of cubic voxels (else the geometric mean, and for oblique
    vessels, this is an approximation). It is more than the conductance where R > r_e: the voxel of such a vessel
    stands for a place inside it, beyond its wall; at most ``MOST_GAIN`` times. A vessel whose pieces lie ``around``
    its axis, at that radius, has the larger of it and r_e in place of r_e.
    """
    depth = np.log(np.maximum(EQUIVALENT_RADIUS * spacing, around) / radius)
    return 1 / np.maximum(1 + conductance * radius * depth / mobility, 1 / MOST_GAIN)


def voxel_walls(
    pieces: Pieces, walls: PieceWalls, network: Network, grid: Grid, *, other: VoxelWalls | None = None
) -> VoxelWalls:
    """The pieces added up per voxel, beside the ``other`` vessels there: those that no image resolves."""

    def total(amount: np.ndarray) -> np.ndarray:
        return (
            np.bincount(pieces.voxel, amount, minlength=grid.voxels).reshape(grid.shape) / grid.voxel_volume
        )

    conductivity, permeability, passing = _sums(walls.wall, walls.area)
    area, fluid = total(walls.area), total(conductivity)
    agent, carried = total(permeability), total(passing)
    pushed = total(conductivity * piece_pressure(pieces, network))
    if other is not None:
        sums = _sums(other.wall, other.area_density)
        area, fluid = area + other.area_density, fluid + sums[0]
        agent, carried, pushed = agent + sums[1], carried + sums[2], pushed + sums[0] * other.pressure

    def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
        return np.divide(part, whole, out=np.zeros(grid.shape), where=whole > 0)

    wall = WallCoefficients(ratio(fluid, area), ratio(agent, area), 1 - ratio(carried, fluid))
    return VoxelWalls(area, wall, ratio(pushed, fluid))


def _sums(wall: WallCoefficients, area: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lp A, P A, and what fluid carries of the agent, Lp (1 − σ) A."""
    fluid = np.asarray(wall.hydraulic_conductivity * area)
    return fluid, np.asarray(wall.permeability * area), fluid * (1 - np.asarray(wall.reflection_coefficient))


def unresolved(
    area_density: np.ndarray,
    *,
    wanted: np.ndarray,
    labels: np.ndarray,
    wall: WallCoefficients,
    pressure: np.ndarray,
) -> VoxelWalls:
    """The vessels that a network lacks: spread over each region so that its mean area density is the ``wanted`` one.

    ``area_density`` and ``wanted`` are (nz, ny, nx); where the network has more than the mean wanted, nothing is added.
    """
    names = np.unique(labels)
    found = np.array([area_density[labels == k].mean() for k in names])
    mean = np.array([wanted[labels == k].mean() for k in names])
    share = np.divide(np.maximum(mean - found, 0), mean, out=np.zeros(len(names)), where=mean > 0)
    return VoxelWalls(share[np.searchsorted(names, labels)] * wanted, wall, pressure)


@dataclass(frozen=True)
class Balance:
    """How two-way pressures agree, in m³/s, and how many rounds that took.

    Net fluid that left the vessels, and that entered the tissue as this counted it; ``exchanged``, what passes the
    walls one way or the other, and ``changed``, by how much the two sides differ there, both summed over the pieces.
    """

    out_of_vessels: float
    into_tissue: float
    exchanged: float
    changed: float
    rounds: int

    @property
    def mismatch(self) -> float:
        """The part of the exchange that blood and tissue count unlike, piece by piece."""
        return self.changed / max(self.exchanged, 1e-300)


def leak_of(pieces: Pieces, fluid: np.ndarray, opposing: np.ndarray, network: Network) -> Leak:
    """What the pieces let out: Σ_k G_k (p(s_k) − e_k) per segment, for G ``fluid`` and e ``opposing``, (k,) each."""
    m, s = len(network.segments), (pieces.start + pieces.end) / 2

    def total(amount: np.ndarray) -> np.ndarray:
        return np.bincount(pieces.segment, amount, minlength=m)

    return Leak(
        first=total(fluid * (1 - s) ** 2),
        cross=total(fluid * s * (1 - s)),
        last=total(fluid * s**2),
        drawn_first=total(fluid * (1 - s) * opposing),
        drawn_last=total(fluid * s * opposing),
    )


def two_way_pressure(
    network: Network,
    known: np.ndarray,
    pieces: Pieces,
    *,
    fluid: np.ndarray,
    oncotic: np.ndarray,
    tissue_pressure: Callable[[Network, float], np.ndarray],
    blood: Blood,
    tolerance: float = 1e-8,
) -> tuple[Network, Balance]:
    """The network with the pressures and flows that it has while its fluid leaks into the tissue.

    Blood: Σ_j g_ij (p_i − p_j) + Σ_k G_k (p(s_k) − e_k) = 0 at the nodes whose pressure is not ``known`` (n,), with
    e = p_tissue + ``oncotic``, σ(π_v − π_i) in every piece; tissue: ``tissue_pressure`` of a network gives p
    (nz, ny, nx). In turn until what left the vessels is what entered the tissue, in every piece, to ``tolerance``
    of all exchange, and the tissue is solved a hundred times as well.

    The haematocrit, and so the viscosity, stays what it is in ``network`` [D], though blood that loses plasma thickens.
    Of 10,000 generated segments with hot spots the conductances are thereby 0.3 % off on average over the flow in a
    box without outflow, 2.7 % where all its faces drain; in one segment of a hundred by more than 12 and 89 % [C].

    Raises NumericsError where the two do not agree in ``MOST_ROUNDS``.
    """
    cells = network.haematocrit if network.haematocrit is not None else blood.haematocrit
    g = conductance(
        network, haematocrit=cells, plasma_viscosity=blood.plasma_viscosity, viscosity=blood.viscosity
    )
    accuracy, tight = FIRST_ACCURACY, AHEAD * tolerance
    equations, balance = BloodPressure(network, known), None
    guesses: list[np.ndarray] = []
    answers: list[np.ndarray] = []
    for count in range(1, MOST_ROUNDS + 1):
        opposing = tissue_pressure(network, accuracy).ravel()[pieces.voxel] + oncotic
        leak = leak_of(pieces, fluid, opposing, network)
        found = equations.solve(g, leak)
        answer = replace(network, pressure=found, flow=g * drop(network, found))
        before, after = (piece_pressure(pieces, side) for side in (network, answer))
        balance = Balance(
            out_of_vessels=float(leak.loss(network, found).sum()),
            into_tissue=float((fluid * (before - opposing)).sum()),
            exchanged=float(np.abs(fluid * (before - opposing)).sum()),
            changed=float(np.abs(fluid * (after - before)).sum()),
            rounds=count,
        )
        if balance.mismatch <= tolerance and accuracy <= tight:
            return answer, balance
        accuracy = max(tight, min(accuracy, AHEAD * balance.mismatch))
        guess = np.zeros(len(known)) if network.pressure is None else network.pressure
        guesses, answers = [*guesses[-DEPTH:], guess], [*answers[-DEPTH:], found]
        network = replace(answer, pressure=_accelerated(guesses, answers))
    assert balance is not None
    raise NumericsError(
        f"blood and tissue do not agree after {MOST_ROUNDS} rounds: {balance.mismatch:.2g} of the filtration differs, "
        f"where {tolerance:.0e} is allowed. Raise vessels.two_way_tolerance, or check the conductivity of the walls"
    )


def _accelerated(guesses: list[np.ndarray], answers: list[np.ndarray]) -> np.ndarray:
    """The next guess x of x = F(x) from earlier ones and their F(x): their combination of least change.

    Anderson 1965, doi 10.1145/321296.321305 [M], by differences as in Walker & Ni 2011, doi 10.1137/10078356X [M].
    """
    change = [answer - guess for guess, answer in zip(guesses, answers, strict=True)]
    if len(change) == 1:
        return answers[-1]
    differences = np.stack([change[-1] - old for old in change[:-1]], axis=1)
    weights = np.linalg.lstsq(differences, change[-1], rcond=None)[0]
    return answers[-1] - np.stack([answers[-1] - old for old in answers[:-1]], axis=1) @ weights
