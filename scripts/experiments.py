#!/usr/bin/env python3
"""Experiments of the literature, run from the shipped configs: the figures and numbers of docs/experiments.md.

    scripts/experiments.py normalisation|barrier|perivascular|thermodox|focus|infusion|chip|all [--out docs] [--coarse]
    scripts/experiments.py network --network FILE.vtp

The second is ThermoDox in the vessel network of a tumour, which is not part of the project. Writes experiment_NAME.png
into the folder --out and prints the numbers.
"""

import argparse
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import tumorsim
from tumorsim.agents.binding_barrier import spheroid_moduli, vascular_moduli
from tumorsim.case import Case
from tumorsim.constants import CELSIUS, MMHG
from tumorsim.readouts.penetration import penetration_depth, profile, vessel_distance
from tumorsim.readouts.plots import panels
from tumorsim.resources import configs_directory
from tumorsim.results import Results
from tumorsim.verify.baxter_jain import SphericalTumour, Tissue
from tumorsim.vessels.transvascular import transvascular_flux

MICRON, HOUR, NM = 1e-6, 3600.0, 1e-6
"""SI units in a µm, an hour and a nmol/L."""
COLOURS = ("#0072b2", "#009e73", "#e69f00", "#d55e00", "#cc79a7")
COARSE = {
    "vessel_normalisation": "100 um",
    "binding_site_barrier": "40 um",
    "perivascular_antibody": "4 um",
    "thermodox": "300 um",
    "thermodox_focus": "2 mm",
    "intratumoural_infusion": "400 um",
    "thermodox_capillary": "4 um",
    "spheroid_on_chip": "50 um",
    "tumour_network": "30 um",
}


class Bench:
    """Loads the shipped configs and runs them, all fine or all coarse, into a folder."""

    def __init__(self, folder: Path, *, coarse: bool, network: Path | None = None):
        self.folder, self.coarse, self.network = folder, coarse, network

    def load(self, name: str, *overrides: str) -> Case:
        spacing = [f"domain.spacing={COARSE[name]}"] if self.coarse else []
        return tumorsim.load(configs_directory() / f"{name}.toml", overrides=[*overrides, *spacing])

    def run(self, case: Case) -> Results:
        number = len(list(self.folder.iterdir()))
        return tumorsim.simulate(case, out=self.folder / f"{case.name}_{number}.vtkhdf")


# vessel normalisation ---------------------------------------------------------------------------------------

BEFORE, AFTER, PORES, PARTICLES = 150, 30, (150, 100, 70, 50, 40, 30, 20), (12, 60, 125)


def normalisation(bench: Bench) -> Any:
    """Gains of three particles over the tumour of the shipped config, for ever smaller pores (nm)."""
    figure, (pressure, course, gain) = panels(3, width=4.2, height=3.4)
    found: dict[tuple[int, int], np.ndarray] = {}
    for pores in PORES:
        for size, colour in zip(PARTICLES, COLOURS, strict=False):
            case = leaky(bench, size, pores)
            results = bench.run(case)
            r = results.grid.distance((0.0, 0.0, 0.0))
            tumour = results.field("region") == results.regions["tumour"]
            core = tumour & (r < 0.45e-3)
            plasma = case.plasma.mean(0.0, HOUR)
            shown = results.field("free", "1 h") / (case.matrix.available_fraction * plasma)
            early = results.field("free", "10 min")
            found[pores, size] = np.array([early[core].mean(), early[tumour].mean()])
            if pores in (BEFORE, AFTER):
                line = "-" if pores == BEFORE else "--"
                means = profile(shown, r, inside=tumour, grid=results.grid)
                course.plot(
                    means.middles / 1e-3, means.mean, line, color=colour, label=f"{size} nm, {pores} nm"
                )
                if size == PARTICLES[0]:
                    means = profile(results.field("pressure") / MMHG, r, inside=r < 1.2e-3, grid=results.grid)
                    pressure.plot(
                        means.middles / 1e-3, means.mean, line, color="black", label=f"pores of {pores} nm"
                    )
    for size, colour in zip(PARTICLES, COLOURS, strict=False):
        radii = np.linspace(PORES[-1], BEFORE, 27)
        enters = np.array([entry(bench, size, pores, inside=(core, tumour)) for pores in radii])
        gains = np.array([found[pores, size] / found[BEFORE, size] for pores in PORES])
        gain.plot(PORES, gains[:, 0], "o", color=colour, label=f"{size} nm, core")
        gain.plot(PORES, gains[:, 1], "x", color=colour, label=f"{size} nm, whole tumour")
        gain.plot(
            radii, enters[:, 0] / enters[-1, 0], "-", radii, enters[:, 1] / enters[-1, 1], ":", color=colour
        )
        for pores, row in zip(PORES, gains, strict=True):
            closed = enters[np.argmin(abs(radii - pores))] / enters[-1]
            print(f"{size} nm, pores of {pores} nm, closed form in brackets:", end=" ")
            print(f"core {row[0]:.3g} ({closed[0]:.3g}), tumour {row[1]:.3g} ({closed[1]:.3g})")
    gain.axhline(1, color="grey", lw=0.8)
    gain.set(xlabel="median pore radius, nm", ylabel="uptake in 10 min over that at 150 nm", ylim=(0, 5))
    pressure.set(xlabel="from the centre, mm", ylabel="interstitial pressure, mmHg")
    course.set(xlabel="from the centre, mm", ylabel="C/C$_p$ at 1 h", yscale="log", ylim=(1e-5, 1))
    course.legend(fontsize=6, title="particle, pores", title_fontsize=6)
    pressure.legend(fontsize=7)
    gain.legend(fontsize=6)
    gain.set_title("symbols: run, lines: closed form of the influx", fontsize=8)
    return figure


def leaky(bench: Bench, size: float, pores: float) -> Case:
    """The tumour of the shipped config with other particles and pores, nm."""
    pore_radius = f"tissue.regions.tumour.pore_radius={pores} nm"
    return bench.load("vessel_normalisation", f"agent.diameter={size} nm", pore_radius)


def entry(bench: Bench, size: float, pores: float, *, inside: tuple[np.ndarray, ...]) -> list[float]:
    """What enters clean tissue per volume and C_p, 1/s, by closed forms; means over the masks ``inside``.

    Baxter and Jain's pressure of a sphere in a shell of normal tissue, and Patlak's flux.
    """
    case = leaky(bench, size, pores)
    r = case.grid.distance((0.0, 0.0, 0.0))
    tissue = case.config.tissue
    cancer, host = (tissue.properties(name) for name in ("tumour", "normal"))
    first, last = (0, 0, 0), (-1, -1, -1)
    filtration, effective = (
        case.fluid.map(name, case.grid.shape) for name in ("vessel_filtration", "vascular_effective_pressure")
    )
    loss = filtration[last] + host.lymphatic_filtration
    form = SphericalTumour(
        0.9e-3,
        tumour=Tissue(cancer.hydraulic_conductivity, filtration[first], effective[first]),
        surroundings=Tissue(host.hydraulic_conductivity, loss, filtration[last] * effective[last] / loss),
        outer_radius=case.grid.size[0],
    )
    wall = case.wall
    flux = transvascular_flux(
        volume_flux=wall.hydraulic_conductivity * (effective - form.pressure(r)),
        permeability=wall.permeability,
        reflection_coefficient=wall.reflection_coefficient,
        plasma_concentration=1.0,
        interstitial_concentration=0.0,
    )
    enters = flux * case.vessel_area_density
    return [float(enters[mask].mean()) for mask in inside]


# binding-site barrier ---------------------------------------------------------------------------------------

MEDIA = (2, 6, 20, 60, 200)


def barrier(bench: Bench) -> Any:
    """How far antibody of several concentrations in the medium (nM) has filled a spheroid."""
    figure, (depth, filling) = panels(2, width=4.6, height=3.4)
    for medium, colour in zip(MEDIA, COLOURS, strict=True):
        faces = [f"transport.boundary.{axis}_high={medium} nM" for axis in "xyz"]
        case = bench.load("binding_site_barrier", *faces)
        results = bench.run(case)
        r = results.grid.distance((0.0, 0.0, 0.0))
        spheroid = results.field("region") == results.regions["spheroid"]
        sites = case.config.tissue.properties("spheroid").binding_sites
        radius, centre = 200 * MICRON, (0, 0, 0)
        effective = float((case.matrix.available_fraction * case.diffusivity)[centre])
        moduli = spheroid_moduli(
            internalisation=case.agent.internalisation or 0.0,
            binding_sites=sites,
            radius=radius,
            effective_diffusivity=effective,
            concentration=medium * NM,
            exposure=medium * NM * results.times[-1],
        )
        held = [results.field("bound", step=step)[spheroid].mean() / sites for step in results.steps]
        times = np.linspace(0, results.times[-1], 100)
        core = shrinking_core(
            times,
            supply=effective * medium * NM / (sites * radius**2),
            internalisation=case.agent.internalisation or 0.0,
        )
        means = profile(results.field("bound") / sites, r, inside=spheroid, grid=results.grid)
        label = f"{medium} nM: φ² {moduli.thiele:.2g}, Γ {moduli.clearance:.2g}"
        depth.plot(means.middles / MICRON, means.mean, color=colour, label=label)
        filling.plot(results.times / HOUR, held, "o", times / HOUR, 1 - core**3, "-", color=colour)
        print(
            f"{label}; held {held[-1]:.3f}, shrinking core {1 - core[-1] ** 3:.3f}, centre {means.mean[0]:.3f}"
        )
    depth.set(xlabel="from the centre, µm", ylabel="sites taken at 12 h", ylim=(0, 1.02))
    filling.set(xlabel="hours", ylabel="sites taken in the spheroid", ylim=(0, 1.02))
    depth.legend(fontsize=7, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    filling.set_title("points: run, lines: shrinking core", fontsize=8)
    return figure


DOSES = (30, 300, 1000, 3000)
LOOSE = ("agent.dissociation_constant=100 nM",)


def perivascular(bench: Bench) -> Any:
    """How far from a capillary antibody gets in a day, by its dose (nmol) and its affinity."""
    figure, (taken, shape) = panels(2, width=4.6, height=3.4)
    runs = [(dose, "0.1 nM", ()) for dose in DOSES] + [(DOSES[0], "100 nM", LOOSE)]
    for (dose, affinity, overrides), colour in zip(runs, COLOURS, strict=True):
        case = bench.load("perivascular_antibody", f"dosing.dose={dose} nmol", *overrides)
        results = bench.run(case)
        sites, agent = case.config.tissue.properties("tumour").binding_sites, case.agent
        moduli = vascular_moduli(
            internalisation=agent.internalisation or 0.0,
            binding_sites=sites,
            wall_permeability_density=float(np.mean(case.wall.permeability * case.vessel_area_density)),
            concentration=case.plasma.mean(0.0, results.times[-1]),
            exposure=case.plasma.mean(0.0, results.times[-1]) * results.times[-1],
        )
        _, y, x = results.grid.centers
        wall = np.broadcast_to(np.hypot(x, y), results.grid.shape) - 8 * MICRON
        tissue = results.field("region") == results.regions["tumour"]
        bound, width = results.field("bound"), 1.5 * results.grid.spacing[0]
        held = bound + results.field("internalised")
        common = {"inside": tissue, "grid": results.grid, "width": width}
        means, spread = (profile(values, wall, **common) for values in (bound / sites, held))
        label = f"{dose} nmol, {affinity}: φ² {moduli.thiele:.2g}, Γ {moduli.clearance:.2g}"
        taken.plot(means.middles / MICRON, means.mean, color=colour, label=label)
        shape.plot(spread.middles / MICRON, spread.mean / spread.mean[0], color=colour)
        print(
            f"{label}; sites taken {bound[tissue].mean() / sites:.3f}, at the wall {means.mean[0]:.3f}, "
            f"farthest {means.mean[-1]:.4f}; all antibody half at {penetration_depth(spread) / MICRON:.3g} µm"
        )
    taken.set(xlabel="from the capillary, µm", ylabel="sites taken at 24 h", ylim=(0, 1.02))
    shape.set(xlabel="from the capillary, µm", ylabel="antibody held, over that at the wall", ylim=(0, 1.02))
    taken.legend(fontsize=7, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return figure


def shrinking_core(times: np.ndarray, *, supply: float, internalisation: float) -> np.ndarray:
    """x = r_front/R of fast irreversible binding to sites that are internalised and replaced behind the front.

    With the quasi-steady C of a shell that consumes k_e B_max, and s = D_e C_0/(B_max R²) the ``supply``, 1/s:
    −dx/dt = k_e x/3 + [s − k_e (1 − x²)/6]/(x − x²). Without k_e it is 6 s t = 1 − 3x² + 2x³, and it rests where
    1 − 3x² + 2x³ = 6 s/k_e. From x = 1 it starts as 1 − x = √(2 s t).
    """
    from scipy.integrate import solve_ivp

    def inward(_: float, x: np.ndarray) -> np.ndarray:
        y = np.clip(x, 1e-3, 1 - 1e-6)
        fed = supply - internalisation * (1 - y**2) / 6
        speed = internalisation * y / 3 + fed / (y - y**2)
        return np.where(x > 1e-3, -speed, 0.0)

    first = 1e-6 / supply
    solution = solve_ivp(
        inward,
        (first, times[-1]),
        [1 - np.sqrt(2 * supply * first)],
        method="LSODA",
        dense_output=True,
        rtol=1e-8,
    )
    return np.clip(solution.sol(np.maximum(times, first))[0], 0.0, 1.0)


# ThermoDox --------------------------------------------------------------------------------------------------

TREATMENTS = {
    "42 °C": (),
    "42 °C, none in blood": ("heating.transit_time=0 s",),
    "37 °C": ("heating.temperature=37 degC",),
    "free, bolus": ("heating.temperature=37 degC", "drug.unencapsulated=1"),
    "free, over 2 h": ("heating.temperature=37 degC", "drug.unencapsulated=1", "dosing.infusion=2 h"),
}


def thermodox(bench: Bench) -> Any:
    """Drug in cells by region and treatment, and around one capillary."""
    figure, (cells, outside, inside) = panels(3, width=4.2, height=3.4)
    for (name, overrides), colour in zip(TREATMENTS.items(), COLOURS, strict=True):
        results = bench.run(bench.load("thermodox", *overrides))
        for region, line in (("tumour", "-"), ("normal", ":")):
            mean = results.statistics[f"{region}/mean_drug_in_cells"]
            label = name if region == "tumour" else None
            cells.plot(results.times / 60, 1e3 * mean, line, color=colour, label=label)
            at = ", ".join(f"{m} min {1e3 * mean[results.step_at(60.0 * m)]:.3g}" for m in (30, 60, 120))
            print(f"{name} in cells of {region}, mg/L: {at}")
    for (name, overrides), colour in zip(TREATMENTS.items(), COLOURS, strict=True):
        results = bench.run(bench.load("thermodox_capillary", *overrides))
        _, y, x = results.grid.centers
        r = np.broadcast_to(np.hypot(x, y), results.grid.shape)
        tissue = results.field("region") == results.regions["tumour"]
        width = 1.5 * results.grid.spacing[0]
        for axes, pool in ((outside, "drug_free"), (inside, "drug_in_cells")):
            for minutes, line in ((10, "--"), (30, "-")):
                values = 1e3 * results.field(pool, f"{minutes} min")
                means = profile(values, r - 8 * MICRON, inside=tissue, grid=results.grid, width=width)
                axes.plot(means.middles / MICRON, means.mean, line, color=colour)
                half = penetration_depth(means) / MICRON
                print(
                    f"{name}, {pool} at {minutes} min: {means.mean[0]:.3g} at the wall, half at {half:.3g} µm"
                )
    cells.set(
        xlabel="minutes",
        xlim=(0, 120),
        ylabel="drug in cells, mg/L of tissue",
        yscale="log",
        ylim=(0.02, 100),
    )
    outside.set(xlabel="from the capillary, µm", ylabel="free drug, mg/L of tissue", yscale="log")
    inside.set(xlabel="from the capillary, µm", ylabel="drug in cells, mg/L of tissue", yscale="log")
    cells.legend(fontsize=7, title="solid tumour, dotted normal", title_fontsize=7)
    inside.set_title("dashed 10 min, solid 30 min", fontsize=8)
    return figure


def network(bench: Bench) -> Any:
    """Drug in cells by distance from the vessels of a network of the user's, at 30 min."""
    figure, (depth, warm, cold) = panels(3, width=4.2, height=3.4)
    carrier = ("agent.name=ThermoDox", "drug.name=doxorubicin")
    heat = ("heating.temperature=42 degC", 'heating.regions=["tumour"]', "heating.duration=30 min")
    size = () if bench.coarse else ("domain.spacing=15 um",)
    common = (f"vessels.file={bench.network}", *carrier, "drug.cell_uptake.efflux=0 1/s", *heat, *size)
    names = list(TREATMENTS)[:3]
    for name, colour in zip(names, COLOURS, strict=False):
        results = bench.run(
            bench.load(
                "tumour_network", *common, "run.duration=30 min", "output.every=10 min", *TREATMENTS[name]
            )
        )
        distance = vessel_distance(results)
        assert distance is not None
        values = 1e3 * results.field("drug_in_cells")
        means = profile(values, distance, inside=distance >= 0, grid=results.grid)
        depth.plot(means.middles / MICRON, means.mean, color=colour, label=name)
        print(
            f"{name}: half at {penetration_depth(means) / MICRON:.0f} µm of {distance.max() / MICRON:.0f} µm"
        )
        if name in ("42 °C", "37 °C"):
            axes = warm if name == "42 °C" else cold
            middle = values[values.shape[0] // 2]
            shown = axes.imshow(
                np.log10(np.maximum(middle, 1e-4)), origin="lower", cmap="magma", vmin=-3, vmax=1.5
            )
            axes.set(xticks=[], yticks=[])
            axes.set_title(f"{name}: log10 of drug in cells, mg/L", fontsize=8)
            figure.colorbar(shown, ax=axes)
    depth.set(xlabel="from the vessel wall, µm", ylabel="drug in cells at 30 min, mg/L", yscale="log")
    depth.legend(fontsize=7)
    return figure


# heat of a focus --------------------------------------------------------------------------------------------

HEATS = {"focus": (), "42 °C throughout": ("heating.mode=prescribed",)}
SHELLS = (0, 2, 4, 6, 8, 10)
"""mm from the centre."""


def focus(bench: Bench) -> Any:
    """Temperature and drug in cells by distance from the centre, under a focus and at one temperature."""
    figure, (warmth, cells, course) = panels(3, width=4.2, height=3.4)
    for (name, overrides), colour in zip(HEATS.items(), COLOURS, strict=False):
        case = bench.load("thermodox_focus", *overrides)
        results = bench.run(case)
        r = results.grid.distance((0.0, 0.0, 0.0))
        temperature = results.field("temperature") - CELSIUS
        drug = 1e3 * results.field("drug_in_cells", "30 min")
        for axes, values in ((warmth, temperature), (cells, drug)):
            axes.plot(1e3 * r.ravel(), values.ravel(), ".", ms=1, color=colour, label=name, rasterized=True)
        for region, line in (("tumour", "-"), ("rim", "--"), ("normal", ":")):
            mean = 1e3 * results.statistics[f"{region}/mean_drug_in_cells"]
            course.plot(results.times / 60, mean, line, color=colour, label=f"{name}, {region}")
            at = ", ".join(f"{m} min {mean[results.step_at(60.0 * m)]:.3g}" for m in (30, 60, 120))
            inside = results.field("region") == results.regions[region]
            print(f"{name} in cells of {region}, mg/L: {at}; {temperature[inside].mean():.2f} °C")
        for low, high in pairwise(SHELLS):
            shell = (r >= 1e-3 * low) & (r < 1e-3 * high)
            print(
                f"{name}, {low}-{high} mm: {temperature[shell].mean():.2f} °C, {drug[shell].mean():.3g} mg/L"
            )
        if case.heat is not None:
            print(f"{case.heat.deposited:.3g} W, of which {case.heat.blood:.3g} W to blood")
    warmth.set(xlabel="from the centre, mm", xlim=(0, 16), ylabel="temperature, °C")
    cells.set(xlabel="from the centre, mm", xlim=(0, 16), ylabel="drug in cells at 30 min, mg/L of tissue")
    course.set(xlabel="minutes", ylabel="drug in cells, mg/L of tissue", yscale="log", ylim=(0.1, 100))
    warmth.legend(fontsize=7, markerscale=8)
    course.legend(fontsize=6)
    return figure


# infusion into tissue ---------------------------------------------------------------------------------------

DEPOSIT, BLOODLESS = "dosing.injection={radius = '0.5 mm'}", "vessels.model=none"
WAYS = {
    "deposit": (DEPOSIT,),
    "infusion": (),
    "deposit, no vessels": (DEPOSIT, BLOODLESS),
    "infusion, no vessels": (BLOODLESS,),
}


def infusion(bench: Bench) -> Any:
    """How far 100 nm particles get that are deposited in a tumour, or infused with their fluid."""
    figure, (pressure, depth, course) = panels(3, width=4.2, height=3.4)
    for (name, overrides), colour in zip(WAYS.items(), COLOURS, strict=False):
        case = bench.load("intratumoural_infusion", *overrides)
        results = bench.run(case)
        r = results.grid.distance(results.grid.center)
        injection = case.config.dosing.injection
        assert injection is not None
        driven = results.field("injection_pressure" if injection.flows else "pressure")
        pressure.plot(*line_of(driven / MMHG, r, results), color=colour, label=name)
        for hours, line in ((2, "-"), (24, ":")):
            free = results.field("free", f"{hours} h")
            depth.plot(*line_of(1e-6 * free / case.dose, r, results), line, color=colour)
            held = free.sum() * results.grid.voxel_volume / case.dose
            print(
                f"{name}, {hours} h: half within {within(free, r, 0.5):.2f} mm, 90 % within {within(free, r, 0.9):.2f}"
                f" mm, {100 * held:.0f} % of the dose free in tissue"
            )
        reach = [within(results.field("free", step=k), r, 0.9) for k in results.steps]
        course.plot(results.times / HOUR, reach, color=colour)
        gone = {key: float(values[-1]) / case.dose for key, values in results.ledger.items()}
        print(f"{name}, 24 h: {-gone['extravasated']:.3f} of the dose to blood, {gone['lymph']:.3f} to lymph")
        if injection.flows:
            needle = tuple(n // 2 for n in r.shape)
            room, drag = (
                float(np.broadcast_to(value, r.shape)[needle])
                for value in (case.matrix.available_fraction, case.matrix.retardation)
            )
            volume = injection.flow_rate * injection.lasts
            front = (0.5**3 + 3e9 * drag * volume / (4 * np.pi * room)) ** (1 / 3)
            print(f"{name}: peak {driven.max() / MMHG:.1f} mmHg, front without loss {front:.2f} mm")
    pressure.set(xlabel="from the needle, mm", ylabel="interstitial pressure, mmHg", xlim=(0, 4))
    depth.set(
        xlabel="from the needle, mm", ylabel="dose/mL of tissue", xlim=(0, 3), yscale="log", ylim=(1, 3e3)
    )
    course.set(xlabel="hours", ylabel="90 % of what is free lie within, mm", ylim=(0, None))
    pressure.legend(fontsize=7)
    depth.set_title("solid 2 h, dotted 24 h", fontsize=8)
    return figure


def line_of(values: np.ndarray, r: np.ndarray, results: Results) -> tuple[np.ndarray, np.ndarray]:
    """Means over shells around the needle."""
    means = profile(values, r, inside=r < 4e-3, grid=results.grid)
    return means.middles / 1e-3, means.mean


def within(free: np.ndarray, r: np.ndarray, share: float) -> float:
    """The radius in mm that holds a share of what there is; 0 where there is nothing."""
    order = np.argsort(r, axis=None)
    held = np.cumsum(free.ravel()[order], dtype=np.float64)
    return 1e3 * float(np.interp(share * held[-1], held, r.ravel()[order])) if held[-1] > 0 else 0.0


# spheroid on a chip -----------------------------------------------------------------------------------------

SIZES, FLOWS = (12, 30, 60, 125), {"no flow": 0, "1 µm/s": 50, "3 µm/s": 150}
"""nm; Pa over the 1 mm of the channel."""


def chip(bench: Bench) -> Any:
    """Filling of a spheroid by size and flow, and how deep."""
    figure, (filling, depth) = panels(2, width=4.6, height=3.4)
    for size, colour in zip(SIZES, COLOURS, strict=False):
        for (flow, pascals), line in zip(FLOWS.items(), (":", "-", "--"), strict=True):
            case = bench.load(
                "spheroid_on_chip", f"agent.diameter={size} nm", f"pressure.boundary.x_low={pascals} Pa"
            )
            results = bench.run(case)
            spheroid = results.field("region") == results.regions["spheroid"]
            room = np.broadcast_to(case.matrix.available_fraction, spheroid.shape)[spheroid] * NM
            course = [(results.field("free", step=step)[spheroid] / room).mean() for step in results.steps]
            r = results.grid.distance((0.0, 0.0, 500 * MICRON))
            values = np.zeros(spheroid.shape)
            values[spheroid] = results.field("free")[spheroid] / room
            means = profile(
                values, 200 * MICRON - np.minimum(r, 200 * MICRON), inside=spheroid, grid=results.grid
            )
            filling.plot(results.times / HOUR, course, line, color=colour)
            depth.plot(means.middles / MICRON, means.mean, line, color=colour)
            half = penetration_depth(means) / MICRON
            print(
                f"{size:4} nm, {flow}: filled {course[-1]:.3f}, rim {means.mean[0]:.3f}, half at {half:.0f} µm"
            )
        diffusivity = float(case.diffusivity[spheroid].mean())
        times = np.linspace(0, results.times[-1], 50)
        crank = sphere_filling(diffusivity * times / (200 * MICRON) ** 2)
        filling.plot(times / HOUR, crank, lw=4, alpha=0.25, color=colour, label=f"{size} nm")
        print(f"{size:4} nm: D {diffusivity:.3g} m²/s, well stirred {crank[-1]:.3f}")
    filling.set(xlabel="hours", ylabel="mean C/C$_0$ in the spheroid", ylim=(0, 1.05))
    depth.set(xlabel="from the rim, µm", ylabel="C/C$_0$ at 2 h", xlim=(0, 200), ylim=(0, 1.05))
    filling.legend(fontsize=7, title="wide: well stirred, Crank", title_fontsize=7)
    depth.set_title("dotted no flow, solid 1 µm/s, dashed 3 µm/s", fontsize=8)
    return figure


def sphere_filling(fourier: np.ndarray) -> np.ndarray:
    """M/M_∞ = 1 − (6/π²) Σ e^{−n²π²Fo}/n², Fo = Dt/R² (Crank 1975, The Mathematics of Diffusion, ch. 6)."""
    n = np.arange(1, 400)[:, None]
    return 1 - 6 / np.pi**2 * np.sum(np.exp(-((n * np.pi) ** 2) * fourier) / n**2, axis=0)


EXPERIMENTS: dict[str, Callable[[Bench], Any]] = {
    "normalisation": normalisation,
    "barrier": barrier,
    "perivascular": perivascular,
    "thermodox": thermodox,
    "focus": focus,
    "infusion": infusion,
    "chip": chip,
    "network": network,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=[*EXPERIMENTS, "all"])
    parser.add_argument("--out", type=Path, default=Path("docs"), help="folder of the figures")
    parser.add_argument(
        "--coarse", action="store_true", help="in seconds, on grids too coarse for the numbers"
    )
    parser.add_argument(
        "--network", type=Path, help="of vessels, DGF or VTP, for the experiment of that name"
    )
    given = parser.parse_args()
    if given.name == "network" and given.network is None:
        parser.error("the experiment network needs --network FILE")
    names = [name for name in EXPERIMENTS if name != "network" or given.network]
    for name in names if given.name == "all" else [given.name]:
        with tempfile.TemporaryDirectory() as folder:
            print(f"--- {name}")
            figure = EXPERIMENTS[name](Bench(Path(folder), coarse=given.coarse, network=given.network))
            path = given.out / f"experiment_{name}.png"
            figure.savefig(path, dpi=100)
            print(path)


if __name__ == "__main__":
    main()
