"""Defects of vessel graphs from microscopy: each is counted, and mended where that is wished.

A `Draft` may be flawed, a `Network` may not. Defects that no network can have (a segment of no length, a missing
radius) are errors where their repair is refused; the others then stay. Hubs are counted and left alone.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from tumorsim.errors import ConfigError, Problem
from tumorsim.vessels.network import Network, Repair, connected_parts

ISLAND_ENDS = 2
"""[D]: blood passes a part with at least so many open ends or nodes of known pressure; others are islands."""
SPUR_LENGTH = 1.0
"""[D]: a blind branch shorter than this many radii of the widest vessel where it begins is an artefact of thinning."""
HUB_DEGREE = 4
"""[D]: vessels branch in two; more than so many segments at a node are a hub."""
SAME_RADIUS = 0.01
"""[D]: relative difference up to which segments between the same two nodes are one, recorded twice."""
GATES = {"pressure", "boundary_flow"}
"""What is known of a node at which blood enters or leaves."""


@dataclass(frozen=True, eq=False)
class Draft:
    """A graph that may have defects. ``at_nodes`` (n,) and ``at_segments`` (m,) hold numbers, nan if unknown."""

    nodes: np.ndarray
    segments: np.ndarray
    at_nodes: Mapping[str, np.ndarray]
    at_segments: Mapping[str, np.ndarray]

    @property
    def degree(self) -> np.ndarray:
        return np.bincount(self.segments.ravel(), minlength=len(self.nodes))

    @property
    def length(self) -> np.ndarray:
        ends = self.nodes[self.segments]
        return np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)

    def without(self, dropped: np.ndarray) -> "Draft":
        """Without the segments of a mask."""
        kept = {name: values[~dropped] for name, values in self.at_segments.items()}
        return replace(self, segments=self.segments[~dropped], at_segments=kept)

    def joined(self, pairs: np.ndarray) -> "Draft":
        """One node for every set that ``pairs`` links: place of its first node, first number that is known."""
        part = connected_parts(len(self.nodes), pairs)
        first = np.unique(part, return_index=True)[1]
        merged = {}
        for name, values in self.at_nodes.items():
            known = np.flatnonzero(~np.isnan(values))[::-1]
            merged[name] = np.full(len(first), np.nan)
            merged[name][part[known]] = values[known]  # in reverse, so the first known one is written last
        return replace(self, nodes=self.nodes[first], segments=part[self.segments], at_nodes=merged)

    def of_used_nodes(self) -> "Draft":
        """Without the nodes that no segment has."""
        used = self.degree > 0
        if used.all():
            return self
        kept = {name: values[used] for name, values in self.at_nodes.items()}
        return replace(
            self, nodes=self.nodes[used], segments=(np.cumsum(used) - 1)[self.segments], at_nodes=kept
        )


@dataclass(frozen=True)
class _Kind:
    """A defect: the mask of the segments that have it, the mended draft, what to say, and why it must go."""

    find: Callable[[Draft], np.ndarray]
    mend: Callable[[Draft, np.ndarray], Draft]
    noun: str
    remedy: str
    vital: bool = False


def _loops(draft: Draft) -> np.ndarray:
    return draft.segments[:, 0] == draft.segments[:, 1]


def _empty(draft: Draft) -> np.ndarray:
    return (draft.length == 0) & ~_loops(draft)


def _duplicates(draft: Draft) -> np.ndarray:
    """Segments that repeat an earlier one between the same nodes with the same radius."""
    ends = np.sort(draft.segments, axis=1)
    order = np.lexsort((draft.at_segments["radius"], ends[:, 1], ends[:, 0]))
    a, b = order[:-1], order[1:]
    radius = draft.at_segments["radius"]
    alike = np.isclose(radius[a], radius[b], rtol=SAME_RADIUS, atol=0, equal_nan=True)
    mask = np.zeros(len(ends), bool)
    mask[b[(ends[a] == ends[b]).all(axis=1) & alike]] = True
    return mask


def _islands(draft: Draft) -> np.ndarray:
    """Segments of parts that blood cannot pass, unless no part can be passed."""
    part = connected_parts(len(draft.nodes), draft.segments)
    gates = draft.degree == 1
    for name in GATES & draft.at_nodes.keys():
        gates = gates | ~np.isnan(draft.at_nodes[name])
    closed = np.bincount(part, gates) < ISLAND_ENDS
    used = np.unique(part[draft.segments[:, 0]])
    return np.zeros(len(draft.segments), bool) if closed[used].all() else closed[part[draft.segments[:, 0]]]


def _spurs(draft: Draft) -> np.ndarray:
    """Single segments from a junction to a blind end, no longer than the largest radius there.

    An end with a pressure or a flow, or one as near as that to the faces of the box around the network, may be
    where blood enters or leaves.
    """
    degree, radius = draft.degree, np.nan_to_num(draft.at_segments["radius"])
    tip = degree[draft.segments] == 1
    blind = tip.sum(axis=1) == 1
    widest = np.zeros(len(draft.nodes))
    for end in draft.segments.T:
        np.maximum.at(widest, end, radius)
    end, root = (np.where(tip[:, 0] == first, *draft.segments.T) for first in (True, False))
    reach = SPUR_LENGTH * widest[root]
    places = draft.nodes[end]
    low, high = draft.nodes.min(axis=0), draft.nodes.max(axis=0)
    deep = np.minimum(places - low, high - places).min(axis=1) > reach
    gate = np.zeros(len(degree), bool)
    for name in GATES & draft.at_nodes.keys():
        gate |= ~np.isnan(draft.at_nodes[name])
    return blind & deep & ~gate[end] & (degree[root] > 2) & (draft.length < reach)


def _dropped(draft: Draft, mask: np.ndarray) -> Draft:
    return draft.without(mask)


REPAIRS: dict[str, _Kind] = {
    "self_loops": _Kind(_loops, _dropped, "segment{s} that end{z} where {it} began", "dropped", vital=True),
    "zero_length": _Kind(
        _empty,
        lambda draft, mask: draft.joined(draft.segments[mask]).without(mask),
        "segment{s} of zero length",
        "dropped",
        vital=True,
    ),
    "duplicates": _Kind(_duplicates, _dropped, "segment{s} recorded twice", "dropped"),
    "spurs": _Kind(_spurs, _dropped, "blind spur{s} shorter than the vessel is wide", "dropped"),
    "islands": _Kind(_islands, _dropped, "segment{s} in parts that no blood can pass", "dropped"),
}
"""Every repair that takes segments away, in the order in which they are made."""
NAMES = ("touching_ends", *REPAIRS, "missing_radii")
"""Every repair by the name that a config uses."""


def mend(
    draft: Draft,
    *,
    wanted: Collection[str] = NAMES,
    default_radius: float | None = None,
    touching: np.ndarray | None = None,
    source: str = "",
    notes: tuple[str, ...] = (),
) -> Network:
    """The network of a draft. What was found and done is in its ``repairs``, and said in its ``notes``.

    ``wanted`` names the repairs that are allowed; ``touching`` (k, 2) are pairs of an open end and a node at its
    place. Radii of zero or nan count as missing. Raises ConfigError where a defect that no network can have is
    left, where a radius is missing without a ``default_radius``, and where nothing remains.
    """
    done: list[Repair] = []
    ends = 0 if touching is None else len(touching)
    if ends and touching is not None:
        done.append(
            Repair(
                "touching_ends",
                ends,
                "touching_ends" in wanted,
                _text("open end{s} at the place of another node", ends),
                "joined",
            )
        )
        draft = draft.joined(touching) if "touching_ends" in wanted else draft
    for name, kind in REPAIRS.items():
        mask = kind.find(draft)
        if not mask.any():
            continue
        repair = Repair(name, int(mask.sum()), name in wanted, _text(kind.noun, int(mask.sum())), kind.remedy)
        if kind.vital and not repair.done:
            raise _refused(repair, source)
        done.append(repair)
        draft = kind.mend(draft, mask) if repair.done else draft
    draft, radii = _with_radii(draft, wanted=wanted, default_radius=default_radius, source=source)
    if not len(draft.segments):
        fault = (
            f"nothing is left of {source or 'the network'}: {'; '.join(repair.sentence for repair in done)}"
        )
        raise ConfigError(Problem("vessels.repair", None, fault, "Correct the file, or allow fewer repairs"))
    return _network(draft, repairs=(*done, *radii, *_hubs(draft)), source=source, notes=notes)


def _with_radii(
    draft: Draft, *, wanted: Collection[str], default_radius: float | None, source: str
) -> tuple[Draft, list[Repair]]:
    """With the default in place of the radii that are missing."""
    radius = draft.at_segments["radius"]
    missing = np.isnan(radius) | (radius == 0)
    if not missing.any():
        return draft, []
    noun, remedy = _text("segment{s} without a radius", int(missing.sum())), ""
    if default_radius is None:
        fault = f"{noun.replace(' without', f' of {len(radius)} without')} in {source or 'the network'}"
        raise ConfigError(Problem("vessels.default_radius", None, fault, 'Give one, for example "5 um"'))
    remedy = f"given the default of {default_radius * 1e6:g} µm"
    repair = Repair("missing_radii", int(missing.sum()), "missing_radii" in wanted, noun, remedy)
    if not repair.done:
        raise _refused(repair, source)
    values = {**draft.at_segments, "radius": np.where(missing, default_radius, radius)}
    return replace(draft, at_segments=values), [repair]


def _hubs(draft: Draft) -> list[Repair]:
    hubs = int(np.count_nonzero(draft.degree > HUB_DEGREE))
    text = _text(f"hub{{s}}, of more than {HUB_DEGREE} segments", hubs)
    return [Repair("hubs", hubs, False, text, "split")] if hubs else []


def _network(draft: Draft, *, repairs: tuple[Repair, ...], source: str, notes: tuple[str, ...]) -> Network:
    unused = int(np.count_nonzero(draft.degree == 0))
    said = [repair.sentence for repair in repairs]
    if unused and not any(repair.done for repair in repairs):
        said.append(_text("node{s} without a segment", unused) + " dropped")
    draft = draft.of_used_nodes()
    at_nodes = {name: values for name, values in draft.at_nodes.items() if not np.isnan(values).all()}
    return Network(
        draft.nodes,
        draft.segments,
        source=source,
        notes=(*notes, *said, *_thin(draft)),
        repairs=repairs,
        **at_nodes,
        **draft.at_segments,
    )


THINNEST_CAPILLARY = 1e-6
"""m [D]: a radius below this is noted. The narrowest capillaries have a radius of about 1.5 µm [M]."""


def _thin(draft: Draft) -> list[str]:
    """A remark on segments too thin to be vessels."""
    thin = draft.at_segments["radius"] < THINNEST_CAPILLARY
    if not thin.any():
        return []
    share = draft.length[thin].sum() / draft.length.sum()
    return [
        f"{_text('segment{s}', int(thin.sum()))} ({share:.2g} of the length) with a radius under "
        f"{THINNEST_CAPILLARY * 1e6:g} µm"
    ]


def _text(noun: str, count: int) -> str:
    one = count == 1
    return f"{count} " + noun.format(s="" if one else "s", z="s" if one else "", it="it" if one else "they")


def _refused(repair: Repair, source: str) -> ConfigError:
    fault = f"{repair.text} in {source or 'the network'}, and vessels.repair does not allow to mend that"
    return ConfigError(
        Problem("vessels.repair", None, fault, f'Add "{repair.name}" to it, or correct the file')
    )
