"""What the evaluation of a probe leaves on disk: numbers, predictions, curve, splits, times."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.dataset import splits
from stages.dataset.index import Index
from stages.runtime import files, timing
from stages.runtime.params import flat
from stages.svm.cross_validation import Curve
from stages.svm.inputs import score
from stages.svm.protocol import Evaluation, Trial


def write(
    found: Evaluation,
    images: Index,
    facts: Mapping[str, Any],
    *,
    metrics: Path,
    predictions: Path,
    curve: Path,
    trials: Path,
    timings: Path,
) -> None:
    """Write it all; `facts` are the `svm` settings and whatever else the metrics are to say."""
    spread = [scores(trial, images.y) for trial in found.random]
    files.write_json(metrics, {**describe(found, images, spread), **flat(facts)})
    write_predictions(predictions, images, found.headline)
    write_curve(curve, found.headline.curve)
    write_trials(trials, found.random, spread)
    timing.write(
        timings,
        fit_seconds=found.fit_seconds,
        all_seconds=found.all_seconds,
        beside_bytes=found.beside_bytes,
    )


def scores(trial: Trial, y: NDArray[np.int64]) -> dict[str, float]:
    """`probe.score` of the test rows with the fixed C; with the tuned C, as `tuned_` of the same."""
    test = ~trial.train
    fixed, tuned = (score(y[test], values[test].argmax(axis=1)) for values in (trial.fixed, trial.tuned))
    return fixed | {f"tuned_{key}": value for key, value in tuned.items()}


def describe(found: Evaluation, images: Index, spread: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """The numbers, flat, as `dvc metrics diff` compares them.

    On the headline split: accuracies with the fixed and with the tuned C. Of `spread`, the `scores` of
    each random split: the `mean_`, and the `std_` (of a sample: divided by s - 1). `split_digest` is of
    all splits.
    """
    headline, y = found.headline, images.y
    train = headline.train
    return {
        **scores(headline, y),
        "train_accuracy": score(y[train], headline.fixed[train].argmax(axis=1))["accuracy"],
        "n_train": int(train.sum()),
        "n_test": int((~train).sum()),
        "converged": all(trial.converged for trial in (headline, *found.random)),
        "tuned_C": headline.curve.best,
        "tuned_at_edge": headline.curve.at_edge,
        "cv_accuracy": max(headline.curve.mean),
        **{f"mean_{key}": float(np.mean([one[key] for one in spread])) for key in spread[0]},
        **{f"std_{key}": float(np.std([one[key] for one in spread], ddof=1)) for key in spread[0]},
        "splits": len(spread),
        "split_digest": splits.digest(np.array([train, *(trial.train for trial in found.random)])),
    }


def write_curve(path: Path, curve: Curve) -> None:
    """One csv line per C of the grid: mean and standard deviation over the folds."""
    lines = zip(curve.grid, curve.mean, curve.std, strict=True)
    files.write_csv(
        path, ["C", "accuracy", "deviation"], ([f"{value:.6g}" for value in line] for line in lines)
    )


def write_predictions(path: Path, images: Index, trial: Trial) -> None:
    """One csv line per test image: row, actual, predicted, margin over the runner-up (fixed C)."""
    rows, labels = np.flatnonzero(~trial.train), np.array(images.classes)
    decisions = trial.fixed[rows]
    order = np.sort(decisions, axis=1)
    margins = [f"{margin:.6g}" for margin in order[:, -1] - order[:, -2]]
    actual, predicted = labels[images.y[rows]], labels[decisions.argmax(axis=1)]
    files.write_csv(
        path,
        ["row", "actual", "predicted", "margin"],
        zip(rows, actual, predicted, margins, strict=True),
    )


def write_trials(path: Path, trials: Sequence[Trial], spread: Sequence[Mapping[str, float]]) -> None:
    """One csv line per random split: its `scores`, and the C that was chosen there."""
    lines = (
        [number, *one.values(), trial.curve.best]
        for number, (trial, one) in enumerate(zip(trials, spread, strict=True), start=1)
    )
    files.write_csv(path, ["split", *spread[0], "tuned_C"], lines)
