"""Train and test the SVM of one layer on its first principal components.

    dvc repro pca@efficientnet_lite0/avgpool

Reads the layer's kernel, the index, `pca` and `svm`; finds the principal components of the training rows
(kernels/pca.py: exactly, from the kernel) and, for each number of them in `pca.components`, trains the
SVM with the fixed `svm.C` on that many. Writes results/pca/<b>/<layer>.csv: components, variance (the
share of the training rows' variance that they hold), accuracy and balanced accuracy on the test rows. A
number above that of all components there are is replaced by it. What the curve was
made with stands in results/pca/<b>/<layer>.json.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.dataset import splits
from stages.dataset.index import Index
from stages.kernels import pca
from stages.runtime import command, files, timing
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.svm import inputs, newton


@dataclass(frozen=True)
class Point:
    """What the first `components` are worth, and what the SVM costs on them."""

    components: int
    scores: dict[str, float]
    seconds: float
    converged: bool


def main(probe: Probe, *, paths: Paths) -> None:
    """Write the curve of `probe`, its settings and its times."""
    params = load_params()
    settings = {key: params["svm"][key] for key in ("C", "normalize")}
    given = inputs.load(probe, f"pca@{probe}", paths, normalize=settings["normalize"])
    train = given.index.train
    decomposing = timing.Stopwatch()
    with decomposing:
        Z, ratio = pca.scores(given.K, train)
    numbers = counts(params["pca"]["components"], len(ratio))
    points = [measure(Z[:, :number], given.index, settings["C"]) for number in numbers]
    write_curve(paths.pca(probe, ".csv"), points, ratio)
    record = {
        **given.provenance.record(),
        **settings,
        "split_digest": splits.digest(train),
        "converged": all(point.converged for point in points),
    }
    files.write_json(paths.pca(probe, ".json"), record)
    timing.write(
        paths.timings("pca", probe),
        pca_seconds=decomposing.seconds,
        components=numbers,
        svm_seconds=[point.seconds for point in points],
    )


def counts(wanted: Iterable[int], r: int) -> list[int]:
    """The numbers wanted, ascending; r, all there are, once in place of those above it."""
    return sorted({min(p, r) for p in wanted})


def measure(Z: NDArray[np.float64], index: Index, C: float) -> Point:
    """Train on the training rows of Z (n, p) and score on the others."""
    train, y = index.train, index.y
    Z_train = np.ascontiguousarray(Z[train])
    fitting = timing.Stopwatch()
    with fitting:
        svm = newton.fit(Z_train @ Z_train.T, y[train], C=C)
    predicted = svm.decide(Z[~train] @ Z_train.T).argmax(axis=1)
    return Point(Z.shape[1], inputs.score(y[~train], predicted), fitting.seconds, svm.converged)


def write_curve(path: Path, points: Iterable[Point], ratio: NDArray[np.float64]) -> None:
    """One csv line per point; `ratio` (r,) has each component's share of the variance."""
    held = ratio.cumsum()
    lines = ((p.components, held[p.components - 1], *p.scores.values()) for p in points)
    files.write_csv(
        path,
        ["components", "variance", "accuracy", "balanced_accuracy"],
        ([number, *(f"{share:.6g}" for share in shares)] for number, *shares in lines),
    )


if __name__ == "__main__":
    command.run(main)
