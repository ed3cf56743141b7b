"""What happens to the agent within a voxel: binding, uptake by cells, internalisation, degradation, decay."""

from dataclasses import dataclass
from math import inf

import numpy as np

from tumorsim.device.twin import Array, Device
from tumorsim.operators.bind import bind
from tumorsim.operators.internalise import internalise


@dataclass(frozen=True)
class Kinetics:
    """Rates that are the same in every voxel, 1/s; ``binding_on`` in m³/(amount s)."""

    binding_on: float = 0.0
    binding_off: float = 0.0
    internalisation: float = 0.0
    degradation: float = 0.0
    decay: float = 0.0


class Reactions:
    """Reversible binding of free agent; uptake of free and internalisation of bound agent; degradation and decay.

    ``binding_sites`` B_max (amount/m³ of tissue), ``uptake_rate`` (1/s on N) and ``available_fraction`` ε are host
    maps, ``epsilon`` is the latter on the device. ``capture_time`` is how long free agent stays free where it goes fastest,
    ``1/max(k_on B_max/ε + k_up)``, s.
    """

    def __init__(
        self,
        device: Device,
        *,
        binding_sites: np.ndarray,
        uptake_rate: np.ndarray,
        available_fraction: np.ndarray,
        epsilon: Array,
        kinetics: Kinetics,
    ):
        self._device = device
        self._kinetics = k = kinetics
        self._epsilon = epsilon
        self.binds = k.binding_on > 0 and bool(binding_sites.any())
        takes_up = bool(uptake_rate.any())
        self.keeps_cells = takes_up or k.internalisation > 0
        captured = uptake_rate + (k.binding_on * binding_sites / available_fraction if self.binds else 0.0)
        fastest = float(np.max(captured))
        self.capture_time = 1 / fastest if fastest > 0 else inf
        self._loses_free = takes_up or k.decay > 0
        self._loses_pools = k.internalisation + k.degradation + k.decay > 0
        self._sites = device.upload(binding_sites, epsilon.dtype) if self.binds else None
        self._uptake = device.upload(uptake_rate, epsilon.dtype) if takes_up else None

    def advance(
        self,
        concentration: Array,
        bound: Array | None,
        internalised: Array | None,
        dt: float,
        *,
        booked: Array,
        backwards: bool = False,
        seed: int = 0,
    ) -> None:
        """Take the pools over ``dt``, in place; what decayed and was degraded is added to ``booked`` (2 terms per row).

        Binding comes first, or last if ``backwards``: a step that is not its own mirror image is of first order.
        """
        parts = [self._bind, self._internalise]
        for k, part in enumerate(reversed(parts) if backwards else parts):
            part(concentration, bound, internalised, dt, booked, seed + 2 * k)

    def _bind(
        self, c: Array, bound: Array | None, cells: Array | None, dt: float, booked: Array, seed: int
    ) -> None:
        if not self.binds:
            return
        k = self._kinetics
        rates = {"binding_on": k.binding_on, "binding_off": k.binding_off}
        bind(self._device, c, bound, self._sites, self._epsilon, **rates, dt=dt, seed=seed)

    def _internalise(
        self, c: Array, bound: Array | None, cells: Array | None, dt: float, booked: Array, seed: int
    ) -> None:
        pools = bound is not None or cells is not None
        if not self._loses_free and not (pools and self._loses_pools):
            return
        k = self._kinetics
        free = (c, self._epsilon) if self._loses_free else (None, None)
        internalise(
            self._device,
            free[0],
            bound,
            cells,
            booked,
            self._uptake,
            free[1],
            internalisation=k.internalisation,
            degradation=k.degradation,
            decay=k.decay,
            dt=dt,
            seed=seed,
        )
