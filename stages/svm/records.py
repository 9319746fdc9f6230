"""The result files of a probe: metrics, predictions, accuracy against C, random splits and times."""

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
    """Write the results of `probe`, a layer or a fusion; `facts` are added to the metrics.

    The times belong to the stage that ran: `train`, or `fuse` for a fusion.
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
    """Return the scores of the test rows with the fixed C and, prefixed `tuned_`, with the tuned C."""
    test = ~result.train
    fixed, tuned = (
        score(y[test], decisions[test].argmax(axis=1)) for decisions in (result.fixed, result.tuned)
    )
    return fixed | {f"tuned_{key}": value for key, value in tuned.items()}


def describe(
    evaluation: Evaluation, index: Index, spread: Sequence[Mapping[str, float]]
) -> dict[str, Any]:
    """Return the metrics as one flat mapping, as `dvc metrics diff` compares them.

    The accuracies are those of the headline split, with the fixed and with the tuned C. `spread` holds
    the `scores` of each of the s random splits: `mean_` is their mean, `std_` their sample standard
    deviation (divided by s - 1). `split_digest` covers all splits.
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
        **{f"mean_{key}": float(np.mean([split[key] for split in spread])) for key in spread[0]},
        **{f"std_{key}": float(np.std([split[key] for split in spread], ddof=1)) for key in spread[0]},
        "splits": len(spread),
        "split_digest": splits.digest(
            np.array([train, *(result.train for result in evaluation.random)])
        ),
    }


def write_curve(path: Path, curve: Curve) -> None:
    """Write one CSV line per C of the grid: mean accuracy and its standard deviation over the folds."""
    lines = zip(curve.grid, curve.mean, curve.std, strict=True)
    files.write_csv(
        path, ["C", "accuracy", "deviation"], ([f"{value:.6g}" for value in line] for line in lines)
    )


def write_predictions(path: Path, index: Index, result: SplitResult) -> None:
    """Write one CSV line per test image (fixed C): its row, both classes, margin over the runner-up."""
    rows, labels = np.flatnonzero(~result.train), np.array(index.classes)
    decisions = result.fixed[rows]
    ascending = np.sort(decisions, axis=1)
    margins = [f"{margin:.6g}" for margin in ascending[:, -1] - ascending[:, -2]]
    actual, predicted = labels[index.y[rows]], labels[decisions.argmax(axis=1)]
    files.write_csv(
        path,
        ["row", "actual", "predicted", "margin"],
        zip(rows, actual, predicted, margins, strict=True),
    )


def write_splits(
    path: Path, results: Sequence[SplitResult], spread: Sequence[Mapping[str, float]]
) -> None:
    """Write one CSV line per random split: its `scores` and its tuned C."""
    lines = (
        [number, *split.values(), result.curve.best]
        for number, (result, split) in enumerate(zip(results, spread, strict=True), start=1)
    )
    files.write_csv(path, ["split", *spread[0], "tuned_C"], lines)
