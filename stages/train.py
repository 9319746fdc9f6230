"""Train and test the linear SVM of one layer.

    dvc repro train@vgg16/pool5

Reads the layer's kernel, the index and `svm`; trains on the training rows, with the fixed `svm.C` and
with the C of `svm.grid` that cross-validation inside the training rows finds best, and predicts the test
rows. Writes results/metrics/<b>/<layer>.json, results/curves/<b>/<layer>.csv (accuracy against C in the
cross-validation) and, for the fixed C, results/predictions/<b>/<layer>.csv (one line per test image:
row, actual, predicted, margin over the runner-up).
"""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.core import command, config, gram, index, output, svm, timing, tuning
from stages.core.probe import refuse_other_rows, score, write_metrics


def main(
    probe: str, *, kernel: Path, rows: Path, metrics: Path, predictions: Path, curve: Path, timings: Path
) -> None:
    """Write the metrics, the predictions and the curve of `probe`."""
    protocol = config.load()["svm"]
    images = index.read(rows)
    K, about = gram.read(kernel)
    refuse_other_rows(f"train@{probe}", about["rows"], images)
    if protocol["normalize"] == "l2":
        K = gram.l2_normalise(K)
    fitting, choosing = timing.Stopwatch(), timing.Stopwatch()
    with fitting:
        machine = fit(K, images, protocol["C"])
    with choosing:
        found = tune(K, images, protocol)
        tuned = fit(K, images, found.best)
    facts = {key: about[key] for key in ("feature_dim", "model", "weights", "module")}
    write_metrics(metrics, describe(K, images, machine, tuned, found) | facts | flat(protocol))
    write_predictions(predictions, images, machine.decide(K[np.ix_(~images.train, images.train)]))
    write_curve(curve, found)
    timing.write(timings, fit_seconds=fitting.seconds, tuning_seconds=choosing.seconds)


def fit(K: NDArray[np.float64], images: index.Index, C: float) -> svm.Machine:
    """Train on the training rows of the kernel of all rows, K (n, n)."""
    train = images.train
    return svm.fit(K[np.ix_(train, train)], images.y[train], C=C)


def tune(K: NDArray[np.float64], images: index.Index, protocol: Mapping[str, Any]) -> tuning.Curve:
    """Cross-validate inside the training rows: no test row has a part in the choice of C."""
    train = images.train
    return tuning.cross_validate(
        K[np.ix_(train, train)],
        images.y[train],
        grid=protocol["grid"],
        folds=protocol["folds"],
        seed=protocol["seed"],
    )


def describe(
    K: NDArray[np.float64],
    images: index.Index,
    machine: svm.Machine,
    tuned: svm.Machine,
    curve: tuning.Curve,
) -> dict[str, Any]:
    """The numbers: of the SVM with the fixed C, and of the one with the tuned C."""
    train, test, y = images.train, ~images.train, images.y
    said, tuned_said = (m.decide(K[:, train]).argmax(axis=1) for m in (machine, tuned))
    return {
        **score(y[test], said[test]),
        "train_accuracy": score(y[train], said[train])["accuracy"],
        "n_train": int(train.sum()),
        "n_test": int(test.sum()),
        "converged": machine.converged,
        "tuned_C": curve.best,
        "tuned_at_edge": curve.at_edge,
        **{f"tuned_{key}": value for key, value in score(y[test], tuned_said[test]).items()},
        "cv_accuracy": max(curve.mean),
    }


def flat(protocol: Mapping[str, Any]) -> dict[str, Any]:
    """The protocol without lists, which `dvc metrics diff` does not compare."""
    return {**protocol, "grid": " ".join(f"{C:g}" for C in protocol["grid"])}


def write_curve(path: Path, curve: tuning.Curve) -> None:
    """One csv line per C: mean accuracy over the folds, and its standard deviation."""
    with output.whole_file(path) as partial, partial.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["C", "accuracy", "deviation"])
        for line in zip(curve.grid, curve.mean, curve.std, strict=True):
            writer.writerow([f"{value:.6g}" for value in line])


def write_predictions(path: Path, images: index.Index, decisions: NDArray[np.float64]) -> None:
    """One csv line per test image; `decisions` (n_test, k)."""
    classes, order = images.classes, np.sort(decisions, axis=1)
    margins = order[:, -1] - order[:, -2]
    with output.whole_file(path) as partial, partial.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["row", "actual", "predicted", "margin"])
        for row, best, margin in zip(
            np.flatnonzero(~images.train), decisions.argmax(axis=1), margins, strict=True
        ):
            writer.writerow([row, classes[images.y[row]], classes[best], f"{margin:.6g}"])


if __name__ == "__main__":
    command.run(main)
