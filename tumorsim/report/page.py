"""HTML of one page that needs nothing else: headings, figures with their images inside, tables, text."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorsim.readouts.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PIXELS_PER_INCH = 96
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""What the page may load: its own images and style, and nothing from elsewhere."""
_SHOWN = {
    "s": ("h", 1 / 3600), "m": ("µm", 1e6), "m^3": ("mm³", 1e9), "kg": ("mg", 1e6), "mol": ("nmol", 1e9),
    "Bq": ("MBq", 1e-6), "kg/m^3": ("µg/mL", 1e3), "mol/m^3": ("µM", 1e3), "Bq/m^3": ("kBq/mL", 1e-9),
    "kg s/m^3": ("µg h/mL", 1e3 / 3600), "mol s/m^3": ("µM h", 1e3 / 3600), "Bq s/m^3": ("kBq h/mL", 1e-9 / 3600),
    "% s/g": ("% h/g", 1 / 3600),
}  # fmt: skip
"""SI units, and those in which a table shows them."""


@dataclass(frozen=True)
class Section:
    """A part of the page, with the word that the contents list and links call it by."""

    name: str
    title: str
    body: str


def page(*, title: str, intro: str, sections: Sequence[Section]) -> str:
    """The whole document."""
    links = "".join(f'<a href="#{part.name}">{escape(part.title)}</a>' for part in sections)
    bodies = "\n".join(
        f'<section id="{part.name}" aria-labelledby="{part.name}-title">\n'
        f'<h2 id="{part.name}-title">{escape(part.title)}</h2>\n{part.body}\n</section>'
        for part in sections
    )
    style = files("tumorsim.report").joinpath("style.css").read_text(encoding="utf-8")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="tumorsim">
<title>{escape(title)}</title>
<style>
{style}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
{intro}
<nav aria-label="Contents">{links}</nav>
</header>
<main>
{bodies}
</main>
</body>
</html>
"""


def paragraph(text: str, *, faint: bool = False) -> str:
    return f"<p{' class=faint' if faint else ''}>{escape(text)}</p>"


def numbers(facts: Sequence[tuple[str, str]]) -> str:
    """A row of numbers with what they are."""
    cards = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)
    return f'<dl class="numbers">{cards}</dl>'


def picture(pixels: np.ndarray, *, caption: str, alt: str) -> str:
    """A picture, uint8 (height, width, 3), as a PNG within the page; one much wider than high takes a row."""
    from PIL import Image

    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    height, width, _ = pixels.shape
    kind = ' class="wide"' if width > 2 * height else ""
    return _figure(file.getvalue(), "image/png", size=(width, height), caption=caption, alt=alt, kind=kind)


def plot(figure: "Figure", *, caption: str, alt: str) -> str:
    """A figure as SVG within the page, at its own size."""
    file = BytesIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    width, height = (round(inches * _PIXELS_PER_INCH) for inches in figure.get_size_inches())
    kind = ' class="plot"'
    return _figure(
        file.getvalue(), "image/svg+xml", size=(width, height), caption=caption, alt=alt, kind=kind
    )


def _figure(content: bytes, media: str, *, size: tuple[int, int], caption: str, alt: str, kind: str) -> str:
    source = f"data:{media};base64,{b64encode(content).decode()}"
    image = f'<img alt="{escape(alt)}" width="{size[0]}" height="{size[1]}" src="{source}">'
    return f"<figure{kind}>{image}<figcaption>{escape(caption)}</figcaption></figure>"


def table(of: Table, *, caption: str, columns: Sequence[str] | None = None) -> str:
    """A table with its caption; the first column heads the rows, and every column says its unit and meaning."""
    chosen = [of.columns.index(name) for name in columns or of.columns]
    chosen = [k for k in chosen if any(row[k] is not None for row in of.rows)]
    scales = [_SHOWN.get(of.units[k], (of.units[k], 1.0)) for k in chosen]
    heads = "".join(
        f'<th scope="col"{_kind(of.units[k])} title="{escape(of.meanings[k])}">'
        f"{escape(of.columns[k].replace('_', ' '))}{_unit(unit)}</th>"
        for k, (unit, _) in zip(chosen, scales, strict=True)
    )
    rows = "".join(
        "<tr>"
        + "".join(
            _cell(row[k], size, head=n == 0, text=of.units[k] == "")
            for n, (k, (_, size)) in enumerate(zip(chosen, scales, strict=True))
        )
        + "</tr>\n"
        for row in of.rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table>\n'
        f"<caption>{escape(caption)}</caption>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n"
        "</table></div>"
    )


def _kind(unit: str) -> str:
    return ' class="text"' if unit == "" else ""


def _unit(unit: str) -> str:
    return f'<span class="unit">{escape(unit)}</span>' if unit not in ("", "1") else ""


def _cell(value: Any, size: float, *, head: bool, text: bool) -> str:
    if value is None:
        shown = "–"
    elif isinstance(value, str | bool):
        shown = escape(str(value))
    else:
        shown = number(value * size)
    if head:
        return f'<th scope="row">{shown}</th>'
    return f"<td{' class=text' if text else ''}>{shown}</td>"


def number(value: float) -> str:
    """Four digits, and a power of ten only where it is needed."""
    return f"{value:.4g}".replace("-", "−")


def folded(summary: str, body: str, *, open_: bool = False) -> str:
    """What is shown when asked for."""
    return f"<details{' open' if open_ else ''}><summary>{escape(summary)}</summary>{body}</details>"


def preformatted(text: str) -> str:
    return f'<pre tabindex="0">{escape(text)}</pre>'
