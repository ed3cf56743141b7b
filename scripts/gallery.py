#!/usr/bin/env python3
"""Every picture of the README and the documents, from the configs that are shipped.

    scripts/gallery.py [--out docs] [--coarse] [--device auto]

``--coarse`` takes seconds instead of minutes, to see that all of it runs.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

import tumorsim
from tumorsim.render import Look, render_scene
from tumorsim.render.derived import with_dose
from tumorsim.render.movie import render_movie
from tumorsim.results import Results

CONFIGS = Path(__file__).parents[1] / "configs"
LUTETIUM = {"nuclide": "Lu-177", "activity": 7.4e9}
COARSE = {
    "quickstart": ("domain.spacing=500 um", "run.duration=2 h", "output.every=1 h"),
    "generated_tumour": ("domain.spacing=60 um", "run.duration=1 min", "output.every=1 min"),
}
EVEN = ("title=The same with evenly leaky vessels", "tissue.regions.tumour.leakiness_log_sd=0")
TWO_HOURS = ("run.duration=2 h",)
BOLUS = ("vessels.plasma=carried", "run.duration=2 s", "run.max_step=0.2 s", "output.every=2 s")


@dataclass(frozen=True)
class Picture:
    """A file, the config it comes from with changes, and how it is drawn. ``second`` are changes to compare with."""

    file: str
    config: str
    look: dict[str, Any] = field(default_factory=dict)
    changes: tuple[str, ...] = ()
    second: tuple[str, ...] = ()
    dose: dict[str, Any] = field(default_factory=dict)


PICTURES = (
    Picture("quickstart.png", "quickstart", {"size": (1200, 900)}),
    Picture("gallery/slices.png", "quickstart", {"scene": "slices", "background": "light"}),
    Picture("gallery/pressure.png", "quickstart", {"scene": "pressure"}),
    Picture("gallery/velocity.png", "quickstart", {"scene": "velocity"}),
    Picture("gallery/delivery.png", "quickstart", {"scene": "delivery"}),
    Picture("gallery/penetration.png", "quickstart", {"scene": "penetration", "background": "light"}),
    Picture("gallery/compare.png", "quickstart", {"scene": "compare", "background": "light"}, second=EVEN),
    Picture("gallery/dose.png", "quickstart", {"scene": "dose"}, dose=LUTETIUM),
    Picture("gallery/film.gif", "quickstart", {"size": (480, 360)}),
    Picture("gallery/network.png", "generated_tumour", changes=TWO_HOURS),
    Picture(
        "gallery/network_delivery.png",
        "generated_tumour",
        {"scene": "delivery", "background": "light"},
        changes=TWO_HOURS,
    ),
    Picture("gallery/network_plasma.png", "generated_tumour", changes=BOLUS),
)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("docs"))
    parser.add_argument("--coarse", action="store_true")
    parser.add_argument("--device", default="auto")
    chosen = parser.parse_args(arguments)
    with TemporaryDirectory() as folder:
        runs = Runs(Path(folder), chosen)
        for picture in PICTURES:
            print(draw(picture, runs, chosen))


class Runs:
    """Results by config and changes, each run once."""

    def __init__(self, folder: Path, chosen: argparse.Namespace):
        self.folder, self.chosen = folder, chosen
        self.done: dict[tuple[str, ...], Results] = {}

    def result(self, config: str, changes: tuple[str, ...]) -> Results:
        key = (config, *changes)
        if key not in self.done:
            coarse = COARSE[config] if self.chosen.coarse else ()
            case = tumorsim.load(CONFIGS / f"{config}.toml", overrides=(*changes, *coarse))
            out = self.folder / f"{len(self.done)}.vtkhdf"
            self.done[key] = tumorsim.simulate(case, out=out, device=self.chosen.device)
        return self.done[key]


def draw(picture: Picture, runs: Runs, chosen: argparse.Namespace) -> Path:
    """Run what the picture needs, and draw it: a film, if its name says so."""
    results = runs.result(picture.config, picture.changes)
    other = runs.result(picture.config, picture.second) if picture.second else None
    if picture.dose:
        results = with_dose(results, **picture.dose)
    usual = (1200, 533) if picture.look.get("scene") in ("slices", "penetration", "compare") else (1000, 750)
    look = Look(**{"size": (320, 240) if chosen.coarse else usual} | picture.look)
    out = chosen.out / picture.file
    if out.suffix == ".gif":
        return render_movie(results, out=out, look=look)
    return in_few_colours(render_scene(results, out=out, look=look, other=other))


def in_few_colours(path: Path) -> Path:
    """A third of the bytes, for a repository: 256 colours, dithered."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    palette = picture.quantize(256, method=Image.Quantize.FASTOCTREE)
    picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)
    return path


if __name__ == "__main__":
    main()
