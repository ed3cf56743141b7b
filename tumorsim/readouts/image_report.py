"""Images of a result as files: truth and image as NIfTI, a montage, and what each region shows of itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorsim.errors import choose
from tumorsim.grid import Grid
from tumorsim.readouts import plots
from tumorsim.readouts.activity import label, nuclide_of
from tumorsim.readouts.ct import TomographyImage, TomographyScan, tomography_image
from tumorsim.readouts.imaging import SCANNERS, EmissionImage, emission_image, emitted_per_decay, recovery
from tumorsim.readouts.montage import draw_montage
from tumorsim.readouts.mri import FERUMOXYTOL, GradientEcho, MagneticImage, magnetic_image
from tumorsim.readouts.nifti import write_nifti
from tumorsim.readouts.resample import resample
from tumorsim.readouts.table import Table, folder, quantity, tabulate, write_csv, write_json
from tumorsim.results import Results

MILLILITRE = 1e-6
"""m³."""


@dataclass(frozen=True)
class Volume:
    """One volume of a set of images: (nz, ny, nx) on its grid, its unit, and whether the montage shows it."""

    values: np.ndarray
    grid: Grid
    unit: str
    meaning: str
    shown: bool = False


@dataclass(frozen=True)
class RegionShown:
    """What an image shows of a region."""

    region: str = quantity("", "region")
    true_mean: float = quantity("{amount}", "mean of the truth")
    image_mean: float = quantity("{amount}", "mean of the image, by the part of each voxel in the region")
    recovery: float = quantity("1", "recovery coefficient: image mean without noise over true mean")
    image_maximum: float = quantity("{amount}", "largest voxel at least half in the region")


@dataclass(frozen=True, eq=False)
class ImageReport:
    """Volumes by their names, ``truth`` and ``image`` among them, and a table of the regions."""

    results: Results
    volumes: Mapping[str, Volume]
    colours: str
    remarks: str = ""

    @property
    def table(self) -> Table:
        labels = self.results.field("region")
        rows = [self._region(name, labels == label) for name, label in self.results.regions.items()]
        return tabulate("image", rows, amount_unit=self.volumes["image"].unit)

    def _region(self, name: str, inside: np.ndarray) -> RegionShown:
        truth, image = self.volumes["truth"], self.volumes["image"]
        seen = self.volumes.get("expected", image)  # without noise, which is cut off at 0
        mostly = resample(inside, truth.grid, image.grid) >= 0.5
        true = float(truth.values[inside].mean()) if inside.any() else float("nan")
        by_image, by_seen = (
            recovery(each.values, each.grid, truth.values, inside=inside, grid=truth.grid)
            for each in (image, seen)
        )
        highest = float(image.values[mostly].max()) if mostly.any() else float("nan")
        return RegionShown(name, true, by_image * true, by_seen, highest)

    def write(self, out: Path) -> list[Path]:
        """Every volume as ``NAME.nii.gz``, ``image.png``, ``image.csv`` and ``image.json``. Raises StorageError."""
        folder(out)
        made = [
            write_nifti(out / f"{name}.nii.gz", each.values, each.grid, unit=each.unit, meaning=each.meaning)
            for name, each in self.volumes.items()
        ]
        shown = {name: (each.values, each.grid) for name, each in self.volumes.items() if each.shown}
        labels = self.results.field("region"), self.results.grid
        figure = draw_montage(
            shown, unit=self.volumes["image"].unit, colours=self.colours, labels=labels, own_scales=True
        )
        made.append(plots.save(figure, out / "image.png"))
        write_csv(self.table, out / "image.csv")
        write_json([self.table], out / "image.json")
        return [*made, out / "image.csv", out / "image.json"]


def emission_report(results: Results, image: EmissionImage, *, body_mass: float | None = None) -> ImageReport:
    """PET or SPECT in Bq/mL; %ID/g, and with the ``body_mass`` (kg) SUV, corrected for decay to the injection."""
    per_millilitre = {"truth": image.truth, "expected": image.expected, "image": image.image}
    meanings = {
        "truth": "activity",
        "expected": "activity as seen, without noise",
        "image": "activity as seen",
    }
    volumes = {
        name: Volume(
            values * MILLILITRE,
            image.grid if name == "truth" else image.image_grid,
            "Bq/mL",
            meanings[name],
            shown=True,
        )
        for name, values in per_millilitre.items()
    }
    derived = {"percent_dose_per_gram": (image.percent_dose_per_gram(), "%ID/g")}
    if body_mass is not None:
        derived["suv"] = image.standard_uptake(body_mass=body_mass), "g/mL"
    for name, (values, unit) in derived.items():
        volumes[name] = Volume(values, image.image_grid, unit, name.replace("_", " "))
    counts = (
        image.image_grid.voxel_volume
        * (image.end - image.start)
        * emitted_per_decay(image.of.nuclide, image.scanner)
    )
    most = float(image.expected.max()) * counts * image.scanner.sensitivity
    remarks = f"The brightest voxel has {most:.3g} counts; attenuation and scatter are left out."
    return ImageReport(results, volumes, "inferno", remarks)


def magnetic_report(results: Results, image: MagneticImage) -> ImageReport:
    """A gradient echo: signal, images before and after, iron and R2*."""
    fine, coarse = image.grid, image.image_grid
    volumes = {
        "truth": Volume(image.signal, fine, "M0", "signal", shown=True),
        "before": Volume(image.before, coarse, "M0", "magnitude before the agent", shown=True),
        "image": Volume(image.image, coarse, "M0", "magnitude", shown=True),
        "iron": Volume(image.iron, fine, "mM", "iron per tissue volume"),
        "r2_star": Volume(image.r2_star, fine, "1/s", "R2*"),
    }
    return ImageReport(results, volumes, "gray", "The dose counts as iron.")


def tomography_report(results: Results, image: TomographyImage) -> ImageReport:
    """CT: Hounsfield units without blur, without noise, and as seen."""
    volumes = {
        "truth": Volume(image.truth, image.grid, "HU", "Hounsfield units", shown=True),
        "expected": Volume(image.expected, image.image_grid, "HU", "as seen, without noise", shown=True),
        "image": Volume(image.image, image.image_grid, "HU", "as seen", shown=True),
    }
    return ImageReport(results, volumes, "gray", "The dose counts as gold.")


def make_image(
    results: Results,
    modality: str,
    *,
    nuclide: str | None = None,
    activity: float | None = None,
    scanner: str = "preclinical",
    time: float | str | None = None,
    duration: float = 1200.0,
    magnet: str = "3 T",
    body_mass: float | None = None,
    age: float | None = None,
    seed: int = 0,
) -> ImageReport:
    """The image of a ``modality``, "pet", "spect", "mri" or "ct", at ``time``: for PET and SPECT the frame's end.

    ``nuclide`` is by default that of the run, ``activity`` in Bq, ``duration`` in s, ``body_mass`` in kg, ``age`` of
    the label in s. Raises ConfigError.
    """
    choose(dict.fromkeys(("pet", "spect", "mri", "ct")), modality, key="modality")
    step = results.step_at(time)
    if modality == "mri":
        relaxivity = choose(FERUMOXYTOL, magnet, key="field")
        return magnetic_report(
            results, magnetic_image(results, relaxivity, GradientEcho(), step=step, seed=seed)
        )
    if modality == "ct":
        return tomography_report(results, tomography_image(results, TomographyScan(), step=step, seed=seed))
    by_size = {size: SCANNERS[f"{size}-{modality}"] for size in ("clinical", "preclinical")}
    of = label(results, nuclide_of(results, nuclide), injected=activity, age=age)
    end = float(results.times[step])
    frame = emission_image(
        results, of, choose(by_size, scanner, key="scanner"), start=end - duration, end=end, seed=seed
    )
    return emission_report(results, frame, body_mass=body_mass)
