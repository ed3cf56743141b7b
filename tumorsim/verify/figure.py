"""The errors of a verification against resolution, and the observed orders against the least that pass."""

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tumorsim.errors import StorageError
from tumorsim.verify.convergence import Convergence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAIL, QUIET = "#c53030", "#8593a3"
COLOURS = ("#1f77b4", "#e6730a", "#2a9134", "#7b4fb5", "#8c564b", "#d64fa5", "#17a2b8", "#a08a00")
MARKERS = "os^Dv<>"
PANEL_COLUMNS = 2


def write_figure(path: Path, results: Sequence[Convergence]) -> None:
    """A log–log panel per group of cases with slopes 1 and 2; beside them every observed order, as the legend.

    Raises StorageError.
    """
    from matplotlib.figure import Figure

    groups = list(dict.fromkeys(result.case.group for result in results))
    ordered = [result for group in groups for result in results if result.case.group == group]
    panels = [group for group in groups if any(_has_curve(r) for r in ordered if r.case.group == group)]
    rows = max(1, -(-len(panels) // PANEL_COLUMNS))
    height = max(3.1 * rows, 1.5 + 0.26 * (len(ordered) + len(groups)))
    figure = Figure(figsize=(14.5, height), layout="constrained")
    grid = figure.add_gridspec(rows, PANEL_COLUMNS + 1, width_ratios=[1] * PANEL_COLUMNS + [1.15])
    for number, group in enumerate(panels):
        axes = figure.add_subplot(grid[divmod(number, PANEL_COLUMNS)])
        _draw_errors(axes, group, [result for result in ordered if result.case.group == group])
    _draw_orders(figure.add_subplot(grid[:, PANEL_COLUMNS]), groups, ordered)
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror}. Name a file in a folder that exists"
        ) from error
    except ValueError as error:
        raise StorageError(f"cannot write {path}: {error}. End its name in .png, .pdf or .svg") from error


def _has_curve(result: Convergence) -> bool:
    return result.order is not None and all(isfinite(error) and error > 0 for error in result.errors)


def _look(number: int) -> dict[str, Any]:
    """Colour and marker of a case, by its place in its group."""
    return {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number % len(MARKERS)]}


def _draw_errors(axes: "Axes", group: str, results: Sequence[Convergence]) -> None:
    """Error against refinement, the coarsest grid of each case at 1, so that slopes compare."""
    finest = 1.0
    for number, result in enumerate(results):
        if _has_curve(result):
            refinement = [n / result.resolutions[0] for n in result.resolutions]
            finest = max(finest, refinement[-1])
            axes.loglog(refinement, result.errors, markersize=4.5, linewidth=1.4, **_look(number))
    low, high = axes.get_ylim()
    middle = (low * high) ** 0.5
    for order in (1, 2):
        end = middle * finest**-order
        axes.loglog([1, finest], [middle, end], color=QUIET, linewidth=1, linestyle="--", zorder=0)
        axes.text(finest * 1.04, end, f"order {order}", color=QUIET, fontsize=7.5, va="center")
    axes.set_title(group, fontsize=10, loc="left", fontweight="bold")
    axes.set_ylabel("error", fontsize=9)
    axes.set_xlabel("refinement", fontsize=9)
    ticks = [tick for tick in (1, 1.5, 2, 3, 4) if tick <= 1.01 * finest]
    axes.set_xticks(ticks, [f"×{tick}" for tick in ticks])
    axes.set_xlim(0.95, finest * 1.3)
    axes.minorticks_off()
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_orders(axes: "Axes", groups: Sequence[str], results: Sequence[Convergence]) -> None:
    """One row a case: the observed order, and the bar that it has to clear."""
    names: list[tuple[str, str, str]] = []  # text, weight and colour of the label of each row
    for group in groups:
        names.append((group, "bold", "black"))
        members = [result for result in results if result.case.group == group]
        for number, result in enumerate(members):
            _draw_order(axes, len(names), result, _look(number))
            colour = "black" if result.passed else FAIL
            names.append((f"{result.case.name}   {result.case.equation}", "normal", colour))
    axes.set_yticks(range(len(names)), [text for text, _, _ in names], fontsize=8)
    for label, (_, weight, colour) in zip(axes.get_yticklabels(), names, strict=True):
        label.set(fontweight=weight, color=colour)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(0, None)
    axes.set_xlabel("observed order; black bar: the least that passes", fontsize=9)
    axes.tick_params(axis="x", labelsize=8)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=QUIET, alpha=0.3, linewidth=0.6)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _draw_order(axes: "Axes", row: int, result: Convergence, look: dict[str, Any]) -> None:
    needed, order = result.case.expected_order, result.order
    if needed is not None:
        axes.plot([needed, needed], [row - 0.36, row + 0.36], color="black", linewidth=1.6)
    if order is not None and isfinite(order):
        axes.plot([needed or 0.0, order], [row, row], color=look["color"], linewidth=1.2, alpha=0.6)
        axes.plot(order, row, markersize=6, **look)
        if not result.passed:
            axes.text(order, row - 0.3, " failed", color=FAIL, fontsize=7.5)
    else:
        word, colour = ("exact", QUIET) if result.passed else ("failed", FAIL)
        axes.text(
            0.05, row, f"{word}: error {max(result.errors):.0e}", color=colour, fontsize=7.5, va="center"
        )
