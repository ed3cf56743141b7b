"""What stands in the report of a result, and where."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tumorsim.errors import ConfigError, RenderError
from tumorsim.fields import POOLS
from tumorsim.readouts.delivery import chosen_region, injected_dose
from tumorsim.readouts.dose_report import OVERVIEW as DOSE_OVERVIEW
from tumorsim.readouts.dose_report import DoseReport
from tumorsim.readouts.report import OVERVIEW, Report, delivery_report
from tumorsim.readouts.table import Table
from tumorsim.render.annotate import dose_text
from tumorsim.render.aside import written_aside
from tumorsim.render.scene import SCENES, draw_scene
from tumorsim.report.page import (
    Section,
    folded,
    number,
    numbers,
    page,
    paragraph,
    picture,
    plot,
    preformatted,
    table,
)
from tumorsim.results import Results, time_text

_WIDTH = 1000
"""[D] px: width of a picture in the page."""
_SCENES = ("overview", "delivery", "slices", "penetration", "pressure", "velocity")
_CAPTIONS = {
    "uptake": "What every region holds",
    "forms": "In which forms",
    "exposure": "What the regions are exposed to over the outputs",
    "penetration": "How far the agent gets",
    "curves": "Every region at every output",
    "profiles": "Shells of equal distance",
    "doses": "Absorbed dose, as transported and as if evenly taken up",
}


def write_report(
    results: Results,
    out: Path,
    *,
    time: float | str | None = None,
    region: str | None = None,
    threshold: float | None = None,
    dose: DoseReport | None = None,
) -> Path:
    """One self-contained HTML page about a result at the output nearest to ``time``, by default the last.

    ``region`` is that of the profiles, by default the tumour; ``threshold`` an amount per tissue volume above which
    tissue counts as reached; ``dose`` adds a chapter. Raises ConfigError, StorageError.
    """
    step = results.step_at(time)
    region = chosen_region(results, region)
    measured = delivery_report(results, region=region, step=step, threshold=threshold)
    moment = float(results.times[step])
    sections = [
        Section("pictures", "Pictures", _pictures(results, moment)),
        Section("delivery", "Delivery", _delivery(measured)),
        *([Section("dose", "Absorbed dose", _dose(dose))] if dose else []),
        Section("ledger", "Where the dose is", _ledger(results, step)),
        Section("config", "What was asked for", _config(results)),
        Section("provenance", "What made it", _provenance(results)),
    ]
    text = page(
        title=results.title or results.path.stem,
        intro=_intro(results, measured, region, step),
        sections=sections,
    )
    return _write(text, out)


def _intro(results: Results, measured: Report, region: str, step: int) -> str:
    """What was run, in a sentence, and the numbers that say most."""
    agent = str(results.config.get("agent", {}).get("name") or "")
    state = "the steady state" if results.steady else f"{time_text(results.times[step])} after the start"
    nz, ny, nx = results.grid.shape
    sizes = " × ".join(f"{size * 1e3:.3g}" for size in reversed(results.grid.size))
    parts = (
        agent,
        dose_text(injected_dose(results), results.amount_unit),
        state,
        f"{sizes} mm of tissue in {nx} × {ny} × {nz} voxels",
    )
    line = ", ".join(part for part in parts if part)
    unfinished = (
        "" if results.complete else paragraph("The run has not finished: this is what it wrote so far.")
    )
    uptake, depths = measured.table("uptake").as_dict()["rows"], measured.table("penetration")
    own = next(row for row in uptake if row["region"] == region)
    facts = [
        (f"of the injected dose per gram of {region}", _fact(own["percent_dose_per_gram"], "%ID/g")),
        (f"{region} to blood", _fact(own["to_blood"], "")),
        (f"{region} to host tissue", _fact(own["to_host"], "")),
        (f"coefficient of variation in {region}", _fact(own["cv"], "")),
        (f"of {region} above the threshold", _fact(own["reached"], "%", 100)),
    ]
    for row in depths.as_dict()["rows"]:
        facts.append((f"half depth from the {row['against']}", _fact(row["half_depth"], "µm", 1e6)))
    return paragraph(line) + unfinished + numbers([(name, value) for name, value in facts if value])


def _fact(value: float | None, unit: str, size: float = 1.0) -> str:
    return "" if value is None else f"{value * size:.3g} {unit}".strip()


def _pictures(results: Results, moment: float) -> str:
    """Every scene that one result is enough for, and the forms of the agent that the first does not show."""
    wanted: list[tuple[str, str | None]] = [(name, None) for name in _SCENES]
    wanted += [("overview", name) for name in _other_forms(results, moment)]
    drawn, missing = [], []
    when = "in the steady state" if results.steady else f"at {time_text(moment)}"
    for name, field in wanted:
        scene = SCENES[name]
        size = (_WIDTH, round(_WIDTH * scene.size[1] / scene.size[0]))
        try:
            pixels = draw_scene(results, scene=name, field=field, time=moment, background="light", size=size)
        except (ConfigError, RenderError) as error:
            missing.append(f"{name}: {error}")
            continue
        what = results.long_name(field).split(",")[0] if field else scene.summary
        caption = f"{what}, {when}"
        drawn.append(
            picture(pixels, caption=caption[0].upper() + caption[1:], alt=f"{results.title}: {caption}")
        )
    left_out = "".join(paragraph(f"Not drawn – {reason}", faint=True) for reason in missing)
    return f'<div class="pictures">{"".join(drawn)}</div>{left_out}'


def _other_forms(results: Results, moment: float) -> list[str]:
    """The pools beyond the free agent that hold anything."""
    there = [name for name in POOLS if name in results.fields and name != SCENES["overview"].field]
    return [name for name in there if results.field(name, moment).any()]


def _delivery(measured: Report) -> str:
    captions = {
        "curves": "Time-activity curves: mean amount per tissue volume, and its ratio to blood",
        "histograms": "How the agent is distributed over the volume of each region",
        "profiles_vessel": "Against the distance from the nearest vessel: mean and one standard deviation",
        "profiles_rim": "Against the depth below the rim: mean and one standard deviation",
    }
    plots = (
        plot(figure, caption=captions[name], alt=captions[name])
        for name, figure in sorted(measured.figures.items())
    )
    short = table(measured.table("uptake"), caption=_CAPTIONS["uptake"], columns=OVERVIEW)
    return "".join((short, *plots, *_tables(measured.tables)))


def _tables(tables: tuple[Table, ...]) -> Iterator[str]:
    """All tables; those of many rows are folded."""
    for each in tables:
        caption = _CAPTIONS.get(each.name, each.name.replace("_", " "))
        text = table(each, caption=caption)
        yield folded(f"{caption}: all columns, {len(each.rows)} rows", text)


def _dose(dose: DoseReport) -> str:
    captions = {
        "dose": "The middle planes of the dose, as transported and as if evenly taken up",
        "dose_volume_histogram": f"Dose-volume histogram of {dose.region}",
    }
    plots = (
        plot(figure, caption=captions[name], alt=captions[name]) for name, figure in dose.figures().items()
    )
    doses = dose.tables[0]
    return "".join(
        (table(doses, caption=_CAPTIONS["doses"], columns=DOSE_OVERVIEW), *plots, paragraph(dose.remarks))
    )


def _ledger(results: Results, step: int) -> str:
    """Every term at the output, in the unit of the dose and as a share of what was injected."""
    injected = float(results.ledger["injected"][step]) if "injected" in results.ledger else 0.0
    rows = tuple(
        (
            name.replace("_", " "),
            float(series[step]) if np.isfinite(series[step]) else None,
            100 * float(series[step]) / injected if injected else None,
            results.long_name(name, of="ledger"),
        )
        for name, series in results.ledger.items()
    )
    of = Table(
        "ledger",
        ("term", "amount", "part of the dose", "meaning"),
        ("", results.amount_unit, "%", ""),
        ("term of the ledger", "amount at this output", "part of what was injected", "what it is"),
        rows,
    )
    return table(
        of, caption="The ledger" if results.steady else f"The ledger at {time_text(results.times[step])}"
    )


def _config(results: Results) -> str:
    given = folded("The config as it was given", preformatted(results.config_text), open_=True)
    resolved = json.dumps(results.config, indent=2, ensure_ascii=False)
    return given + folded("With every default, in SI units", preformatted(resolved))


def _provenance(results: Results) -> str:
    """Versions, device, seed and checksums, a line each; those of the kernels are many, and folded."""
    values = dict(results.provenance)
    kernels = values.pop("kernels", None) or {}
    text = _facts(values, caption=f"How {results.path.name} came to be")
    return text + (folded("Kernels", _facts(kernels, caption="Hashes of the kernels")) if kernels else "")


def _facts(values: dict[str, Any], *, caption: str) -> str:
    of = Table("facts", ("what", "value"), ("", ""), ("what", "its value"), tuple(_lines(values)))
    return table(of, caption=caption)


def _lines(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _lines(value, f"{prefix}{name} ")
        elif value not in (None, [], ""):
            shown = number(value) if isinstance(value, float) else str(value)
            yield (f"{prefix}{name}".replace("_", " "), shown)


def _write(text: str, out: Path) -> Path:
    """Written aside and moved. Raises StorageError."""
    with written_aside(out, what="report") as part:
        part.write_text(text, encoding="utf-8")
    return out
