"""Train and test the linear SVM of one layer.

    dvc repro train@vgg16/pool5

Reads the layer's kernel, the index and `svm`; trains on the training rows with the fixed `svm.C` and
predicts the test rows. Writes results/metrics/<b>/<layer>.json and results/predictions/<b>/<layer>.csv
(one line per test image: row, actual, predicted, margin over the runner-up).
"""

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.core import command, config, gram, index, output, svm, timing
from stages.core.probe import refuse_other_rows, score, write_metrics


def main(
    probe: str, *, kernel: Path, rows: Path, metrics: Path, predictions: Path, timings: Path
) -> None:
    """Write the metrics and predictions of `probe`."""
    protocol = config.load()["svm"]
    images = index.read(rows)
    K, about = gram.read(kernel)
    refuse_other_rows(f"train@{probe}", about["rows"], images)
    train, test = images.train, ~images.train
    if protocol["normalize"] == "l2":
        K = gram.l2_normalise(K)
    watch = timing.Stopwatch()
    with watch:
        machine = svm.fit(K[np.ix_(train, train)], images.y[train], C=protocol["C"])
    decisions = machine.decide(K[:, train])
    write_metrics(
        metrics,
        {
            **score(images.y[test], decisions[test].argmax(axis=1)),
            "train_accuracy": score(images.y[train], decisions[train].argmax(axis=1))["accuracy"],
            **{key: about[key] for key in ("feature_dim", "model", "weights", "module")},
            **protocol,
            "n_train": int(train.sum()),
            "n_test": int(test.sum()),
            "converged": machine.converged,
        },
    )
    write_predictions(predictions, images, decisions[test])
    timing.write(timings, fit_seconds=watch.seconds)


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
