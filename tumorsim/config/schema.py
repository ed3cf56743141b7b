"""Every table and key of a config file: meaning, dimension, bounds, default and what the default rests on.

A value with a dimension is text with a unit in the file ("50 um") and an SI float here. Triples stand x, y, z
in the file and z, y, x here, the order of the arrays; `Config.resolved` writes x, y, z again. ``None`` means
"not given": the preset of the region or the catalogue of agents then decides. What takes two keys together,
or a file, is decided in `checks`.

Tags of the defaults: [S] source read, [C] computed, [M] recalled, [D] design choice.
"""

from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, Literal, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    field_serializer,
)

from tumorsim.agents.agent import Agent as CatalogueAgent
from tumorsim.agents.body_size import BODIES
from tumorsim.agents.catalogue import load_agent
from tumorsim.agents.cell_uptake import ALBUMIN_BOUND_DIFFUSIVITY, ALBUMIN_BOUND_PERMEABILITY
from tumorsim.agents.cell_uptake import CellUptake as DrugUptake
from tumorsim.agents.interstitium import MATRIX_MODELS, PARTITION_MODELS, RETARDATION_MODELS
from tumorsim.agents.particle import DIAMETER_BASES, log_sd_from_polydispersity
from tumorsim.agents.plasma_table import JOINS, TAILS
from tumorsim.agents.radionuclide import radionuclide, radionuclide_names
from tumorsim.agents.release import RELEASE_MODELS
from tumorsim.boundaries import FACES, Boundaries
from tumorsim.config import values as v
from tumorsim.config.values import Amount, AmountOf, Condition, Quantity
from tumorsim.constants import BODY_TEMPERATURE, MMHG
from tumorsim.errors import ConfigError
from tumorsim.fields import FIELDS
from tumorsim.tissue import shapes
from tumorsim.tissue.properties import PRESETS, UNITS, RegionProperties
from tumorsim.vessels.generate import CONTROL_BRANCH_POINTS, CONTROL_SEGMENTS, Design
from tumorsim.vessels.hindrance import PORE_MODELS
from tumorsim.vessels.leakiness import SCENARIOS, Spread
from tumorsim.vessels.repair import NAMES as REPAIR_NAMES
from tumorsim.vessels.viscosity import HAEMATOCRIT, PLASMA_VISCOSITY, VISCOSITY_LAWS
from tumorsim.vessels.wall import WALL_MODES

Precision: TypeAlias = Literal["float32", "float64"]


class Undecidable(Exception):
    """A key that is missing or wrong was asked for, so what depends on it cannot be decided."""


class Table(BaseModel):
    """A table of the config: frozen, and closed to keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """A key that is absent because it is wrong (see `validate.partial`) raises Undecidable."""
            if name in type(self).model_fields:
                raise Undecidable(name)
            return super().__getattr__(name)


# domain -----------------------------------------------------------------------------------------------------


class Domain(Table):
    """The box: ``spacing`` with ``size`` or ``shape``, unless an image or a network says how large it is."""

    size: v.Size3 | None = Field(default=None, description="edge lengths of the box")
    shape: v.Shape3 | None = Field(default=None, description="number of voxels along each axis")
    spacing: v.Spacing3 | None = Field(
        default=None, description="edge length of a voxel: one value, or one per axis"
    )
    origin: v.Position3 = Field(default=(0.0, 0.0, 0.0), description="lower corner of the box")


# tissue -----------------------------------------------------------------------------------------------------


class Shape(Table):
    noun: ClassVar[type[shapes.Shape]]
    region: v.Text = Field(description="the region to paint")

    def painted(self, *, seed: int) -> shapes.Shape:
        """The shape itself; ``seed`` serves one that needs a seed and has none of its own."""
        values = {name: value for name, value in self if name != "kind"}
        if values.get("seed", seed) is None:
            values["seed"] = seed
        return self.noun(**values)


class Sphere(Shape):
    noun = shapes.Sphere
    kind: Literal["sphere"]
    radius: v.Length
    center: v.Position3 | None = Field(default=None, description="default: centre of the box")


class Ellipsoid(Shape):
    noun = shapes.Ellipsoid
    kind: Literal["ellipsoid"]
    radii: v.Size3 = Field(description="half axes")
    center: v.Position3 | None = Field(default=None, description="default: centre of the box")


class Lobed(Shape):
    noun = shapes.Lobed
    kind: Literal["lobed"]
    radius: v.Length = Field(description="radius of the sphere of the same volume")
    center: v.Position3 | None = Field(default=None, description="default: centre of the box")
    roughness: Annotated[float, v.Number(least=0, most=0.99)] = Field(
        default=0.25, description="relative standard deviation of the radius [D]"
    )
    lobes: Annotated[int, v.Number(least=2, most=16, whole=True)] = Field(
        default=4, description="lobes around the circumference [D]"
    )
    seed: v.Whole | None = Field(default=None, description="default: the seed of the tissue")


class Core(Shape):
    noun = shapes.Core
    kind: Literal["core"]
    of: v.Text = Field(description="the region whose inner part is painted")
    fraction: Annotated[float, v.Number(above=0, most=0.999)] | None = Field(
        default=None, description="size of the core relative to the region"
    )
    depth: v.Length | None = Field(
        default=None, description="depth below the surface at which the core begins"
    )


class Margin(Shape):
    noun = shapes.Margin
    kind: Literal["margin"]
    of: v.Text = Field(description="the region around which the shell is painted, over the background only")
    thickness: v.Length


AnyShape: TypeAlias = Annotated[Sphere | Ellipsoid | Lobed | Core | Margin, Field(discriminator="kind")]


class Image(Table):
    """A segmented image instead of shapes."""

    file: v.InputFile = Field(description="NIfTI, NRRD, TIFF stack, .npy or HDF5")
    dataset: v.Text | None = Field(default=None, description="path of the array inside an HDF5 file")
    labels: dict[str, v.Whole] = Field(
        description="the label of each region; 0 is the background", examples=["{ tumour = 1 }"]
    )
    ignore: Annotated[tuple[v.Whole, ...], v.LIST] = Field(
        default=(), description="labels to read as background"
    )
    spacing: v.Spacing3 | None = Field(default=None, description="where the file carries none")
    resample: v.Spacing3 | None = Field(default=None, description="nearest neighbour to this spacing")


class Region(Table):
    """The properties of a region. What is not given comes from the preset."""

    preset: Annotated[str, v.OneOf(PRESETS)] | None = Field(
        default=None, description="default: the preset of the region's own name"
    )
    hydraulic_conductivity: v.TissueConductivity | None = None
    hydraulic_conductivity_log_sd: v.Ratio | None = Field(
        default=None, description="of a log-normal voxel field whose median is the value"
    )
    correlation_length: v.Distance | None = Field(default=None, description="of the random voxel fields")
    interstitial_fraction: v.PositiveFraction | None = None
    vessel_area_density: v.AreaDensity | None = Field(default=None, description="of the continuum vessels")
    vessel_area_density_log_sd: v.Ratio | None = None
    wall_hydraulic_conductivity: v.WallConductivity | None = None
    leakiness_log_sd: v.Ratio | None = Field(
        default=None,
        description="of a log-normal factor on the wall's conductivity and permeability together",
    )
    vascular_pressure: v.PositivePressure | None = None
    plasma_oncotic_pressure: v.PositivePressure | None = None
    interstitial_oncotic_pressure: v.PositivePressure | None = None
    protein_reflection_coefficient: v.Fraction | None = None
    lymphatic_filtration: v.Filtration | None = None
    lymphatic_pressure: v.Pressure | None = None
    pore_radius: v.Length | None = Field(default=None, description="half-width of slits")
    pore_radius_log_sd: v.Ratio | None = Field(
        default=None, description="of the log-normal pores in a wall, whose median by number is pore_radius"
    )
    pore_area_fraction: v.Fraction | None = None
    large_pore_radius: v.Length | None = Field(default=None, description="of a second kind of pores")
    large_pore_area_fraction: v.Fraction | None = Field(default=None, description="0: one kind of pores")
    wall_thickness: v.Length | None = None
    fibre_radius: v.Length | None = Field(default=None, description="of the fibres that exclude particles")
    fibre_volume_fraction: Annotated[float, v.Number(above=0, most=0.25)] | None = None
    power_law_diffusivity: v.Diffusivity | None = Field(
        default=None, description="a of D = a (M / (g/mol))^-b"
    )
    power_law_exponent: v.Ratio | None = Field(default=None, description="b of that law")
    cell_density: v.NumberDensity | None = Field(
        default=None, description="cells that take up a released drug, per tissue volume"
    )
    macrophage_density: v.NumberDensity | None = Field(
        default=None, description="macrophages, per tissue volume; what they do is in [macrophages]"
    )
    carrier_release_rate: v.Rate | None = Field(
        default=None, description="that enzymes or acid of this tissue add, to carriers outside cells"
    )
    uptake_rate: v.Rate | None = Field(
        default=None, description="first-order cellular uptake of the free agent"
    )
    binding_sites: v.Concentration | None = Field(default=None, description="per tissue volume")
    perfusion: v.Rate | None = Field(
        default=None, description="volume of blood per volume of tissue and time, that carries heat off"
    )
    thermal_conductivity: v.ThermalConductivity | None = None
    metabolic_heat: v.PowerDensity | None = None


MAPPED = tuple(name for name in UNITS if name != "correlation_length" and not name.endswith("_log_sd"))
"""Properties that a map can give voxel by voxel."""


class PropertyMap(Table):
    """A value per voxel that replaces a property everywhere."""

    file: v.InputFile = Field(description=".npy or HDF5, of the shape of the grid, (nz, ny, nx)")
    dataset: v.Text | None = Field(default=None, description="path of the array inside an HDF5 file")
    unit: v.Text | None = Field(default=None, description="of the numbers in the file; default SI")


def _file_alone(raw: object) -> object:
    return {"file": raw} if isinstance(raw, str) else raw


def _with_units(maps: dict[str, PropertyMap]) -> dict[str, PropertyMap]:
    return {name: m.model_copy(update={"unit": m.unit or UNITS[name]}) for name, m in maps.items()}


class Tissue(Table):
    background: v.Text = Field(default="normal", description="the region that fills the box")
    seed: v.Whole = Field(default=1, description="of every random field")
    shapes: Annotated[tuple[AnyShape, ...], v.LIST] = Field(
        default=(), description="painted in order, later over earlier"
    )
    image: Image | None = None
    regions: dict[str, Region] = Field(default_factory=dict)
    maps: Annotated[
        dict[Annotated[str, v.OneOf(MAPPED)], Annotated[PropertyMap, BeforeValidator(_file_alone)]],
        AfterValidator(_with_units),
    ] = Field(default_factory=dict)

    @property
    def region_names(self) -> tuple[str, ...]:
        """The regions in use: the background, then those of the shapes or the image as they appear."""
        painted = [shape.region for shape in self.shapes]
        labelled = list(self.image.labels) if self.image else []
        return tuple(dict.fromkeys([self.background, *painted, *labelled]))

    def properties(self, name: str) -> RegionProperties:
        """The numbers of a region: its preset with what its table changes.

        A preset's name needs no table, and chooses that preset in a table without one. What neither gives is
        an error of `checks`, and a KeyError here.
        """
        table = self.regions.get(name, Region(preset=None))
        given = {item.name: getattr(table, item.name) for item in fields(RegionProperties)}
        given = {key: value for key, value in given.items() if value is not None}
        if len(given) == len(fields(RegionProperties)):
            return RegionProperties(**given)
        return replace(PRESETS[table.preset or name], **given)


# vessels and fluid ------------------------------------------------------------------------------------------


class Generated(Table):
    """A synthetic network that fills the box; see `vessels.generate`."""

    segments: v.NumberDensity = Field(
        default=CONTROL_SEGMENTS, description="vessel segments per volume; 1602 1/mm^3, whole tumours [M]"
    )
    branch_points: v.NumberDensity = Field(
        default=CONTROL_BRANCH_POINTS, description="per volume; 841 1/mm^3, whole tumours [M]"
    )
    capillary_radius: v.Length = Field(default=5e-6, description="median; 5 um [D]")
    radius_log_sd: v.Ratio = Field(default=0.3, description="of the capillaries [D]")
    density_log_sd: v.Ratio = Field(default=0.4, description="of the density of vessels [D]")
    density_length: v.Length = Field(default=500e-6, description="over which that varies; 500 um [D]")
    avascular_core: Annotated[float, v.Number(least=0, most=0.9)] = Field(
        default=0.0, description="part of the way from the centre to the faces that is without vessels"
    )
    feeders: v.Count = Field(default=3, description="inlets, and as many outlets [D]")
    terminals: v.PositiveFraction = Field(default=0.05, description="share of the points where trees end [D]")
    bend: v.Fraction = Field(
        default=0.2, description="sideways shift of a segment's middle over its length [D]"
    )
    blind: v.Fraction = Field(default=0.05, description="blind sprouts per branch point [D]")
    seed: v.Whole = 1


class Leakiness(Table):
    """How the walls of a network differ from segment to segment, as factors on those of the tissue."""

    pore_radius_log_sd: v.Ratio = Field(default=0.0, description="of a log-normal factor on the pore radii")
    pore_area_log_sd: v.Ratio = Field(default=0.0, description="of a log-normal factor on the pore area")
    hot_spots: v.Fraction = Field(default=0.0, description="part of the wall area that leaks most")
    hot_spot_factor: v.Positive = Field(default=10.0, description="on the pore area there [D]")
    wide_radius: v.Length | None = Field(default=None, description="above which vessels are tighter")
    wide_factor: v.Ratio = Field(default=0.1, description="on the pore area of those [D]")
    seed: v.Whole = 1

    def spread(self, factor: float) -> Spread:
        """With the standard deviations times ``factor``."""
        given = {name: value for name, value in self if value is not None}
        given |= {name: factor * given[name] for name in ("pore_radius_log_sd", "pore_area_log_sd")}
        return Spread(**given)

    @property
    def is_uniform(self) -> bool:
        """Whether no segment differs from another."""
        alike = self.pore_radius_log_sd == self.pore_area_log_sd == self.hot_spots == 0
        return alike and self.wide_radius is None


def _repairs(raw: object) -> object:
    return {"all": REPAIR_NAMES, "none": ()}.get(raw, raw) if isinstance(raw, str) else raw


class Vessels(Table):
    model: Literal["continuum", "network", "generated", "none"] = "continuum"
    file: v.InputFile | None = Field(
        default=None,
        description="the network: DGF, VTP, VTK, SWC, GraphML, two CSV tables, Network.dat, HDF5",
    )
    unit: v.LengthUnit | None = Field(
        default=None, description="of coordinates and radii; default: what the file or its format says"
    )
    pressure_unit: v.PressureUnit | None = Field(
        default=None, description="of the pressures in the file; default: what the file says, or Pa"
    )
    default_radius: v.Length = Field(default=5e-6, description="of segments without one; 5 um [D]")
    repair: Annotated[
        tuple[Annotated[str, v.OneOf(REPAIR_NAMES)], ...], v.LIST, BeforeValidator(_repairs)
    ] = Field(default=REPAIR_NAMES, description='"all", "none" or a list of repairs of the network')
    generated: Generated = Field(default_factory=Generated)
    arterial_pressure: v.Pressure = Field(
        default=25 * MMHG, description="at inlets where the file has no pressures; 25 mmHg [D]"
    )
    venous_pressure: v.Pressure = Field(
        default=10 * MMHG, description="at outlets where the file has no pressures; 10 mmHg [D]"
    )
    boundary: Literal["split", "estimated"] = Field(
        default="split",
        description="how ends without pressures get theirs: in two sides, or by targets of pressure and shear",
    )
    haematocrit: Annotated[float, v.Number(least=0, most=0.9)] = Field(
        default=HAEMATOCRIT, description="of discharge, at the inlets; 0.45 [D]"
    )
    plasma_viscosity: v.Viscosity = Field(
        default=PLASMA_VISCOSITY, description="of what the red cells flow in; 1.0466 mPa s [S]"
    )
    plasma: Literal["uniform", "carried"] = Field(
        default="uniform",
        description='"carried": the agent comes in at the inflow ends of a network and flows through it, with delay '
        "and loss; else all vessels have the systemic plasma concentration",
    )
    carried_in: Literal["plasma", "blood"] = Field(
        default="plasma",
        description="what carries the agent: red cells keep nanomedicines out, a small tracer fills them like plasma",
    )
    wall_offset: v.Distance = Field(
        default=0.0,
        description="from the lumen to the surface through which a network exchanges: wall areas are those of the "
        "radius and this",
    )
    phase_separation: v.Flag = Field(default=False, description="red cells part at branchings unlike plasma")
    viscosity: Annotated[str, v.OneOf(VISCOSITY_LAWS)] = Field(
        default="in_vivo_1994", description="of blood in narrow vessels"
    )
    two_way: v.Flag = Field(
        default=False,
        description="what leaks out of the vessels is missing in their flow, and their pressure",
    )
    two_way_tolerance: Annotated[float, v.Number(least=1e-10, most=0.01)] = Field(
        default=1e-8, description="of what left the vessels against what entered the tissue [D]"
    )
    well_correction: v.Flag = Field(
        default=True, description="the resistance of the tissue between a thin vessel and its voxel counts"
    )
    unresolved: v.Flag = Field(
        default=False,
        description="vessels that the network lacks are spread over each region up to its vessel_area_density",
    )
    leakiness: Leakiness = Field(default_factory=Leakiness)
    scenario: Annotated[str, v.OneOf(SCENARIOS)] = Field(
        default="untreated", description="factors on pores and vessels, to compare treatments"
    )
    fit_domain: v.Flag = Field(default=False, description="the box is that of the network and a margin")
    margin: v.Distance = Field(default=50e-6, description="around a fitted network; 50 um [D]")

    @property
    def resolved(self) -> bool:
        """Whether every vessel is a tube of its own."""
        return self.model in ("network", "generated")

    @property
    def design(self) -> Design:
        """The generated network, with as many vessels as the scenario leaves."""
        given = dict(self.generated)
        share = SCENARIOS[self.scenario].vessels
        given |= {name: given[name] * share for name in ("segments", "branch_points")}
        return Design(**given, arterial_pressure=self.arterial_pressure, venous_pressure=self.venous_pressure)


PressureCondition: TypeAlias = Annotated[float | None, Condition({"no-flux": None}, Quantity("Pa"))]
AgentCondition: TypeAlias = Annotated[
    Amount | None,
    Condition({"closed": None, "open": Amount(0.0, "")}, AmountOf(per="/m^3", example="1 uM")),
]


TemperatureCondition: TypeAlias = Annotated[
    float | None, Condition({"no-flux": None}, Quantity("K", above=0))
]


ConditionT = TypeVar("ConditionT")


class Faces(Table, Generic[ConditionT]):
    """What holds on each face; a face that is not named takes ``default``."""

    default: ConditionT | None = None
    z_low: ConditionT | None = None
    z_high: ConditionT | None = None
    y_low: ConditionT | None = None
    y_high: ConditionT | None = None
    x_low: ConditionT | None = None
    x_high: ConditionT | None = None


class PressureFaces(Faces[PressureCondition]):
    pass


class AgentFaces(Faces[AgentCondition]):
    pass


class TemperatureFaces(Faces[TemperatureCondition]):
    default: TemperatureCondition = BODY_TEMPERATURE


def _all_faces(raw: object) -> object:
    return raw if isinstance(raw, dict | Table) else {"default": raw}


def _conditions(faces: Faces[Any]) -> list[Any]:
    """The six conditions in the order of FACES."""
    return [getattr(faces, face if face in faces.model_fields_set else "default") for face in FACES]


class Pressure(Table):
    boundary: Annotated[PressureFaces, BeforeValidator(_all_faces)] = Field(
        default=PressureFaces.model_construct(default=0.0),
        description='"no-flux" or a pressure, for all faces or per face; 0 mmHg [D]: a tissue-isolated box',
    )
    tolerance: Annotated[float, v.Number(above=0, most=0.01)] = Field(
        default=1e-8, description="relative residual [D]"
    )

    @field_serializer("boundary", when_used="json")
    def _every_face(self, faces: PressureFaces) -> dict[str, float | None]:
        return dict(zip(FACES, _conditions(faces), strict=True))

    @property
    def boundaries(self) -> Boundaries:
        return Boundaries(*_conditions(self.boundary))


class Transport(Table):
    boundary: Annotated[AgentFaces, BeforeValidator(_all_faces)] = Field(
        default=AgentFaces.model_construct(default=None),
        description='"closed" (nothing diffuses out), "open" (clean fluid outside) or a concentration',
    )
    limiter: Literal["van_leer", "koren", "upwind"] = "van_leer"

    @field_serializer("boundary", when_used="json")
    def _every_face(self, faces: AgentFaces) -> dict[str, Amount | None]:
        return dict(zip(FACES, _conditions(faces), strict=True))

    @property
    def conditions(self) -> list[Amount | None]:
        """Of the six faces in the order of FACES; the unit is that of the amount, "" for "open"."""
        return _conditions(self.boundary)

    @property
    def boundaries(self) -> Boundaries:
        """Concentrations outside the faces, in amount/m³ of available fluid."""
        return Boundaries(*(None if amount is None else amount.value for amount in self.conditions))


# agent and dose ---------------------------------------------------------------------------------------------


class Agent(Table):
    """An agent of the catalogue with what is changed, or without ``name`` one that is described here."""

    name: v.Text | None = Field(default=None, description="in the catalogue, or in file")
    file: v.InputFile | None = Field(default=None, description="TOML, agents of your own")
    diameter: v.Length | None = Field(default=None, description="hydrodynamic")
    diameter_log_sd: v.Ratio | None = Field(
        default=None, description="of log-normal sizes; default: one size where the catalogue has none"
    )
    polydispersity_index: v.Ratio | None = Field(
        default=None, description="of light scattering, instead of diameter_log_sd: sqrt(ln(1 + PDI))"
    )
    diameter_basis: Annotated[str, v.OneOf(DIAMETER_BASES)] | None = Field(
        default=None, description="what the diameter of distributed sizes is; default: the median of the dose"
    )
    molar_mass: v.MolarMass | None = None
    plasma_half_lives: Annotated[tuple[v.Duration, ...], v.LIST] | None = None
    plasma_fractions: Annotated[tuple[v.Fraction, ...], v.LIST] | None = None
    central_volume: v.Volume | None = Field(
        default=None, description="that a dose fills at once, in a human of 70 kg; default: plasma"
    )
    dissociation_constant: v.Concentration | None = None
    binding_on: v.Association | None = None
    binding_off: v.Rate | None = Field(
        default=None, description="default: dissociation_constant times binding_on"
    )
    internalisation: v.Rate | None = Field(default=None, description="bound to internalised")
    degradation: v.Rate | None = Field(default=None, description="of what is inside cells; default: none")
    release_model: Annotated[str, v.OneOf(RELEASE_MODELS)] | None = Field(
        default=None,
        description='how the drug leaves; read where there is a [drug]. "decay": that is a daughter of the '
        "radionuclide, which leaves by recoil; its amounts are atoms, as many to a Bq as of the parent",
    )
    release_rate: v.Rate | None = Field(
        default=None, description="of the drug; that at rest where it is triggered"
    )
    release_time: v.Duration | None = Field(
        default=None, description='scale of release_model = "weibull", or the whole of "zero-order"'
    )
    release_shape: v.Positive | None = Field(default=None, description='of release_model = "weibull"')
    burst_fraction: v.Fraction | None = Field(
        default=None, description='of the drug, release_model = "biphasic"'
    )
    burst_rate: v.Rate | None = Field(default=None, description="of the burst")
    triggered_release_rate: v.Rate | None = Field(default=None, description="by heat or acid")
    radionuclide: Annotated[str, v.OneOf(radionuclide_names())] | None = Field(
        default=None, description="whose half-life is that of the agent's decay", examples=['"Lu-177"']
    )
    decay_half_life: v.Duration | None = None
    wall_mode: Annotated[str, v.OneOf(WALL_MODES)] | None = None
    pore_model: Annotated[str, v.OneOf(PORE_MODELS)] | None = Field(
        default=None, description="shape and theory of the pores"
    )
    wall_permeability: v.WallPermeability | None = Field(
        default=None, description='instead of the fit of wall_mode = "empirical"'
    )
    charge_factor: v.Positive | None = Field(default=None, description="on the partition into the pores")
    interstitial_diffusivity: v.Diffusivity | None = Field(default=None, description="instead of the model's")
    matrix_model: Annotated[str, v.OneOf(MATRIX_MODELS)] | None = None
    partition_model: Annotated[str, v.OneOf(PARTITION_MODELS)] | None = None
    retardation_model: Annotated[str, v.OneOf(RETARDATION_MODELS)] | None = None

    def given(self) -> dict[str, Any]:
        """The values that are set here."""
        values = {key: getattr(self, key) for key in type(self).model_fields if key not in ("name", "file")}
        return {key: value for key, value in values.items() if value is not None}

    def known(self) -> "CatalogueAgent":
        """The agent of the name alone, from the file or the catalogue; one of which nothing is known without."""
        return load_agent(self.name, file=self.file) if self.name else CatalogueAgent(name="custom")

    def chosen(self) -> "CatalogueAgent":
        """The agent of the catalogue, if there is a name, with the values given here.

        One half-life needs no fraction, and k_off = K_d k_on wherever it is not given itself.
        Raises ConfigError for a name that the catalogue has not.
        """
        given = self.given()
        if len(given.get("plasma_half_lives", ())) == 1:
            given.setdefault("plasma_fractions", (1.0,))
        if self.radionuclide is not None:
            given.setdefault("decay_half_life", radionuclide(self.radionuclide).half_life)
        if "polydispersity_index" in given:
            given["diameter_log_sd"] = float(log_sd_from_polydispersity(given["polydispersity_index"]))
        agent = self.known().with_values(**given)
        if given.keys() & {"plasma_half_lives", "plasma_fractions"} and "central_volume" not in given:
            agent = replace(agent, central_volume=None)  # it belongs to the curve of the catalogue
        if "plasma_half_lives" in given:
            agent = replace(agent, clearance=None, distribution_volume=None)  # and so do these
        changed = given.keys() & {"dissociation_constant", "binding_on"} and "binding_off" not in given
        if changed and agent.dissociation_constant is not None and agent.binding_on is not None:
            agent = agent.with_values(binding_off=agent.dissociation_constant * agent.binding_on)
        return agent


class CellUptake(Table):
    """Saturable uptake by cells and return from them; what is not given is that of doxorubicin [S]."""

    fastest: v.Mass | None = Field(
        default=None, description="V_max per cell and second", examples=['"4.67e-20 kg"']
    )
    half_outside: v.MassDensity | None = Field(default=None, description="K_e, per extracellular fluid")
    half_inside: v.Mass | None = Field(default=None, description="K_i, per cell")
    efflux: v.Rate | None = Field(default=None, description="by pumps")
    albumin_on: v.Rate | None = Field(default=None, description="binding to the albumin of tissue")
    albumin_off: v.Rate | None = None
    dna_on: v.Rate | None = Field(default=None, description="of drug in cells to their DNA; default: none")
    dna_off: v.Rate | None = Field(default=None, description="back from it")
    bound_diffusivity: v.Diffusivity = Field(
        default=ALBUMIN_BOUND_DIFFUSIVITY, description="of the drug on albumin; 8.8e-12 m^2/s [S]"
    )
    bound_permeability: v.WallPermeability = Field(
        default=ALBUMIN_BOUND_PERMEABILITY, description="of vessel walls for it; 8.3e-9 m/s [S]"
    )

    def chosen(self) -> "DrugUptake":
        names = (
            "fastest",
            "half_outside",
            "half_inside",
            "efflux",
            "albumin_on",
            "albumin_off",
            "dna_on",
            "dna_off",
        )
        given = {name: getattr(self, name) for name in names}
        return DrugUptake(**{name: value for name, value in given.items() if value is not None})


class Drug(Agent):
    """What the agent carries and releases: a drug of the catalogue, or one that is described here."""

    cell_uptake: CellUptake | None = Field(default=None, description="by cells; none without this table")
    unencapsulated: v.Fraction = Field(default=0.0, description="part of the dose that is free in the vial")
    uptake_rate: v.Rate = Field(
        default=0.0, description="first-order, by cells that keep it, on the amount per tissue volume"
    )

    def known(self) -> "CatalogueAgent":
        try:
            return super().known()
        except ConfigError as error:  # it speaks of [agent]
            said = (
                replace(problem, key=problem.key.replace("agent", "drug", 1)) for problem in error.problems
            )
            raise ConfigError(*said) from None

    def given(self) -> dict[str, Any]:
        own = ("cell_uptake", "unencapsulated", "uptake_rate")
        return {k: value for k, value in super().given().items() if k not in own}


class Macrophages(Table):
    """What a macrophage does with the agent, where regions have a macrophage_density."""

    clearance: v.VolumeRate = Field(
        description="interstitial fluid that one of them rids of the agent, per time", examples=['"1 pL/h"']
    )
    capacity: Annotated[Amount, AmountOf(example="10 pg")] | None = Field(
        default=None, description="of one of them, in the unit of the dose; default: none ever fills"
    )
    degradation: v.Rate = Field(default=0.0, description="of the agent in them; none [D]")
    release_rate: v.Rate | None = Field(
        default=None, description="of the [drug] from carriers in them; default: as in other cells"
    )
    keeps_drug: v.Flag = Field(
        default=False,
        description="what is released in them stays; default: it goes back to the interstitium [D]",
    )


class HeatedRegion(Table):
    """Power that is deposited evenly in a region."""

    kind: Literal["region"]
    region: v.Text
    power_density: v.PowerDensity


class HeatedFocus(Table):
    """A Gaussian focus, such as that of ultrasound."""

    kind: Literal["focus"]
    center: v.Position3 | None = Field(default=None, description="default: centre of the box")
    full_width: v.Spacing3 = Field(description="at half maximum: one value, or one per axis")
    power: v.Power = Field(default=1.0, description="in all; 1 W, for a target to scale")


class HeatedSphere(Table):
    """A ball in which power is deposited evenly."""

    kind: Literal["sphere"]
    center: v.Position3 | None = Field(default=None, description="default: centre of the box")
    radius: v.Length
    power: v.Power = Field(default=1.0, description="in all; 1 W, for a target to scale")


HeatSource: TypeAlias = Annotated[HeatedRegion | HeatedFocus | HeatedSphere, Field(discriminator="kind")]


class HeatTarget(Table):
    """What the power of all sources together is scaled to reach."""

    region: v.Text
    temperature: v.Temperature = Field(examples=['"42 degC"'])
    statistic: Literal["mean", "maximum"] = "mean"


class Heating(Table):
    """A window of heat, which triggers carriers whose release_model is "temperature"."""

    mode: Literal["prescribed", "power"] = Field(
        default="prescribed",
        description='regions at a temperature, or "power": that of sources, carried off by blood (Pennes)',
    )
    temperature: v.Temperature | None = Field(
        default=None, description='of the regions, with mode = "prescribed"', examples=['"42 degC"']
    )
    regions: Annotated[tuple[v.Text, ...], v.LIST] = Field(
        default=(), description='that are heated, with mode = "prescribed"', examples=['["tumour"]']
    )
    sources: Annotated[tuple[HeatSource, ...], v.LIST] = Field(
        default=(), description='of heat, with mode = "power"'
    )
    target: HeatTarget | None = Field(default=None, description="without it the power is that of the sources")
    boundary: Annotated[TemperatureFaces, BeforeValidator(_all_faces)] = Field(
        default=TemperatureFaces.model_construct(default=BODY_TEMPERATURE),
        description='a temperature or "no-flux", for all faces or per face; 37 degC',
    )
    blood_temperature: v.Temperature = Field(
        default=BODY_TEMPERATURE, description="of blood as it enters; 37 degC"
    )
    start: v.Time = 0.0
    duration: v.Duration = Field(examples=['"30 min"'])
    transit_time: v.Time = Field(
        default=5.0, description="of blood through the heated vessels, in which carriers release; 5 s [D]"
    )

    @field_serializer("boundary", when_used="json")
    def _every_face(self, faces: TemperatureFaces) -> dict[str, float | None]:
        return dict(zip(FACES, _conditions(faces), strict=True))

    @property
    def boundaries(self) -> Boundaries:
        return Boundaries(*_conditions(self.boundary))


class Light(Table):
    """A window of light on one face of the box, which triggers carriers at a rate that falls with depth."""

    face: Annotated[str, v.OneOf(FACES)] = Field(description="that is lit", examples=['"z_high"'])
    release_rate: v.Rate = Field(description="that it adds at the lit face, sensitivity times fluence rate")
    penetration_depth: v.Length = Field(description="in which it falls by e", examples=['"3 mm"'])
    start: v.Time = 0.0
    duration: v.Duration = Field(examples=['"10 min"'])


class TwoCompartment(Table):
    """Plasma and one more compartment: three rates, or a clearance, an exchange and a volume."""

    elimination: v.Rate | None = Field(default=None, description="from plasma out of the body, k10")
    outward: v.Rate | None = Field(default=None, description="from plasma to the other compartment, k12")
    inward: v.Rate | None = Field(default=None, description="back into plasma, k21")
    clearance: v.VolumeRate | None = Field(default=None, description="CL; k10 = CL/plasma volume")
    exchange: v.VolumeRate | None = Field(default=None, description="Q; k12 = Q/plasma volume")
    peripheral_volume: v.Volume | None = Field(default=None, description="V2; k21 = Q/V2")


class PlasmaTable(Table):
    """A measured curve instead of half-lives."""

    file: v.InputFile = Field(description='CSV: "time [h], concentration [uM]", or "%ID/mL"')
    time_unit: v.Text | None = Field(default=None, description="where the header does not say it")
    unit: v.Text | None = Field(default=None, description="of the concentrations, likewise")
    join: Annotated[str, v.OneOf(JOINS)] = Field(
        default="log-linear", description="between points: exponential where it falls, else straight [D]"
    )
    tail: Annotated[str, v.OneOf(TAILS)] = Field(
        default="exponential", description="after the last point: on at the rate of the last two, or zero [D]"
    )
    decay_corrected: v.Flag = Field(
        default=False, description="activities in the file are corrected to the time of the dose"
    )


class Injection(Table):
    """The dose is put into the tissue instead of into the blood: into a ball, at time 0 and without fluid, or with the
    fluid of an infusion, of which two of ``rate``, ``volume`` and ``duration`` are given."""

    center: v.Position3 | None = Field(default=None, description="default: the middle of the box")
    radius: v.Length = Field(
        description="of the ball that the injected fluid fills, or that it flows out of",
        examples=['"500 um"'],
    )
    rate: v.PositiveVolumeRate | None = Field(default=None, description="of the infusion, volume per time")
    volume: v.Volume | None = Field(default=None, description="of fluid in all")
    duration: v.Duration | None = Field(default=None, description="of the infusion, from time 0 on")

    @property
    def flows(self) -> bool:
        """Whether fluid is infused."""
        return any(value is not None for value in (self.rate, self.volume, self.duration))

    @property
    def flow_rate(self) -> float:
        """Q, m³/s."""
        if self.rate is not None:
            return self.rate
        assert self.volume is not None and self.duration is not None
        return self.volume / self.duration

    @property
    def lasts(self) -> float:
        """How long the infusion takes, s."""
        if self.duration is not None:
            return self.duration
        assert self.volume is not None and self.rate is not None
        return self.volume / self.rate


class Dosing(Table):
    dose: v.Dose = Field(
        description="of each administration, as mass, mol or activity: all amounts are then in kg, mol or Bq",
        examples=['"50 mg"'],
    )
    times: Annotated[tuple[v.Time, ...], v.LIST] | None = Field(
        default=None, description="when each dose begins; default: one at 0"
    )
    every: v.Duration | None = Field(default=None, description="interval between count doses, the first at 0")
    count: v.Count = Field(default=1, description="doses, one every so long")
    waiting: v.Time = Field(
        default=0.0, description="from the measurement of the activity of a dose to its injection"
    )
    body: Annotated[str, v.OneOf(BODIES)] = Field(default="human", description="sets the plasma volume")
    body_mass: v.Mass | None = Field(
        default=None, description="default: human 70 kg, mouse 25 g [D], rat 250 g [M]"
    )
    half_lives_of: Annotated[str, v.OneOf(BODIES)] | None = Field(
        default=None, description="the body that the agent's half-lives are scaled from, as mass^0.25 [M]"
    )
    two_compartment: TwoCompartment | None = Field(default=None, description="instead of half-lives")
    plasma_table: Annotated[PlasmaTable | None, BeforeValidator(_file_alone)] = Field(
        default=None, description="instead of half-lives"
    )
    plasma_volume: v.Volume | None = Field(default=None, description="default: that of the body")
    closed_body: v.Flag = Field(
        default=False,
        description="what the tissue takes up is missing in plasma: compartments instead of a curve",
    )
    infusion: v.Time = Field(default=0.0, description="length of the infusion; 0 is a bolus")
    injection: Injection | None = Field(
        default=None, description="into the tissue, as a deposit or with the flow that it drives"
    )
    initial_free: v.AmountDensity | None = Field(
        default=None, description="in the tissue at time 0, per tissue volume"
    )
    plasma_concentration: v.AmountDensity | None = Field(
        default=None,
        description='held constant in plasma, with run.mode = "steady"; the dose then only scales %ID',
    )


# run and output ---------------------------------------------------------------------------------------------


class Run(Table):
    mode: Literal["transient", "steady"] = Field(
        default="transient",
        description='"steady" solves for the state under a constant dosing.plasma_concentration, without binding, '
        "and without marching there: no other key of [run] but precision counts",
    )
    duration: v.Duration = Field(
        default=0.0, description="simulated time; required unless steady", examples=['"24 h"']
    )
    precision: Precision = Field(default="float32", description="of the fields while computing")
    coefficients: Literal["as state", "float16"] = Field(
        default="as state",
        description='of diffusion, flow and exchange: in that precision, or "float16" (to 2^-11): a third less to move '
        "and to keep on the device",
    )
    cfl: v.PositiveFraction = Field(
        default=0.4, description="part of the advective limit of a step that is used [D]"
    )
    max_step: v.Duration = Field(default=600.0, description="longest time step; 10 min [D]")
    plasma_error: Annotated[float, v.Number(least=1e-6, most=0.1)] = Field(
        default=0.01,
        description="steps are short enough that the plasma curve is straight within one, up to this part of it [D]",
    )
    step_error: Annotated[float, v.Number(least=1e-6, most=0.1)] | None = Field(
        default=None,
        description="step-doubling error: largest difference of the free concentration between one step and two half "
        "steps, relative to its maximum, that a step may have; default: steps of fixed length",
    )
    seed: v.Whole = Field(default=0, description="of anything random without a seed of its own")
    checkpoint_every: v.Duration = Field(
        default=600.0, description="wall time between checkpoints; 10 min [D]"
    )


class Output(Table):
    every: v.Duration | None = Field(
        default=None, description="interval of the outputs; default: the end only"
    )
    times: Annotated[tuple[v.Duration, ...], v.LIST] | None = Field(
        default=None, description="instead of every"
    )
    fields: Annotated[tuple[Annotated[str, v.OneOf(FIELDS)], ...], v.LIST] = (
        "region",
        "pressure",
        "velocity",
        "temperature",
        "injection_pressure",
        "free",
        "bound",
        "internalised",
        "in_macrophages",
        "drug_free",
        "drug_in_cells",
        "drug_on_dna",
        "drug_in_macrophages",
        "vessel_area_density",
    )
    compression: Literal["gzip", "none"] = "gzip"
    precision: Precision = Field(default="float32", description="of the fields in the file")


class Config(Table):
    """A whole config: SI numbers, triples z, y, x, paths absolute."""

    title: v.Text = ""
    domain: Domain
    tissue: Tissue
    vessels: Vessels
    pressure: Pressure
    transport: Transport
    agent: Agent
    drug: Drug | None = None
    macrophages: Macrophages | None = None
    heating: Heating | None = None
    light: Light | None = None
    dosing: Dosing
    run: Run
    output: Output
    _path: Path | None = PrivateAttr(None)
    _given: str = PrivateAttr("")

    @property
    def path(self) -> Path | None:
        """The file it was read from."""
        return self._path

    @property
    def config_given(self) -> str:
        """The text it was read from: the file, those it extends, and what was set on the command line."""
        return self._given

    def read_from(self, path: Path, text: str) -> "Config":
        """The same config, knowing its source."""
        copy = self.model_copy()
        copy._path, copy._given = path, text
        return copy

    def of_agent(self, agent: Agent) -> "Config":
        """The same with another agent, which releases nothing and leaves macrophages alone."""
        others = dict.fromkeys(("drug", "macrophages", "heating", "light"))
        return self.model_copy(update={"agent": agent, **others})

    def of_one_size(self, diameter: float) -> "Config":
        """The same with particles of one ``diameter``."""
        one_size = {"diameter": diameter, "diameter_log_sd": 0.0, "polydispersity_index": None}
        return self.model_copy(update={"agent": self.agent.model_copy(update=one_size)})

    def resolved(self) -> dict[str, Any]:
        """Every key with its value or default, ready for JSON: SI numbers, triples x, y, z as in the file.

        The regions in use have all their properties, and the agent what the catalogue says.
        """
        tables = self.model_dump(mode="json")
        names = self.tissue.region_names
        tables["tissue"]["regions"] |= {name: asdict(self.tissue.properties(name)) for name in names}
        tables["agent"] = _every_value(self.agent.chosen())
        if self.drug is not None:
            tables["drug"] |= _every_value(self.drug.chosen())
        return tables


def _every_value(agent: CatalogueAgent) -> dict[str, Any]:
    return {item.name: getattr(agent, item.name) for item in fields(agent) if item.repr}


PATH_KEYS = (
    "agent.file",
    "drug.file",
    "vessels.file",
    "tissue.image.file",
    "tissue.maps.*",
    "tissue.maps.*.file",
    "dosing.plasma_table",
    "dosing.plasma_table.file",
)
"""Keys whose text is a path, relative to the file that names it."""
