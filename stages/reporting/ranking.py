"""Which layer is best, how sure one can be of it, and which others cannot be told from it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stages.dataset import duplicates
from stages.dataset.index import Index
from stages.reporting import significance
from stages.reporting.predictions import Outcome
from stages.reporting.table import Row, by_backbone, having_run, single_layers


def best_row(rows: Sequence[Row]) -> Row | None:
    """The layer with the highest accuracy of all; a fusion is no layer."""
    return max(single_layers(having_run(rows)), key=lambda row: row.accuracy or 0.0, default=None)


def best_on_average(rows: Sequence[Row]) -> Row | None:
    """The layer with the highest mean accuracy over the random splits."""
    return max(single_layers(having_run(rows)), key=lambda row: row.mean_accuracy or 0.0, default=None)


def without_twins(
    rows: Sequence[Row], told: Mapping[str, Outcome], seen: NDArray[np.bool_]
) -> list[Row]:
    """The rows with distinct_accuracy and n_twins; `seen` (n,): `twins.seen_in_training`."""
    found = []
    for row in rows:
        if row.probe in told:
            outcome = told[row.probe]
            left = ~seen[outcome.rows]
            share = float(outcome.right[left].mean()) if left.any() else None
            row = replace(row, distinct_accuracy=share, n_twins=int((~left).sum()))
        found.append(row)
    return found


def compared(
    rows: Sequence[Row], told: Mapping[str, Outcome], trials: Mapping[str, Sequence[float]]
) -> list[Row]:
    """The rows with p-values: each run row against the best layer of all, and of its backbone.

    On the headline split exact McNemar tests on the same test images, against the layer with the
    highest accuracy; over the random splits corrected resampled t-tests on the same splits, against the
    layer with the highest mean. Holm's correction over all comparisons with the best of all, and over
    all those with the best of a backbone.
    """
    run = having_run(rows)
    groups = [some for name, some in by_backbone(single_layers(run))]

    def on_the_headline(row: Row, best: Row) -> float:
        return significance.mcnemar(told[row.probe].right, told[best.probe].right)

    def over_the_splits(row: Row, best: Row) -> float:
        pairs = zip(trials[row.probe], trials[best.probe], strict=True)
        sizes = {"n_train": row.n_train or 0, "n_test": row.n_test or 0}
        return significance.resampled_t([a - b for a, b in pairs], **sizes)

    headline = [_adjusted(some, best_row, on_the_headline) for some in ([run], groups)]
    average = [_adjusted(some, best_on_average, over_the_splits) for some in ([run], groups)]
    return [
        replace(
            row,
            mcnemar_best=headline[0].get(row.probe),
            mcnemar_backbone=headline[1].get(row.probe),
            resampled_t_best=average[0].get(row.probe),
            resampled_t_backbone=average[1].get(row.probe),
        )
        for row in rows
    ]


def _adjusted(
    groups: Sequence[Sequence[Row]],
    choose: Callable[[Sequence[Row]], Row | None],
    test: Callable[[Row, Row], float],
) -> dict[str, float]:
    """The adjusted p-value of each row against the one that is chosen from its group."""
    found = {}
    for group in groups:
        best = choose(group)
        for row in group:
            if best and row is not best:
                found[row.probe] = test(row, best)
    return dict(zip(found, significance.holm(list(found.values())), strict=True))


def alike(rows: Sequence[Row]) -> list[Row]:
    """The best layer, and those that cannot be told from it on the headline split."""
    return _not_told_apart(rows, best_row(rows), lambda row: row.mcnemar_best)


def alike_on_average(rows: Sequence[Row]) -> list[Row]:
    """The layer that is best on average, and those that cannot be told from it over random splits."""
    return _not_told_apart(rows, best_on_average(rows), lambda row: row.resampled_t_best)


def _not_told_apart(
    rows: Sequence[Row], best: Row | None, p: Callable[[Row], float | None]
) -> list[Row]:
    return [
        row
        for row in single_layers(having_run(rows))
        if row is best or (p(row) or 0.0) > significance.LEVEL
    ]


def twin_counts(pairs: Sequence[duplicates.Pair], index: Index) -> dict[str, int]:
    """How many pairs there are, of which kind, and between what."""
    y, train = index.y, index.train
    return {
        "exact": sum(pair.exact for pair in pairs),
        "near": sum(not pair.exact for pair in pairs),
        "labels": sum(bool(y[pair.a] != y[pair.b]) for pair in pairs),
        "across": sum(bool(train[pair.a] != train[pair.b]) for pair in pairs),
        "seen": int(duplicates.seen_in_training(pairs, train).sum()),
    }


def standard_error(row: Row) -> float:
    """Standard deviation of the accuracy, had other test images been drawn: sqrt(p (1 - p) / t)."""
    p, count = row.accuracy or 0.0, row.n_test or 1
    return float(np.sqrt(p * (1 - p) / count))
