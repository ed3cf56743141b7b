"""Checks of a carrier's drug and of the heat that triggers it: [drug] and [heating] against the other tables."""

from collections.abc import Iterable

from tumorsim.agents.payload import encapsulated_curve, resting_rate
from tumorsim.agents.radionuclide import decay_chain, radionuclide_names
from tumorsim.agents.release import Switch, release_laws
from tumorsim.config.dosing import prescribed_curve
from tumorsim.config.inputs import Inputs, length
from tumorsim.config.schema import HeatedRegion, Heating
from tumorsim.constants import CELSIUS
from tumorsim.errors import ConfigError, Problem, choose

Problems = Iterable[Problem]


def drug_and_release(inputs: Inputs) -> Problems:
    """A drug is known and its carrier lets go of it; plasma curves of both follow from half-lives."""
    config = inputs.config
    if config.drug is None:
        return
    if config.run.mode == "steady":
        fault = "a carrier that releases a drug has no steady state"
        yield Problem("run.mode", "steady", fault, 'Use run.mode = "transient", or remove [drug]')
    drug, laws = config.drug.chosen(), release_laws(config.agent.chosen())
    if laws.outside is None and laws.inside is None and config.light is None and not _tissue_releases(inputs):
        cure = 'Add for example release_model = "first-order" and release_rate = "0.02 1/h" to [agent]'
        yield Problem("agent.release_model", "none", f"never lets go of the {drug.name} in [drug]", cure)
    for name, shown in (("diameter", '"1 nm"'), ("plasma_half_lives", '["1 h"]')):
        if not getattr(drug, name):
            fault = f"is not known for {drug.name}"
            yield Problem(f"drug.{name}", None, fault, f"Add for example {name} = {shown} to [drug]")
    rate = resting_rate(laws)
    encapsulated_curve(prescribed_curve(config), release_rate=rate, unencapsulated=config.drug.unencapsulated)


def recoil(inputs: Inputs) -> Problems:
    """A drug that the decay of its carrier leaves is one of its daughters, and nothing else lets it go."""
    config = inputs.config
    if config.drug is None or config.agent.chosen().release_model != "decay":
        return
    parent, daughter = config.agent.chosen().radionuclide, config.drug.radionuclide
    names = [each.name for each in decay_chain(parent)[1:]] if parent in radionuclide_names() else []
    if daughter is not None and names and daughter not in names:
        cure = f"Use one of {', '.join(names)}"
        yield Problem("drug.radionuclide", daughter, f"is no daughter of {parent}", cure)
    others = {
        "light": config.light is not None,
        "tissue.regions.NAME.carrier_release_rate": _tissue_releases(inputs),
        "macrophages.release_rate": config.macrophages is not None
        and config.macrophages.release_rate is not None,
        "drug.unencapsulated": config.drug.unencapsulated > 0,
    }
    for key in (key for key, given in others.items() if given):
        fault = 'does not go with agent.release_model = "decay", by which the daughter leaves its carrier'
        yield Problem(key, None, fault, "Remove one of the two")


def _tissue_releases(inputs: Inputs) -> bool:
    tissue = inputs.config.tissue
    mapped = "carrier_release_rate" in tissue.maps
    return mapped or any(tissue.properties(name).carrier_release_rate > 0 for name in tissue.region_names)


def cell_uptake(inputs: Inputs) -> Problems:
    """The constants of uptake are those of this drug, and in the unit of the dose."""
    drug, unit = inputs.config.drug, inputs.config.dosing.dose.unit
    if drug is None or drug.cell_uptake is None:
        return
    known, given = drug.chosen(), drug.cell_uptake
    constants = ("fastest", "half_outside", "half_inside")
    missing = [name for name in constants if getattr(given, name) is None]
    if missing and known.name != "doxorubicin":
        fault = f"is required for {known.name}: the defaults are those of doxorubicin"
        cure = "Give fastest, half_outside and half_inside, or remove the table"
        yield Problem(f"drug.cell_uptake.{missing[0]}", None, fault, cure)
    if unit == "Bq":
        fault = "uptake by cells saturates with mass, and the dose is an activity"
        yield Problem("drug.cell_uptake", None, fault, "Give the dose as mass or mol, or remove the table")
    if unit == "mol" and known.molar_mass is None:
        cure = 'Add for example molar_mass = "543.5 g/mol" to [drug], or give the dose as a mass'
        yield Problem("drug.molar_mass", None, "is required for cell uptake where the dose is in mol", cure)


def heating(inputs: Inputs) -> Problems:
    """What is heated is there, and there is something that heat triggers."""
    config = inputs.config
    if config.heating is None:
        return
    yield from _power(inputs) if config.heating.mode == "power" else _prescribed(config.heating)
    yield from _heated_regions(inputs)
    law = release_laws(config.agent.chosen()).outside
    if config.drug is None or not (isinstance(law, Switch) and law.thermal):
        cure = 'Add [drug] and agent.release_model = "temperature", or remove [heating]'
        yield Problem("heating", None, "triggers nothing that this run knows of", cure)


def _prescribed(heating: Heating) -> Problems:
    """The regions and their temperature."""
    if heating.temperature is None:
        cure = 'Add for example temperature = "42 degC", or set mode = "power" and add [[heating.sources]]'
        yield Problem("heating.temperature", None, "is required, and not given", cure)
    if not heating.regions:
        cure = 'Add for example regions = ["tumour"], or set mode = "power" and add [[heating.sources]]'
        yield Problem("heating.regions", None, "is required, and not given", cure)


def _power(inputs: Inputs) -> Problems:
    """Sources inside the box, a target above the blood, and something that carries heat off."""
    config, heating = inputs.config, inputs.config.heating
    assert heating is not None
    if not heating.sources:
        cure = 'Add for example [[heating.sources]] with kind = "region", region = "tumour", power_density = "1 W/cm^3"'
        yield Problem("heating.sources", None, 'is required where mode = "power", and not given', cure)
    for k, source in enumerate(heating.sources):
        if not isinstance(source, HeatedRegion) and source.center and not inputs.holds(source.center):
            shown = [length(x) for x in reversed(source.center)]
            yield Problem(
                f"heating.sources[{k}].center", shown, "lies outside the box", "Move it, or the box"
            )
    target = heating.target
    if target is not None and target.temperature <= heating.blood_temperature:
        fault = f"is not above blood_temperature, {heating.blood_temperature - CELSIUS:.4g} degC"
        yield Problem(
            "heating.target.temperature", f"{target.temperature - CELSIUS:.4g} degC", fault, "Raise it"
        )
    tissue = config.tissue
    perfused = any(tissue.properties(name).perfusion > 0 for name in tissue.region_names)
    if not (perfused or "perfusion" in tissue.maps or any(heating.boundaries.fixed())):
        fault = "nothing carries heat off: no face has a temperature, and no region blood"
        cure = 'Give a face one, for example x_high = "37 degC"'
        yield Problem("heating.boundary", "no-flux", fault, cure)


def _heated_regions(inputs: Inputs) -> Problems:
    """Every region that [heating] names is there."""
    heating, known = inputs.config.heating, dict.fromkeys(inputs.config.tissue.region_names)
    assert heating is not None
    named = [("heating.regions", name) for name in heating.regions]
    named += [
        (f"heating.sources[{k}].region", source.region)
        for k, source in enumerate(heating.sources)
        if isinstance(source, HeatedRegion)
    ]
    named += [("heating.target.region", heating.target.region)] if heating.target else []
    for key, name in named:
        try:
            choose(known, name, key=key)
        except ConfigError as error:
            yield from error.problems


def light(inputs: Inputs) -> Problems:
    """Light has carriers of a drug to trigger, and no heat beside it."""
    config = inputs.config
    if config.light is None:
        return
    if config.drug is None:
        yield Problem(
            "light", None, "triggers nothing that this run knows of", "Add [drug], or remove [light]"
        )
    if config.heating is not None:
        yield Problem("light", None, "[heating] is given too", "Leave one of the two out")


DRUG_CHECKS = (drug_and_release, recoil, cell_uptake, heating, light)
