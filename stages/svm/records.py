"""The result files of a probe: metrics, what they were made with, predictions, curve, splits, times."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.dataset import splits
from stages.dataset.index import Index
from stages.runtime import files, timing
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.svm.inputs import score
from stages.svm.protocol import Curve, Evaluation, SplitResult

# The stage of each protocol, whose times are written.
STAGES = {"fixed": "train", "tuned": "tune"}


def write(
    probe: Probe,
    protocol: str,
    evaluation: Evaluation,
    index: Index,
    facts: Mapping[str, Any],
    paths: Paths,
) -> None:
    """Write the results of `probe`, a layer or a fusion, by `protocol`: `fixed` or `tuned`.

    `facts` tell what they were made with.
    """
    spread = [scores(result, index.y) for result in evaluation.random]
    files.write_json(paths.metrics(probe, protocol), measure(evaluation, index, spread))
    files.write_json(paths.run(probe, protocol), {**facts, **describe(evaluation)})
    write_predictions(paths.predictions(probe, protocol), index, evaluation.headline)
    write_splits(paths.splits(probe, protocol), evaluation.random, spread)
    if evaluation.headline.curve:
        write_curve(paths.curve(probe), evaluation.headline.curve)
    timing.write(
        paths.timings(STAGES[protocol], probe),
        fit_seconds=evaluation.headline.fit_seconds,
        all_seconds=evaluation.all_seconds,
        worker_bytes=evaluation.worker_bytes,
    )


def scores(result: SplitResult, y: NDArray[np.int64]) -> dict[str, float]:
    """Return the scores of the test rows."""
    test = result.split.test
    return score(y[test], result.decisions[test].argmax(axis=1))


def measure(
    evaluation: Evaluation, index: Index, spread: Sequence[Mapping[str, float]]
) -> dict[str, Any]:
    """Return the metrics as one flat mapping.

    The accuracies are those of the headline split. `spread` holds the `scores` of each of the s random
    splits: `mean_` is their mean, `std_` their sample standard deviation (divided by s - 1). The mean
    sizes of the random splits are told if they are not those of the headline split.
    """
    headline, y = evaluation.headline, index.y
    train = headline.split.train
    sizes = splits.mean_sizes([result.split for result in evaluation.random])
    same = sizes == splits.mean_sizes([headline.split])
    curve = headline.curve
    chosen = {"cv_accuracy": max(curve.mean), "relative_C": curve.relative_C} if curve else {}
    return {
        **scores(headline, y),
        "train_accuracy": score(y[train], headline.decisions[train].argmax(axis=1))["accuracy"],
        **chosen,
        "C": headline.C,
        "n_train": int(train.sum()),
        "n_test": int(headline.split.test.sum()),
        **{f"mean_{key}": float(np.mean([split[key] for split in spread])) for key in spread[0]},
        **({} if same else {f"mean_{key}": size for key, size in sizes.items()}),
        **{f"std_{key}": float(np.std([split[key] for split in spread], ddof=1)) for key in spread[0]},
    }


def describe(evaluation: Evaluation) -> dict[str, Any]:
    """Return what all fits have in common: the splits, and how near the minimum the solver came.

    `split_digest` covers all splits. `headline_digest` is there if a row is on neither side of the
    headline split, as the test rows do not tell its training rows then. `largest_gap` is the largest
    duality gap of any fit, relative to its objective.
    """
    curve, results = evaluation.headline.curve, (evaluation.headline, *evaluation.random)
    headline = evaluation.headline.split
    return {
        "splits": len(evaluation.random),
        "split_digest": splits.digest(result.split for result in results),
        **({} if headline.is_complete else {"headline_digest": splits.digest([headline])}),
        **({"at_edge": curve.at_edge} if curve else {}),
        "converged": all(result.svm.converged for result in results),
        "largest_gap": max(result.gap for result in results),
    }


def write_curve(path: Path, curve: Curve) -> None:
    """Write one CSV line per C of the grid: mean accuracy and its standard deviation over the folds.

    `relative_C` is C in the units of the grid.
    """
    lines = zip(curve.relative, curve.grid, curve.mean, curve.std, strict=True)
    files.write_csv(
        path,
        ["relative_C", "C", "accuracy", "deviation"],
        ([f"{value:.6g}" for value in line] for line in lines),
    )


def write_predictions(path: Path, index: Index, result: SplitResult) -> None:
    """Write one CSV line per test image: its row, both classes, the margin over the runner-up.

    The margin is the largest decision value less that of the runner-up.
    """
    rows, labels = np.flatnonzero(result.split.test), np.array(index.classes)
    decisions = result.decisions[rows]
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
    """Write one CSV line per random split: its `scores` and its C, if tuned in the grid's units too."""
    lines = (
        [number, *split.values(), result.C, *([result.curve.relative_C] if result.curve else [])]
        for number, (result, split) in enumerate(zip(results, spread, strict=True), start=1)
    )
    names = ["relative_C"] if results[0].curve else []
    files.write_csv(path, ["split", *spread[0], "C", *names], lines)
