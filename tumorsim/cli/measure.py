"""readouts, image, dose, survival, report."""

from pathlib import Path
from typing import Annotated

import typer

from tumorsim.cli.app import ResultFile, app
from tumorsim.cli.printing import given_activity, given_quantity, new_console, readout_table, say
from tumorsim.cli.scenes import Time


@app.command()
def readouts(
    file: ResultFile,
    out: Annotated[
        Path | None, typer.Option(help="A folder; by default FILE_readouts, in this folder.")
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="The region of the profiles; by default the tumour.")
    ] = None,
    time: Annotated[str | None, typer.Option(help='Such as "24 h"; by default the last.')] = None,
    threshold: Annotated[
        str | None, typer.Option(help='Such as "1 uM" or "0.01 %/g": what is above counts as reached.')
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the tables as JSON; files only with --out.")
    ] = False,
) -> None:
    """Measure delivery: %ID, ratios, curves, penetration, heterogeneity, as CSV, JSON and figures."""
    from tumorsim.readouts.delivery import threshold_amount
    from tumorsim.readouts.report import OVERVIEW, delivery_report
    from tumorsim.readouts.table import json_text
    from tumorsim.results import Results

    results = Results(file)
    level = None if threshold is None else threshold_amount(results, threshold)
    report = delivery_report(results, region=region, step=results.step_at(time), threshold=level)
    folder = out or Path(f"{file.stem}_readouts")
    if out or not as_json:
        report.write(folder)
    if as_json:
        print(json_text(report.tables))
        return
    new_console().print(readout_table(report.table("uptake"), OVERVIEW))
    print(folder)


Labelled = Annotated[
    str | None,
    typer.Option(
        help="Time from labelling to injection, in which daughters grow in; by default dosing.waiting of the run."
    ),
]


def _age(labelled: str | None) -> float | None:
    return None if labelled is None else given_quantity(labelled, "s", "--labelled", least=0.0)


@app.command()
def image(
    file: ResultFile,
    modality: Annotated[str, typer.Option(help="pet, spect, mri (of iron) or ct (of gold).")] = "pet",
    out: Annotated[
        Path | None, typer.Option(help="A folder; by default FILE_MODALITY, in this folder.")
    ] = None,
    nuclide: Annotated[
        str | None, typer.Option(help='On the agent, for pet and spect: "Zr-89"; by default that of the run.')
    ] = None,
    activity: Annotated[
        str | None, typer.Option(help='Injected: "185 MBq"; by default the dose, if it is in Bq.')
    ] = None,
    scanner: Annotated[str, typer.Option(help="Of pet and spect: clinical or preclinical.")] = "preclinical",
    time: Annotated[str | None, typer.Option(help='End of the frame: "24 h"; by default the last.')] = None,
    duration: Annotated[str, typer.Option(help="Length of the frame, for pet and spect.")] = "20 min",
    field: Annotated[str, typer.Option(help='Magnet for mri: "1.5 T" or "3 T".')] = "3 T",
    body_mass: Annotated[str | None, typer.Option(help='For SUV: "25 g".')] = None,
    labelled: Labelled = None,
    seed: Annotated[int, typer.Option(help="Of the noise.")] = 0,
) -> None:
    """Show a result as a scanner would: truth and image as NIfTI, a montage, recovery by region."""
    from tumorsim.readouts.image_report import make_image
    from tumorsim.results import Results

    results = Results(file)
    report = make_image(
        results,
        modality,
        nuclide=nuclide,
        activity=given_activity(activity),
        scanner=scanner,
        time=time,
        duration=given_quantity(duration, "s", "--duration"),
        magnet=field,
        body_mass=None if body_mass is None else given_quantity(body_mass, "kg", "--body-mass"),
        age=_age(labelled),
        seed=seed,
    )
    folder = out or Path(f"{file.stem}_{modality}")
    report.write(folder)
    console = new_console()
    console.print(readout_table(report.table, report.table.columns))
    say(console, report.remarks)
    print(folder)


@app.command()
def dose(
    file: ResultFile,
    nuclide: Annotated[
        str | None, typer.Option(help='On the agent: "Lu-177"; by default that of the run.')
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A folder; by default FILE_dose, in this folder.")] = None,
    activity: Annotated[
        str | None, typer.Option(help='Injected: "7.4 GBq"; by default the dose, if it is in Bq.')
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="The region of the histogram; by default the tumour.")
    ] = None,
    kernel: Annotated[
        str, typer.Option(help="Of the electrons: nuclide, local, or a file of two columns, mm and F(r).")
    ] = "nuclide",
    tail: Annotated[
        bool, typer.Option(help="After the last output the agent stays and decays; or count to there only.")
    ] = True,
    biological_half_life: Annotated[
        str | None, typer.Option(help="With which the agent leaves after the last output.")
    ] = None,
    blood: Annotated[bool, typer.Option(help="Count the decays in the tissue's blood, too.")] = False,
    labelled: Labelled = None,
    mirrored: Annotated[
        bool, typer.Option(help="The tissue goes on beyond the box as its mirror image.")
    ] = False,
) -> None:
    """Absorbed dose as transported and as if evenly taken up: NIfTI, histogram, BED and survival."""
    from tumorsim.readouts.activity import label, nuclide_of
    from tumorsim.readouts.delivery import chosen_region
    from tumorsim.readouts.dose_report import OVERVIEW, dose_report
    from tumorsim.readouts.dosimetry import chosen_emissions
    from tumorsim.results import Results

    results = Results(file)
    bq = given_activity(activity)
    of = label(results, nuclide_of(results, nuclide), injected=bq, age=_age(labelled))
    half_life = (
        given_quantity(biological_half_life, "s", "--biological-half-life") if biological_half_life else None
    )
    report = dose_report(
        results,
        of,
        region=chosen_region(results, region),
        emitted=chosen_emissions(of.nuclide, kernel, daughter=of.daughter),
        tail=tail,
        biological_half_life=half_life or float("inf"),
        blood=blood,
        mirrored=mirrored,
    )
    folder = out or Path(f"{file.stem}_dose")
    report.write(folder)
    console = new_console()
    console.print(readout_table(report.tables[0], OVERVIEW))
    say(console, report.remarks)
    print(folder)


@app.command()
def survival(
    file: ResultFile,
    model: Annotated[str, typer.Option(help="peak, exposure, saturating or hill, of the drug in a cell.")],
    out: Annotated[
        Path | None, typer.Option(help="A folder; by default FILE_survival, in this folder.")
    ] = None,
    sensitivity: Annotated[
        str | None, typer.Option(help='Of peak: "1/amount"; of exposure: "1/(amount time)".')
    ] = None,
    exponent: Annotated[str | None, typer.Option(help="Of peak and hill.")] = None,
    half: Annotated[
        str | None, typer.Option(help="Amount in a cell at half the effect, of saturating and hill.")
    ] = None,
    fastest: Annotated[str | None, typer.Option(help='Rate of kill, of saturating: "0.1 1/h".')] = None,
    most: Annotated[str | None, typer.Option(help="Largest effect, of hill: up to 1.")] = None,
    cell_density: Annotated[
        str | None, typer.Option(help="Cells per volume; by default those of the config.")
    ] = None,
) -> None:
    """What the drug in cells leaves alive, by constants of your cell line: NIfTI, a montage, a table by region."""
    from tumorsim.readouts.survival import survival_report
    from tumorsim.results import Results

    constants = {
        "sensitivity": sensitivity,
        "exponent": exponent,
        "half": half,
        "fastest": fastest,
        "most": most,
    }
    density = None if cell_density is None else given_quantity(cell_density, "1/m^3", "--cell-density")
    report = survival_report(Results(file), model, constants, cell_density=density)
    folder = out or Path(f"{file.stem}_survival")
    report.write(folder)
    new_console().print(readout_table(report.table, report.table.columns))
    print(folder)


@app.command()
def report(
    file: ResultFile,
    out: Annotated[
        Path | None, typer.Option(help="The page; by default FILE_report.html, in this folder.")
    ] = None,
    time: Time = None,
    region: Annotated[
        str | None, typer.Option(help="The region of the profiles; by default the tumour.")
    ] = None,
    threshold: Annotated[
        str | None, typer.Option(help='Such as "1 uM" or "0.01 %/g": what is above counts as reached.')
    ] = None,
    nuclide: Annotated[
        str | None, typer.Option(help='On the agent: "Lu-177" adds the dose; by default that of a run in Bq.')
    ] = None,
    activity: Annotated[
        str | None, typer.Option(help='Injected: "7.4 GBq"; by default the dose, if it is in Bq.')
    ] = None,
) -> None:
    """Write one page to send: pictures, curves, tables, the config and what made it, as self-contained HTML."""
    from tumorsim.readouts.activity import label, nuclide_of
    from tumorsim.readouts.delivery import chosen_region, threshold_amount
    from tumorsim.readouts.dose_report import dose_report
    from tumorsim.report import write_report
    from tumorsim.results import Results

    results, doses = Results(file), None
    region = chosen_region(results, region)
    labelled = (
        results.config["agent"].get("radionuclide") and results.amount_unit == "Bq" and not results.steady
    )
    if nuclide is not None or labelled:
        of = label(results, nuclide_of(results, nuclide), injected=given_activity(activity))
        doses = dose_report(results, of, region=region)
    out = out or Path(f"{file.stem}_report.html")
    level = None if threshold is None else threshold_amount(results, threshold)
    print(write_report(results, out, time=time, region=region, threshold=level, dose=doses))
