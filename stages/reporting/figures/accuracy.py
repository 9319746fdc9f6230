"""Figures of accuracy: against depth, against cost, against C, and beside the softmax layer's."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, PercentFormatter, StrMethodFormatter

from stages.reporting.backbones import Backbone
from stages.reporting.figures import style
from stages.reporting.table import Result, by_backbone, single_layers
from stages.runtime.probe import Probe

ACCURACY = "test accuracy"


def depth(path: Path, results: Sequence[Result], backbones: Sequence[Backbone]) -> None:
    """Accuracy with the tuned C against depth: a panel per model, a line per backbone of that model.

    Bars are the standard deviation over the random splits. The layers of a backbone come in the order of
    depth. Layers that are pooled have a filled marker beside the line.
    """
    models: dict[str, list[Backbone]] = {}
    named = {backbone.name: backbone for backbone in backbones}
    for name, _ in by_backbone(single_layers(results)):
        models.setdefault(named[name].model, []).append(named[name])
    figure = Figure(figsize=(style.WIDTH, 3.1 * len(models)), layout="constrained")
    panels = figure.subplots(len(models), 1, squeeze=False)[:, 0]
    for axis, (model, some) in zip(panels, models.items(), strict=True):
        layers = _merged([[result.probe.layer for result in one.results] for one in some])
        for number, backbone in enumerate(some):
            _line(axis, backbone, layers, number)
        for place, layer in enumerate(layers):
            results = [result for one in some for result in one.results if result.probe.layer == layer]
            _write_heights(axis, place, [result.tuned.accuracy for result in results])
        dims = {result.probe.layer: result.feature_dim for one in some for result in one.results}
        pooled = {result.probe.layer for one in some for result in one.results if result.pooled}
        # The name of a pooled layer is the longer one, such as pool5_mean.
        names = ["_\n".join(layer.rsplit("_", 1)) if layer in pooled else layer for layer in layers]
        labels = [f"{name}\n{dims[layer]:,}" for name, layer in zip(names, layers, strict=True)]
        axis.set_xticks(range(len(layers)), labels)
        axis.set_xlim(-0.45, len(layers) - 0.55)
        _accuracy_axis(axis)
        axis.set_title(model, loc="left", fontweight="bold", pad=24 if len(some) < 3 else 40)
        axis.legend(frameon=False, fontsize=8.5, ncols=2, loc="lower left", bbox_to_anchor=(-0.01, 1))
    figure.supxlabel(
        "layer, from the first to the last, and its number of features\n"
        "bar: standard deviation over the random splits, around the accuracy on the headline split\n"
        "filled marker, beside the line: a layer that is pooled",
        fontsize=9,
    )
    style.save(figure, path)


def _line(axis: Axes, backbone: Backbone, layers: Sequence[str], number: int) -> None:
    random, label = backbone.random, backbone.name
    colour = style.ORANGE if random else style.COLOURS[(0, 2, 3, 4, 5)[number % 5]]
    for pooled in (False, True):
        results = [result for result in backbone.results if result.pooled == pooled]
        places = [layers.index(result.probe.layer) for result in results]
        heights = [result.tuned.accuracy for result in results]
        axis.errorbar(
            places,
            heights,
            yerr=[result.tuned.std_accuracy for result in results],
            capsize=5,
            barsabove=True,  # inside a pale marker, a bar shorter than the marker is seen, too
            ecolor="black",
            elinewidth=1,
            color=colour,
            marker=style.MARKERS[number % len(style.MARKERS)],
            markersize=6,
            markerfacecolor=colour if pooled else "white",
            linewidth=1.6,
            linestyle="none" if pooled else "--" if random else "-",
            label=None if pooled else f"{label} (random weights)" if random else label,
        )


def _write_heights(axis: Axes, place: int, heights: Sequence[float]) -> None:
    """Write each accuracy above its marker, or below it where the one above is too close."""
    above = math.inf
    for height in sorted(heights, reverse=True):
        offset = 6 if above - height > 0.1 else -14
        axis.annotate(f"{height:.1%}", (place, height), xytext=(0, offset),
                      textcoords="offset points", ha="center", fontsize=8)  # fmt: skip
        above = height


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


def trade_offs(path: Path, results: Sequence[Result]) -> None:
    """Accuracy against the number of features, the time for the features and that for the SVM."""
    figure = Figure(figsize=(style.WIDTH, 6.6), layout="constrained")
    costs: list[tuple[str, Callable[[Result], float]]] = [
        ("features", lambda result: result.feature_dim or math.nan),
        ("feature time of all images, seconds", lambda result: result.feature_seconds or math.nan),
        ("SVM time (Gram matrix and fit), seconds", lambda result: result.svm_seconds or math.nan),
    ]
    best = max(result.tuned.accuracy for result in results)
    for axis, (label, cost) in zip(figure.subplots(3, 1, sharey=True), costs, strict=True):
        for number, (name, part) in enumerate(by_backbone(results)):
            axis.scatter(
                [cost(result) for result in part],
                [result.tuned.accuracy for result in part],
                color=style.COLOURS[number % len(style.COLOURS)],
                marker=style.MARKERS[number % len(style.MARKERS)],
                s=34,
                label=name,
            )
        for result in results:
            if result.tuned.accuracy == best:
                axis.annotate(
                    str(result.probe), (cost(result), result.tuned.accuracy), xytext=(6, 4),
                    textcoords="offset points", fontsize=8.5,
                )  # fmt: skip
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axis.xaxis.set_major_formatter(StrMethodFormatter("{x:,.12g}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_xlabel(label)
        axis.tick_params(axis="x", pad=7)  # clear of 0% in the corner
        _accuracy_axis(axis)
    names = len(by_backbone(results))
    figure.legend(*figure.axes[0].get_legend_handles_labels(), frameon=False, ncols=min(names, 3),
                  loc="outside upper left", fontsize=8.5)  # fmt: skip
    style.save(figure, path)


def heads(path: Path, results: Sequence[Result]) -> None:
    """The SVM and the softmax layer side by side: a line per probe, a dot for each."""
    pairs = [(result, result.softmax) for result in results if result.softmax]
    if not pairs:
        style.nothing(path, "No softmax layer was trained yet")
        return
    figure = Figure(figsize=(style.WIDTH, 0.9 + 0.24 * len(pairs)), layout="constrained")
    axis = figure.subplots()
    places = list(range(len(pairs)))
    svm = [result.fixed.accuracy for result, _ in pairs]
    softmax = [layer.accuracy for _, layer in pairs]
    axis.hlines(places, svm, softmax, color=style.GREY, linewidth=1.2)
    labels = "linear SVM with the fixed C", "softmax layer with its fixed C"
    axis.scatter(svm, places, color=style.BLUE, s=34, marker="o", label=labels[0], zorder=3)
    axis.scatter(softmax, places, color=style.ORANGE, s=30, marker="D", label=labels[1], zorder=2)
    axis.set_yticks(places, [str(result.probe) for result, _ in pairs])
    axis.set_ylim(len(pairs) - 0.5, -0.5)
    axis.set_xlabel(ACCURACY)
    axis.xaxis.set_major_formatter(PercentFormatter(1))
    axis.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 1), fontsize=8.5)
    style.light(axis, "both")
    style.save(figure, path)


def curves(path: Path, found: Mapping[Probe, Sequence[tuple[float, float]]]) -> None:
    """Cross-validated accuracy against C: a panel per backbone, a line per layer, darker if deeper.

    C is in the units of the grid.
    """
    panels: dict[str, list[Probe]] = {}
    for probe in found:
        panels.setdefault(probe.backbone, []).append(probe)
    figure = Figure(figsize=(style.WIDTH, 2.6 * len(panels)), layout="constrained")
    axes = figure.subplots(len(panels), 1, squeeze=False, sharex=True, sharey=True)[:, 0]
    for axis, (backbone, probes) in zip(axes, panels.items(), strict=True):
        for number, probe in enumerate(probes):
            axis.plot(
                [C for C, _ in found[probe]],
                [accuracy for _, accuracy in found[probe]],
                color=colormaps["viridis"](0.85 * (1 - number / max(1, len(probes) - 1))),
                marker=style.MARKERS[number % len(style.MARKERS)],
                markersize=5,
                linewidth=1.5,
                label=probe.layer,
            )
        axis.set_xscale("log")
        axis.set_title(backbone, loc="left", fontweight="bold")
        axis.set_ylabel("accuracy in\ncross-validation")
        axis.yaxis.set_major_formatter(PercentFormatter(1))
        axis.legend(frameon=False, fontsize=8.5, loc="center left", bbox_to_anchor=(1, 0.5))
        style.light(axis)
    axes[-1].xaxis.set_major_formatter(StrMethodFormatter("{x:.12g}"))
    axes[-1].set_xlabel("C, in units of 1 / (mean squared length of the training images' features)")
    style.save(figure, path)


def _accuracy_axis(axis: Axes) -> None:
    axis.set_ylim(0, 1.08)
    axis.set_ylabel(ACCURACY)
    axis.yaxis.set_major_formatter(PercentFormatter(1))
    style.light(axis)
