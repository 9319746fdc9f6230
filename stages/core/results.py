"""What the evaluation of a probe leaves on disk: numbers, predictions, curve, splits, times."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.core import output, splits, timing
from stages.core.evaluation import Evaluation, Trial
from stages.core.index import Index
from stages.core.probe import score


def describe(found: Evaluation, images: Index, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers, flat, as `dvc metrics diff` compares them.

    On the headline split: accuracies with the fixed and with the tuned C. Over the random splits: the
    `mean_` of the same, and the `std_` (of a sample: divided by s - 1). `split_digest` is of all.
    """
    headline, y = found.headline, images.y
    train = headline.train
    fixed, tuned = scores(headline, y)
    trained = score(y[train], headline.fixed[train].argmax(axis=1))
    return {
        **fixed,
        "train_accuracy": trained["accuracy"],
        "n_train": int(train.sum()),
        "n_test": int((~train).sum()),
        "converged": all(trial.converged for trial in (headline, *found.random)),
        "tuned_C": headline.curve.best,
        "tuned_at_edge": headline.curve.at_edge,
        **{f"tuned_{key}": value for key, value in tuned.items()},
        "cv_accuracy": max(headline.curve.mean),
        **spread(found.random, y),
        "splits": len(found.random),
        "split_digest": splits.digest(np.array([train, *(trial.train for trial in found.random)])),
        **settings,
        "grid": " ".join(f"{C:g}" for C in settings["grid"]),  # diffs leave lists out
    }


def scores(trial: Trial, y: NDArray[np.int64]) -> tuple[dict[str, float], dict[str, float]]:
    """`probe.score` of the test rows, with the fixed and with the tuned C."""
    test = ~trial.train
    fixed, tuned = (score(y[test], values[test].argmax(axis=1)) for values in (trial.fixed, trial.tuned))
    return fixed, tuned


def spread(trials: Sequence[Trial], y: NDArray[np.int64]) -> dict[str, float]:
    """Mean and standard deviation over the trials of all that `scores` gives."""
    lines = []
    for trial in trials:
        fixed, tuned = scores(trial, y)
        lines.append({**fixed, **{f"tuned_{key}": value for key, value in tuned.items()}})
    found = {}
    for key in lines[0]:
        values = [line[key] for line in lines]
        found[f"mean_{key}"] = float(np.mean(values))
        found[f"std_{key}"] = float(np.std(values, ddof=1))
    return found


def write(
    found: Evaluation,
    images: Index,
    *,
    predictions: Path,
    curve: Path,
    trials: Path,
    timings: Path,
) -> None:
    """Write everything but the metrics."""
    write_predictions(predictions, images, found.headline)
    cross_validation = found.headline.curve
    lines = zip(cross_validation.grid, cross_validation.mean, cross_validation.std, strict=True)
    output.write_csv(
        curve, ["C", "accuracy", "deviation"], ([f"{value:.6g}" for value in line] for line in lines)
    )
    write_trials(trials, images, found.random)
    timing.write(
        timings,
        fit_seconds=found.fit_seconds,
        all_seconds=found.all_seconds,
        beside_bytes=found.beside_bytes,
    )


def write_predictions(path: Path, images: Index, trial: Trial) -> None:
    """One csv line per test image: row, actual, predicted, margin over the runner-up (fixed C)."""
    rows, labels = np.flatnonzero(~trial.train), np.array(images.classes)
    decisions = trial.fixed[rows]
    order = np.sort(decisions, axis=1)
    margins = [f"{margin:.6g}" for margin in order[:, -1] - order[:, -2]]
    actual, predicted = labels[images.y[rows]], labels[decisions.argmax(axis=1)]
    output.write_csv(
        path,
        ["row", "actual", "predicted", "margin"],
        zip(rows, actual, predicted, margins, strict=True),
    )


def write_trials(path: Path, images: Index, trials: Sequence[Trial]) -> None:
    """One csv line per random split: its accuracies with the fixed and with the tuned C."""
    lines = []
    for number, trial in enumerate(trials, start=1):
        fixed, tuned = scores(trial, images.y)
        lines.append([number, *fixed.values(), trial.curve.best, *tuned.values()])
    columns = ["accuracy", "balanced_accuracy"]
    output.write_csv(path, ["split", *columns, "tuned_C", *(f"tuned_{c}" for c in columns)], lines)
