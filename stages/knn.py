"""Classify by the k nearest neighbours on the features of one layer, which needs no training.

    dvc repro knn@vgg16/pool5

Reads the layer's kernel, the index, the random splits, `knn`, `svm.folds` and `svm.seed`. For each
metric and on each split, cross-validation on the training rows chooses a k of `knn.k`; the smallest of
several that are best. Writes data/knn/<b>/<layer>.json: the numbers of each metric, which have the names
of those of the SVM, and what they were made with.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from stages.dataset import splits
from stages.dataset.index import Split
from stages.kernels import neighbours
from stages.runtime import command, files, timing
from stages.runtime.errors import StageError
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.svm import inputs, tuning


def main(probe: Probe, *, paths: Paths) -> None:
    """Write the metrics of `probe`."""
    params = load_params()
    ks, folds = sorted(params["knn"]["k"]), {key: params["svm"][key] for key in ("folds", "seed")}
    given = inputs.load(probe, f"knn@{probe}", paths, normalize="none")
    every = [given.index.split, *splits.read(paths.random_splits)]
    measuring = timing.Stopwatch()
    with measuring:
        found = {}
        for metric in neighbours.METRICS:
            D = neighbours.distances(given.K, metric)
            bar = tqdm(every, desc=f"knn@{probe} {metric}", unit="split")
            found[metric] = summary([classify(D, given.index.y, split, ks, **folds) for split in bar])
    record = {
        **found,
        **given.provenance.record(),
        **folds,
        "ks": ks,
        "split_digest": splits.digest(every),
    }
    files.write_json(paths.knn(probe), record)
    timing.write(paths.timings("knn", probe), all_seconds=measuring.seconds)


def classify(
    D: NDArray[np.float64], y: NDArray[np.int64], split: Split, ks: Sequence[int], **folds: int
) -> dict[str, float]:
    """Choose k on the training rows of `split`; return k, its accuracy there, and the test scores.

    D (n, n) are distances, y (n,) classes; `folds` are the arguments of `tuning.split`. Raises its
    errors, and `StageError` if a fold trains on fewer rows than the largest k.
    """
    train, test = np.flatnonzero(split.train), split.test
    within, labels = D[np.ix_(train, train)], y[train]
    tried = []
    for fit, held_out in tuning.split(labels, **folds):
        refuse_more_than(len(fit), max(ks))
        said = neighbours.predict(within[np.ix_(held_out, fit)], labels[fit], ks)
        tried.append([(said[k] == labels[held_out]).mean() for k in ks])
    # Rounded, so that the order in which equal fold accuracies are summed does not break a tie.
    mean = np.mean(tried, axis=0).round(12)
    k = ks[int(mean.argmax())]
    (predicted,) = neighbours.predict(D[np.ix_(test, split.train)], labels, [k]).values()
    return {"k": k, "cv_accuracy": float(mean.max()), **inputs.score(y[test], predicted)}


def refuse_more_than(rows: int, k: int) -> None:
    """Raise `StageError` if there are fewer than k rows."""
    if rows < k:
        raise StageError(
            expected=f"every k of knn.k to be at most {rows}, the images that a fold trains on",
            found=f"k = {k}",
            cause="more neighbours than images",
            do="lower the largest k of knn.k in params.yaml",
        )


def summary(scores: Sequence[dict[str, float]]) -> dict[str, Any]:
    """The scores of the headline split, which comes first, and of the random splits."""
    headline, *random = scores
    accuracies = [one["accuracy"] for one in random]
    return {
        **headline,
        "mean_accuracy": float(np.mean(accuracies)),
        "std_accuracy": float(np.std(accuracies, ddof=1)),
        "random": random,
    }


if __name__ == "__main__":
    command.run(main)
