"""Train and test the SVM of one layer on its first principal components.

    dvc repro pca@efficientnet_lite0/avgpool

Reads the layer's kernel, the index, `pca` and `svm`. Computes the principal components of the training
rows exactly, from the kernel (kernels/pca.py). Trains the SVM with the fixed `svm.C` on the first p
components, for each p in `pca.components`; a p above the rank r is replaced by r.
Writes results/pca/<b>/<layer>.csv: components, variance (their share of the variance of the training
rows), accuracy and balanced accuracy on the test rows. Writes the settings of this curve to
results/pca/<b>/<layer>.json.
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
    """The test scores of the SVM on the first `components`, and the `seconds` to train it."""

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


def counts(components: Iterable[int], r: int) -> list[int]:
    """Return the different numbers of components, ascending, each at most the rank r."""
    return sorted({min(p, r) for p in components})


def measure(Z: NDArray[np.float64], index: Index, C: float) -> Point:
    """Train on the training rows of Z (n, p) with the fixed C and score the test rows."""
    train, y = index.train, index.y
    Z_train = np.ascontiguousarray(Z[train])
    fitting = timing.Stopwatch()
    with fitting:
        svm = newton.fit(Z_train @ Z_train.T, y[train], C=C)
    predicted = svm.decide(Z[~train] @ Z_train.T).argmax(axis=1)
    return Point(Z.shape[1], inputs.score(y[~train], predicted), fitting.seconds, svm.converged)


def write_curve(path: Path, points: Iterable[Point], ratio: NDArray[np.float64]) -> None:
    """Write one CSV line per point; `ratio` (r,) is each component's share of the variance."""
    variance = ratio.cumsum()
    lines = ((p.components, variance[p.components - 1], *p.scores.values()) for p in points)
    files.write_csv(
        path,
        ["components", "variance", "accuracy", "balanced_accuracy"],
        ([number, *(f"{share:.6g}" for share in shares)] for number, *shares in lines),
    )


if __name__ == "__main__":
    command.run(main)
