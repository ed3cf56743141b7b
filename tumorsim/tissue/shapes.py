"""Tumours drawn from shapes: painted on the voxel grid in order, later ones over earlier ones.

A voxel belongs to a shape if its centre does, so a painted volume is right to about one layer of voxels
of its surface, and converges with the grid. Lengths in m, triples in array order (z, y, x).
"""

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from math import isfinite, log1p, pi, sqrt
from typing import TypeAlias

import numpy as np

from tumorsim.errors import ConfigError, Problem
from tumorsim.grid import Grid
from tumorsim.tissue.regions import Regions, depth, name_problems, surroundings

Triple: TypeAlias = tuple[float, float, float]


@dataclass(frozen=True)
class Sphere:
    """A ball; ``center`` None is the centre of the box."""

    region: str
    _: KW_ONLY
    radius: float
    center: Triple | None = None


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid along the axes of the box, half axes ``radii`` (z, y, x)."""

    region: str
    _: KW_ONLY
    radii: Triple
    center: Triple | None = None


@dataclass(frozen=True)
class Lobed:
    """A random lobed tumour with the volume of a sphere of ``radius`` (see ``lobed_radius``) [D].

    ``roughness`` is the relative standard deviation of the radius over directions; ``lobes``, 2 to 16, is
    the number of lobes that fit around the circumference. The seed alone fixes the form, so it is the same
    tumour on any grid, at any size.
    """

    region: str
    _: KW_ONLY
    radius: float
    center: Triple | None = None
    roughness: float = 0.25
    lobes: int = 4
    seed: int = 0


@dataclass(frozen=True)
class Core:
    """The inner part of the region ``of``: everything deeper below its surface than a limit.

    The limit is ``depth``, or (1 − ``fraction``) of the greatest depth: in a sphere the core is then a
    sphere of ``fraction`` times the radius. Where the box cuts the region there is no surface.
    """

    region: str
    _: KW_ONLY
    of: str
    fraction: float | None = None
    depth: float | None = None


@dataclass(frozen=True)
class Margin:
    """A shell of ``thickness`` around the region ``of``, painted only over the background."""

    region: str
    _: KW_ONLY
    of: str
    thickness: float


Shape: TypeAlias = Sphere | Ellipsoid | Lobed | Core | Margin


def paint(grid: Grid, shapes: Sequence[Shape], *, background: str) -> Regions:
    """Fill the box with ``background`` and paint the shapes over it, in order.

    Raises ConfigError for a shape with an impossible size, one that paints no voxel, one that needs a
    region not painted before it, and a region that later shapes hide altogether.
    """
    names = tuple(dict.fromkeys((background, *(shape.region for shape in shapes))))
    problems = [problem for i, shape in enumerate(shapes) for problem in _problems(shape, _key(i))]
    if problems := problems + name_problems(names):
        raise ConfigError(*problems)
    regions = Regions(grid, np.zeros(grid.shape, np.uint8), names)
    for i, shape in enumerate(shapes):
        mask = _voxels(shape, regions, background=background, key=_key(i))
        regions.labels[mask] = names.index(shape.region)
    _require_visible(regions, background)
    return regions


def ellipsoid_mask(grid: Grid, center: Triple, radii: Triple) -> np.ndarray:
    """True where Σ((x_i − c_i)/r_i)² ≤ 1 at the voxel centre."""
    z, y, x = ((x - c) / r for x, c, r in zip(grid.centers, center, radii, strict=True))
    return np.asarray(z**2 + y**2 + x**2 <= 1)


def lobed_mask(grid: Grid, center: Triple, shape: Lobed) -> np.ndarray:
    """True where |x − c| ≤ r((x − c)/|x − c|) at the voxel centre, r from ``lobed_radius``.

    The angular function is evaluated only between the least and the greatest radius, plane by plane.
    """
    radius, least, greatest = lobed_radius(shape)
    z, y, x = (x - c for x, c in zip(grid.centers, center, strict=True))
    mask = np.zeros(grid.shape, bool)
    for plane, height in zip(mask, z[:, 0, 0], strict=True):
        offsets = np.stack(np.broadcast_arrays(height, y[0], x[0]), axis=-1)
        distance = np.linalg.norm(offsets, axis=-1)
        plane[distance < least] = True
        shell = (distance >= least) & (distance <= greatest)
        directions = offsets[shell] / distance[shell][:, None]
        plane[shell] = distance[shell] <= radius(directions)
    return mask


def lobed_radius(shape: Lobed) -> tuple[Callable[[np.ndarray], np.ndarray], float, float]:
    """The radius of a lobed tumour as a function of direction, and bounds of it; m.

    ::

        r(n) = c R exp(s g(n)),   s² = ln(1 + roughness²),   c so that the volume is 4πR³/3 exactly
        g(n) = Σ_k Σ_l a_kl P_l(n·u_k),   l = 2 … lobes,   mean square of g over the sphere = 1

    P_l are Legendre polynomials, u_k random poles (2·lobes + 1 of them, which span every spherical
    harmonic of these degrees) and a_kl normal numbers with the same power in each degree. Degree 1 is left
    out because it only moves the centre. The function takes unit vectors (z, y, x) of shape (n, 3).
    """
    poles, weights = _relief(shape)
    s = sqrt(log1p(shape.roughness**2))

    def relief(directions: np.ndarray) -> np.ndarray:
        legval = np.polynomial.legendre.legval
        return sum((legval(directions @ u, a) for u, a in zip(poles, weights, strict=True)), np.zeros(()))

    directions, areas = _sphere_nodes(16 * shape.lobes)
    samples = relief(directions)
    mean_cube = float(np.sum(areas * np.exp(3 * s * samples)))
    size = shape.radius / mean_cube ** (1 / 3)
    # Between nodes this close a function of degree ≤ lobes exceeds its greatest node value by under 2 %.
    swing = 1.05 * float(np.abs(samples).max())
    return (
        lambda directions: size * np.exp(s * relief(directions)),
        size * float(np.exp(-s * swing)),
        size * float(np.exp(s * swing)),
    )


def _relief(shape: Lobed) -> tuple[np.ndarray, np.ndarray]:
    """Poles (k, 3) and Legendre weights (k, lobes + 1) of g: zero mean, mean square 1 over the sphere."""
    rng = np.random.default_rng(shape.seed)
    poles = rng.standard_normal((2 * shape.lobes + 1, 3))
    poles /= np.linalg.norm(poles, axis=1, keepdims=True)
    power = 2 * np.arange(shape.lobes + 1) + 1
    weights = rng.standard_normal((len(poles), shape.lobes + 1)) * np.sqrt(power)
    weights[:, :2] = 0
    # ⟨P_l(n·u) P_l(n·v)⟩ over the sphere is P_l(u·v)/(2l + 1), and different degrees are orthogonal.
    legendre = np.polynomial.legendre.legvander(poles @ poles.T, shape.lobes)
    mean_square = np.einsum("jl,kl,jkl,l->", weights, weights, legendre, 1 / power)
    return poles, weights / np.sqrt(mean_square)


def _sphere_nodes(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors (2n², 3) and weights with sum 1: Gauss–Legendre in height, uniform in longitude."""
    height, weight = np.polynomial.legendre.leggauss(n)
    longitude = np.arange(2 * n) * pi / n
    across = np.sqrt(1 - height**2)[:, None]
    y, x = across * np.sin(longitude), across * np.cos(longitude)
    z = np.broadcast_to(height[:, None], y.shape)
    return np.stack([z, y, x], axis=-1).reshape(-1, 3), np.repeat(weight / (4 * n), 2 * n)


def _voxels(shape: Shape, regions: Regions, *, background: str, key: str) -> np.ndarray:
    """The voxels that a shape paints; ConfigError if there are none."""
    grid = regions.grid
    match shape:
        case Core():
            return _core_mask(shape, regions, key)
        case Margin():
            return _margin_mask(shape, regions, background, key)
    center = shape.center or _triple(grid.center)
    match shape:
        case Sphere(radius=r):
            mask = ellipsoid_mask(grid, center, (r, r, r))
        case Ellipsoid(radii=radii):
            mask = ellipsoid_mask(grid, center, radii)
        case Lobed():
            mask = lobed_mask(grid, center, shape)
    if not mask.any():
        raise ConfigError(_nothing_painted(shape, grid, center, key))
    return mask


def _core_mask(shape: Core, regions: Regions, key: str) -> np.ndarray:
    distance = depth(_painted(shape, regions, key), regions.grid)
    greatest = float(distance.max())
    if not isfinite(greatest):
        cure = "Paint another region around it, or over a part of it, first"
        raise ConfigError(
            Problem(f"{key}.of", shape.of, "this region fills the box and has no surface", cure)
        )
    limit = shape.depth if shape.fraction is None else (1 - shape.fraction) * greatest
    assert limit is not None
    if limit >= greatest:
        fault = f"{_title(shape)} paints no voxel: {shape.of!r} is nowhere that deep"
        cure = f"Use a depth below {_um(greatest)}, or fraction"
        raise ConfigError(Problem(f"{key}.depth", shape.depth, fault, cure))
    return np.asarray(distance > limit)


def _margin_mask(shape: Margin, regions: Regions, background: str, key: str) -> np.ndarray:
    inside = _painted(shape, regions, key)
    reach = tuple(int(shape.thickness / h) + 2 for h in regions.grid.spacing)
    around = surroundings(inside, reach)
    mask = np.zeros_like(inside)
    mask[around] = depth(~inside[around], regions.grid) <= shape.thickness
    mask &= regions.mask(background) & ~inside
    if not mask.any():
        fault = f"{_title(shape)} paints no voxel"
        cure = f"Use at least {_um(max(regions.grid.spacing))}, around a region that touches {background!r}"
        raise ConfigError(Problem(f"{key}.thickness", shape.thickness, fault, cure))
    return mask


def _painted(shape: Core | Margin, regions: Regions, key: str) -> np.ndarray:
    """The voxels so far of the region that a core or margin is made of."""
    present = [name for name, volume in regions.volumes().items() if volume > 0]
    if shape.of not in present:
        cure = f"Paint it in an earlier shape; painted so far: {', '.join(present)}"
        raise ConfigError(Problem(f"{key}.of", shape.of, f"{_title(shape)} needs this region", cure))
    return regions.mask(shape.of)


def _nothing_painted(shape: Sphere | Ellipsoid | Lobed, grid: Grid, center: Triple, key: str) -> Problem:
    ends = [(o, o + s) for o, s in zip(grid.origin, grid.size, strict=True)]
    if not all(low <= c <= high for c, (low, high) in zip(center, ends, strict=True)):
        spans = (f"{axis} {_um(low)} to {_um(high)}" for axis, (low, high) in zip("zyx", ends, strict=True))
        shown = ", ".join(_um(c) for c in reversed(center))
        fault = f"{_title(shape)} lies outside the box and paints no voxel"
        return Problem(f"{key}.center", shown, fault, f"The box spans {', '.join(reversed(list(spans)))}")
    enough = _um(sqrt(sum(h**2 for h in grid.spacing)) / 2)
    fault = f"{_title(shape)} falls between the voxel centres and paints no voxel"
    size = "radii" if isinstance(shape, Ellipsoid) else "radius"
    cure = f"Use a {size} of at least {enough}, or a finer spacing than {_um(max(grid.spacing))}"
    return Problem(f"{key}.{size}", getattr(shape, size), fault, cure)


def _require_visible(regions: Regions, background: str) -> None:
    hidden = [name for name, volume in regions.volumes().items() if volume == 0 and name != background]
    if hidden:
        fault, cure = (
            "later shapes hide this region altogether",
            "Paint it after them, or use a finer spacing",
        )
        raise ConfigError(*(Problem("tissue.shapes", name, fault, cure) for name in hidden))


def _problems(shape: Shape, key: str) -> list[Problem]:
    """What is wrong with the numbers of a shape, whatever the grid."""
    problems = []
    lengths = {name: getattr(shape, name, None) for name in ("radius", "radii", "depth", "thickness")}
    for name, value in lengths.items():
        if value is not None and not np.all((np.asarray(value) > 0) & np.isfinite(value)):
            fault = f"{_title(shape)} needs a length above zero"
            problems.append(Problem(f"{key}.{name}", value, fault, 'Give one, for example "2 mm"'))
    if isinstance(shape, Lobed):
        problems += _lobed_problems(shape, key)
    if isinstance(shape, Core) and (shape.fraction is None) == (shape.depth is None):
        cure = "Give one of fraction = 0.5 and depth, not both"
        problems.append(Problem(key, None, f"{_title(shape)} needs its size once", cure))
    if isinstance(shape, Core) and shape.fraction is not None and not 0 < shape.fraction < 1:
        fault, cure = f"{_title(shape)} needs a part of the whole", "Use a number between 0 and 1"
        problems.append(Problem(f"{key}.fraction", shape.fraction, fault, cure))
    return problems


def _lobed_problems(shape: Lobed, key: str) -> list[Problem]:
    problems = []
    if not 0 <= shape.roughness < 1:
        fault, cure = "the relative variation of the radius is out of range", "Use 0 to 1; 0.25 is typical"
        problems.append(Problem(f"{key}.roughness", shape.roughness, fault, cure))
    if not (isinstance(shape.lobes, int) and 2 <= shape.lobes <= 16):
        fault, cure = "the number of lobes is out of range", "Use a whole number from 2 to 16"
        problems.append(Problem(f"{key}.lobes", shape.lobes, fault, cure))
    if shape.seed < 0:
        problems.append(Problem(f"{key}.seed", shape.seed, "a seed is not negative", "Use 0 or more"))
    return problems


def _key(index: int) -> str:
    return f"tissue.shapes[{index}]"


def _title(shape: Shape) -> str:
    return f"the {type(shape).__name__.lower()} of region {shape.region!r}"


def _um(length: float) -> str:
    return f"{length * 1e6:.6g} um"


def _triple(values: tuple[float, ...]) -> Triple:
    z, y, x = values
    return z, y, x
