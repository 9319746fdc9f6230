from typing import Any

import numpy as np
import pytest

from stages.dataset.duplicates import Pair
from stages.dataset.index import Index
from stages.reporting import ranking
from stages.reporting.predictions import Outcome
from stages.reporting.table import Row

# How many of the twenty test images are right (the first ones), and the accuracy on three splits, in
# points. n/b is best on the headline split, m/c on average; the fusion is above both.
RIGHT = {"n/a": 10, "n/b": 19, "m/c": 17, "m/e": 10, "fusion/f": 20}
POINTS = {
    "n/a": [87, 86, 85],
    "n/b": [89, 89, 89],
    "m/c": [90, 91, 92],
    "m/e": [71, 71, 71],
    "fusion/f": [91, 93, 95],
}
TOLD = {
    probe: Outcome(list(range(20)), ["x"] * 20, ["x"] * count + ["y"] * (20 - count), [1.0] * 20)
    for probe, count in RIGHT.items()
}
TRIALS = {probe: [value / 100 for value in values] for probe, values in POINTS.items()}


def row(probe: str, accuracy: float, **more: Any) -> Row:
    backbone, layer = probe.split("/")
    return Row(backbone, layer, "run", accuracy=accuracy, n_train=60, n_test=20, **more)


ROWS = [row(p, n / 20, mean_accuracy=sum(POINTS[p]) / 300) for p, n in RIGHT.items()]
ROWS.insert(4, Row("m", "d", "not run"))
ABSENT = [Row("m", "d", "not run"), Row("fusion", "f", "out of date")]


def t(mean: float) -> float:
    """The p-value of three differences with this mean and a variance of one.

    t^2 = mean^2 / (1 / 3 + 20 / 60), and with 2 degrees of freedom p = 1 - t / sqrt(2 + t^2).
    """
    return float(1 - (3 * mean**2 / (3 * mean**2 + 4)) ** 0.5)


def names(rows: list[Row]) -> list[str]:
    return [row.probe for row in rows]


def found(rows: list[Row], column: str) -> dict[str, float]:
    compared = ranking.compared(rows, TOLD, TRIALS)
    assert names(compared) == names(rows)
    values = {row.probe: getattr(row, column) for row in compared}
    return {probe: value for probe, value in values.items() if value is not None}


def test_the_best_is_a_layer() -> None:
    best, on_average = ranking.best_row(ROWS), ranking.best_on_average(ROWS)
    assert best
    assert on_average
    assert names([best, on_average]) == ["n/b", "m/c"]
    assert ranking.best_row(ABSENT) is ranking.best_on_average(ABSENT) is None


def test_on_the_headline_split_all_are_compared_with_the_best_layer() -> None:
    """Only n/b is right on 9, 2 and 9 images; only the fusion on 1: four tests."""
    assert found(ROWS, "mcnemar_best") == {
        "n/a": 4 * 2 / 2**9, "m/e": 4 * 2 / 2**9, "m/c": 1.0, "fusion/f": 1.0,
    }  # fmt: skip


def test_on_the_headline_split_layers_are_compared_with_the_best_of_their_backbone() -> None:
    """Only n/b is right on 9 images, only m/c on 7: two tests. A fusion has no backbone."""
    assert found(ROWS, "mcnemar_backbone") == {"n/a": 2 * 2 / 2**9, "m/e": 2 / 2**7}


def test_over_the_splits_all_are_compared_with_the_layer_that_is_best_on_average() -> None:
    """Points from m/c: n/b 1 2 3; n/a 3 5 7, or 1.5 2.5 3.5; m/e 19 20 21; the fusion -1 -2 -3.

    Holm: none is smaller than the one before it, so those of 2 are raised to that of 2.5.
    """
    assert t(2.5) * 3 > t(2) * 2
    assert found(ROWS, "resampled_t_best") == pytest.approx(
        {"m/e": 4 * t(20), "n/a": 3 * t(2.5), "n/b": 3 * t(2.5), "fusion/f": 3 * t(2.5)}
    )


def test_over_the_splits_layers_are_compared_with_the_best_of_their_backbone() -> None:
    """Points of n/a from n/b: 2 3 4; of m/e from m/c: 19 20 21."""
    assert found(ROWS, "resampled_t_backbone") == pytest.approx({"n/a": t(3), "m/e": 2 * t(20)})


def test_those_that_cannot_be_told_from_the_best_are_layers() -> None:
    rows = ranking.compared(ROWS, TOLD, TRIALS)
    assert names(ranking.alike(rows)) == ["n/b", "m/c"]
    assert names(ranking.alike_on_average(rows)) == ["n/a", "n/b", "m/c"]
    assert names(ranking.alike(ROWS)) == ["n/b"]  # not compared yet


@pytest.mark.parametrize("rows", [[], ABSENT])
def test_where_nothing_has_run_nothing_is_compared(rows: list[Row]) -> None:
    assert ranking.compared(rows, {}, {}) == ranking.without_twins(rows, {}, np.zeros(0, bool)) == rows
    assert ranking.alike(rows) == ranking.alike_on_average(rows) == []


def test_one_layer_alone_has_nothing_to_be_compared_with() -> None:
    assert ranking.compared(ROWS[:1], TOLD, TRIALS) == ROWS[:1]


def test_accuracy_without_the_twins_of_training_images() -> None:
    """Of the test rows 2, 5, 6 and 7, two are seen: one right, one wrong. Row 0 is no test row."""
    outcome = Outcome([2, 5, 6, 7], list("aabb"), list("abba"), [1.0] * 4)
    seen = np.isin(np.arange(8), [0, 5, 6])
    rows = [row("n/a", 0.5), Row("n", "z", "not run")]
    first, second = ranking.without_twins(rows, {"n/a": outcome}, seen)
    assert (first.n_twins, first.distinct_accuracy, first.accuracy) == (2, 1 / 2, 0.5)
    assert second == rows[1]
    (first,) = ranking.without_twins(rows[:1], {"n/a": outcome}, seen | ~seen)
    assert (first.n_twins, first.distinct_accuracy) == (4, None)
    (first,) = ranking.without_twins(rows[:1], {"n/a": outcome}, seen & ~seen)
    assert (first.n_twins, first.distinct_accuracy) == (0, first.accuracy)


def test_twins_are_counted() -> None:
    """Rows 0 to 2 are one picture; 3 to 6 another, one of them under another label."""
    train = np.isin(np.arange(7), [0, 5, 6])
    index = Index([(label, f"{i}") for i, label in enumerate("aaaabbb")], train)
    exact, near = [(0, 1), (5, 6)], [(0, 2), (1, 2), (3, 4), (4, 5), (4, 6)]
    pairs = [*(Pair(a, b, True, 0) for a, b in exact), *(Pair(a, b, False, 9) for a, b in near)]
    counts = ranking.twin_counts(pairs, index)
    # Rows 1, 2 and 4 are seen; 4 twice, which makes four pairs across.
    assert counts == {"exact": 2, "near": 5, "labels": 1, "across": 4, "seen": 3}
    assert set(ranking.twin_counts([], index).values()) == {0}


def test_the_standard_error_is_that_of_a_share() -> None:
    """Against the spread of shares drawn at random."""
    drawn = np.random.default_rng(0).binomial(20, 0.7, size=200_000) / 20
    assert ranking.standard_error(row("n/a", 0.7)) == pytest.approx(drawn.std(), rel=0.01)
