"""A case: everything about a run that is known before the first solve, as host arrays on one grid."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from tumorsim import vasculature
from tumorsim.agents.agent import Agent
from tumorsim.agents.compartments import Body
from tumorsim.agents.particle import free_diffusivity
from tumorsim.agents.passage import (
    WALL_PROPERTIES,
    MatrixCoefficients,
    matrix_passage,
    sizes,
    wall_passage,
)
from tumorsim.agents.payload import (
    ScheduledRelease,
    daughter_curve,
    encapsulated_curve,
    free_drug_curve,
    heated_rate_map,
    resting_rate,
)
from tumorsim.agents.plasma import Curve, PlasmaCurve
from tumorsim.agents.release import ReleaseLaws, Window, release_laws
from tumorsim.boundaries import Boundaries
from tumorsim.config.dosing import agent_volume, given_dose, prescribed_curve
from tumorsim.config.inputs import Inputs
from tumorsim.config.load import load_config
from tumorsim.config.schema import Config
from tumorsim.constants import BODY_TEMPERATURE
from tumorsim.device.select import select_device
from tumorsim.device.twin import Device
from tumorsim.fields import POOLS, of_other_pools
from tumorsim.flow.bioheat import Heat
from tumorsim.flow.pressure import Flow, FluidProperties, PerfusedTissue, solve_flow
from tumorsim.grid import Grid
from tumorsim.heating import heated
from tumorsim.schedule import Schedule, output_times, shortest_of
from tumorsim.tissue import shapes
from tumorsim.tissue.images import regions_from_image
from tumorsim.tissue.properties import VARYING, load_map, property_map
from tumorsim.tissue.regions import Regions
from tumorsim.transport.carried_plasma import CarriedStepper
from tumorsim.transport.closed_body import ClosedBodyStepper
from tumorsim.transport.injection import InjectionStepper
from tumorsim.transport.payload import Cells, PayloadPlasma, PayloadStepper
from tumorsim.transport.reactions import Kinetics, Macrophages
from tumorsim.transport.steady import SteadyState, solve_steady
from tumorsim.transport.stepper import Stepper, TransportProperties
from tumorsim.vessels.carriage import Carriage, piece_conductances
from tumorsim.vessels.coupling import PieceWalls, VoxelWalls, unresolved, voxel_walls
from tumorsim.vessels.leakiness import SCENARIOS
from tumorsim.vessels.network import Network
from tumorsim.vessels.rasterise import Pieces, lumen_fraction, piece_pressure
from tumorsim.vessels.wall import WallCoefficients


def load(path: str | Path, *, overrides: Sequence[str] = (), device: str = "auto") -> "Case":
    """The case that a config file describes; ``overrides`` are ``table.key=value`` texts.

    ``device`` is where it solves what a run begins with: heat, and the flow between a network and the tissue.

    Raises ConfigError with every problem of the config and of the files it names.
    """
    return Case(load_config(path, overrides=overrides), device)


@dataclass(frozen=True, eq=False, repr=False)
class Case:
    """A config with what follows from it. Maps are float64 (nz, ny, nx) in SI, built when first asked for."""

    config: Config
    device: str = "auto"

    @property
    def name(self) -> str:
        path = self.config.path
        return path.stem if path else "case"

    @property
    def title(self) -> str:
        return self.config.title or self.name

    @cached_property
    def _inputs(self) -> Inputs:
        return Inputs(self.config)

    @cached_property
    def grid(self) -> Grid:
        return self._inputs.grid

    @cached_property
    def regions(self) -> Regions:
        tissue, image = self.config.tissue, self._inputs.image
        if tissue.image is not None and image is not None:
            _, regions = regions_from_image(
                image, tissue.image.labels, background=tissue.background, ignore=tissue.image.ignore
            )
            return regions
        return shapes.paint(
            self.grid, [s.painted(seed=tissue.seed) for s in tissue.shapes], background=tissue.background
        )

    def tissue_map(self, name: str) -> np.ndarray:
        """A property of the tissue in every voxel: its map where the config has one, else by region."""
        tissue = self.config.tissue
        given = tissue.maps.get(name)
        if given is None:
            table = {region: tissue.properties(region) for region in self.regions.names}
            return property_map(self.regions, table, name, seed=tissue.seed)
        return load_map(
            given.file, name=name, shape=self.grid.shape, unit=given.unit or "", dataset=given.dataset
        )

    # vessels ------------------------------------------------------------------------------------------------

    @cached_property
    def network(self) -> Network | None:
        """The vessel network with its blood; None for continuum vessels."""
        network = self._perfused
        if network is None or not self.config.vessels.two_way:
            return network
        device, _ = select_device(self.device)

        def tissue(vessels: VoxelWalls) -> vasculature.TissuePressure:
            oncotic = self._oncotic
            held = PerfusedTissue(device, self.grid, self._fluid(vessels), self.config.pressure.boundaries)

            def pressure(vascular: np.ndarray, accuracy: float) -> np.ndarray:
                held.set_effective_pressure(vascular - oncotic)
                return device.download(held.solve(accuracy)[0])

            return pressure

        return vasculature.TwoWay(
            self.config.vessels, self._pieces, self._piece_walls, self.grid, self._oncotic,
            self._unresolved, tissue,
        ).solve(network)  # fmt: skip

    @cached_property
    def _perfused(self) -> Network | None:
        """The network with its blood as if nothing leaked."""
        network = self._inputs.network
        if network is None:
            return None
        return vasculature.with_lumen_note(vasculature.perfused(self.config.vessels, network), self._lumen)

    @cached_property
    def _lumen(self) -> np.ndarray:
        """Lumen volume of the network per tissue volume, above 1 where its vessels overlap."""
        assert self._inputs.network is not None
        return lumen_fraction(self._inputs.network, self.grid)

    @cached_property
    def _pieces(self) -> Pieces:
        assert self._perfused is not None
        carried = self.config.vessels.plasma == "carried"  # what the blood loses must not hang on the grid
        return vasculature.pieces_in_box(self._perfused, self.grid, whole=carried)

    @cached_property
    def _piece_walls(self) -> PieceWalls:
        """The wall of every piece of the network in a voxel."""
        network, vessels = self._perfused, self.config.vessels
        assert network is not None
        walls = vasculature.piece_walls(
            network,
            self._pieces,
            wall=self._tissue_wall,
            pores=vasculature.network_pores(vessels, network),
            wall_of=lambda tissue: wall_passage(self.agent, tissue),
            tissue=lambda name: self.tissue_map(name) * vasculature.scenario_factor(vessels, name),
            area_scales_permeability=self.agent.wall_mode == "empirical",
            offset=vessels.wall_offset,
        )
        if not vessels.well_correction:
            return walls
        return vasculature.well_corrected(
            walls,
            self._pieces,
            network,
            self.grid,
            conductivity=self.tissue_map("hydraulic_conductivity"),
            mobility=np.broadcast_to(self.diffusivity * self.matrix.available_fraction, self.grid.shape),
            offset=vessels.wall_offset,
        )

    @cached_property
    def _unresolved(self) -> VoxelWalls | None:
        """The vessels that the network lacks, where they are wanted."""
        if not self.config.vessels.unresolved or self._perfused is None:
            return None
        pieces = self._pieces
        area = self._piece_walls.area
        found = np.bincount(pieces.voxel, area, minlength=self.grid.voxels) / self.grid.voxel_volume
        return unresolved(
            found.reshape(self.grid.shape),
            wanted=self.tissue_map("vessel_area_density"),
            labels=self.regions.labels,
            wall=self._tissue_wall,
            pressure=self.tissue_map("vascular_pressure"),
        )

    @cached_property
    def _vessels(self) -> VoxelWalls:
        """The walls in every voxel and the blood pressure in them."""
        zero = np.zeros(self.grid.shape)
        if self.network is not None:
            return voxel_walls(
                self._pieces, self._piece_walls, self.network, self.grid, other=self._unresolved
            )
        if self.config.vessels.model == "none":
            return VoxelWalls(zero, self._tissue_wall, zero)
        area = self.tissue_map("vessel_area_density") * SCENARIOS[self.config.vessels.scenario].vessels
        return VoxelWalls(area, self._tissue_wall, self.tissue_map("vascular_pressure"))

    @property
    def vessel_area_density(self) -> np.ndarray:
        return self._vessels.area_density

    @cached_property
    def vessel_volume_fraction(self) -> np.ndarray:
        """Zero for continuum vessels, whose radius is not known."""
        if self._inputs.network is None:
            return np.zeros(self.grid.shape)
        return np.minimum(self._lumen, 1.0)

    @cached_property
    def wall(self) -> WallCoefficients:
        """Lp, P and σ of the wall to this agent; where the network has no vessel, those of the tissue's wall."""
        if self._perfused is None:
            return self._tissue_wall
        there, found, own = self._vessels.area_density > 0, self._vessels.wall, self._tissue_wall
        names = ("hydraulic_conductivity", "permeability", "reflection_coefficient")
        return WallCoefficients(
            *(np.where(there, getattr(found, name), getattr(own, name)) for name in names)
        )

    @cached_property
    def _tissue_wall(self) -> WallCoefficients:
        """The wall by the properties of the tissue; the leakiness of the region multiplies Lp and P together."""
        vessels = self.config.vessels
        mapped = self.config.tissue.maps.keys() & set(WALL_PROPERTIES)

        def of_voxels(name: str) -> np.ndarray:
            return self.tissue_map(name) * vasculature.scenario_factor(vessels, name)

        wall = wall_passage(self.agent, of_voxels) if mapped else self._wall_by_region()
        leakiness = self.tissue_map("leakiness")
        measured = self.agent.wall_mode == "empirical"
        area = SCENARIOS[vessels.scenario].pore_area if measured else 1.0
        return WallCoefficients(
            wall.hydraulic_conductivity * leakiness,
            wall.permeability * leakiness * area,
            wall.reflection_coefficient,
        )

    def _wall_by_region(self) -> WallCoefficients:
        """Evaluated once a region, for distributions of pores and sizes take many evaluations."""
        regions, vessels = self.regions, self.config.vessels
        table = [self.config.tissue.properties(name) for name in regions.names]

        def of_regions(name: str) -> np.ndarray:
            values = np.array([getattr(region, name) for region in table])
            return values * vasculature.scenario_factor(vessels, name)

        wall = wall_passage(self.agent, of_regions)
        values = (wall.hydraulic_conductivity, wall.permeability, wall.reflection_coefficient)
        return WallCoefficients(*(np.asarray(value)[regions.labels] for value in values))

    @cached_property
    def fluid(self) -> FluidProperties:
        """Coefficients of the interstitial pressure equation."""
        return self._fluid(self._vessels)

    @property
    def _oncotic(self) -> np.ndarray:
        """σ(π_v − π_i), Pa."""
        difference = self.tissue_map("plasma_oncotic_pressure") - self.tissue_map(
            "interstitial_oncotic_pressure"
        )
        return self.tissue_map("protein_reflection_coefficient") * difference

    def _fluid(self, vessels: VoxelWalls) -> FluidProperties:
        return FluidProperties(
            hydraulic_conductivity=self.tissue_map("hydraulic_conductivity"),
            vessel_filtration=vessels.wall.hydraulic_conductivity * vessels.area_density,
            vascular_effective_pressure=vessels.pressure - self._oncotic,
            lymphatic_filtration=self.tissue_map("lymphatic_filtration"),
            lymphatic_pressure=self.tissue_map("lymphatic_pressure"),
        )

    # agent --------------------------------------------------------------------------------------------------

    @cached_property
    def agent(self) -> Agent:
        return self.config.agent.chosen()

    @property
    def amount_unit(self) -> str:
        return self.config.dosing.dose.unit

    @cached_property
    def plasma(self) -> Curve:
        """C_p of the agent, and where the dose has gone; with a drug, of what is in carriers."""
        return self._encapsulated if self.config.drug else self._prescribed

    @cached_property
    def _prescribed(self) -> Curve:
        """C_p by [dosing] and [agent] alone."""
        return prescribed_curve(self.config)

    @property
    def dose(self) -> float:
        """All that is given, of the agent or of the drug in it."""
        dosing = self.config.dosing
        if dosing.injection is not None:
            return given_dose(dosing, self.agent)
        return dosing.dose.value if self.config.run.mode == "steady" else self._prescribed.dose

    # drug that the agent releases ---------------------------------------------------------------------------

    @cached_property
    def drug(self) -> "Case | None":
        """The same case with the released drug for its agent; None where the agent keeps what it carries."""
        if self.config.drug is None:
            return None
        drug = Case(self.config.of_agent(self.config.drug))
        shared = ("grid", "regions", "network", "_perfused")  # the same tissue and the same blood
        drug.__dict__.update({name: getattr(self, name) for name in shared})
        return drug

    @cached_property
    def _laws(self) -> ReleaseLaws:
        return release_laws(self.agent)

    @cached_property
    def drug_plasma(self) -> Curve | None:
        """C_p of the drug that was released in blood; None without a drug."""
        drug = self.config.drug
        if drug is None:
            return None
        chosen = drug.chosen()
        volume = agent_volume(self.config.dosing, chosen)
        if self._recoils:
            return daughter_curve(self._encapsulated, chosen, volume=volume)
        return free_drug_curve(
            self._encapsulated, chosen, dose=self.dose, release_rate=resting_rate(self._laws),
            unencapsulated=drug.unencapsulated, volume=volume,
        )  # fmt: skip

    @property
    def _recoils(self) -> bool:
        """Whether the drug is what the decay of the agent leaves."""
        return self.config.drug is not None and self.agent.release_model == "decay"

    @cached_property
    def _encapsulated(self) -> PlasmaCurve:
        assert self.config.drug is not None
        return encapsulated_curve(
            self._prescribed,
            release_rate=0.0 if self._recoils else resting_rate(self._laws),
            unencapsulated=self.config.drug.unencapsulated,
        )

    @property
    def levels(self) -> Curve | PayloadPlasma:
        """What a step asks for plasma levels: the curve of the agent, or both of carrier and drug."""
        return self.plasma if self.drug_plasma is None else PayloadPlasma(self.plasma, self.drug_plasma)

    @property
    def field_names(self) -> tuple[str, ...]:
        """The fields of the config's output that this case has."""
        injection = self.config.dosing.injection
        lacking = of_other_pools(self.pool_names)
        lacking |= set() if self.config.heating else {"temperature"}
        lacking |= set() if injection and injection.flows else {"injection_pressure"}
        return tuple(name for name in self.config.output.fields if name not in lacking)

    @property
    def pool_names(self) -> tuple[str, ...]:
        """The fields that change in time."""
        cells, drug = self.config.macrophages, self.config.drug
        there = {
            "in_macrophages": cells is not None,
            "drug_in_macrophages": cells is not None and cells.keeps_drug,
        }
        return tuple(
            n for n in POOLS if there.get(n, True) and (drug is not None or not n.startswith("drug_"))
        )

    @cached_property
    def release(self) -> ScheduledRelease:
        """How the carriers let go of the drug: by their own law, by place, and heated or lit."""
        place = self.tissue_map("carrier_release_rate")
        return ScheduledRelease(
            self._laws, *self._triggered_release, place_rate=place if place.any() else None,
            in_macrophages=None if self.config.macrophages is None else self.config.macrophages.release_rate,
        )  # fmt: skip

    @cached_property
    def heat(self) -> Heat | None:
        """What the deposited power makes; None where no power is deposited."""
        heating = self.config.heating
        if heating is None or heating.mode != "power":
            return None
        device, _ = select_device(self.device)
        tolerance = self.config.pressure.tolerance
        return heated(device, heating, self.grid, self.regions, self.tissue_map, tolerance=tolerance)

    @property
    def temperature(self) -> np.ndarray | None:
        """K, while heated; None where nothing is."""
        heating = self.config.heating
        if heating is None or heating.temperature is None or self.heat is not None:
            return None if self.heat is None else self.heat.temperature
        labels = [self.regions.names.index(name) for name in heating.regions]
        return np.where(np.isin(self.regions.labels, labels), heating.temperature, BODY_TEMPERATURE)

    @property
    def _triggered_release(self) -> tuple[Window | None, np.ndarray | None]:
        """When heat or light acts, and what it adds to the rate of release."""
        heating, light = self.config.heating, self.config.light
        if heating is not None and self.temperature is not None:
            window = Window(heating.start, heating.start + heating.duration)
            return window, heated_rate_map(self._laws, self.temperature)
        if light is not None:
            depth = np.broadcast_to(self.grid.depth_under(light.face), self.grid.shape)
            window = Window(light.start, light.start + light.duration)
            return window, light.release_rate * np.exp(-depth / light.penetration_depth)
        return None, None

    @cached_property
    def _cells(self) -> Cells | None:
        """Uptake of the drug by cells."""
        drug = self.config.drug
        if drug is None or drug.cell_uptake is None:
            return None
        uptake = drug.cell_uptake.chosen()
        if self.amount_unit == "mol":
            uptake = uptake.in_mol(drug.chosen().molar_mass or 0.0)
        return Cells(
            self.tissue_map("cell_density"), uptake.fastest, uptake.half_outside, uptake.half_inside,
            uptake.efflux, 1 - uptake.albumin_bound_fraction, uptake.dna_on, uptake.dna_off,
        )  # fmt: skip

    @cached_property
    def _drug_transport(self) -> TransportProperties:
        """Coefficients of the drug: means over what is free and what is on albumin, in equilibrium."""
        assert self.drug is not None and self.config.drug is not None
        properties, cells, given = self.drug.transport, self._cells, self.config.drug.cell_uptake
        lasting = self.config.drug.uptake_rate
        if cells is None or given is None:
            return replace(properties, uptake_rate=lasting)
        free = cells.free_fraction
        bound_wall = given.bound_permeability * self.tissue_map("leakiness") * self.vessel_area_density
        return replace(
            properties,
            diffusivity=free * properties.diffusivity + (1 - free) * given.bound_diffusivity,
            wall_permeability_density=free * properties.wall_permeability_density + (1 - free) * bound_wall,
            uptake_rate=cells.most_capture / properties.available_fraction + lasting,
        )

    @property
    def _lasting_uptake(self) -> np.ndarray | None:
        """κ₀ = ε k of the drug, 1/s on C."""
        rate = self.config.drug.uptake_rate if self.config.drug else 0.0
        return (
            np.asarray(self._drug_transport.available_fraction) * rate + np.zeros(self.grid.shape)
            if rate
            else None
        )

    @cached_property
    def _local_source(self) -> np.ndarray | None:
        """Drug that carriers in blood release as they pass heated voxels, 1/s on their C_p.

        P (S/V) times the mean over the transit time τ of what has been released, 1 − (1 − e^{−kτ})/(kτ).
        """
        heating, rate = self.config.heating, self.release.triggered_rate
        if heating is None or rate is None:
            return None
        passed = rate * heating.transit_time
        part = np.where(passed > 1e-6, 1 + np.expm1(-passed) / np.where(passed > 0, passed, 1.0), passed / 2)
        return part * self._drug_transport.wall_permeability_density

    # agent in tissue ----------------------------------------------------------------------------------------

    @cached_property
    def matrix(self) -> MatrixCoefficients:
        """D, ε and f of the agent in the interstitium."""
        return matrix_passage(self.agent, self._tissue_value)

    def _tissue_value(self, name: str) -> np.ndarray | float:
        """A property as one number where all regions share it, else in every voxel."""
        tissue = self.config.tissue
        values = {getattr(tissue.properties(region), name) for region in self.regions.names}
        uniform = len(values) == 1 and name not in VARYING and name not in tissue.maps
        return float(values.pop()) if uniform else self.tissue_map(name)

    @property
    def diffusivity(self) -> np.ndarray:
        """D in the available interstitial fluid in every voxel, m²/s."""
        return np.broadcast_to(self.matrix.diffusivity, self.grid.shape)

    def size_classes(self, count: int = 5) -> list[tuple["Case", float]]:
        """This case with particles of one size, for each of ``count`` size classes, and its weight.

        The fields of their runs times the weights add up to those of the mixture as long as nothing saturates
        (binding sites); a single run with distributed sizes uses mean coefficients instead (see
        `agents.passage`). An agent of one size is one class.
        """
        classes = sizes(self.agent, count=count)
        return [
            (Case(self.config.of_one_size(float(diameter))), float(weight))
            for diameter, weight in zip(classes.diameters, classes.weights, strict=True)
        ]

    @cached_property
    def transport(self) -> TransportProperties:
        """Coefficients of the balance of the agent."""
        agent, decay = self.agent, None if self._recoils else self.agent.decay_half_life
        return TransportProperties(
            available_fraction=self.matrix.available_fraction,
            diffusivity=self.diffusivity,
            retardation=self.matrix.retardation,
            wall_permeability_density=self.wall.permeability * self.vessel_area_density,
            wall_reflection=self.wall.reflection_coefficient,
            uptake_rate=self.tissue_map("uptake_rate"),
            binding_sites=self.tissue_map("binding_sites"),
            kinetics=Kinetics(
                binding_on=agent.binding_on or 0.0,
                binding_off=agent.binding_off or 0.0,
                internalisation=agent.internalisation or 0.0,
                degradation=agent.degradation or 0.0,
                decay=float(np.log(2)) / decay if decay else 0.0,
            ),
            macrophages=self._macrophages,
        )

    @property
    def _macrophages(self) -> Macrophages | None:
        given = self.config.macrophages
        if given is None:
            return None
        density, capacity = self.tissue_map("macrophage_density"), given.capacity
        room = None if capacity is None else capacity.value
        return Macrophages(density, given.clearance, room, given.degradation)

    @property
    def initial_free(self) -> np.ndarray | None:
        """N at time 0 in every voxel; None for clean tissue."""
        injection, initial = self.config.dosing.injection, self.config.dosing.initial_free
        if injection is not None:
            return None if injection.flows else self._in_ball(self.dose)
        return None if initial is None else np.full(self.grid.shape, initial.value)

    def _in_ball(self, amount: float) -> np.ndarray:
        """An amount spread over where an injection is put, a voxel at least: per tissue volume (nz, ny, nx)."""
        injection = self.config.dosing.injection
        assert injection is not None
        z, y, x = injection.center or self.grid.center
        distance = self.grid.distance((z, y, x))
        ball = distance <= max(injection.radius, float(distance.min()))
        return np.where(ball, amount / (ball.sum() * self.grid.voxel_volume), 0.0)

    # run ----------------------------------------------------------------------------------------------------

    def schedule(self, step_limit: float) -> Schedule:
        """The steps of the run, none longer than ``step_limit`` s, that land where C_p or its slope jumps."""
        run, output = self.config.run, self.config.output
        times = output_times(duration=run.duration, every=output.every, times=output.times)
        curves = [self.plasma] if self.drug_plasma is None else [self.plasma, self.drug_plasma]
        pieces = shortest_of(*(curve.step_limits(run.plasma_error) for curve in curves))
        landmarks = [moment for curve in curves for moment in curve.landmarks]
        if self.config.drug and self.release.window:
            landmarks += self.release.window.landmarks
        injection = self.config.dosing.injection
        if injection is not None and injection.flows:
            landmarks.append(injection.lasts)
        return Schedule(run.duration, step_limit, times, landmarks=tuple(landmarks), pieces=pieces)

    @property
    def input_files(self) -> list[Path]:
        """Every file besides the config that the case was made from."""
        tissue = self.config.tissue
        image = tissue.image.file if tissue.image else None
        maps = [given.file for given in tissue.maps.values()]
        table = self.config.dosing.plasma_table
        curve = table.file if table else None
        files = (self.config.agent.file, self.config.vessels.file, image, *maps, curve)
        return [path for path in files if path is not None]

    def solve_flow(self, device: Device) -> Flow:
        """The interstitial pressure and velocity, and those while fluid is injected."""
        flow, injection = self._solved(device, self.fluid), self.config.dosing.injection
        if injection is None or not injection.flows:
            return flow
        entering = self._in_ball(injection.flow_rate)
        return replace(flow, injection=self._solved(device, replace(self.fluid, injection=entering)))

    def _solved(self, device: Device, fluid: FluidProperties) -> Flow:
        given = self.config.pressure
        return solve_flow(
            device,
            self.grid,
            fluid,
            given.boundaries,
            tolerance=given.tolerance,
            precision=self.config.run.precision,
        )

    def stepper(
        self, device: Device, flow: Flow
    ) -> Stepper | PayloadStepper | ClosedBodyStepper | InjectionStepper | CarriedStepper:
        """What carries the agent along with a flow, its drug, or the body or the blood of the network with it."""
        if self.config.vessels.plasma == "carried":
            return self._carried_stepper(device, flow)
        carrier = self._one_stepper(device, flow, self.transport, self.config.transport.boundaries)
        if flow.injection is not None and (injection := self.config.dosing.injection) is not None:
            return InjectionStepper(
                self._one_stepper(device, flow.injection, self.transport, self.config.transport.boundaries),
                carrier,
                source=self._in_ball(self.dose / injection.lasts),
                duration=injection.lasts,
            )
        if self.config.dosing.closed_body:
            curve = self.plasma
            assert isinstance(curve, PlasmaCurve)  # a check of the config
            body = Body.from_phases(
                curve.volume, fractions=curve.fractions, rates=curve.rates, decay_rate=curve.decay_rate
            )
            return ClosedBodyStepper(carrier, body, dose=curve.dose, infusion=curve.infusion)
        if self.drug is None:
            return carrier
        faces = self.config.transport.boundaries.values
        clean = Boundaries(*(None if value is None else 0.0 for value in faces))
        return PayloadStepper(
            carrier,
            self._one_stepper(device, flow, self._drug_transport, clean),
            release=self.release,
            cells=self._cells,
            local_source=self._local_source,
            macrophages_keep="drug_in_macrophages" in self.pool_names,
            lasting_uptake=self._lasting_uptake,
        )

    def _carried_stepper(self, device: Device, flow: Flow) -> CarriedStepper:
        """The tissue with its unresolved vessels, and the network that carries the agent."""
        carriage, properties = self._carriage(device.download(flow.pressure)), self.transport
        contacts, epsilon = carriage.contacts, np.broadcast_to(properties.available_fraction, self.grid.shape)
        lost = np.bincount(contacts.voxels[contacts.voxel], contacts.back, minlength=self.grid.voxels)
        loss = lost.reshape(self.grid.shape) / (self.grid.voxel_volume * epsilon)
        zero = np.zeros(self.grid.shape)
        other = self._unresolved or VoxelWalls(zero, WallCoefficients(zero, zero, zero), zero)
        pushing = other.pressure - self._oncotic - device.download(flow.pressure)
        filtered = np.asarray(other.wall.hydraulic_conductivity) * other.area_density * pushing
        tissue = replace(
            properties,
            wall_permeability_density=np.asarray(other.wall.permeability) * other.area_density,
            wall_reflection=other.wall.reflection_coefficient,
            uptake_rate=properties.uptake_rate + loss,
        )
        other_flow = replace(flow, filtration=device.upload(filtered, np.dtype(self.config.run.precision)))
        return CarriedStepper(
            self._one_stepper(device, other_flow, tissue, self.config.transport.boundaries),
            carriage,
            cell_uptake=np.asarray(properties.uptake_rate),
            diffusivity=float(np.min(properties.diffusivity)),
        )

    def _carriage(self, pressure: np.ndarray) -> Carriage:
        """The agent in the vessels of the network, in a tissue of this ``pressure``."""
        network, pieces, walls = self.network, self._pieces, self._piece_walls
        assert network is not None
        pushing = piece_pressure(pieces, network) - (pressure + self._oncotic).ravel()[pieces.voxel]
        filtered = np.asarray(walls.wall.hydraulic_conductivity) * walls.area * pushing
        out, back = piece_conductances(
            np.asarray(walls.wall.permeability) * walls.area,
            np.asarray(walls.wall.reflection_coefficient),
            filtered,
        )
        return Carriage(
            network, pieces, out, back,
            cell_length=min(self.grid.spacing),
            diffusivity=float(sizes(self.agent).mean(map(free_diffusivity, sizes(self.agent).diameters))),
            decay_rate=self.agent.decay_rate,
            filtered=filtered,
            red_cells_hold=self.config.vessels.carried_in == "blood",
        )  # fmt: skip

    def _one_stepper(
        self, device: Device, flow: Flow, properties: TransportProperties, boundaries: Boundaries
    ) -> Stepper:
        run, transport = self.config.run, self.config.transport
        return Stepper(
            device,
            self.grid,
            flow=flow,
            properties=properties,
            boundaries=boundaries,
            limiter=transport.limiter,
            precision=run.precision,
            coefficients=run.coefficients,
            cfl=run.cfl,
            max_step=run.max_step,
        )

    def solve_steady(self, device: Device, flow: Flow) -> SteadyState:
        """The steady state under ``dosing.plasma_concentration``."""
        plasma = self.config.dosing.plasma_concentration
        return solve_steady(
            device,
            self.grid,
            flow=flow,
            properties=self.transport,
            boundaries=self.config.transport.boundaries,
            plasma_concentration=plasma.value if plasma else 0.0,
        )

    def __repr__(self) -> str:
        network = self._inputs.network
        vessels = repr(network) if network else f"{self.config.vessels.model} vessels"
        return f"Case({self.title!r}, {self.agent.name}, {self.grid!r}, {vessels})"
