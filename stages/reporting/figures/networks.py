"""Pictures of what a backbone sees: its answers for an image, its activation maps, its confidence."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from stages.inspection.record import CONDITIONS, FIRST, Inspection, Predictions
from stages.reporting.figures import style

GRID = 8  # maps of the first convolution in a row


def answers(path: Path, seen: Inspection, image: int) -> None:
    """One image, and the most probable classes under each condition."""
    figure = Figure(figsize=(style.WIDTH, 3.5), layout="constrained")
    panels = figure.subplot_mosaic(
        [["image", 0, 1], ["image", 2, 3]], width_ratios=[1.05, 1, 1], per_subplot_kw={}
    )
    show(panels["image"], seen.pixels[image])
    panels["image"].set_title(style.short(seen.names[image], 32), fontsize=9)
    assert isinstance(seen.said, Predictions)
    for condition, title in enumerate(CONDITIONS):
        bars(panels[condition], seen.said, image, condition)
        panels[condition].set_title(title, loc="left")
    bold = f"bold: the most probable class if {CONDITIONS[0]}"
    figure.supxlabel(f"probability of a class; {bold}", fontsize=8.5)
    style.save(figure, path)


def bars(axis: Axes, said: Predictions, image: int, condition: int) -> None:
    """The TOP classes as bars with their names on them."""
    classes, probabilities = said.best[image, condition], said.probability[image, condition]
    places = range(len(classes))
    colour = style.SKY if condition == 0 else style.ORANGE
    axis.barh(places, probabilities, color=colour, alpha=0.55, height=0.82)
    for place, number, probability in zip(places, classes, probabilities, strict=True):
        weight = "bold" if number == said.best[image, 0, 0] else "normal"
        name = style.short(said.classes[number], 22)
        axis.text(0.015, place, name, va="center", fontsize=8.5, fontweight=weight)
        axis.text(0.99, place, f"{probability:.2f}", va="center", ha="right", fontsize=8.5)
    axis.set_xlim(0, 1)
    axis.invert_yaxis()
    style.blank(axis)
    axis.axvline(0, color=style.GREY, linewidth=1)


def activation_maps(path: Path, seen: Inspection, image: int) -> None:
    """The first convolution's maps in a square, and below it a row for each tapped layer."""
    maps = {layer: found[image] for layer, found in seen.maps.items()}
    square = maps.pop(FIRST, np.zeros((0, 1, 1), dtype=np.float32))
    lines = -(-len(square) // GRID)
    heights = [max(0.58 * lines, 2.45) + 0.4, *(0.72 for _ in maps)]
    figure = Figure(figsize=(style.WIDTH, sum(heights) + 0.2))
    figure.set_layout_engine("constrained", h_pad=0.03, w_pad=0.02)
    top, *rest = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    left, right = top.subplots(1, 2, width_ratios=[1, 1.85])
    show(left, seen.pixels[image])
    left.set_title(style.short(seen.names[image], 32), fontsize=9)
    if len(square):
        mosaic(right, square, GRID)
        height, width = square.shape[1:]
        right.set_title(f"{seen.first}, the first convolution: {len(square)} maps of {height} x {width}")
    else:
        style.blank(right)
        right.text(0.5, 0.5, "The first layer is no convolution", ha="center", color=style.GREY)
    for part, (layer, found) in zip(rest, maps.items(), strict=True):
        label, strip = part.subplots(1, 2, width_ratios=[1, 6.5])
        style.blank(label)
        height, width = found.shape[1:]
        text = f"{style.short(layer, 14)}\n{height} x {width}"
        label.text(0, 0.5, text, va="center", fontsize=9, transform=label.transAxes)
        mosaic(strip, found, len(found))
    style.save(figure, path, style.PHOTO_DPI, colours=256)


def confidence(path: Path, said: Predictions) -> None:
    """How probable the first class is, over all test images, under each condition tried on them."""
    figure = Figure(figsize=(style.WIDTH, 2.7), layout="constrained")
    axis = figure.subplots()
    edges = np.linspace(0, 1, 26)
    lines = ("-", "--", ":")
    for values, title, colour, line in zip(
        said.all_probability, CONDITIONS, style.COLOURS, lines, strict=False
    ):
        counts, _ = np.histogram(values, edges)
        label = f"{title}: {values.mean(dtype=np.float64):.2f} on average"
        axis.stairs(counts, edges, color=colour, linestyle=line, linewidth=1.8, label=label)
    axis.set_xlabel("confidence: the probability of the first class")
    axis.set_ylabel("test images")
    axis.set_xlim(0, 1)
    axis.legend(frameon=False, fontsize=8.5)
    style.light(axis)
    style.save(figure, path)


def show(axis: Axes, pixels: NDArray[np.uint8]) -> None:
    """An image (3, s, s), without axes."""
    axis.imshow(pixels.transpose(1, 2, 0), interpolation="antialiased")
    style.blank(axis)


def mosaic(axis: Axes, maps: NDArray[np.float32], columns: int) -> None:
    """Maps (c, h, w) side by side, each from its own least value (dark) to its largest (bright).

    One value in a hundred at either end is clipped; otherwise outliers would use up the colours.
    """
    count, height, width = maps.shape
    least, most = np.percentile(maps, [1, 99], axis=(1, 2), keepdims=True)
    scaled = (maps - least) / np.where(most > least, most - least, 1)
    gap = max(1, round(0.05 * width))
    rows = -(-count // columns)
    tiles = np.full((rows, columns, height + gap, width + gap), np.nan, dtype=np.float32)
    for place, tile in enumerate(scaled):
        tiles[place // columns, place % columns, :height, :width] = tile
    picture = tiles.transpose(0, 2, 1, 3).reshape(rows * (height + gap), columns * (width + gap))
    axis.imshow(picture, cmap="viridis", vmin=0, vmax=1, interpolation="antialiased")
    style.blank(axis)
