"""What happens to the agent within a voxel: binding, internalisation, degradation, decay."""

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
    """Reversible binding of free agent, internalisation of the bound, degradation in cells, and decay of all.

    ``binding_sites`` B_max (amount/m³ of tissue) and ``available_fraction`` ε are host maps, ``epsilon`` is the latter
    on the device. ``capture_time`` is how long free agent stays free where it goes fastest, ``1/max(k_on B_max/ε)``, s.
    """

    def __init__(
        self,
        device: Device,
        *,
        binding_sites: np.ndarray,
        available_fraction: np.ndarray,
        epsilon: Array,
        kinetics: Kinetics,
    ):
        self._device = device
        self._kinetics = k = kinetics
        self._epsilon = epsilon
        fastest = float(np.max(k.binding_on * binding_sites / available_fraction))
        self.binds = fastest > 0
        self.capture_time = 1 / fastest if self.binds else inf
        self._sites = device.upload(binding_sites, epsilon.dtype) if self.binds else None

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
        k = self._kinetics
        pools = bound is not None or cells is not None
        if k.decay == 0 and not (pools and k.internalisation + k.degradation > 0):
            return
        internalise(
            self._device,
            c if k.decay > 0 else None,
            bound,
            cells,
            booked,
            self._epsilon,
            internalisation=k.internalisation,
            degradation=k.degradation,
            decay=k.decay,
            dt=dt,
            seed=seed,
        )
