"""What a microscopist wants to know of a vessel graph before a simulation rests on it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tumorsim.grid import Grid
from tumorsim.vessels.network import Network
from tumorsim.vessels.rasterise import distance_to_vessels
from tumorsim.vessels.repair import HUB_DEGREE

LEVELS = {"p5": 5, "median": 50, "p95": 95}
PROBES, FINE = 24, 2e-6
"""[D]: places along the longest side at which the distance to vessels is taken, and its error, m."""
STAGNANT = 1e-4
"""[D]: vessels with less than this part of the median speed of blood are not perfused."""


def quality(network: Network, *, unit: str = "", flow: Network | None = None) -> dict[str, Any]:
    """A report fit for JSON, SI: size, density, radii, loops, ends, repairs; with ``flow`` also how blood moves.

    A vessel is what lies between two nodes that are not on the way of one; loops are the independent ones. Densities
    are over the box around the centre lines, and nan for a flat network.
    """
    degree = network.degree
    ends = degree[degree != 2]
    low, high = network.bounding_box
    volume = float(np.prod(high - low))
    length = float(network.length.sum())
    parts = int(network.components.max()) + 1
    report: dict[str, Any] = {
        "source": network.source,
        "unit": unit,
        "segments": len(network.segments),
        "nodes": len(network.nodes),
        "vessels": int(ends.sum() / 2),
        "branch_points": int(np.count_nonzero(degree > 2)),
        "hubs": int(np.count_nonzero(degree > HUB_DEGREE)),
        "open_ends": len(network.boundary_nodes),
        "components": parts,
        "largest_component": float(
            np.bincount(network.components[network.segments[:, 0]]).max() / len(network.segments)
        ),
        "loops": len(network.segments) - len(network.nodes) + parts,
        "extent": [float(d) for d in (high - low)[::-1]],
        "length": length,
        "wall_area": float(network.wall_area.sum()),
        "lumen_volume": float(network.volume.sum()),
        "radius": _percentiles(network.radius),
        "segment_length": _percentiles(network.length),
        "known_pressures": 0
        if network.pressure is None
        else int(np.count_nonzero(~np.isnan(network.pressure))),
        "repairs": [vars(repair) for repair in network.repairs],
        "notes": list(network.notes),
    }
    if volume > 0:
        report |= {
            "length_density": length / volume,
            "vessel_density": report["vessels"] / volume,
            "branch_point_density": report["branch_points"] / volume,
            "area_density": report["wall_area"] / volume,
            "volume_fraction": report["lumen_volume"] / volume,
            "distance_to_vessels": _percentiles(_distances(network, low, high)),
        }
    return report if flow is None else report | {"blood": _blood(flow)}


def _distances(network: Network, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Distance to the nearest wall, m, at places evenly over the box around the network."""
    spacing = float((high - low).max()) / PROBES
    z, y, x = (max(1, round(float(side) / spacing)) for side in high - low)
    sides = tuple(float(side) / n for side, n in zip(high - low, (z, y, x), strict=True))
    grid = Grid((z, y, x), (sides[0], sides[1], sides[2]), (float(low[0]), float(low[1]), float(low[2])))
    return distance_to_vessels(network, grid, tolerance=min(min(sides) / 4, FINE))


def _blood(network: Network) -> dict[str, Any]:
    assert network.flow is not None and network.pressure is not None
    flow = np.abs(network.flow)
    speed = flow / (np.pi * network.radius**2)
    a, b = network.segments.T
    shear = network.radius / (2 * network.length) * np.abs(network.pressure[a] - network.pressure[b])
    still = (
        speed <= STAGNANT * np.median(speed[speed > 0]) if (speed > 0).any() else np.ones(len(speed), bool)
    )
    found = {
        "pressure": _percentiles(network.pressure),
        "flow": _percentiles(flow),
        "speed": _percentiles(speed),
        "wall_shear_stress": _percentiles(shear),
        "not_perfused": float(network.length[still].sum() / network.length.sum()),
        "notes": list(network.notes),
    }
    if network.haematocrit is not None:
        found["haematocrit"] = _percentiles(network.haematocrit)
    return found


def _percentiles(values: np.ndarray) -> dict[str, float]:
    return {name: float(np.percentile(values, level)) for name, level in LEVELS.items()}


Row = tuple[str, str, str]


def table(report: Mapping[str, Any]) -> list[Row]:
    """Rows of name, value and meaning, in the units of the field."""
    x, y, z = (side * 1e6 for side in report["extent"])
    rows = [
        ("unit of length", str(report["unit"] or "m"), ""),
        ("segments", f"{report['segments']:,}", f"straight pieces between {report['nodes']:,} nodes"),
        ("vessels", f"{report['vessels']:,}", "between branch points or ends"),
        (
            "branch points",
            f"{report['branch_points']:,}",
            f"{report['hubs']} of them hubs of more than {HUB_DEGREE}",
        ),
        ("open ends", f"{report['open_ends']:,}", "inlets, outlets and blind ends"),
        (
            "parts",
            f"{report['components']:,}",
            f"the largest has {report['largest_component']:.1%} of the segments",
        ),
        ("loops", f"{report['loops']:,}", "independent ones"),
        ("extent", f"{x:.4g} × {y:.4g} × {z:.4g} µm", "x × y × z, of the centre lines"),
        ("length", f"{report['length'] * 1e3:.4g} mm", ""),
    ]
    if "length_density" in report:
        rows += [
            ("length density", f"{report['length_density'] * 1e-6:.4g} mm/mm³", "in the box around them"),
            ("vessel density", f"{report['vessel_density'] * 1e-9:.4g} 1/mm³", "1,602 in untreated tumours"),
            ("wall area", f"{report['area_density'] * 1e-2:.4g} 1/cm", "per tissue volume"),
            (
                "distance to vessels",
                _three(report["distance_to_vessels"], 1e6, "µm"),
                "5 %, median, 95 % of the box",
            ),
            ("lumen", f"{report['volume_fraction']:.2%}", "of the volume"),
        ]
    rows += [
        ("radius", _three(report["radius"], 1e6, "µm"), "5 %, median, 95 %"),
        ("segment length", _three(report["segment_length"], 1e6, "µm"), "5 %, median, 95 %"),
        ("known pressures", f"{report['known_pressures']:,}", "nodes"),
    ]
    if blood := report.get("blood"):
        rows += [
            ("blood pressure", _three(blood["pressure"], 1 / 133.322, "mmHg"), "5 %, median, 95 %"),
            ("blood flow", _three(blood["flow"], 60e12, "nl/min"), "5 %, median, 95 %"),
            ("speed", _three(blood["speed"], 1e3, "mm/s"), "5 %, median, 95 %"),
            ("wall shear stress", _three(blood["wall_shear_stress"], 1, "Pa"), "5 %, median, 95 %"),
            ("not perfused", f"{blood['not_perfused']:.1%}", "of the length"),
        ]
    return rows


def _three(values: Mapping[str, float], size: float, unit: str) -> str:
    return " – ".join(f"{values[name] * size:.3g}" for name in LEVELS) + f" {unit}"
