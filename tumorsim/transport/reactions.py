"""What happens to the agent within a voxel: exchange with plasma and lymph, uptake, binding, decay."""

from dataclasses import dataclass
from math import inf

import numpy as np

from tumorsim.device.twin import Array, Device
from tumorsim.grid import Grid
from tumorsim.operators import exchange as exchange_module
from tumorsim.operators.bind import bind
from tumorsim.operators.exchange import exchange
from tumorsim.operators.exchange_factors import exchange_factors
from tumorsim.operators.internalise import internalise
from tumorsim.operators.wall_exchange_rates import wall_exchange_rates


@dataclass(frozen=True)
class Kinetics:
    """Rates that are the same in every voxel, 1/s; ``binding_on`` in m³/(amount s)."""

    binding_on: float = 0.0
    binding_off: float = 0.0
    internalisation: float = 0.0
    degradation: float = 0.0
    decay: float = 0.0


class Exchange:
    """Exchange of free agent with plasma and lymph, cellular uptake and decay; exact for a constant plasma.

    Coefficients are P S/V in 1/s, σ and uptake in 1/s on N, host maps; φ_v and φ_L in 1/s and ``epsilon`` = ε, on
    the device in the precision of the state.
    """

    def __init__(
        self,
        device: Device,
        grid: Grid,
        *,
        permeability_density: np.ndarray,
        reflection: np.ndarray,
        filtration: Array,
        lymph_drainage: Array,
        uptake_rate: np.ndarray,
        epsilon: Array,
        decay: float,
    ):
        real = epsilon.dtype
        self._device = device
        self._decay = decay
        self._extravasation, self._reabsorption = (
            device.empty(grid.shape, real),
            device.empty(grid.shape, real),
        )
        wall_exchange_rates(
            device,
            self._extravasation,
            self._reabsorption,
            device.upload(permeability_density, real),
            device.upload(reflection, real),
            filtration,
        )
        self._losses = (
            lymph_drainage if device.maximum(lymph_drainage) > 0 else None,
            device.upload(uptake_rate, real) if uptake_rate.any() else None,
            epsilon,
        )
        self.shortest_time = self._shortest_time()
        self._factors = device.empty(grid.shape, real), device.empty(grid.shape, real)
        self._factors_for = -1.0
        self._booked = device.empty((len(exchange_module.TERMS), *grid.shape[:2]), np.float64)
        self._voxel_volume = grid.voxel_volume

    def _shortest_time(self) -> float:
        """1/k of the voxel that loses its agent fastest, ``k = (b + φ_L)/ε + uptake + decay``, s; or infinite."""
        lymph, uptake, epsilon = self._losses
        drained = self._reabsorption if lymph is None else self._reabsorption + lymph
        k = drained / epsilon if uptake is None else drained / epsilon + uptake
        fastest = self._device.maximum(k) + self._decay
        return 1 / fastest if fastest > 0 else inf

    def advance(
        self, concentration: Array, internalised: Array | None, *, plasma: float, dt: float, seed: int = 0
    ) -> dict[str, float]:
        """Take C over ``dt``, in place, at the mean plasma concentration; returns the amounts of TERMS."""
        rates = self._extravasation, self._reabsorption, *self._losses
        if dt != self._factors_for:
            exchange_factors(self._device, *self._factors, *rates, decay=self._decay, dt=dt)
            self._factors_for = dt
        exchange(
            self._device,
            concentration,
            internalised,
            self._booked,
            *self._factors,
            *rates,
            plasma=plasma,
            decay=self._decay,
            dt=dt,
            seed=seed,
        )
        sums = np.asarray(self._device.sum(self._booked, axis=(1, 2))) * self._voxel_volume
        return dict(zip(exchange_module.TERMS, map(float, sums), strict=True))


class Binding:
    """Reversible binding of free agent, internalisation of the bound, degradation and decay of both pools."""

    def __init__(
        self,
        device: Device,
        grid: Grid,
        *,
        binding_sites: np.ndarray,
        epsilon: Array,
        kinetics: Kinetics,
    ):
        self._device = device
        self._kinetics = kinetics
        self.binds = kinetics.binding_on > 0 and bool(binding_sites.any())
        self.changes_cells = kinetics.internalisation + kinetics.degradation + kinetics.decay > 0
        if self.binds:
            self._sites = device.upload(binding_sites, epsilon.dtype)
            self._epsilon = epsilon
        self._booked = device.empty((2, *grid.shape[:2]), np.float64)
        self._voxel_volume = grid.voxel_volume

    def advance(
        self,
        concentration: Array,
        bound: Array | None,
        internalised: Array | None,
        dt: float,
        *,
        backwards: bool = False,
        seed: int = 0,
    ) -> tuple[float, float]:
        """Take the pools over ``dt``, in place; returns the amounts decayed and degraded.

        Binding comes before internalisation, or ``backwards``.
        """
        if backwards:
            lost = self._internalise(bound, internalised, dt, seed)
            self._bind(concentration, bound, dt, seed + 1)
            return lost
        self._bind(concentration, bound, dt, seed)
        return self._internalise(bound, internalised, dt, seed + 1)

    def _bind(self, concentration: Array, bound: Array | None, dt: float, seed: int) -> None:
        if not self.binds:
            return
        bind(
            self._device,
            concentration,
            bound,
            self._sites,
            self._epsilon,
            binding_on=self._kinetics.binding_on,
            binding_off=self._kinetics.binding_off,
            dt=dt,
            seed=seed,
        )

    def _internalise(
        self, bound: Array | None, internalised: Array | None, dt: float, seed: int
    ) -> tuple[float, float]:
        k = self._kinetics
        if not self.changes_cells or (bound is None and internalised is None):
            return 0.0, 0.0
        internalise(
            self._device,
            bound,
            internalised,
            self._booked,
            internalisation=k.internalisation,
            degradation=k.degradation,
            decay=k.decay,
            dt=dt,
            seed=seed,
        )
        decayed, degraded = np.asarray(self._device.sum(self._booked, axis=(1, 2))) * self._voxel_volume
        return float(decayed), float(degraded)
