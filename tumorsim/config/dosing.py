"""The plasma curve that [dosing] and [agent] describe together."""

from math import exp

from tumorsim.agents.agent import Agent
from tumorsim.agents.body_size import first_volume, half_life_factor
from tumorsim.agents.clearance import contradiction
from tumorsim.agents.plasma import Curve, PlasmaCurve, dose_times, plasma_curve, repeated
from tumorsim.agents.plasma_table import MeasuredCurve, read_plasma_table
from tumorsim.agents.radionuclide import decayed_dose
from tumorsim.config.schema import Config, Dosing, PlasmaTable, TwoCompartment


def prescribed_curve(config: Config) -> Curve:
    """C_p of the doses: from a measured table, from two compartments, or from the half-lives of the agent.

    Raises ConfigError where none of them gives a curve, or the file of a table is wrong.
    """
    dosing, agent = config.dosing, config.agent.chosen()
    return repeated(_single_dose(dosing, agent), dosing_times(dosing))


def dosing_times(dosing: Dosing) -> tuple[float, ...]:
    """When each dose begins, s."""
    return dose_times(times=dosing.times, every=dosing.every, count=dosing.count)


def given_dose(dosing: Dosing, agent: Agent) -> float:
    """One dose at the time it is given."""
    return decayed_dose(dosing.dose.value, agent.decay_rate, waiting=dosing.waiting)


def agent_volume(dosing: Dosing, agent: Agent) -> float:
    """The volume that the agent fills at once in the body, m³."""
    return first_volume(dosing.body, mass=dosing.body_mass, in_human=agent.central_volume)


def clearance_notes(config: Config) -> list[str]:
    """For the agent, and its drug, what contradicts the clearance in the source of its half-lives."""
    dosing = config.dosing
    if dosing.two_compartment or dosing.plasma_table or dosing.injection or config.run.mode == "steady":
        return []
    human, own = dosing.body == "human", dosing.plasma_volume
    described = {"agent": config.agent.chosen()} | ({"drug": config.drug.chosen()} if config.drug else {})
    notes = []
    for table, agent in described.items():
        given = own if human and own is not None and table == "agent" else None
        volume = given or first_volume("human", in_human=agent.central_volume)
        notes.append(contradiction(agent, volume, table=table))
    return [note for note in notes if note is not None]


def _single_dose(dosing: Dosing, agent: Agent) -> Curve:
    """The curve of one dose, given at 0, of the activity that is left when it is given."""
    volume = dosing.plasma_volume or agent_volume(dosing, agent)
    dose = given_dose(dosing, agent)
    if (
        dosing.injection is not None
    ):  # plasma may get some of it from the tissue, but of that it knows nothing
        return PlasmaCurve(0.0, dosing.dose.unit, volume, (1.0,), (0.0,), decay_rate=agent.decay_rate)
    if dosing.plasma_table is not None:
        return _measured(dosing.plasma_table, dosing, dose=dose, volume=volume, decay_rate=agent.decay_rate)
    if dosing.two_compartment is not None:
        elimination, outward, inward = _micro_constants(dosing.two_compartment, volume)
        return PlasmaCurve.two_compartment(
            dose,
            dosing.dose.unit,
            volume=volume,
            elimination=elimination,
            outward=outward,
            inward=inward,
            infusion=dosing.infusion,
            decay_rate=agent.decay_rate,
        )
    if dosing.half_lives_of is not None:
        factor = half_life_factor(dosing.half_lives_of, dosing.body, mass=dosing.body_mass)
        scaled = tuple(factor * half_life for half_life in agent.plasma_half_lives)
        agent = agent.with_values(plasma_half_lives=scaled)
    return plasma_curve(agent, dose, amount_unit=dosing.dose.unit, volume=volume, infusion=dosing.infusion)


def _measured(
    table: PlasmaTable, dosing: Dosing, *, dose: float, volume: float, decay_rate: float
) -> MeasuredCurve:
    times, values = read_plasma_table(
        table.file, amount_unit=dosing.dose.unit, dose=dose, time_unit=table.time_unit, unit=table.unit
    )
    if table.decay_corrected:
        values = tuple(c * exp(-decay_rate * t) for t, c in zip(times, values, strict=True))
    return MeasuredCurve(
        dose,
        dosing.dose.unit,
        volume,
        times,
        values,
        join=table.join,
        tail=table.tail,
        infusion=dosing.infusion,
        decay_rate=decay_rate,
    )


def _micro_constants(given: TwoCompartment, volume: float) -> tuple[float, float, float]:
    """k10, k12, k21 in 1/s, as given or CL/V₁, Q/V₁, Q/V₂."""
    if given.clearance is not None and given.exchange is not None and given.peripheral_volume is not None:
        return given.clearance / volume, given.exchange / volume, given.exchange / given.peripheral_volume
    assert given.elimination is not None and given.outward is not None and given.inward is not None
    return given.elimination, given.outward, given.inward
