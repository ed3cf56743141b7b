"""What happens to the agent within a voxel: binding, uptake by macrophages, internalisation, degradation, decay."""

from dataclasses import dataclass
from math import inf

import numpy as np

from tumorsim.device.twin import Array, Device
from tumorsim.operators.bind import bind
from tumorsim.operators.internalise import internalise

_Pools = tuple[Array, Array | None, Array | None, Array | None]
"""C of the free agent; what is bound, internalised and in macrophages."""


@dataclass(frozen=True)
class Kinetics:
    """Rates that are the same in every voxel, 1/s; ``binding_on`` in m³/(amount s)."""

    binding_on: float = 0.0
    binding_off: float = 0.0
    internalisation: float = 0.0
    degradation: float = 0.0
    decay: float = 0.0


@dataclass(frozen=True, eq=False)
class Macrophages:
    """Cells that take free agent up for themselves: ``dM/dt = ρ k C (1 − M/(ρ m)) − (k_deg + λ) M``, per tissue volume.

    ``density`` ρ, 1/m³ (a map); ``clearance`` k, the available fluid that a cell rids of agent, m³/s; ``capacity`` m,
    amount a cell, or None for one that never fills; ``degradation`` k_deg, 1/s.
    """

    density: np.ndarray | float
    clearance: float
    capacity: float | None = None
    degradation: float = 0.0

    @property
    def most_capture(self) -> np.ndarray:
        """ρ k, 1/s on C."""
        return np.asarray(self.density * self.clearance)


class Reactions:
    """Reversible binding of free agent, internalisation of the bound, degradation in cells, and decay of all.

    ``macrophages`` fill as irreversible sites do: there are ρ m of them, bound at k/m.

    ``binding_sites`` B_max (amount/m³ of tissue) and ``available_fraction`` ε are host maps, ``epsilon`` is the latter
    on the device. ``capture_time`` is how long free agent stays free where it goes fastest, 1/max(k_on B_max/ε) or
    1/max(ρ k/ε), s.
    """

    def __init__(
        self,
        device: Device,
        *,
        binding_sites: np.ndarray,
        available_fraction: np.ndarray,
        epsilon: Array,
        kinetics: Kinetics,
        macrophages: Macrophages | None = None,
    ):
        self._device = device
        self._kinetics = k = kinetics
        self._epsilon = epsilon
        fastest = float(np.max(k.binding_on * binding_sites / available_fraction))
        self.binds = fastest > 0
        self._sites = device.upload(binding_sites, epsilon.dtype) if self.binds else None
        self._parts = [self._bind, self._internalise]
        self._macrophages = macrophages
        if macrophages is not None:
            fastest = max(fastest, float(np.max(macrophages.most_capture / available_fraction)))
            room = np.broadcast_to(macrophages.density * (macrophages.capacity or 1.0), binding_sites.shape)
            self._room = device.upload(room, epsilon.dtype)
            self._parts = [self._bind, self._fill, self._internalise, self._empty]
        self.capture_time = 1 / fastest if fastest > 0 else inf

    def advance(
        self,
        concentration: Array,
        bound: Array | None,
        internalised: Array | None,
        in_macrophages: Array | None,
        dt: float,
        *,
        booked: Array,
        backwards: bool = False,
        seed: int = 0,
    ) -> None:
        """Take the pools over ``dt``, in place; what decayed and was degraded is added to ``booked`` (2 terms per row).

        Binding comes first, or last if ``backwards``: a step that is not its own mirror image is of first order.
        """
        pools = concentration, bound, internalised, in_macrophages
        for k, part in enumerate(reversed(self._parts) if backwards else self._parts):
            part(pools, dt, booked, seed + 2 * k if k < 2 else seed + 40 + 2 * k)

    def _bind(self, pools: _Pools, dt: float, booked: Array, seed: int) -> None:
        if not self.binds:
            return
        k, (c, bound, _, _) = self._kinetics, pools
        rates = {"binding_on": k.binding_on, "binding_off": k.binding_off, "limited": True}
        bind(self._device, c, bound, self._sites, self._epsilon, **rates, dt=dt, seed=seed)

    def _fill(self, pools: _Pools, dt: float, booked: Array, seed: int) -> None:
        m = self._macrophages
        assert m is not None
        limited = m.capacity is not None
        rates = {"binding_on": m.clearance / (m.capacity or 1.0), "binding_off": 0.0, "limited": limited}
        bind(self._device, pools[0], pools[3], self._room, self._epsilon, **rates, dt=dt, seed=seed)

    def _empty(self, pools: _Pools, dt: float, booked: Array, seed: int) -> None:
        assert self._macrophages is not None
        degradation, decay = self._macrophages.degradation, self._kinetics.decay
        if degradation + decay > 0:
            rates = {"internalisation": 0.0, "degradation": degradation, "decay": decay}
            internalise(self._device, None, None, pools[3], booked, self._epsilon, **rates, dt=dt, seed=seed)

    def _internalise(self, pools: _Pools, dt: float, booked: Array, seed: int) -> None:
        k, (c, bound, cells, _) = self._kinetics, pools
        held = bound is not None or cells is not None
        if k.decay == 0 and not (held and k.internalisation + k.degradation > 0):
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
