"""The steady balance of an agent at a constant plasma concentration, solved at once instead of marched to.

::

    ∇·(f u C − εD∇C) + (b + φ_L + ε(k_up + λ)) C = a C_p

with a, b of Patlak exchange (operators.wall_exchange_rates). Faces are exponentially fitted (Scharfetter, Gummel 1969,
IEEE Trans Electron Devices 16:64, 10.1109/T-ED.1969.16566; physics.md I.1): per voxel volume

    F = g [B(−Pe) C_low − B(Pe) C_high],   Pe = r/g,   B(x) = x/(eˣ − 1)

with g = harmonic(εD)/h² and r = f u/h, 1/s, as the transient transport has them: exact for steady flow through a
uniform medium in one dimension, upwind where the fluid dominates. So the matrix is an M-matrix, which makes C ≥ 0.
It is solved by GMRES under a multigrid cycle (transport.fitted_multigrid), on the host in float64: 5 to 11 cycles
from 16³ to 96³ voxels, for Doxil at a cell Péclet number of 300 as for free doxorubicin; 0.5 kB per voxel [C].
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.numpy import NumpyDevice
from tumorsim.device.twin import Device
from tumorsim.errors import NumericsError
from tumorsim.grid import Grid
from tumorsim.operators.wall_exchange_rates import wall_exchange_rates
from tumorsim.transport.faces import make_faces
from tumorsim.transport.fitted_multigrid import FittedMedium, Multigrid
from tumorsim.transport.stepper import FlowFields, TransportProperties, on_grid

RESIDUAL = 1e-10
"""Largest true relative residual ‖s − A C‖/‖s‖ [D]."""
CLOSURE = 1e-9
"""Largest imbalance of the rates, relative to all that enters [D]."""
PASSES, RESTART, CYCLES = 6, 20, 10
"""At most: refinements of the solution, and in each so many restarts of GMRES after so many cycles [D]."""

RATE_NAMES = {
    "entered_rate": "from plasma into tissue per second, gross",
    "extravasated_rate": "from plasma into tissue per second, net",
    "lymph_rate": "drained by lymphatics per second",
    "boundary_rate": "leaving through the faces of the box per second, net",
    "uptake_rate": "taken up by cells per second",
    "decayed_rate": "decaying in the tissue per second",
    "imbalance_rate": "extravasated less lymph, boundary, uptake and decay, per second",
}
"""What the ledger of a steady state holds, amount/s."""


@dataclass(frozen=True, eq=False)
class SteadyState:
    """``concentration`` C in the available fluid and ``free`` N = εC (nz, ny, nx), amount/m³; ``rates`` in amount/s.

    ``residual`` is ‖s − A C‖/‖s‖ after ``iterations`` multigrid cycles.
    """

    concentration: np.ndarray
    free: np.ndarray
    rates: dict[str, float]
    residual: float
    iterations: int


def solve_steady(
    device: Device,
    grid: Grid,
    *,
    flow: FlowFields,
    properties: TransportProperties,
    boundaries: Boundaries,
    plasma_concentration: float,
) -> SteadyState:
    """The steady state under ``plasma_concentration`` C_p, amount/m³; faces of the box as in the Stepper.

    Raises NumericsError where there is none (binding, or agent that finds no way out), when the solver stalls, or
    when the rates do not balance.
    """
    _refuse_binding(properties)
    balance = SteadyBalance(device, grid, flow=flow, properties=properties, boundaries=boundaries)
    balance.require_a_way_out()
    source = balance.source(plasma_concentration)
    concentration, residual, iterations = solve(balance.medium, source)
    rates = balance.rates(concentration, plasma_concentration)
    check_balance(rates, entering=float(source.sum()) * grid.voxel_volume)
    return SteadyState(concentration, balance.epsilon * concentration, rates, residual, iterations)


class SteadyBalance:
    """The coefficients of the balance, per voxel volume, 1/s, float64 on the host."""

    def __init__(
        self,
        device: Device,
        grid: Grid,
        *,
        flow: FlowFields,
        properties: TransportProperties,
        boundaries: Boundaries,
    ):
        def fluid(array: Any) -> np.ndarray:
            return device.download(array).astype(np.float64)

        self.grid = grid
        self.epsilon = on_grid(properties.available_fraction, grid)
        self.outside = boundaries.outside
        coefficient, retardation = (
            self.epsilon * properties.diffusivity,
            on_grid(properties.retardation, grid),
        )
        faces = make_faces(
            NumpyDevice(),
            grid,
            coefficient=coefficient,
            velocity=(fluid(flow.velocity[0]), fluid(flow.velocity[1]), fluid(flow.velocity[2])),
            retardation=retardation,
            boundaries=boundaries,
            real=np.dtype(np.float64),
        )
        self.gain, returned = (np.empty(grid.shape) for _ in range(2))
        wall_exchange_rates.body(
            self.gain,
            returned,
            on_grid(properties.wall_permeability_density, grid),
            on_grid(properties.wall_reflection, grid),
            fluid(flow.filtration),
        )
        uptake = self.epsilon * on_grid(properties.uptake_rate, grid)
        if properties.macrophages is not None:
            uptake = uptake + properties.macrophages.most_capture
        self.losses: Mapping[str, np.ndarray] = {
            "returned": returned,
            "lymph": fluid(flow.lymph_drainage),
            "uptake": uptake,
            "decayed": self.epsilon * properties.kinetics.decay,
        }
        self.medium = FittedMedium(
            faces.conductance[::-1], faces.rate[::-1], sum(self.losses.values(), np.zeros(grid.shape))
        )

    def source(self, plasma: float) -> np.ndarray:
        """a C_p and what comes in through the faces of the box, amount per voxel volume and second."""
        source = self.gain * plasma
        for face, (end, _, inward) in enumerate(self.medium.ends()):
            source[end] += inward * self.outside[face]
        return source

    def require_a_way_out(self) -> None:
        """Raise NumericsError where agent that is in a voxel can never leave the tissue."""
        trapped = self.medium.trapped()
        if trapped.any():
            z, y, x = (int(k) for k in np.unravel_index(int(trapped.argmax()), trapped.shape))
            raise NumericsError(
                f"there is no steady state: from {int(trapped.sum())} of {trapped.size} voxels, first x={x} y={y} "
                f"z={z}, nothing takes the agent away (no way back into vessels, no lymph, uptake, decay or open "
                "face), so it would rise for ever. Give the tissue a loss, open a face "
                '(transport.boundary = "open"), or march with run.mode = "transient"'
            )

    def rates(self, concentration: np.ndarray, plasma: float) -> dict[str, float]:
        """Every rate of RATE_NAMES, amount/s, from the fluxes that the matrix is made of."""
        volume = self.grid.voxel_volume
        lost = {name: float((loss * concentration).sum()) * volume for name, loss in self.losses.items()}
        entered = float((self.gain * plasma).sum()) * volume
        boundary = sum(
            float((outward * concentration[end] - inward * self.outside[face]).sum()) * volume
            for face, (end, outward, inward) in enumerate(self.medium.ends())
        )
        extravasated = entered - lost["returned"]
        left = lost["lymph"] + boundary + lost["uptake"] + lost["decayed"]
        return {
            "entered_rate": entered,
            "extravasated_rate": extravasated,
            "lymph_rate": lost["lymph"],
            "boundary_rate": boundary,
            "uptake_rate": lost["uptake"],
            "decayed_rate": lost["decayed"],
            "imbalance_rate": extravasated - left,
        }


def solve(medium: FittedMedium, source: np.ndarray) -> tuple[np.ndarray, float, int]:
    """C ≥ 0 of A C = s, its true relative residual, and the cycles it took; NumericsError above RESIDUAL.

    GMRES is refined by what is left of s, so that its own rounding does not count; each time C is kept from falling
    below zero, where only the error of the solver can take it.
    """
    from scipy.sparse.linalg import LinearOperator, gmres

    size = float(np.linalg.norm(source))
    c = np.zeros(source.size)
    if size == 0:
        return c.reshape(source.shape), 0.0, 0
    multigrid = Multigrid(medium)
    matrix, cycle = (
        LinearOperator((c.size, c.size), matvec=apply, dtype=np.float64)
        for apply in (multigrid.product, multigrid.cycle)
    )
    left, residual, cycles = source.ravel(), 1.0, [0]

    def count(_: float) -> None:
        cycles[0] += 1

    for _ in range(PASSES):
        tolerance = max(1e-8, 0.1 * RESIDUAL / residual)
        change, _ = gmres(
            matrix, left, rtol=tolerance, restart=RESTART, maxiter=CYCLES, M=cycle,
            callback=count, callback_type="pr_norm",
        )  # fmt: skip
        c = np.maximum(c + change, 0)
        left = source.ravel() - multigrid.product(c)
        residual = float(np.linalg.norm(left)) / size
        if residual <= 0.1 * RESIDUAL:
            break
    if not residual <= RESIDUAL:
        raise NumericsError(
            f"the steady balance was not solved: relative residual {residual:.1e} after {cycles[0]} multigrid cycles, "
            f'{RESIDUAL:.0e} asked. Where losses are very slow beside diffusion, march with run.mode = "transient"'
        )
    return c.reshape(source.shape), residual, cycles[0]


def check_balance(rates: Mapping[str, float], *, entering: float) -> None:
    """Raise NumericsError unless what enters is what leaves, to CLOSURE of all that is ``entering``, amount/s."""
    if not abs(rates["imbalance_rate"]) <= CLOSURE * entering:
        table = "\n".join(f"  {name:<18} {value: .9e}  {RATE_NAMES[name]}" for name, value in rates.items())
        raise NumericsError(f"the steady rates do not balance to {CLOSURE:.0e} of what enters\n{table}")


def _refuse_binding(properties: TransportProperties) -> None:
    if properties.kinetics.binding_on > 0 and np.any(properties.binding_sites):
        raise NumericsError(
            "binding fills its sites and is not linear, so the steady balance cannot be solved at once. "
            'Set binding_sites = "0 uM", or march with run.mode = "transient"'
        )
