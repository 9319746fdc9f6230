"""How the cost of each stage grows with the number of images and with the width of the layer.

    python -m benchmarks.scale

After `dvc repro`: times the work of `extract` (EfficientNet-Lite0, evenly spaced images), `kernel` (its
blocks2, and layers of VGG16 for the width), `train` (the whole protocol and one fit, a third of the rows
training) and `softmax` (on its blocks6), fits exponents by least squares in the logarithms, and draws
benchmarks/scale.png. Five minutes.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from numpy.typing import NDArray

from benchmarks.measure import VGG16, Row, in_turn, keep, timed
from benchmarks.study import Study
from stages import softmax
from stages.core import compact, config, evaluation, gram, index, splits, style, svm
from stages.core.features import Features
from stages.core.index import Index

BACKBONE = "efficientnet_lite0"
COUNTS, EXTRACTED = (500, 1000, 2000, 4485), (500, 1000, 2000)
FIGURE = Path("benchmarks/scale.png")


@dataclass(frozen=True)
class Growth:
    """Seconds of `what` at each of the `sizes`; `expected` says what the algebra has for it."""

    what: str
    sizes: list[int]
    seconds: list[float]
    expected: str

    @property
    def exponent(self) -> float:
        """The slope in the logarithms."""
        return float(np.polyfit(np.log(self.sizes), np.log(self.seconds), 1)[0])


def extracting(n: int) -> float:
    """Seconds of `extract` on n images, with loading the network."""
    with tempfile.TemporaryDirectory() as folder:
        study = Study(Path(folder), BACKBONE)
        study.set_params()
        study.add_images("images", n)
        return timed(partial(study.extract, study.file("images")))


def kernels_by_images(counts: list[int]) -> list[float]:
    """Seconds of the Gram matrix of the first rows of a layer, which is in memory."""
    blocks = list(Features(Path(f"data/features/{BACKBONE}/blocks2.h5")).blocks())

    def first(n: int) -> None:
        gram.stream((block[:n] for block in blocks), n)

    times = in_turn(2, **{str(n): partial(first, n) for n in counts})
    return [times[str(n)].median for n in counts]


def kernels_by_width() -> tuple[list[int], list[float]]:
    """Numbers of features, and seconds of streaming so wide layers' files to their Gram matrices."""
    layers = [Features(Path(f"data/features/{VGG16}/{name}.h5")) for name in ("relu7", "pool5", "pool4")]
    return [layer.d for layer in layers], [
        timed(partial(gram.stream, layer.blocks(), layer.n)) for layer in layers
    ]


def some(
    K: NDArray[np.float64], images: Index, n: int
) -> tuple[NDArray[np.float64], Index, NDArray[np.bool_]]:
    """The kernel of n evenly spaced rows, their index and 10 random splits, a third of them training."""
    rows = np.linspace(0, len(images.keys) - 1, n).astype(np.int64)
    keys = [images.keys[row] for row in rows]
    each = round(n / 3 / len(images.classes))
    draw = partial(splits.draw, keys, np.arange(n), train_per_class=each)
    masks = np.array([draw(seed=[seed]) for seed in range(11)])
    return np.ascontiguousarray(K[np.ix_(rows, rows)]), Index(keys, masks[0]), masks[1:]


def training(counts: list[int]) -> dict[str, list[float]]:
    """Seconds of the whole protocol, of one fit, and of softmax regression, at each number of images."""
    K, _ = gram.read(Path(f"data/kernels/{BACKBONE}/blocks6.h5"))
    images, params = index.read(Path("data/index.csv")), config.load()
    found: dict[str, list[float]] = {"protocol": [], "fit": [], "softmax": []}
    for n in counts:
        few, chosen, masks = some(K, images, n)
        train, y = chosen.train, chosen.y[chosen.train]
        block = few[np.ix_(train, train)]
        fit = in_turn(3, fit=partial(svm.fit, block, y, C=params["svm"]["C"]))["fit"]
        found["fit"].append(fit.median)
        found["softmax"].append(timed(partial(new_layer, few, chosen, params["softmax"])))
        done = evaluation.run([few], chosen, masks, params["svm"], f"{n} images")
        found["protocol"].append(done.all_seconds)
    return found


def new_layer(K: NDArray[np.float64], images: Index, protocol: Mapping[str, float]) -> None:
    """What the stage `softmax` computes."""
    Z = compact.matrix(K, images.train)
    Z -= Z[images.train].mean(axis=0)
    softmax.fit(Z[images.train], images.y[images.train], **protocol)


def draw(images: list[Growth], width: Growth) -> None:
    """Both in logarithms, the exponent beside each name."""
    figure = Figure(figsize=(style.WIDTH, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axis, growths, letter in ((left, images, "n"), (right, [width], "d")):
        for number, growth in enumerate(growths):
            axis.loglog(
                growth.sizes,
                growth.seconds,
                color=style.COLOURS[number],
                marker=style.MARKERS[number],
                markersize=5,
                linewidth=1.8,
                label=f"{growth.what}: {letter}^{growth.exponent:.2f}",
            )
        _dress(axis, sorted({size for growth in growths for size in growth.sizes}))
    left.set_xlabel("images, n")
    right.set_xlabel("features, d")
    left.set_ylabel("seconds")
    style.save(figure, FIGURE, colours=48)


def _dress(axis: Axes, sizes: list[int]) -> None:
    style.light(axis, "both")
    axis.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axis.yaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.margins(0.08)
    axis.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(-0.02, 1))


def row(growth: Growth, letter: str) -> Row:
    """A line of the page."""
    first, last = growth.sizes[0], growth.sizes[-1]
    seconds = ", ".join(f"{value:.3g}" for value in growth.seconds)
    what = "images" if letter == "n" else "features"
    return Row(
        f"{growth.what}, {first:,} to {last:,} {what}",
        f"{letter}^{growth.exponent:.2f}",
        growth.expected,
        note=f"{seconds} s at {', '.join(f'{size:,}' for size in growth.sizes)}",
    )


def main() -> None:
    """Measure, fit, draw."""
    counts = list(COUNTS)
    trained = training(counts)
    widths, wide = kernels_by_width()
    by_images = kernels_by_images(counts)
    # Last: it changes how this process gets its memory.
    extracting(32)
    taken = [extracting(n) for n in EXTRACTED]
    images = [
        Growth(f"extract, {BACKBONE}", list(EXTRACTED), taken, "n"),
        Growth("kernel, blocks2", counts, by_images, "n^2"),
        Growth("train, 11 splits", counts, trained["protocol"], "n^2 to n^3"),
        Growth("one fit", counts, trained["fit"], "n^2 to n^3"),
        Growth("softmax", counts, trained["softmax"], "n^2 to n^3"),
    ]
    width = Growth(f"kernel, layers of {VGG16}", widths, wide, "d")
    draw(images, width)
    rows = [*(row(growth, "n") for growth in images), row(width, "d")]
    keep("scale", "How the cost grows", rows, growths=[vars(growth) for growth in (*images, width)])


if __name__ == "__main__":
    main()
