"""Train and test the linear SVM of one layer.

    dvc repro train@vgg16/pool5

Reads the layer's kernel, the index and `svm`; trains on the training rows with the fixed `svm.C` and
predicts the test rows. Writes results/metrics/<b>/<layer>.json and results/predictions/<b>/<layer>.csv
(one line per test image: row, actual, predicted, margin over the runner-up).
"""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from stages.core import command, config, gram, index, output, svm, timing


def main(
    probe: str, *, kernel: Path, rows: Path, metrics: Path, predictions: Path, timings: Path
) -> None:
    """Write the metrics and predictions of `probe`."""
    protocol = config.load()["svm"]
    images = index.read(rows)
    K, about = gram.read(kernel)
    refuse_other_rows(probe, about["rows"], images)
    train, test = images.train, ~images.train
    if protocol["normalize"] == "l2":
        K = gram.l2_normalise(K)
    watch = timing.Stopwatch()
    with watch:
        machine = svm.fit(K[np.ix_(train, train)], images.y[train], C=protocol["C"])
    decisions = machine.decide(K[np.ix_(test, train)])
    scores = score(images.y[test], decisions.argmax(axis=1))
    facts = {key: about[key] for key in ("feature_dim", "model", "weights", "module")}
    write_metrics(
        metrics,
        {
            **scores,
            **facts,
            **protocol,
            "n_train": int(train.sum()),
            "n_test": int(test.sum()),
            "converged": machine.converged,
        },
    )
    write_predictions(predictions, images, decisions)
    timing.write(timings, fit_seconds=watch.seconds)


def refuse_other_rows(probe: str, digest: str, images: index.Index) -> None:
    """Raise `StageError` if the kernel was computed for another row order than the index has."""
    if digest != index.digest(images.keys):
        raise command.StageError(
            expected=f"a kernel of the rows in the index ({index.digest(images.keys)})",
            found=f"one of other rows ({digest})",
            cause="images were added, removed or renamed since the features were extracted",
            do=f"dvc repro train@{probe}",
        )


def score(actual: NDArray[np.int64], predicted: NDArray[np.int64]) -> dict[str, float]:
    """Share of test images that are right, over all (accuracy) and averaged over classes (balanced)."""
    return {
        "accuracy": float(accuracy_score(actual, predicted)),
        "balanced_accuracy": float(balanced_accuracy_score(actual, predicted)),
    }


def write_metrics(path: Path, metrics: dict[str, Any]) -> None:
    """One flat json per probe, which `dvc metrics diff` reads well."""
    with output.whole_file(path) as partial:
        partial.write_text(json.dumps(metrics, indent=2) + "\n")


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
