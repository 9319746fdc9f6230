"""Figures of uncertainty: the spread over splits, duplicates, and fewer dimensions."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import (
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
    PercentFormatter,
    StrMethodFormatter,
)

from stages.dataset.duplicates import Pair
from stages.dataset.index import Index
from stages.dataset.pixels import Pixels
from stages.reporting import ranking
from stages.reporting.backbones import Backbone
from stages.reporting.figures import style
from stages.reporting.learning import Learning
from stages.reporting.predictions import Component
from stages.reporting.table import Result, by_backbone
from stages.runtime.probe import Probe


def spread(path: Path, results: Sequence[Result]) -> None:
    """Accuracy of each probe: mean and deviation over the random splits, and on the headline split.

    Each backbone has a panel with its own scale.
    """
    groups = by_backbone(results)
    sizes = [len(part) for _, part in groups]
    figure = Figure(figsize=(style.WIDTH, 0.9 + sum(0.5 + 0.3 * n for n in sizes)), layout="constrained")
    panels = figure.subplots(len(groups), 1, squeeze=False, height_ratios=[n + 0.6 for n in sizes])
    for axis, (backbone, part) in zip(panels[:, 0], groups, strict=True):
        _dots(axis, part[::-1])
        axis.set_title(style.short(backbone, 60), loc="left", fontweight="bold")
    panels[-1, 0].set_xlabel("test accuracy (each panel has a scale of its own)")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=2, frameon=False, fontsize=8.5)
    style.save(figure, path)


def learning(path: Path, found: Learning | None, backbones: Sequence[Backbone]) -> None:
    """Accuracy against training images per class: the best layer of each backbone, with its deviation.

    Layers with random weights are dashed; a hollow marker is a point whose C is fixed.
    """
    if found is None:
        style.nothing(path, "No layer was trained with fewer images yet")
        return
    random = {backbone.name for backbone in backbones if backbone.random}
    figure = Figure(figsize=(style.WIDTH, 4.2), layout="constrained")
    axis = figure.subplots()
    for number, (probe, points) in enumerate(found.curves.items()):
        colour, marker = (some[number % len(some)] for some in (style.COLOURS, style.MARKERS))
        mean = np.array([point.mean_accuracy for point in points])
        std = np.array([point.std_accuracy for point in points])
        axis.fill_between(found.sizes, mean - std, mean + std, color=colour, alpha=0.15, linewidth=0)
        dashes = "--" if probe.backbone in random else "-"
        axis.plot(found.sizes, mean, dashes, color=colour, linewidth=1.5)
        faces = [colour if point.tuned else "white" for point in points]
        axis.scatter(found.sizes, mean, 24, faces, marker=marker, edgecolors=colour, zorder=3)
        axis.plot([], [], dashes, color=colour, marker=marker, label=style.short(str(probe), 40))
    axis.set_xscale("log")
    axis.set_xticks(found.sizes, list(map(str, found.sizes)))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_xlabel("training images per class")
    axis.set_ylabel("test accuracy")
    axis.yaxis.set_major_formatter(PercentFormatter(1))
    axis.legend(frameon=False, fontsize=8.5, loc="upper left", bbox_to_anchor=(0, -0.15), ncols=2)
    style.light(axis, "both")
    style.save(figure, path)


def _dots(axis: Axes, results: Sequence[Result]) -> None:
    places = np.arange(len(results))
    for shift, protocol, colour, marker in (
        (0.14, "tuned", style.ORANGE, "s"),
        (-0.14, "fixed", style.BLUE, "o"),
    ):
        scores = [ranking.scores(result, protocol) for result in results]
        axis.errorbar(
            [one.mean_accuracy for one in scores],
            places + shift,
            xerr=[one.std_accuracy for one in scores],
            fmt=marker,
            markersize=4,
            capsize=2.5,
            color=colour,
            label=f"{protocol} C: mean ± deviation over random splits",
        )
        axis.plot(
            [one.accuracy for one in scores],
            places + shift,
            "x",
            markersize=5,
            markeredgewidth=1.6,
            color=colour,
            label=f"{protocol} C: headline split",
        )
    axis.set_yticks(places, [style.short(result.probe.layer, 30) for result in results], fontsize=8.5)
    axis.set_ylim(-0.6, len(results) - 0.4)
    axis.xaxis.set_major_locator(MaxNLocator(6, min_n_ticks=3))
    axis.xaxis.set_major_formatter(PercentFormatter(1))
    style.light(axis, grid="x")


def duplicates(path: Path, pairs: Sequence[Pair], images: Pixels, index: Index) -> None:
    """A contact sheet of pairs, side by side, with label, file and split."""
    if not pairs:
        style.nothing(path, "No two pictures are nearly the same")
        return
    columns, height = 3, 1.62  # inches
    lines, sides = math.ceil(len(pairs) / columns), index.split.sides
    figure = Figure(figsize=(style.WIDTH, height * lines))
    # Every cell has the same size, so the places are known: a layout engine would take minutes.
    side = 0.94 / height / lines
    for place, pair in enumerate(pairs):
        left, top = place % columns / columns, 1 - place // columns / lines
        figure.text(left + 0.005, top - 0.02 / lines, f"similarity {pair.similarity:.2f}", fontsize=8,
                    color=style.GREY, va="top")  # fmt: skip
        for number, row in enumerate((pair.a, pair.b)):
            x = left + 0.005 + number * 0.163
            axis = figure.add_axes((x, top - 0.22 / lines - side, 0.94 / style.WIDTH, side))
            style.blank(axis)
            style.photo(axis, images[row : row + 1][0])
            label, file = index.keys[row]
            axis.set_title(style.short(label, 14), fontsize=7.5, loc="left", pad=2)
            axis.set_xlabel(f"{style.short(file, 15)}\n{sides[row]}", fontsize=7, loc="left", labelpad=1)
    style.save(figure, path, style.PHOTO_DPI)


def components(path: Path, found: Mapping[Probe, Sequence[Component]]) -> None:
    """Accuracy and the SVM's time against the number of principal components: a line per probe."""
    if not found:
        style.nothing(path, "No layer was tried with fewer dimensions yet")
        return
    figure = Figure(figsize=(style.WIDTH, 5.4), layout="constrained")
    right, cost = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    for number, (probe, points) in enumerate(found.items()):
        look: dict[str, Any] = {
            "color": style.COLOURS[number % len(style.COLOURS)],
            "marker": style.MARKERS[number % len(style.MARKERS)],
            "markersize": 5,
            "linewidth": 1.6,
        }
        places = [point.components for point in points]
        right.plot(places, [point.accuracy for point in points], label=str(probe), **look)
        cost.plot(places, [point.seconds for point in points], **look)
    right.set_ylim(0, 1.02)
    right.set_ylabel("test accuracy")
    right.yaxis.set_major_formatter(PercentFormatter(1))
    cost.set_xscale("log", base=2)
    cost.set_yscale("log")
    seconds = [point.seconds for points in found.values() for point in points]
    cost.set_ylim(min(seconds) / 2, max(seconds) * 2)  # wide enough to have ticks
    cost.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    for scale in (cost.xaxis, cost.yaxis):
        scale.set_major_formatter(StrMethodFormatter("{x:,.12g}"))
        scale.set_minor_formatter(NullFormatter())
    cost.set_xlabel("principal components")
    cost.set_ylabel("SVM time, seconds")
    for axis in (right, cost):
        style.light(axis)
        axis.tick_params(which="minor", length=0)
    figure.legend(
        *right.get_legend_handles_labels(),
        frameon=False,
        ncols=min(len(found), 3),
        loc="outside upper left",
        fontsize=8.5,
    )
    style.save(figure, path)
