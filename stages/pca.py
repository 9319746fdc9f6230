"""Train and test the SVM of one layer on its first principal components.

    dvc repro pca@efficientnet_lite0/avgpool

Reads the layer's kernel, the C of its SVM, the index, `pca` and `svm`. Computes the principal
components of the training rows exactly, from the kernel (kernels/pca.py). Trains the SVM with that C on
the first p components and the mean, for each p in `pca.components`; a p above the rank r is replaced by
r. With all r components, the SVM is that of the layer itself.
Writes data/pca/<b>/<layer>/components.csv: components, variance (their share of the variance of the
training rows), accuracy and balanced accuracy on the test rows, and the mean and the standard deviation
of the accuracy in a cross-validation of the training rows. Writes the settings of this curve to
components.json beside it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from stages.dataset import splits
from stages.dataset.index import Split
from stages.kernels import pca
from stages.runtime import command, files, timing
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.svm import dual, inputs, newton, protocol, tuning

SETTINGS = ("normalize", "folds", "seed")


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
    C = dual.read(paths.dual(probe), probe)[1]["C"]
    settings = {"C": C, **{key: params["svm"][key] for key in SETTINGS}}
    given = inputs.load(probe, f"pca@{probe}", paths, normalize=settings["normalize"])
    split, y = given.index.split, given.index.y
    train = split.train
    decomposing = timing.Stopwatch()
    with decomposing:
        found = pca.components(given.K, train)
    numbers = counts(params["pca"]["components"], len(found.ratio))
    points = [measure(found.project(number), y, split, C) for number in numbers]
    tried = cross_validate(given.K[np.ix_(train, train)], y[train], numbers, settings)
    write_curve(paths.pca(probe, ".csv"), points, found.ratio, tried)
    record = {
        **given.provenance.record(),
        **settings,
        "split_digest": splits.digest([split]),
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


def measure(X: NDArray[np.float64], y: NDArray[np.int64], split: Split, C: float) -> Point:
    """Train on the training rows of X (n, p + 1) and score the test rows."""
    train, test = split.train, split.test
    X_train = np.ascontiguousarray(X[train])
    fitting = timing.Stopwatch()
    with fitting:
        svm = newton.fit(X_train @ X_train.T, y[train], C=C)
    predicted = svm.decide(X[test] @ X_train.T).argmax(axis=1)
    scores = inputs.score(y[test], predicted)
    return Point(X.shape[1] - 1, scores, fitting.seconds, svm.converged)


def cross_validate(
    K: NDArray[np.float64], y: NDArray[np.int64], numbers: Sequence[int], settings: Mapping[str, Any]
) -> NDArray[np.float64]:
    """Return the accuracy in each fold for each number of components, (folds, len(numbers)).

    K (n_train, n_train) is the kernel of the training rows, y (n_train,) are their classes. The
    components of a fold are those of the rows that it trains on.
    """
    folds = tuning.split(y, folds=settings["folds"], seed=settings["seed"])

    def accuracies(train: NDArray[np.int64]) -> list[float]:
        fold = Split.complete(np.isin(np.arange(len(y)), train))
        found = pca.components(K, fold.train)
        points = (measure(found.project(p), y, fold, settings["C"]) for p in numbers)
        return [point.scores["accuracy"] for point in points]

    workers = protocol.processes(len(y), len(folds))
    return np.array(Parallel(workers)(delayed(accuracies)(train) for train, _ in folds))


def write_curve(
    path: Path, points: Iterable[Point], ratio: NDArray[np.float64], tried: NDArray[np.float64]
) -> None:
    """Write one CSV line per point; `ratio` (r,) is each component's share of the variance.

    `tried` has a line for each fold and a column for each point, as `cross_validate` returns it.
    """
    variance, mean, std = ratio.cumsum(), tried.mean(axis=0), tried.std(axis=0, ddof=1)
    lines = (
        (p.components, variance[p.components - 1], *p.scores.values(), mean[i], std[i])
        for i, p in enumerate(points)
    )
    files.write_csv(
        path,
        ["components", "variance", "accuracy", "balanced_accuracy", "cv_accuracy", "cv_deviation"],
        ([number, *(f"{share:.6g}" for share in shares)] for number, *shares in lines),
    )


if __name__ == "__main__":
    command.run(main)
