"""The results of a probe on disk: metrics, predictions, the curve against C, the splits, the times."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.dataset import splits
from stages.dataset.index import Index
from stages.runtime import files, timing
from stages.runtime.params import flat
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.svm.cross_validation import Curve
from stages.svm.inputs import score
from stages.svm.protocol import Evaluation, SplitResult


def write(
    probe: Probe, evaluation: Evaluation, index: Index, facts: Mapping[str, Any], paths: Paths
) -> None:
    """Write the results of `probe`, or of a fusion; `facts` are added to the metrics.

    The times are those of the stage that trains it: `train`, or `fuse`.
    """
    spread = [scores(result, index.y) for result in evaluation.random]
    files.write_json(paths.metrics(probe), {**describe(evaluation, index, spread), **flat(facts)})
    write_predictions(paths.predictions(probe), index, evaluation.headline)
    write_curve(paths.curve(probe), evaluation.headline.curve)
    write_splits(paths.splits(probe), evaluation.random, spread)
    timing.write(
        paths.timings("fuse", probe.layer) if probe.fused else paths.timings("train", probe),
        fit_seconds=evaluation.fit_seconds,
        all_seconds=evaluation.all_seconds,
        worker_bytes=evaluation.worker_bytes,
    )


def scores(result: SplitResult, y: NDArray[np.int64]) -> dict[str, float]:
    """`probe.score` of the test rows with the fixed C; with the tuned C, as `tuned_` of the same."""
    test = ~result.train
    fixed, tuned = (
        score(y[test], values[test].argmax(axis=1)) for values in (result.fixed, result.tuned)
    )
    return fixed | {f"tuned_{key}": value for key, value in tuned.items()}


def describe(
    evaluation: Evaluation, index: Index, spread: Sequence[Mapping[str, float]]
) -> dict[str, Any]:
    """The numbers, flat, as `dvc metrics diff` compares them.

    On the headline split: accuracies with the fixed and with the tuned C. Of `spread`, the `scores` of
    each random split: the `mean_`, and the `std_` (of a sample: divided by s - 1). `split_digest` is of
    all splits.
    """
    headline, y = evaluation.headline, index.y
    train = headline.train
    return {
        **scores(headline, y),
        "train_accuracy": score(y[train], headline.fixed[train].argmax(axis=1))["accuracy"],
        "n_train": int(train.sum()),
        "n_test": int((~train).sum()),
        "converged": all(result.converged for result in (headline, *evaluation.random)),
        "tuned_C": headline.curve.best,
        "tuned_at_edge": headline.curve.at_edge,
        "cv_accuracy": max(headline.curve.mean),
        **{f"mean_{key}": float(np.mean([one[key] for one in spread])) for key in spread[0]},
        **{f"std_{key}": float(np.std([one[key] for one in spread], ddof=1)) for key in spread[0]},
        "splits": len(spread),
        "split_digest": splits.digest(
            np.array([train, *(result.train for result in evaluation.random)])
        ),
    }


def write_curve(path: Path, curve: Curve) -> None:
    """One csv line per C of the grid: mean and standard deviation over the folds."""
    lines = zip(curve.grid, curve.mean, curve.std, strict=True)
    files.write_csv(
        path, ["C", "accuracy", "deviation"], ([f"{value:.6g}" for value in line] for line in lines)
    )


def write_predictions(path: Path, index: Index, result: SplitResult) -> None:
    """One csv line per test image: row, actual, predicted, margin over the runner-up (fixed C)."""
    rows, labels = np.flatnonzero(~result.train), np.array(index.classes)
    decisions = result.fixed[rows]
    order = np.sort(decisions, axis=1)
    margins = [f"{margin:.6g}" for margin in order[:, -1] - order[:, -2]]
    actual, predicted = labels[index.y[rows]], labels[decisions.argmax(axis=1)]
    files.write_csv(
        path,
        ["row", "actual", "predicted", "margin"],
        zip(rows, actual, predicted, margins, strict=True),
    )


def write_splits(
    path: Path, results: Sequence[SplitResult], spread: Sequence[Mapping[str, float]]
) -> None:
    """One csv line per random split: its `scores`, and the C that was chosen there."""
    lines = (
        [number, *one.values(), result.curve.best]
        for number, (result, one) in enumerate(zip(results, spread, strict=True), start=1)
    )
    files.write_csv(path, ["split", *spread[0], "tuned_C"], lines)
