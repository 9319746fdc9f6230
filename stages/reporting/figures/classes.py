"""Heat maps and pictures: accuracy of each class, confusions, mistakes, and how alike layers are."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from stages.dataset.pixels import Pixels
from stages.reporting.figures import style
from stages.reporting.likeness import Likeness
from stages.reporting.predictions import Mistake, Outcome
from stages.runtime.probe import Probe

SHOWN = 12  # mistakes, as pictures


def classes(path: Path, outcomes: Mapping[Probe, Outcome]) -> None:
    """Per-class accuracy, a line per probe."""
    labels = sorted({label for outcome in outcomes.values() for label in outcome.classes})
    shares = np.array(
        [[outcome.by_class().get(label, np.nan) for label in labels] for outcome in outcomes.values()]
    )
    size = (style.WIDTH, 2.0 + 0.26 * len(outcomes))
    figure = Figure(figsize=size, layout="constrained")
    axis = figure.subplots()
    _heat(figure, axis, shares, colormaps["cividis"], "accuracy of the class")
    _labels(axis, labels, list(map(str, outcomes)))
    for line, (before, after) in enumerate(pairwise(outcomes)):
        if before.backbone != after.backbone:
            axis.axhline(line + 0.5, color="white", linewidth=4)
    style.save(figure, path)


def confusion(path: Path, probe: Probe, outcome: Outcome) -> None:
    """The confusion matrix, each line divided by the number of images of its class."""
    shares, labels = outcome.confusion(), outcome.classes
    side = 1.9 + 0.33 * len(labels)
    figure = Figure(figsize=(max(side, 4.0), max(side - 0.3, 3.2)), layout="constrained")
    axis = figure.subplots()
    _heat(figure, axis, shares, colormaps["Blues"], "share of the actual class", least=0.005)
    _labels(axis, labels, labels)
    axis.set_xlabel("predicted")
    axis.set_ylabel("actual")
    axis.set_title(str(probe), loc="left")
    style.save(figure, path)


def similarity(path: Path, found: Likeness | None) -> None:
    """How alike every two layers are, blocks of a backbone apart from each other."""
    if found is None:
        style.nothing(path, "No two layers were compared yet")
        return
    names = list(map(str, found.probes))
    side = 2.6 + 0.24 * len(names)
    figure = Figure(figsize=(side + 0.6, side), layout="constrained")
    axis = figure.subplots()
    _heat(figure, axis, found.cka.clip(0, 1), colormaps["cividis"], "CKA, unbiased", size=5.5)
    _labels(axis, names, names, longest=40)
    for line, (before, after) in enumerate(pairwise(found.probes)):
        if before.backbone != after.backbone:
            axis.axhline(line + 0.5, color="white", linewidth=2.5)
            axis.axvline(line + 0.5, color="white", linewidth=2.5)
    style.save(figure, path, colours=128)


def mistakes(path: Path, probe: Probe, found: Sequence[Mistake], images: Pixels) -> None:
    """The first SHOWN mistakes as pictures, each with its file, its class and the predicted class."""
    if not found:
        style.nothing(path, f"{probe} makes no mistake")
        return
    shown, columns = found[:SHOWN], 4
    lines = math.ceil(len(shown) / columns)
    figure = Figure(figsize=(style.WIDTH, 2.35 * lines), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for axis in axes:
        style.blank(axis)
    for axis, mistake in zip(axes, shown, strict=False):
        style.photo(axis, images[mistake.row : mistake.row + 1][0])
        text = f"is {style.short(mistake.actual, 18)}\nsaid {style.short(mistake.predicted, 16)}"
        axis.set_title(text, loc="left", fontsize=9)
        file = style.short(images.keys[mistake.row][1], 16)
        axis.set_xlabel(f"{file}, by {mistake.margin:.2f}", fontsize=8, color=style.GREY, loc="left")
    style.save(figure, path, style.PHOTO_DPI)


def _heat(
    figure: Figure,
    axis: Axes,
    shares: NDArray[np.float64],
    colours: Colormap,
    label: str,
    least: float = -1.0,
    size: float = 7.5,
) -> None:
    """A heat map with the per cent of each cell written in it, where it is more than `least`."""
    image = axis.imshow(shares, cmap=colours, vmin=0, vmax=1, aspect="auto")
    for (i, j), share in np.ndenumerate(shares):
        if share >= least:
            red, green, blue, _ = colours(share)
            dark = 0.3 * red + 0.6 * green + 0.1 * blue < 0.5
            axis.text(j, i, f"{100 * share:.0f}", ha="center", va="center", fontsize=size,
                      color="white" if dark else "black")  # fmt: skip
    bar = figure.colorbar(image, ax=axis, fraction=0.035, pad=0.015, format=PercentFormatter(1))
    bar.set_label(label, fontsize=8.5)
    bar.outline.set_visible(False)


def _labels(axis: Axes, columns: Sequence[str], lines: Sequence[str], longest: int = 20) -> None:
    names = [style.short(name, longest) for name in columns]
    axis.set_xticks(range(len(columns)), names, rotation=45, ha="right", rotation_mode="anchor")
    axis.set_yticks(range(len(lines)), [style.short(name, 40) for name in lines], fontsize=8.5)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
