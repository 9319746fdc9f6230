"""Measure how the cost of each stage grows with the number of images and the width of the layer.

    python -m benchmarks.parts.scale

Runs after `dvc repro`, for four minutes: times the work of `extract` (EfficientNet-Lite0, evenly spaced
images), `gram` (blocks2 of it, and layers of VGG16 for the width), `export` (blocks2), `tune` (blocks6;
the whole protocol and one fit, with a third of the rows for training), `softmax` and `pca` (blocks6).
Fits exponents by least squares in the logarithms and draws benchmarks/scale.png.
"""

import math
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

from benchmarks.harness.measure import LITE, VGG16, Row, in_turn, keep, timed
from benchmarks.harness.miniature import Miniature
from stages import softmax
from stages.dataset import index, splits
from stages.dataset.index import Index, Split
from stages.features.store import Features
from stages.kernels import empirical_map, gram, pca
from stages.reporting.figures import style
from stages.runtime import limits
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.svm import dual, newton, primal, protocol
from stages.svm.tuning import Tuned

COUNTS = [500, 1000, 2000, 4485]
FIGURE = Path("benchmarks/scale.png")


@dataclass(frozen=True)
class Growth:
    """Seconds of `what` at each of the `sizes`; `expected` is the growth that the algebra predicts."""

    what: str
    sizes: list[int]
    seconds: list[float]
    expected: str

    @property
    def exponent(self) -> float:
        """The slope in the logarithms."""
        return float(np.polyfit(np.log(self.sizes), np.log(self.seconds), 1)[0])

    @property
    def last(self) -> float:
        """The slope of the last step alone."""
        return Growth(self.what, self.sizes[-2:], self.seconds[-2:], self.expected).exponent


def extracting(n: int) -> float:
    """Seconds of `extract` on n images, loading the network included."""
    with tempfile.TemporaryDirectory() as folder:
        miniature = Miniature(Path(folder).absolute(), LITE)
        miniature.set_params()
        miniature.add_images("images", n)
        return timed(partial(miniature.extract, "images"))


def over_features() -> dict[str, list[float]]:
    """Seconds of the Gram matrix, and of `export`'s pass, over the first rows of a layer in memory."""
    blocks = list(Features(Paths().features(Probe(LITE, "blocks2"))).blocks())

    def kernel(n: int) -> None:
        gram.stream((block[:n] for block in blocks), n)

    def weights(n: int) -> None:
        train = np.arange(n) % 3 == 0
        svm = dual.KernelSVM(np.ones((train.sum(), 15)), np.zeros(15), True, 0.0)
        primal.to_primal((block[:n] for block in blocks), svm, train, np.ones(n))

    seconds = {}
    for name, task in (("gram", kernel), ("export", weights)):
        times = in_turn(2, **{str(n): partial(task, n) for n in COUNTS})
        seconds[name] = [times[str(n)].median for n in COUNTS]
    return seconds


def kernels_by_width() -> tuple[list[int], list[float]]:
    """The widths of three layers, and the seconds of streaming their files to Gram matrices."""
    layers = [Features(Paths().features(Probe(VGG16, name))) for name in ("relu7", "pool5", "pool4")]
    return [layer.d for layer in layers], [
        timed(partial(gram.stream, layer.blocks(), layer.n)) for layer in layers
    ]


def some(
    K: NDArray[np.float64], images: Index, n: int
) -> tuple[NDArray[np.float64], Index, list[Split]]:
    """The kernel of n evenly spaced rows, their index and 10 random splits, a third of them training."""
    rows = np.linspace(0, len(images.keys) - 1, n).astype(np.int64)
    keys = [images.keys[row] for row in rows]
    each = round(n / 3 / len(images.classes))
    draw = partial(splits.draw, keys, np.arange(n), train_per_class=each)
    headline, *random = [draw(seed=[seed]) for seed in range(11)]
    return np.ascontiguousarray(K[np.ix_(rows, rows)]), Index(keys, headline), random


def over_kernel() -> dict[str, list[float]]:
    """Seconds of the whole protocol, of one fit, of softmax regression and of principal components."""
    probe = Probe(LITE, "blocks6")
    K, _ = gram.read(Paths().kernel(probe), probe)
    images, params = index.read(Paths().index), load_params()
    seconds: dict[str, list[float]] = {"protocol": [], "fit": [], "softmax": [], "pca": []}
    for n in COUNTS:
        few, chosen, random = some(K, images, n)
        train, y = chosen.train, chosen.y[chosen.train]
        block = few[np.ix_(train, train)]
        once = in_turn(3, fit=partial(newton.fit, block, y, C=params["svm"]["C"]))["fit"]
        seconds["fit"].append(once.median)
        seconds["pca"].append(timed(partial(pca.components, few, train)))
        seconds["softmax"].append(timed(partial(new_layer, few, chosen, params["softmax"])))
        fit = Tuned(*(params["svm"][key] for key in Tuned.SETTINGS))
        done = protocol.run([few], chosen, random, fit, f"{n} images")
        seconds["protocol"].append(done.all_seconds)
    return seconds


def new_layer(K: NDArray[np.float64], images: Index, protocol: Mapping[str, float]) -> None:
    """The work of the stage `softmax`."""
    Z = empirical_map.matrix(K, images.train)
    Z -= Z[images.train].mean(axis=0)
    softmax.fit(Z[images.train], images.y[images.train], **protocol)


def draw(images: list[Growth], width: Growth) -> None:
    """Draw both growths in logarithms, with the exponent beside each name."""
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
        f"{letter}^{growth.exponent:.2f}, the last step {letter}^{growth.last:.2f}",
        f"by the algebra {growth.expected}",
        note=f"{seconds} s at {', '.join(f'{size:,}' for size in growth.sizes)}",
    )


def main() -> None:
    """Measure, fit exponents, draw the figure and keep the rows."""
    trained = over_kernel()
    widths, wide = kernels_by_width()
    streamed = over_features()
    # Last, because `extract` changes how malloc works in this process.
    extracting(32)
    taken = [extracting(n) for n in COUNTS]
    images = [
        Growth(what, COUNTS, seconds, expected)
        for what, seconds, expected in (
            (f"extract, {LITE}", taken, "n"),
            ("gram, blocks2", streamed["gram"], "n^2"),
            ("export, blocks2", streamed["export"], "n"),
            ("tune, 11 splits", trained["protocol"], "n^2 to n^3"),
            ("one fit of them", trained["fit"], "n^2 to n^3"),
            ("softmax", trained["softmax"], "n^2 to n^3"),
            ("pca, its components", trained["pca"], "n^3"),
        )
    ]
    width = Growth(f"gram, layers of {VGG16}", widths, wide, "d")
    draw([growth for growth in images if "fit" not in growth.what], width)
    rows = [*(row(growth, "n") for growth in images), row(width, "d")]
    gib = load_params()["runtime"]["memory"]
    most = math.isqrt(int(gib * limits.GIB) // limits.BYTES_PER_PAIR)
    keep("scale", "How the cost grows", rows, memory=gib, most=most)


if __name__ == "__main__":
    main()
