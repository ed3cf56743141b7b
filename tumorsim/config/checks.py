"""What the schema cannot see key by key: keys against each other, the files, the sizes, the memory.

Each check is a function that yields the problems it finds. Where a key that it needs is itself wrong, asking
for it raises Undecidable and the check ends there, so that one fault is not reported twice.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from math import ceil, floor, log10
from typing import Any

from tumorsim.agents.agent import Agent as CatalogueAgent
from tumorsim.agents.catalogue import agent_names
from tumorsim.agents.particle import radius_from_molar_mass
from tumorsim.agents.plasma import PlasmaCurve
from tumorsim.config.dosing import dosing_times, prescribed_curve
from tumorsim.config.drug_checks import DRUG_CHECKS
from tumorsim.config.inputs import WHOLE, Inputs, length, require_file, voxel_counts
from tumorsim.config.schema import (
    Agent,
    Config,
    Core,
    Dosing,
    Injection,
    Margin,
    Region,
    Tissue,
    Undecidable,
)
from tumorsim.config.values import Amount, suggestion
from tumorsim.errors import ConfigError, Problem
from tumorsim.fields import TALLIES
from tumorsim.resources import available_memory
from tumorsim.tissue.images import regions_from_image
from tumorsim.tissue.properties import PRESETS, UNITS
from tumorsim.units import UnitError, to_si
from tumorsim.vessels.wall import EMPIRICAL_ONLY, PORES_ONLY

Problems = Iterable[Problem]


def check(config: Config) -> list[Problem]:
    """Every problem that can be told of a config, which may be partial (see `validate.partial`)."""
    inputs = Inputs(config)
    found: list[Problem] = []
    for one in CHECKS:
        try:
            for problem in one(inputs):
                found.append(problem)
        except Undecidable:
            continue
        except ConfigError as error:
            found.extend(error.problems)
    return [problem for k, problem in enumerate(found) if problem not in found[:k]]


# domain and tissue ------------------------------------------------------------------------------------------


def _box(inputs: Inputs) -> Problems:
    """The box holds a whole number of voxels, whether or not it is used."""
    size, spacing = inputs.config.domain.size, inputs.config.domain.spacing
    if size is not None and spacing is not None:
        voxel_counts(size, spacing)
    return ()


def _grid(inputs: Inputs) -> Problems:
    """The grid can be made, and [domain] does not contradict the image or the network that gives it."""
    grid, domain = inputs.grid, inputs.config.domain
    source = "tissue.image" if inputs.config.tissue.image else "the network (vessels.fit_domain)"
    for name in domain.model_fields_set:
        given, own = getattr(domain, name), getattr(grid, name)
        if given is not None and not _same(given, own, grid.spacing):
            shown = ", ".join(f"{value:.6g}" for value in reversed(own))
            fault = f"the box is that of {source}, where this is ({shown}) in SI units"
            yield Problem(f"domain.{name}", given[::-1], fault, f"Remove {name} from [domain]")


def _same(given: tuple[float, ...], own: tuple[float, ...], spacing: tuple[float, ...]) -> bool:
    scale = [max(abs(b), h) for b, h in zip(own, spacing, strict=True)]
    return all(abs(a - b) <= WHOLE * s for a, b, s in zip(given, own, scale, strict=True))


def _labels(inputs: Inputs) -> Problems:
    """The labels of the image are those that have names."""
    tissue = inputs.config.tissue
    if tissue.image and inputs.stored_image:
        regions_from_image(
            inputs.stored_image, tissue.image.labels, background=tissue.background, ignore=tissue.image.ignore
        )
    return ()


def _one_source_of_tissue(inputs: Inputs) -> Problems:
    if inputs.config.tissue.image and inputs.config.tissue.shapes:
        fault = "shapes and an image are both given"
        yield Problem("tissue.image", None, fault, "Remove [tissue.image], or write shapes = []")


def _region_names(inputs: Inputs) -> Problems:
    """Every region that is used has a table or is a preset, and every table says what its preset is."""
    tissue = inputs.config.tissue
    uses = {"tissue.background": tissue.background}
    uses |= {f"tissue.shapes[{k}].region": shape.region for k, shape in enumerate(tissue.shapes)}
    uses |= {f"tissue.image.labels.{name}": name for name in (tissue.image.labels if tissue.image else ())}
    known = tissue.regions.keys() | PRESETS.keys()
    for key, name in uses.items():
        if name not in known:
            cure = f'Add [tissue.regions.{name}] with preset = "tumour". {suggestion(name, sorted(known))}'
            yield Problem(key, name, "no region has this name", cure)
    for name, table in tissue.regions.items():
        if table.preset is None and name not in PRESETS and (missing := _missing(table)):
            fault = f"is required where not every property is given; {missing[0]} is not"
            yield Problem(f"tissue.regions.{name}.preset", None, fault, f"Use one of {', '.join(PRESETS)}")


def _missing(table: Region) -> list[str]:
    names = (name for name in type(table).model_fields if name != "preset")
    return [name for name in names if getattr(table, name) is None]


def _shapes(inputs: Inputs) -> Problems:
    """A core or a margin belongs to a region painted before it, and a core has one size."""
    tissue = inputs.config.tissue
    painted = [tissue.background]
    for k, shape in enumerate(tissue.shapes):
        key = f"tissue.shapes[{k}]"
        if isinstance(shape, Core | Margin) and shape.of not in painted:
            cure = f"Paint it in an earlier shape; until here there are {', '.join(painted)}"
            yield Problem(f"{key}.of", shape.of, "no shape before this one paints this region", cure)
        if isinstance(shape, Core) and (shape.fraction is None) == (shape.depth is None):
            fault = "a core needs fraction or depth" if shape.depth is None else "a core has one size"
            yield Problem(f"{key}.fraction", shape.fraction, fault, "Give one of fraction = 0.5 and depth")
        painted.append(shape.region)


def _maps(inputs: Inputs) -> Problems:
    for name, given in inputs.config.tissue.maps.items():
        key = f"tissue.maps.{name}"
        try:
            require_file(key, given.file)
        except ConfigError as error:
            yield from error.problems
        if given.unit is not None and name in UNITS:
            try:
                to_si(given.unit, UNITS[name])
            except UnitError:
                cure = f'Use a unit such as "{UNITS[name]}"'
                yield Problem(f"{key}.unit", given.unit, f"{name} is not measured in this unit", cure)


# vessels ----------------------------------------------------------------------------------------------------


def _network(inputs: Inputs) -> Problems:
    vessels = inputs.config.vessels
    if vessels.model != "network" and vessels.file is not None:
        fault = f"a network is given, but vessels.model is {vessels.model!r}"
        yield Problem("vessels.file", str(vessels.file), fault, 'Set model = "network", or remove file')
    if vessels.model != "network" and vessels.fit_domain:
        cure = 'Set model = "network", or remove fit_domain'
        yield Problem("vessels.fit_domain", True, "only a network from a file can give the box", cure)
    for key in ("two_way", "unresolved", "phase_separation"):
        if not vessels.resolved and getattr(vessels, key):
            fault = f"there is no network, for vessels.model is {vessels.model!r}"
            yield Problem(
                f"vessels.{key}", True, fault, f'Set model = "network" or "generated", or remove {key}'
            )


def _carried_plasma(inputs: Inputs) -> Problems:
    """A network carries one agent through time, from a plasma curve that is given."""
    config, key = inputs.config, "vessels.plasma"
    if config.vessels.plasma != "carried":
        return
    cure = 'Set vessels.plasma = "uniform", or change that'
    if not config.vessels.resolved:
        yield Problem(
            key, "carried", f"there is no network, for vessels.model is {config.vessels.model!r}", cure
        )
    if config.drug is not None:
        yield Problem(key, "carried", "is not for a carrier with a [drug]", cure)
    if config.dosing.closed_body:
        yield Problem(key, "carried", "is not for a closed body", cure)
    if config.dosing.injection is not None and config.dosing.injection.flows:
        yield Problem(key, "carried", "is not for an infusion into tissue", cure)
    if config.run.mode == "steady":
        yield Problem(key, "carried", 'is not for run.mode = "steady"', cure)


def _network_in_box(inputs: Inputs) -> Problems:
    """The network can be read, and some of it is in the box."""
    if (network := inputs.network) is None:
        return
    low, high = network.bounding_box
    grid = inputs.grid
    ends = [(o, o + s) for o, s in zip(grid.origin, grid.size, strict=True)]
    if any(b < start or a > end for a, b, (start, end) in zip(low, high, ends, strict=True)):
        spans = ", ".join(f"{length(a)} to {length(b)}" for a, b in zip(low[::-1], high[::-1], strict=True))
        fault = f"the network lies outside the box; it spans x, y, z = {spans}"
        cure = "Set fit_domain = true, correct vessels.unit, or move domain.origin"
        yield Problem("vessels.file", str(inputs.config.vessels.file), fault, cure)


def _blood_pressures(inputs: Inputs) -> Problems:
    vessels = inputs.config.vessels
    if vessels.resolved and vessels.arterial_pressure <= vessels.venous_pressure:
        fault = f"must exceed venous_pressure, {vessels.venous_pressure:g} Pa"
        shown = f"{vessels.arterial_pressure:g} Pa"
        yield Problem("vessels.arterial_pressure", shown, fault, "Blood flows from arteries to veins")


# agent and dose ---------------------------------------------------------------------------------------------


def _of_agent(agent: Agent, name: str) -> Any:
    """A value of the agent: as given, else from the catalogue."""
    given = getattr(agent, name)
    return given if given is not None else getattr(agent.known(), name)


def _model_of_agent(agent: Agent, name: str) -> Any:
    """The same for what has a default, which holds for an agent that is not known (`_agent_name` says so)."""
    try:
        return _of_agent(agent, name)
    except ConfigError:
        return getattr(CatalogueAgent(name=""), name)


def _agent_name(inputs: Inputs) -> Problems:
    """The agent is in the catalogue, or in its own file, which can be read and is used."""
    agent = inputs.config.agent
    if agent.file is not None:
        names = agent_names(agent.file)
        if agent.name is None:
            cure = f'Add name = "{names[0] if names else "..."}" to [agent], or remove file'
            yield Problem("agent.file", str(agent.file), "no agent of it is chosen", cure)
    agent.known()


def _agent(inputs: Inputs) -> Problems:
    """The agent has a size and half-lives."""
    agent = inputs.config.agent
    why = f"the catalogue has none for {agent.name}" if agent.name else "there is no agent.name"
    mass = _of_agent(agent, "molar_mass")
    diameter = f"{2e9 * radius_from_molar_mass(mass):.3g} nm" if mass else "85 nm"
    needed = {"diameter": f'"{diameter}"', "plasma_half_lives": '["1.4 h", "45.9 h"]'}
    dosing = inputs.config.dosing
    if inputs.config.run.mode == "steady" or _curve_keys(dosing) or dosing.injection is not None:
        del needed["plasma_half_lives"]
    for name, shown in needed.items():
        if not _of_agent(agent, name):
            fault = f"is required, and not given; {why}"
            globule = ", a globular protein of this mass," if name == "diameter" and mass else ""
            yield Problem(
                f"agent.{name}", None, fault, f"Add for example {name} = {shown}{globule} to [agent]"
            )


def _size_spread(inputs: Inputs) -> Problems:
    agent = inputs.config.agent
    if agent.diameter_log_sd is not None and agent.polydispersity_index is not None:
        fault, cure = "the spread of sizes is given twice", "Leave it or diameter_log_sd out"
        yield Problem("agent.polydispersity_index", agent.polydispersity_index, fault, cure)


def _molar_mass(inputs: Inputs) -> Problems:
    """A diffusivity from the molar mass takes one, unless it is measured."""
    agent = inputs.config.agent
    model = _of_agent(agent, "matrix_model")
    if model != "power_law" or _of_agent(agent, "interstitial_diffusivity") is not None:
        return
    if _of_agent(agent, "molar_mass") is None:
        fault = 'is required by matrix_model = "power_law", and not given'
        yield Problem("agent.molar_mass", None, fault, 'Add for example molar_mass = "150 kg/mol" to [agent]')


def _wall_mode(inputs: Inputs) -> Problems:
    """What is said of the wall is read in its mode: measured walls and walls of pores do not mix."""
    config, tissue = inputs.config, inputs.config.tissue
    mode = _model_of_agent(config.agent, "wall_mode")
    other = {"pores": "empirical", "empirical": "pores"}[mode]
    unread = EMPIRICAL_ONLY if mode == "pores" else PORES_ONLY
    given = {f"tissue.maps.{name}": name for name in unread if name in tissue.maps}
    for region, table in tissue.regions.items():
        whole = table.preset is None and region not in PRESETS  # such a table has to say everything
        for name in () if whole else unread:
            if getattr(table, name) is not None:
                given[f"tissue.regions.{region}.{name}"] = name
    if mode == "pores" and config.agent.wall_permeability is not None:
        given["agent.wall_permeability"] = "wall_permeability"
    for key in given:
        fault = f"is not read where agent.wall_mode is {mode!r}: {_WALL_MODES[mode]}"
        yield Problem(key, None, fault, f'Remove it, or set agent.wall_mode = "{other}"')


_WALL_MODES = {
    "pores": "Lp, P and σ all follow from the pores",
    "empirical": "Lp is given, P a fit to measurements, σ that of pores of pore_radius",
}


def _plasma_curve(inputs: Inputs) -> Problems:
    """There is a fraction for every half-life, and together they are 1."""
    half_lives = _of_agent(inputs.config.agent, "plasma_half_lives")
    if half_lives:
        given = inputs.config.agent.plasma_fractions is not None or len(half_lives) > 1
        fractions = _of_agent(inputs.config.agent, "plasma_fractions") if given else (1.0,)
        PlasmaCurve.from_half_lives(0.0, "mol", volume=1.0, half_lives=half_lives, fractions=fractions or ())
    return ()


def _curve_keys(dosing: Dosing) -> list[str]:
    """The keys of [dosing] that give the plasma curve instead of half-lives."""
    return [name for name in ("two_compartment", "plasma_table") if getattr(dosing, name) is not None]


def _one_plasma_curve(inputs: Inputs) -> Problems:
    """The plasma curve comes from one source, and only half-lives are scaled."""
    dosing, keys = inputs.config.dosing, _curve_keys(inputs.config.dosing)
    if len(keys) > 1:
        yield Problem("dosing.plasma_table", None, "two_compartment is given too", "Leave one of the two out")
    if keys and inputs.config.agent.plasma_half_lives is not None:
        fault = f"dosing.{keys[0]} gives the plasma curve too"
        yield Problem("agent.plasma_half_lives", None, fault, "Leave one of the two out")
    if keys and dosing.half_lives_of is not None:
        fault = f"dosing.{keys[0]} gives the plasma curve, and no half-lives are used"
        yield Problem("dosing.half_lives_of", dosing.half_lives_of, fault, "Remove it")


def _compartments(inputs: Inputs) -> Problems:
    """Two compartments are given by three rates, or by a clearance, an exchange and a volume."""
    given = inputs.config.dosing.two_compartment
    if given is None:
        return
    rates, volumes = ("elimination", "outward", "inward"), ("clearance", "exchange", "peripheral_volume")
    found = {name for name in (*rates, *volumes) if getattr(given, name) is not None}
    if found not in ({*rates}, {*volumes}):
        shown = f"{', '.join(sorted(found)) or 'nothing'} is given"
        cure = f"Give {', '.join(rates)}, or else {', '.join(volumes)}"
        yield Problem("dosing.two_compartment", None, shown, cure)


def _repeats(inputs: Inputs) -> Problems:
    """Doses are listed or counted, and begin before the run ends."""
    dosing = inputs.config.dosing
    if dosing.times is not None and (dosing.every is not None or dosing.count > 1):
        yield Problem("dosing.times", None, "every or count is given too", "Leave one of the two out")
    elif dosing.count > 1 and dosing.every is None:
        fault = f"is required for {dosing.count} doses"
        yield Problem("dosing.every", None, fault, 'Add for example every = "7 d" to [dosing]')
    elif dosing.every is not None and dosing.count == 1:
        yield Problem("dosing.count", 1, "a single dose has no interval", "Set count to 2 or more")
    elif dosing.times == ():
        yield Problem("dosing.times", [], "there is no dose", 'Write for example ["0 h", "24 h"]')
    else:
        yield from _late_doses(dosing_times(dosing), inputs.config.run.duration)


def _injection(inputs: Inputs) -> Problems:
    """An injection into the tissue is one dose, inside the box, and nothing of it is in plasma."""
    config, injection = inputs.config, inputs.config.dosing.injection
    if injection is None:
        return
    dosing = config.dosing
    others = [
        *_curve_keys(dosing),
        *(key for key in ("times", "every", "initial_free") if getattr(dosing, key)),
    ]
    others += ["closed_body"] if dosing.closed_body else []
    for key in others:
        yield Problem(f"dosing.{key}", None, "does not go with dosing.injection", "Leave one of the two out")
    if config.drug is not None:
        yield Problem("dosing.injection", None, "is not for a carrier with a [drug]", "Remove one of the two")
    if config.run.mode == "steady":
        yield Problem("dosing.injection", None, "has no steady state", 'Use run.mode = "transient"')
    if injection.center is not None and not inputs.holds(injection.center):
        shown = [length(x) for x in reversed(injection.center)]
        yield Problem("dosing.injection.center", shown, "lies outside the box", "Move it, or the box")
    if injection.flows:
        yield from _injected_flow(config, injection)


def _injected_flow(config: Config, injection: Injection) -> Problems:
    """Two of three say what is infused, and it ends within the run."""
    given = [name for name in ("rate", "volume", "duration") if getattr(injection, name) is not None]
    if len(given) != 2:
        fault = f"{' and '.join(given)} {'is' if len(given) == 1 else 'are'} given"
        cure = 'Give two of rate = "0.1 uL/min", volume = "10 uL" and duration = "100 min", or none for a deposit'
        yield Problem("dosing.injection", None, fault, cure)
    elif config.run.duration and injection.lasts > config.run.duration:
        fault = f"the infusion takes {injection.lasts:g} s, and the run ends at {config.run.duration:g} s"
        yield Problem("dosing.injection.duration", None, fault, "Infuse faster, or lengthen run.duration")
    if config.run.step_error is not None:
        cure = "Remove it: steps are as short as the flow from the needle needs"
        yield Problem("run.step_error", config.run.step_error, "is not for an infusion into tissue", cure)


def _closed_body(inputs: Inputs) -> Problems:
    """A closed body is made from the half-lives of one dose."""
    config = inputs.config
    if not config.dosing.closed_body:
        return
    cure = "Give half-lives and one dose, or remove closed_body"
    if config.drug is not None:
        yield Problem(
            "dosing.closed_body", True, "is not for a carrier with a [drug]", "Remove one of the two"
        )
    if not isinstance(prescribed_curve(config), PlasmaCurve):
        yield Problem("dosing.closed_body", True, "needs a plasma curve that is a sum of exponentials", cure)
    if config.run.mode == "steady":
        yield Problem("dosing.closed_body", True, "has no steady state", 'Use run.mode = "transient"')


def _late_doses(times: tuple[float, ...], duration: float) -> Problems:
    if duration and max(times) >= duration:
        fault = f"the last dose comes at {max(times):g} s, and the run ends at {duration:g} s"
        yield Problem("dosing", None, fault, "Give fewer doses, or a longer run.duration")


def _prescribed_curve(inputs: Inputs) -> Problems:
    """A table or compartments make a curve."""
    table = inputs.config.dosing.plasma_table
    if table is not None:
        require_file("dosing.plasma_table.file", table.file)
    if _curve_keys(inputs.config.dosing) and not list(_compartments(inputs)):
        prescribed_curve(inputs.config)
    return ()


def _decay(inputs: Inputs) -> Problems:
    """One half-life of decay, and a wait only for what decays."""
    agent, dosing = inputs.config.agent, inputs.config.dosing
    if agent.radionuclide is not None and agent.decay_half_life is not None:
        fault = f"{agent.radionuclide} has its own"
        yield Problem(
            "agent.decay_half_life", f"{agent.decay_half_life:g} s", fault, "Leave one of the two out"
        )
    decays = agent.radionuclide or _of_agent(agent, "decay_half_life")
    if dosing.waiting > 0 and not decays:
        fault = "nothing of this agent decays while it waits"
        yield Problem(
            "dosing.waiting", f"{dosing.waiting:g} s", fault, "Remove it, or set agent.radionuclide"
        )


def _pores(inputs: Inputs) -> Problems:
    """The agent passes the pores of some region with vessels; some of one with distributed sizes always does."""
    config = inputs.config
    diameter, pores = _of_agent(config.agent, "diameter"), _pore_radii(config)
    spread = ("diameter_log_sd", "polydispersity_index")
    if diameter is None or any(_model_of_agent(config.agent, name) for name in spread):
        return
    if pores and diameter / 2 >= max(pores.values()):
        key, value = "agent.diameter", length(diameter)
        if config.agent.diameter is None:
            key, value = "agent.name", str(config.agent.name)
        found = ", ".join(f"{length(2 * radius)} in {name}" for name, radius in pores.items())
        fault = f"{length(diameter)} across, it is larger than every pore ({found}): none leaves the blood"
        widest = max(pores, key=lambda name: pores[name])
        cure = f"Take a smaller one, or tissue.regions.{widest}.pore_radius above {length(diameter / 2)}"
        yield Problem(key, value, fault, cure)


def _pore_radii(config: Config) -> dict[str, float]:
    """The largest pore radius of every region that has vessels; nothing where a map or a distribution decides."""
    tissue, model = config.tissue, config.vessels.model
    if model == "none" or tissue.maps.keys() & {
        "pore_radius",
        "large_pore_radius",
        "large_pore_area_fraction",
    }:
        return {}
    everywhere = config.vessels.resolved or "vessel_area_density" in tissue.maps
    names = [
        name
        for name in tissue.region_names
        if everywhere or _of_region(tissue, name, "vessel_area_density") > 0
    ]
    if _model_of_agent(config.agent, "wall_mode") == "empirical":
        return {name: _of_region(tissue, name, "pore_radius") for name in names}
    if any(_of_region(tissue, name, "pore_radius_log_sd") > 0 for name in names):
        return {}
    return {name: _largest_pore(tissue, name) for name in names}


def _largest_pore(tissue: Tissue, name: str) -> float:
    radius = _of_region(tissue, name, "pore_radius")
    if _of_region(tissue, name, "large_pore_area_fraction") == 0:
        return radius
    return max(radius, _of_region(tissue, name, "large_pore_radius"))


def _of_region(tissue: Tissue, region: str, name: str) -> float:
    """A property of a region: as given, else from its preset."""
    table = tissue.regions.get(region, Region(preset=None))
    given = getattr(table, name)
    if given is not None:
        return float(given)
    if (preset := table.preset or region) not in PRESETS:
        raise Undecidable(f"tissue.regions.{region}.preset")
    return float(getattr(PRESETS[preset], name))


def _binding(inputs: Inputs) -> Problems:
    """Binding takes both rates, and amounts in mol."""
    config, agent = inputs.config, inputs.config.agent
    tissue = config.tissue
    if not (places := _binding_places(tissue)):
        return
    rates = {"binding_on": ("binding_on",), "binding_off": ("binding_off", "dissociation_constant")}
    for name, sources in rates.items():
        if all(_of_agent(agent, source) is None for source in sources):
            fault = f"is required, and not given, for there are binding sites in {', '.join(places)}"
            shown = {"binding_on": "1e5 1/(M s)", "binding_off": "1e-4 1/s"}[name]
            yield Problem(f"agent.{name}", None, fault, f'Add for example {name} = "{shown}" to [agent]')
    dose = config.dosing.dose
    if dose.unit != "mol":
        fault = "binding sites are counted in mol, so the dose must be too"
        cure = _in_mol(dose, _of_agent(agent, "molar_mass"))
        yield Problem("dosing.dose", f"{dose.value:g} {dose.unit}", fault, cure)


def _binding_places(tissue: Tissue) -> list[str]:
    return _places(tissue, "binding_sites")


def _places(tissue: Tissue, name: str) -> list[str]:
    """The regions where a property is above 0, or a map that gives it."""
    if name in tissue.maps:
        return ["a map"]
    return [region for region in tissue.region_names if _of_region(tissue, region, name) > 0]


def _macrophages(inputs: Inputs) -> Problems:
    """There are macrophages, it is known what they do, and of a drug there is something to be released in them."""
    config, given = inputs.config, inputs.config.macrophages
    places = _places(config.tissue, "macrophage_density")
    if given is None:
        if places:
            fault = f"is required, and not given, for there are macrophages in {', '.join(places)}"
            yield Problem("macrophages.clearance", None, fault, 'Add [macrophages] with clearance = "1 pL/h"')
        return
    if not places:
        cure = 'Add for example macrophage_density = "1e14 1/m^3" to [tissue.regions.tumour]'
        yield Problem("macrophages", None, "no region has a macrophage_density", cure)
    capacity, unit = given.capacity, config.dosing.dose.unit
    if capacity is not None and (capacity.value == 0 or capacity.unit != unit):
        fault = "is zero" if capacity.value == 0 else f"the dose is in {unit}"
        cure = f"Give it in {unit} or a multiple of it, or leave it out: then they never fill"
        yield Problem("macrophages.capacity", f"{capacity.value:g} {capacity.unit}", fault, cure)
    if capacity is not None and config.run.mode == "steady":
        fault = "macrophages that fill up have no steady state before they are full"
        yield Problem("macrophages.capacity", None, fault, 'Remove it, or set run.mode = "transient"')
    for key in ("release_rate", "keeps_drug") if config.drug is None else ():
        if getattr(given, key):
            yield Problem(
                f"macrophages.{key}", None, "there is no [drug] to be released", "Remove it, or add [drug]"
            )


def _in_mol(dose: Amount, molar_mass: float | None) -> str:
    if dose.unit == "kg" and molar_mass is not None:
        return f'At {molar_mass * 1e3:g} g/mol it is "{dose.value / molar_mass * 1e6:.4g} umol"'
    return 'Give the amount of substance, for example "1 nmol", or set binding_sites = "0 uM"'


def _amount_units(inputs: Inputs) -> Problems:
    """Amounts are all in the unit of the dose."""
    unit = inputs.config.dosing.dose.unit
    dosing = inputs.config.dosing
    amounts = {f"dosing.{name}": getattr(dosing, name) for name in ("initial_free", "plasma_concentration")}
    amounts |= {
        "transport.boundary": next((c for c in inputs.config.transport.conditions if c and c.value), None)
    }
    for key, amount in amounts.items():
        if amount is not None and amount.value > 0 and amount.unit != unit:
            shown = f"{amount.value:g} {amount.unit}/m^3"
            yield Problem(key, shown, f"the dose is in {unit}", f"Give it in {unit}/m^3 or a multiple of it")


# run and output ---------------------------------------------------------------------------------------------


def _output_choice(inputs: Inputs) -> Problems:
    output = inputs.config.output
    if output.every is not None and output.times is not None:
        yield Problem("output.times", None, "every is given too", "Leave one of the two out")
    for name, count in Counter(output.fields).items():
        if count > 1:
            yield Problem("output.fields", name, "is listed twice", "List every field once")


def _output_times(inputs: Inputs) -> Problems:
    if inputs.config.run.mode == "steady":
        return
    duration, output = inputs.config.run.duration, inputs.config.output
    cure = f"The run lasts {duration:g} s: use times up to that, or a longer run.duration"
    for k, time in enumerate(output.times or ()):
        if time > duration * (1 + 1e-12):
            yield Problem(f"output.times[{k}]", f"{time:g} s", "is after the end of the run", cure)
    if output.every is not None and output.every > duration * (1 + 1e-12):
        yield Problem("output.every", f"{output.every:g} s", "is longer than the run", cure)


def _transient(inputs: Inputs) -> Problems:
    """A march takes a duration, and its plasma level from the dose."""
    config = inputs.config
    if config.run.mode == "steady":
        return
    if config.run.duration == 0:
        fault, cure = "is required, and not given", 'Add for example duration = "24 h" (simulated time)'
        yield Problem("run.duration", None, fault, cure)
    if config.dosing.plasma_concentration is not None:
        fault = "only a steady state has a constant one; here the dose and the half-lives set it"
        yield Problem("dosing.plasma_concentration", None, fault, 'Remove it, or set run.mode = "steady"')


def _coefficients(inputs: Inputs) -> Problems:
    """Coefficients of 16 bits make a state of 64 no better than one of 32."""
    run = inputs.config.run
    if run.coefficients != "as state" and run.precision == "float64":
        fault = 'rounds to 2^-11, which run.precision = "float64" makes no better'
        yield Problem(
            "run.coefficients", run.coefficients, fault, 'Remove it, or set run.precision = "float32"'
        )


def _steady(inputs: Inputs) -> Problems:
    """A steady state is that of a linear problem under a constant plasma concentration."""
    config = inputs.config
    if config.run.mode != "steady":
        return
    if config.dosing.plasma_concentration is None:
        cure = 'Add for example plasma_concentration = "1 nM" to [dosing]'
        yield Problem("dosing.plasma_concentration", None, 'is required where run.mode = "steady"', cure)
    if config.dosing.initial_free is not None:
        fault = "a steady state does not depend on where it began"
        yield Problem("dosing.initial_free", None, fault, 'Remove it, or set run.mode = "transient"')
    for name in sorted(set(config.output.fields) & set(TALLIES)):
        fault = "a steady state has no course in time"
        yield Problem("output.fields", name, fault, 'Remove it, or set run.mode = "transient"')
    if places := _binding_places(config.tissue):
        fault = f"binding fills its sites and is not linear, and there are sites in {', '.join(places)}"
        cure = 'Set binding_sites = "0 uM" there, or run.mode = "transient"'
        yield Problem("run.mode", "steady", fault, cure)


# memory -----------------------------------------------------------------------------------------------------

RUN_BYTES = {"float32": 320, "float64": 390}
"""Bytes per voxel of a run where device and host are one, measured at the peak in 120³ and 150³ voxels: continuum
vessels, random leakiness, outputs included. The peak is before the first step: coefficients of 16 bits lower it by
2 % [C]."""
DRUG_BYTES = {"float32": 270, "float64": 350}
"""What a released drug adds, measured in the same way [C]."""
STEADY_BYTES = 300
"""What the solver of a steady state adds: matrices of all levels, 20 vectors of GMRES [C]."""


def bytes_per_voxel(config: Config) -> int:
    """Bytes of all arrays of a run together. A precision that is wrong counts as the default one."""
    try:
        precision = config.run.precision
    except Undecidable:
        precision = "float32"
    steady, more = config.run.mode == "steady", config.drug is not None or _infuses(config)
    return RUN_BYTES[precision] + steady * STEADY_BYTES + more * DRUG_BYTES[precision]


def _infuses(config: Config) -> bool:
    """Whether there is a flow of an injection, which takes a second stepper as a drug does."""
    try:
        return config.dosing.injection is not None and config.dosing.injection.flows
    except Undecidable:
        return False


def estimated_memory(config: Config) -> int:
    """Bytes that a run of ``config`` needs, to a factor of about 1.2: voxels × `bytes_per_voxel`."""
    return Inputs(config).grid.voxels * bytes_per_voxel(config)


def _memory(inputs: Inputs) -> Problems:
    """Less than the memory at hand."""
    config, grid = inputs.config, inputs.grid
    needed, available = grid.voxels * bytes_per_voxel(config), available_memory()
    if needed > available:
        key = "tissue.image.resample" if config.tissue.image else "domain.spacing"
        n = " × ".join(str(n) for n in reversed(grid.shape))
        fault = f"{n} voxels need {gibibytes(needed)} of memory, and {gibibytes(available)} are free"
        coarser = _rounded_up(min(grid.spacing) * (needed / max(available, 1)) ** (1 / 3))
        cure = f'A spacing of about "{length(coarser)}" fits, or a smaller box, or a machine with more memory'
        yield Problem(key, length(min(grid.spacing)), fault, cure)


def _rounded_up(value: float) -> float:
    """To two digits, upwards."""
    unit = 10.0 ** (floor(log10(value)) - 1)
    return ceil(value / unit) * unit


def gibibytes(count: int) -> str:
    """Bytes for people: "1.52 GiB"."""
    return f"{count / 2**30:,.2f} GiB"


CHECKS: tuple[Callable[[Inputs], Problems], ...] = (
    _box,
    _grid,
    _labels,
    _one_source_of_tissue,
    _region_names,
    _shapes,
    _maps,
    _network,
    _carried_plasma,
    _network_in_box,
    _blood_pressures,
    _agent_name,
    _agent,
    _size_spread,
    _molar_mass,
    _wall_mode,
    _plasma_curve,
    _one_plasma_curve,
    _compartments,
    _repeats,
    _prescribed_curve,
    _injection,
    _closed_body,
    _decay,
    _pores,
    _binding,
    _macrophages,
    _amount_units,
    _output_choice,
    _output_times,
    _transient,
    _coefficients,
    _steady,
    *DRUG_CHECKS,
    _memory,
)
