"""A carrier and the drug that it releases, as two species of one step (physics.md D.2, D.3).

The *carrier* stands for the drug inside carriers, with all its pools; what leaves the carriers becomes *drug*, which is
transported with coefficients of its own, and taken up by cells and given back::

    N_c:  transport, exchange and binding of the carrier − k N_c
    N_d:  transport and exchange of the drug + k (N_c + B_c) − κ N_d/ε + q I − λ N_d
    I:    κ N_d/ε − q I + k_in I_c − λ I

A step releases for half of it, steps the carrier, releases for the other half, and then steps the drug with what was
released as a steady source: of second order, since the carrier knows nothing of the drug. Uptake, which takes seconds,
is part of the linear stages however long the step. The rates κ and q are those of the start of a step, which is at most
CELL_STEP of the fastest 1/q: 0.1 % off for drug in cells and 3 % for what is free [C], by Doxil in the quickstart.

The daughter of a radionuclide is such a drug, too, where it leaves its carrier by recoil: k is then the decay of the
carrier, in all its pools, and the daughter decays at its own λ. All amounts are atoms, in one unit: a Bq of daughter is
as many atoms as a Bq of the parent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Protocol

import numpy as np

from tumorsim.agents.payload import ReleaseRates
from tumorsim.device.twin import Array, Device
from tumorsim.grid import Grid
from tumorsim.operators.cell_exchange import cell_exchange
from tumorsim.operators.collect import collect
from tumorsim.operators.interchange import interchange
from tumorsim.operators.internalise import internalise
from tumorsim.operators.release import release
from tumorsim.transport.linear import Drive
from tumorsim.transport.stepper import Plasma, State, Stepper, TissueAlone

CELL_STEP = 0.25
"""Longest step in the time after which a cell would have given its drug back [D]."""
DECAY_STEP = 0.25
"""Longest step in the mean life of a drug that decays [D]: what is in balance with its decay is then 0.26 % off [C]."""


class Release(Protocol):
    """How carriers release their drug; ``place_rate`` and ``triggered_rate`` are maps in 1/s, or None."""

    @property
    def place_rate(self) -> np.ndarray | None: ...
    @property
    def triggered_rate(self) -> np.ndarray | None: ...
    def rates(self, start: float, end: float) -> ReleaseRates: ...


@dataclass(frozen=True)
class Cells:
    """Saturable uptake and efflux (El-Kareh and Secomb 2000), amounts in the unit of the dose.

    ``density`` ρ, 1/m³ (a map); ``fastest`` V_max, amount/s a cell; ``half_outside`` K_e, amount/m³ of extracellular
    fluid; ``half_inside`` K_i, amount a cell; ``efflux``, 1/s; ``free_fraction``, the part of the drug outside that is
    not on albumin, in equilibrium; ``dna_on`` and ``dna_off``, 1/s, between what is free in a cell and on its DNA.
    """

    density: np.ndarray
    fastest: float
    half_outside: float
    half_inside: float
    efflux: float = 0.0
    free_fraction: float = 1.0
    dna_on: float = 0.0
    dna_off: float = 0.0

    @property
    def constants(self) -> dict[str, float]:
        names = ("fastest", "half_outside", "half_inside", "efflux", "free_fraction")
        return {name: getattr(self, name) for name in names}

    @property
    def most_capture(self) -> np.ndarray:
        """The highest κ, 1/s, that of empty fluid: f ρV/K_e."""
        return self.free_fraction * self.density * self.fastest / self.half_outside

    @property
    def retention_time(self) -> float:
        """1/(V/K_i + p), s: how soon an all but empty cell gives drug back."""
        return 1 / (self.fastest / self.half_inside + self.efflux)


@dataclass(frozen=True)
class PayloadPlasma:
    """The curves of the drug in carriers and of the free drug, in plasma."""

    carrier: Plasma
    drug: Plasma


class PayloadStepper(TissueAlone):
    """Steps a carrier and its drug; used like a `Stepper`.

    ``local_source`` is a map of what vessels give besides, 1/s on the plasma concentration of the carrier: drug that is
    released while the blood passes a triggered voxel. What carriers release in macrophages goes back to the
    interstitium, unless these keep it (``macrophages_keep``). ``lasting_uptake`` is a map of κ₀, 1/s, at which cells
    take drug up besides and keep it.
    """

    def __init__(
        self,
        carrier: Stepper,
        drug: Stepper,
        *,
        release: Release,
        cells: Cells | None = None,
        local_source: np.ndarray | None = None,
        macrophages_keep: bool = False,
        lasting_uptake: np.ndarray | None = None,
    ):
        self.carrier, self.drug, self._release, self._cells = carrier, drug, release, cells
        self.device: Device = carrier.device
        self.grid: Grid = carrier.grid
        upload, real, shape = self.device.upload, carrier.real, self.grid.shape
        self._density = upload(cells.density, real) if cells else None
        self._constants = cells.constants if cells else _NO_CELLS
        self._dna = {"on": cells.dna_on, "off": cells.dna_off} if cells and cells.dna_on > 0 else {}
        maps = release.place_rate, release.triggered_rate
        self._place, self._trigger = (None if rate is None else upload(rate, real) for rate in maps)
        self._local = None if local_source is None else upload(local_source, real)
        self._lasting = None if lasting_uptake is None else upload(lasting_uptake, real)
        self._local_rows = (
            None if self._local is None else self.device.sum(self._local.astype(np.float64), axis=2)
        )
        self._released, self._released_in_cells, source = (self.device.empty(shape, real) for _ in range(3))
        self._kept = self.device.empty(shape, real) if macrophages_keep else None
        own = drug.drive or Drive(*(self.device.empty(shape, real) for _ in range(2)))
        self._drive = replace(own, source=source)
        retained = CELL_STEP * cells.retention_time if cells else inf
        self.limits = {
            **carrier.limits,
            **{f"drug {name}": limit for name, limit in drug.limits.items() if name != "max_step"},
            "drug in cells": retained,
            "drug decay": DECAY_STEP / drug.decay_rate if drug.decay_rate > 0 else inf,
        }
        self.step_size = min(self.limits.values())
        self.cell_peclet = max(carrier.cell_peclet, drug.cell_peclet)

    def start(self, pools: Mapping[str, np.ndarray] | None = None) -> State:
        """As `Stepper.start`, with no drug outside the carriers."""
        zeros, real = self.device.zeros, self.carrier.real
        drug = self.drug.start()
        return replace(
            self.carrier.start(pools),
            drug=drug.concentration,
            drug_in_cells=zeros(self.grid.shape, real),
            drug_on_dna=zeros(self.grid.shape, real) if self._dna else None,
            drug_passed=drug.passed,
            released=zeros((2, *self.grid.shape[:2]), np.float64),
            drug_in_macrophages=None if self._kept is None else zeros(self.grid.shape, real),
        )

    def _drug_state(self, state: State) -> State:
        return State(state.drug, None, None, state.drug_passed)

    def pools(self, state: State) -> dict[str, np.ndarray]:
        """The amounts per tissue volume, float64 on the host."""
        cells = self.device.download(state.drug_in_cells).astype(np.float64)
        dna = (
            self.device.download(state.drug_on_dna).astype(np.float64)
            if self._dna
            else np.zeros(self.grid.shape)
        )
        free = self.drug.pools(self._drug_state(state))["free"]
        pools = {**self.carrier.pools(state), "drug_free": free, "drug_in_cells": cells, "drug_on_dna": dna}
        if self._kept is not None:
            pools["drug_in_macrophages"] = self.device.download(state.drug_in_macrophages).astype(np.float64)
        return pools

    def amounts(self, state: State) -> dict[str, float]:
        """As `Stepper.amounts`; ``released`` is what has left the carriers, and ``drug_X`` what has become of that."""
        volume = self.grid.voxel_volume
        drug = self.drug.amounts(self._drug_state(state))
        kept = 0.0 if self._kept is None else float(self.device.sum(state.drug_in_macrophages)) * volume
        del drug["bound"], drug["internalised"], drug["degraded"]
        return {
            **self.carrier.amounts(state),
            "released": float(self.device.sum(state.released)) * volume,
            **{f"drug_{name}": amount for name, amount in drug.items()},
            "drug_in_cells": float(self.device.sum(state.drug_in_cells)) * volume,
            "drug_on_dna": float(self.device.sum(state.drug_on_dna)) * volume if self._dna else 0.0,
            "drug_in_macrophages": kept,
        }

    def concentrations(self, state: State) -> tuple[Array, ...]:
        """What the error of a step is measured by."""
        return state.concentration, state.drug

    def step(self, state: State, start: float, dt: float, plasma: PayloadPlasma) -> None:
        """Take ``state`` from time ``start`` over ``dt``, in place."""
        half, end = start + dt / 2, start + dt
        self._decay(state, dt / 2, seed=self.carrier.seed(start) + 60)
        self._let_out(state, start, half, first=True)
        self.carrier.step(state, start, dt, plasma.carrier)
        self._let_out(state, half, end, first=False)
        level = plasma.carrier.mean(start, end)
        triggered = self._release.rates(start, end).triggered
        self._exchange(state, dt, level * triggered, seed=self.carrier.seed(start) + 20)
        drug = self._drug_state(state)
        if self._local_rows is not None:
            drug.passed[0] += self._local_rows * (level * triggered * dt)
        self.drug.step(drug, start, dt, plasma.drug, drive=self._drive)
        state.drug = drug.concentration
        seed = self.carrier.seed(start) + 21
        collect(self.device, state.drug_in_cells, self._drive.captured, seed=seed)
        if self._dna:
            interchange(
                self.device, state.drug_in_cells, state.drug_on_dna, **self._dna, dt=dt, seed=seed + 4
            )
        self._decay(state, dt / 2, seed=self.carrier.seed(start) + 70)

    def _decay(self, state: State, dt: float, *, seed: int) -> None:
        """Of the drug that is held; what is free decays in the drug's own step."""
        if self.drug.decay_rate == 0 or state.drug_passed is None:
            return
        for k, pool in enumerate((state.drug_in_cells, state.drug_on_dna, state.drug_in_macrophages)):
            if pool is not None:
                internalise(
                    self.device,
                    None,
                    None,
                    pool,
                    state.drug_passed[4:],
                    self.carrier.epsilon,
                    internalisation=0.0,
                    degradation=0.0,
                    decay=self.drug.decay_rate,
                    dt=dt,
                    seed=seed + k,
                )

    def _let_out(self, state: State, start: float, end: float, *, first: bool) -> None:
        rates = self._release.rates(start, end)
        release(
            self.device,
            state.concentration,
            state.bound,
            state.internalised,
            self._released,
            self._released_in_cells,
            state.released,
            self._place,
            self._trigger,
            self.carrier.epsilon,
            outside=rates.outside,
            inside=rates.inside,
            triggered=rates.triggered,
            dt=end - start,
            first=first,
            seed=self.carrier.seed(start) + 22,
        )
        if state.in_macrophages is not None:
            self._let_out_of_macrophages(state, rates, end - start, seed=self.carrier.seed(start) + 30)

    def _let_out_of_macrophages(self, state: State, rates: ReleaseRates, dt: float, *, seed: int) -> None:
        """Into the interstitium with what is released there, or into a pool of its own."""
        release(
            self.device,
            None,
            None,
            state.in_macrophages,
            None,
            self._released if self._kept is None else self._kept,
            state.released,
            None,
            self._trigger,
            self.carrier.epsilon,
            outside=0.0,
            inside=rates.in_macrophages,
            triggered=rates.triggered,
            dt=dt,
            first=self._kept is not None,
            seed=seed,
        )
        if self._kept is not None:
            collect(self.device, state.drug_in_macrophages, self._kept, seed=seed + 3)

    def _exchange(self, state: State, dt: float, local_plasma: float, *, seed: int) -> None:
        cell_exchange(
            self.device,
            self._drive.capture,
            self._drive.source,
            state.drug_in_cells,
            state.drug,
            self._released,
            self._released_in_cells,
            self._density,
            self.drug.epsilon,
            self._local,
            self._lasting,
            **self._constants,
            local_plasma=local_plasma,
            dt=dt,
            seed=seed,
        )


_NO_CELLS = Cells(np.zeros(0), 0.0, 1.0, 1.0).constants
