"""The result files of a probe: metrics, what they were made with, predictions, curves, splits, times."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.dataset import splits
from stages.dataset.index import Index
from stages.runtime import files, timing
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.svm.cross_validation import Curve
from stages.svm.inputs import score
from stages.svm.protocol import Evaluation, SplitResult


def write(
    probe: Probe, evaluation: Evaluation, index: Index, facts: Mapping[str, Any], paths: Paths
) -> None:
    """Write the results of `probe`, a layer or a fusion; `facts` tell what they were made with.

    The times belong to the stage that ran: `train`, or `fuse` for a fusion.
    """
    spread = [scores(result, index.y) for result in evaluation.random]
    files.write_json(paths.metrics(probe), measure(evaluation, index, spread))
    files.write_json(paths.run(probe), {**facts, **describe(evaluation)})
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


def measure(
    evaluation: Evaluation, index: Index, spread: Sequence[Mapping[str, float]]
) -> dict[str, Any]:
    """Return the metrics as one flat mapping, as `dvc metrics diff` compares them.

    The accuracies are those of the headline split, with the fixed and with the tuned C. `spread` holds
    the `scores` of each of the s random splits: `mean_` is their mean, `std_` their sample standard
    deviation (divided by s - 1).
    """
    headline, y = evaluation.headline, index.y
    train = headline.train
    decisions = {"train_accuracy": headline.fixed, "tuned_train_accuracy": headline.tuned}
    return {
        **scores(headline, y),
        **{
            name: score(y[train], values[train].argmax(axis=1))["accuracy"]
            for name, values in decisions.items()
        },
        "n_train": int(train.sum()),
        "n_test": int((~train).sum()),
        "tuned_C": headline.curve.best,
        "cv_accuracy": max(headline.curve.mean),
        **{f"mean_{key}": float(np.mean([split[key] for split in spread])) for key in spread[0]},
        **{f"std_{key}": float(np.std([split[key] for split in spread], ddof=1)) for key in spread[0]},
    }


def describe(evaluation: Evaluation) -> dict[str, Any]:
    """Return what all fits have in common: the splits, and how near the minimum the solver came.

    `split_digest` covers all splits. `largest_gap` is the largest duality gap of any fit, relative to
    its objective.
    """
    results = (evaluation.headline, *evaluation.random)
    return {
        "splits": len(evaluation.random),
        "split_digest": splits.digest(np.array([result.train for result in results])),
        "tuned_at_edge": evaluation.headline.curve.at_edge,
        "converged": all(result.converged for result in results),
        "largest_gap": max(result.gap for result in results),
    }


def write_curve(path: Path, curve: Curve) -> None:
    """Write one CSV line per C of the grid: mean accuracy and its standard deviation over the folds."""
    lines = zip(curve.grid, curve.mean, curve.std, strict=True)
    files.write_csv(
        path, ["C", "accuracy", "deviation"], ([f"{value:.6g}" for value in line] for line in lines)
    )


def write_predictions(path: Path, index: Index, result: SplitResult) -> None:
    """Write one CSV line per test image: row, actual class; predicted class and margin for either C.

    The margin is the largest decision value less that of the runner-up.
    """
    rows, labels = np.flatnonzero(~result.train), np.array(index.classes)
    columns: dict[str, Iterable[Any]] = {"row": rows, "actual": labels[index.y[rows]]}
    for prefix, decisions in (("", result.fixed[rows]), ("tuned_", result.tuned[rows])):
        ascending = np.sort(decisions, axis=1)
        margins = ascending[:, -1] - ascending[:, -2]
        columns[f"{prefix}predicted"] = labels[decisions.argmax(axis=1)]
        columns[f"{prefix}margin"] = [f"{margin:.6g}" for margin in margins]
    files.write_csv(path, list(columns), zip(*columns.values(), strict=True))


def write_splits(
    path: Path, results: Sequence[SplitResult], spread: Sequence[Mapping[str, float]]
) -> None:
    """Write one CSV line per random split: its `scores` and its tuned C."""
    lines = (
        [number, *split.values(), result.curve.best]
        for number, (result, split) in enumerate(zip(results, spread, strict=True), start=1)
    )
    files.write_csv(path, ["split", *spread[0], "tuned_C"], lines)
