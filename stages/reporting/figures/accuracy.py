"""The report's figures: accuracy by depth, by cost and by class, and what the best probe gets wrong."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, PercentFormatter, StrMethodFormatter
from numpy.typing import NDArray

from stages.reporting.figures import style
from stages.reporting.predictions import Mistake, Outcome
from stages.reporting.table import Row, by_backbone, having_run, single_layers

ACCURACY = "test accuracy"


def nothing(path: Path, text: str) -> None:
    """A figure that says why there is nothing to see; the others want something to draw."""
    figure = Figure(figsize=(style.WIDTH, 1.2))
    figure.text(0.5, 0.5, text, ha="center", va="center", color=style.GREY)
    style.save(figure, path)


def depth(path: Path, rows: Sequence[Row], models: Mapping[str, str], random: set[str]) -> None:
    """Accuracy against depth: a panel per model, a line per backbone of that model.

    Bars are the standard deviation over the random splits. `models` has each backbone's model;
    backbones in `random` have random weights. Rows come in the order of depth.
    """
    run = single_layers(having_run(rows))
    panels = list(dict.fromkeys(models[row.backbone] for row in run))
    figure = Figure(figsize=(style.WIDTH, 3.1 * len(panels)), layout="constrained")
    for axis, model in zip(figure.subplots(len(panels), 1, squeeze=False)[:, 0], panels, strict=True):
        some = [(name, part) for name, part in by_backbone(run) if models[name] == model]
        layers = _merged([[row.layer for row in part] for _, part in some])
        for number, (name, part) in enumerate(some):
            _line(axis, name, part, layers, number, control=name in random)
        dims = {row.layer: row.feature_dim or 0 for _, part in some for row in part}
        axis.set_xticks(range(len(layers)), [f"{layer}\n{dims[layer]:,}" for layer in layers])
        axis.set_xlim(-0.45, len(layers) - 0.55)
        _accuracy_axis(axis)
        axis.set_title(model, loc="left", fontweight="bold", pad=24)
        axis.legend(frameon=False, fontsize=8.5, ncols=3, loc="lower left", bbox_to_anchor=(-0.01, 1))
    figure.supxlabel("layer, from the first to the last, and its number of features", fontsize=9)
    style.save(figure, path)


def _line(
    axis: Axes, name: str, rows: Sequence[Row], layers: Sequence[str], number: int, *, control: bool
) -> None:
    places = [layers.index(row.layer) for row in rows]
    heights = [row.accuracy or 0.0 for row in rows]
    colour = style.ORANGE if control else style.COLOURS[(0, 2, 3, 4, 5)[number % 5]]
    axis.errorbar(
        places,
        heights,
        yerr=[row.std_accuracy or 0.0 for row in rows],
        capsize=3,
        color=colour,
        marker=style.MARKERS[number % len(style.MARKERS)],
        markersize=5,
        linewidth=1.8,
        linestyle="--" if control else "-",
        label=f"{name} (random weights)" if control else name,
    )
    for place, height in zip(places, heights, strict=True):
        axis.annotate(
            f"{height:.1%}", (place, height), xytext=(0, 6), textcoords="offset points",
            ha="center", fontsize=8,
        )  # fmt: skip


def _merged(orders: Sequence[Sequence[str]]) -> list[str]:
    """One order of layers out of several that agree as far as they overlap."""
    merged: list[str] = []
    for order in orders:
        place = 0
        for layer in order:
            if layer in merged:
                place = merged.index(layer) + 1
            else:
                merged.insert(place, layer)
                place += 1
    return merged


def trade_offs(path: Path, rows: Sequence[Row]) -> None:
    """Accuracy against the number of features, the time for the features and that for the SVM."""
    run = having_run(rows)
    figure = Figure(figsize=(style.WIDTH, 6.6), layout="constrained")
    costs: list[tuple[str, Callable[[Row], float]]] = [
        ("features", lambda row: row.feature_dim or math.nan),
        ("feature time of all images, seconds", lambda row: row.feature_seconds or math.nan),
        ("SVM time (Gram matrix and fit), seconds", lambda row: row.svm_seconds or math.nan),
    ]
    best = max(row.accuracy or 0.0 for row in run)
    for axis, (label, cost) in zip(figure.subplots(3, 1, sharey=True), costs, strict=True):
        for number, (name, part) in enumerate(by_backbone(run)):
            axis.scatter(
                [cost(row) for row in part],
                [row.accuracy for row in part],
                color=style.COLOURS[number % len(style.COLOURS)],
                marker=style.MARKERS[number % len(style.MARKERS)],
                s=34,
                label=name,
            )
        for row in run:
            if row.accuracy == best:
                axis.annotate(
                    f"{row.layer}", (cost(row), row.accuracy), xytext=(6, 4),
                    textcoords="offset points", fontsize=8.5,
                )  # fmt: skip
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axis.xaxis.set_major_formatter(StrMethodFormatter("{x:,.12g}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_xlabel(label)
        _accuracy_axis(axis)
    names = len(by_backbone(run))
    figure.legend(*figure.axes[0].get_legend_handles_labels(), frameon=False, ncols=min(names, 3),
                  loc="outside upper left", fontsize=8.5)  # fmt: skip
    style.save(figure, path)


def heads(path: Path, rows: Sequence[Row]) -> None:
    """The SVM and the softmax layer side by side: a line per probe, a dot for each."""
    run = [row for row in rows if row.softmax_accuracy is not None]
    figure = Figure(figsize=(style.WIDTH, 0.9 + 0.24 * len(run)), layout="constrained")
    axis = figure.subplots()
    places = list(range(len(run)))
    svm, softmax = (
        [getattr(row, key) or 0.0 for row in run] for key in ("accuracy", "softmax_accuracy")
    )
    axis.hlines(places, svm, softmax, color=style.GREY, linewidth=1.2)
    axis.scatter(svm, places, color=style.BLUE, s=34, marker="o", label="linear SVM", zorder=3)
    axis.scatter(softmax, places, color=style.ORANGE, s=30, marker="D", label="softmax layer", zorder=2)
    axis.set_yticks(places, [row.probe for row in run])
    axis.set_ylim(len(run) - 0.5, -0.5)
    axis.set_xlabel(ACCURACY)
    axis.xaxis.set_major_formatter(PercentFormatter(1))
    axis.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 1), fontsize=8.5)
    style.light(axis, "both")
    style.save(figure, path)


def curves(path: Path, found: Mapping[str, Sequence[tuple[float, float]]]) -> None:
    """Cross-validated accuracy against C: a panel per backbone, a line per layer, darker if deeper."""
    panels: dict[str, list[str]] = {}
    for probe in found:
        panels.setdefault(probe.split("/")[0], []).append(probe)
    figure = Figure(figsize=(style.WIDTH, 2.6 * len(panels)), layout="constrained")
    axes = figure.subplots(len(panels), 1, squeeze=False, sharex=True)[:, 0]
    for axis, (backbone, probes) in zip(axes, panels.items(), strict=True):
        for number, probe in enumerate(probes):
            axis.plot(
                [C for C, _ in found[probe]],
                [accuracy for _, accuracy in found[probe]],
                color=colormaps["viridis"](0.85 * (1 - number / max(1, len(probes) - 1))),
                marker=style.MARKERS[number % len(style.MARKERS)],
                markersize=5,
                linewidth=1.5,
                label=probe.split("/")[1],
            )
        axis.set_xscale("log")
        axis.set_title(backbone, loc="left", fontweight="bold")
        axis.set_ylabel("accuracy in\ncross-validation")
        axis.yaxis.set_major_formatter(PercentFormatter(1))
        axis.legend(frameon=False, fontsize=8.5, loc="center left", bbox_to_anchor=(1, 0.5))
        style.light(axis)
    axes[-1].xaxis.set_major_formatter(StrMethodFormatter("{x:.12g}"))
    axes[-1].set_xlabel("C")
    style.save(figure, path)


def classes(path: Path, outcomes: Mapping[str, Outcome]) -> None:
    """Per-class accuracy, a line per probe."""
    labels = sorted({label for outcome in outcomes.values() for label in outcome.classes})
    shares = np.array(
        [[outcome.by_class().get(label, np.nan) for label in labels] for outcome in outcomes.values()]
    )
    size = (style.WIDTH, 2.0 + 0.26 * len(outcomes))
    figure = Figure(figsize=size, layout="constrained")
    axis = figure.subplots()
    _heat(figure, axis, shares, colormaps["cividis"], "accuracy of the class")
    _labels(axis, labels, list(outcomes))
    for line, (before, after) in enumerate(pairwise(outcomes)):
        if before.split("/")[0] != after.split("/")[0]:
            axis.axhline(line + 0.5, color="white", linewidth=4)
    style.save(figure, path)


def confusion(path: Path, probe: str, outcome: Outcome) -> None:
    """The confusion matrix, each line divided by the number of images of its class."""
    shares, labels = outcome.confusion(), outcome.classes
    side = 1.9 + 0.33 * len(labels)
    figure = Figure(figsize=(max(side, 4.0), max(side - 0.3, 3.2)), layout="constrained")
    axis = figure.subplots()
    _heat(figure, axis, shares, colormaps["Blues"], "share of the actual class", least=0.005)
    _labels(axis, labels, labels)
    axis.set_xlabel("predicted")
    axis.set_ylabel("actual")
    axis.set_title(probe, loc="left")
    style.save(figure, path)


def mistakes(
    path: Path, found: Sequence[Mistake], pixels: Sequence[NDArray[np.uint8]], names: Sequence[str]
) -> None:
    """Mistakes as pictures (c, s, s), each with its file, its class and the one it was taken for."""
    columns = 4
    lines = math.ceil(len(found) / columns)
    figure = Figure(figsize=(style.WIDTH, 2.35 * lines), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for axis in axes:
        style.blank(axis)
    for axis, mistake, image, name in zip(axes, found, pixels, names, strict=False):
        style.photo(axis, image)
        text = f"is {style.short(mistake.actual, 18)}\nsaid {style.short(mistake.predicted, 16)}"
        axis.set_title(text, loc="left", fontsize=9)
        file = style.short(name.rsplit("/", 1)[-1], 16)
        axis.set_xlabel(f"{file}, by {mistake.margin:.2f}", fontsize=8, color=style.GREY, loc="left")
    style.save(figure, path, style.PHOTO_DPI)


def _heat(
    figure: Figure,
    axis: Axes,
    shares: NDArray[np.float64],
    colours: Colormap,
    label: str,
    least: float = -1.0,
) -> None:
    """A heat map with the per cent of each cell written in it, where it is more than `least`."""
    image = axis.imshow(shares, cmap=colours, vmin=0, vmax=1, aspect="auto")
    for (i, j), share in np.ndenumerate(shares):
        if share >= least:
            red, green, blue, _ = colours(share)
            dark = 0.3 * red + 0.6 * green + 0.1 * blue < 0.5
            axis.text(j, i, f"{100 * share:.0f}", ha="center", va="center", fontsize=7.5,
                      color="white" if dark else "black")  # fmt: skip
    bar = figure.colorbar(image, ax=axis, fraction=0.035, pad=0.015, format=PercentFormatter(1))
    bar.set_label(label, fontsize=8.5)
    bar.outline.set_visible(False)


def _labels(axis: Axes, columns: Sequence[str], lines: Sequence[str]) -> None:
    axis.set_xticks(
        range(len(columns)), [style.short(name, 20) for name in columns], rotation=45, ha="right"
    )
    axis.set_yticks(range(len(lines)), [style.short(name, 40) for name in lines], fontsize=8.5)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)


def _accuracy_axis(axis: Axes) -> None:
    axis.set_ylim(0, 1.08)
    axis.set_ylabel(ACCURACY)
    axis.yaxis.set_major_formatter(PercentFormatter(1))
    style.light(axis)
