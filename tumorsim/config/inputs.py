"""The files that a config names, each read once and only when asked for, and the voxel grid that follows."""

from difflib import get_close_matches
from functools import cached_property
from math import ceil, floor
from os import R_OK, access
from pathlib import Path

from tumorsim.config.schema import Config, Domain
from tumorsim.errors import ConfigError, Problem
from tumorsim.grid import Grid
from tumorsim.tissue.images import LabelImage, read_label_image, resample
from tumorsim.vessels.generate import generate_network
from tumorsim.vessels.network import Network
from tumorsim.vessels.read import read_network

WHOLE = 1e-6
"""How far, relatively, the size of the box may be from a whole number of voxels."""
MOST_VOXELS = 2**31 - 1
"""Along one axis: what a 32-bit index can count."""


class Inputs:
    """What a config refers to. Every property raises ConfigError where the file or the keys are wrong."""

    def __init__(self, config: Config):
        self.config = config

    @cached_property
    def stored_image(self) -> LabelImage | None:
        """The label image as it is in the file; None without one."""
        given = self.config.tissue.image
        if given is None:
            return None
        require_file("tissue.image.file", given.file)
        return read_label_image(given.file, dataset=given.dataset, spacing=given.spacing)

    @cached_property
    def image(self) -> LabelImage | None:
        """The label image on the grid of the run: resampled where that is asked for."""
        image, given = self.stored_image, self.config.tissue.image
        if image is None or given is None or given.resample is None:
            return image
        return resample(image, given.resample)

    @cached_property
    def network(self) -> Network | None:
        """The vessel network; None in the other vessel models."""
        vessels = self.config.vessels
        if vessels.model == "generated":
            z, y, x = self.grid.size
            return generate_network((z, y, x), vessels.design, origin=self.grid.origin)
        if vessels.model != "network":
            return None
        if vessels.file is None:
            fault, cure = "the network model needs a file", 'Add file = "network.vtp" to [vessels]'
            raise ConfigError(Problem("vessels.file", None, fault, cure))
        require_file("vessels.file", vessels.file)
        return read_network(
            vessels.file,
            unit=vessels.unit,
            pressure_unit=vessels.pressure_unit,
            default_radius=vessels.default_radius,
            repair=vessels.repair,
        )

    @cached_property
    def grid(self) -> Grid:
        """The voxel grid: of the image, around the network, or as [domain] says."""
        domain = self.config.domain
        if self.config.tissue.image is not None and self.stored_image is not None:
            return _of_image(self.stored_image, self.config.tissue.image.resample)
        if (
            self.config.vessels.fit_domain
            and self.config.vessels.model == "network"
            and self.network is not None
        ):
            return _around(self.network, domain, self.config.vessels.margin)
        return _box(domain)

    def holds(self, point: tuple[float, float, float]) -> bool:
        """Whether a point (z, y, x) lies in the box."""
        grid = self.grid
        spans = zip(grid.origin, point, grid.size, strict=True)
        return all(low <= x <= low + size for low, x, size in spans)


def require_file(key: str, path: Path) -> None:
    """Raise ConfigError about ``key`` unless ``path`` is a file that can be read."""
    if not path.exists():
        raise ConfigError(Problem(key, str(path), "no such file", nearest_file(path)))
    if not path.is_file() or not access(path, R_OK):
        fault = "a file was expected, this is a folder" if path.is_dir() else "no permission to read it"
        raise ConfigError(Problem(key, str(path), fault, "Give a file that can be read"))


def nearest_file(path: Path) -> str:
    """The cure for a path that leads nowhere."""
    try:
        names = [file.name for file in path.parent.iterdir()]
    except OSError:
        return f"There is no folder {path.parent} either"
    near = get_close_matches(path.name, names, n=1, cutoff=0.6)
    return f"Did you mean {near[0]}?" if near else "A path is relative to the config file that names it"


def _of_image(image: LabelImage, spacing: tuple[float, float, float] | None) -> Grid:
    """The grid of an image, with ``spacing`` that of ``tissue.images.resample``, whose voxels it counts."""
    nz, ny, nx = image.labels.shape
    if spacing is not None:
        sides = zip(image.labels.shape, image.spacing, spacing, strict=True)
        nz, ny, nx = (max(1, round(n * old / new)) for n, old, new in sides)
    return Grid((nz, ny, nx), spacing or image.spacing, image.origin)


def _around(network: Network, domain: Domain, margin: float) -> Grid:
    """The smallest box of whole voxels around the network and a margin, with the network in its middle."""
    if domain.spacing is None:
        raise ConfigError(_spacing_missing())
    low, high = network.bounding_box
    extents = [float(b - a) + 2 * margin for a, b in zip(low, high, strict=True)]
    counts = [max(1, ceil(e / h * (1 - WHOLE))) for e, h in zip(extents, domain.spacing, strict=True)]
    middle = (low + high) / 2
    z, y, x = (float(m - n * h / 2) for m, n, h in zip(middle, counts, domain.spacing, strict=True))
    return Grid((counts[0], counts[1], counts[2]), domain.spacing, (z, y, x))


def _box(domain: Domain) -> Grid:
    size, shape, spacing = domain.size, domain.shape, domain.spacing
    problems = []
    if spacing is None:
        problems.append(_spacing_missing())
    if size is None and shape is None:
        cure = 'Add for example size = ["6 mm", "6 mm", "6 mm"], or shape, to [domain]'
        problems.append(Problem("domain.size", None, "is required, and not given", cure))
    if size is not None and shape is not None:
        problems.append(Problem("domain.shape", shape[::-1], "size is given too", "Leave one of the two out"))
    if problems or spacing is None:
        raise ConfigError(*problems)
    if shape is not None:
        return Grid(shape, spacing, domain.origin)
    assert size is not None
    z, y, x = voxel_counts(size, spacing)
    return Grid((z, y, x), spacing, domain.origin)


def _spacing_missing() -> Problem:
    cure = 'Add for example spacing = "50 um" to [domain]'
    return Problem("domain.spacing", None, "is required, and not given", cure)


def voxel_counts(size: tuple[float, ...], spacing: tuple[float, ...]) -> list[int]:
    """Voxels along each axis; ConfigError where that is not a whole number above zero."""
    sides = list(zip(size, spacing, strict=True))
    problems = [
        Problem(f"domain.size[{place}]", length(s), f"{fault} of {length(h)}", _fitting(s / h, h))
        for place, (s, h) in enumerate(reversed(sides))
        if (fault := _misfit(s / h))
    ]
    if problems:
        raise ConfigError(*problems)
    return [round(s / h) for s, h in sides]


def _misfit(n: float) -> str:
    """What is wrong with ``n`` voxels along an axis; empty where nothing is."""
    if n > MOST_VOXELS:
        return f"too many voxels, {n:.3g},"
    if n < 1 - WHOLE:
        return f"holds no voxel, only {n:.3g},"
    if abs(n - round(n)) > WHOLE * n:
        return f"{n:.7g} is not a whole number of voxels"
    return ""


def _fitting(n: float, h: float) -> str:
    if n > MOST_VOXELS:
        return "Use a larger spacing"
    counts = [k for k in (floor(n), ceil(n)) if k > 0]
    choices = [f'"{length(k * h)}" ({k} voxel{"s" if k > 1 else ""})' for k in counts]
    return f"Use {' or '.join(choices)}, or another spacing"


def length(metres: float) -> str:
    """A length as a user would write it: "6 mm", "50 um", "85 nm"."""
    unit, size = next((u, s) for u, s in (("mm", 1e-3), ("um", 1e-6), ("nm", 0.0)) if abs(metres) >= s)
    return f"{metres / (size or 1e-9):.7g} {unit}"
