from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from support.results import result

from stages.reporting import ranking
from stages.reporting.predictions import Outcome
from stages.reporting.table import PROTOCOLS, Result
from stages.runtime.probe import Probe

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
OUTCOMES = {
    Probe.parse(name): Outcome(
        list(range(20)), ["x"] * 20, ["x"] * count + ["y"] * (20 - count), [1.0] * 20
    )
    for name, count in RIGHT.items()
}
SPLITS = {Probe.parse(name): [value / 100 for value in values] for name, values in POINTS.items()}
SIZES = {"n_train": 60, "n_test": 20}
RESULTS = [
    result(name, count / 20, mean_accuracy=sum(POINTS[name]) / 300, **SIZES)
    for name, count in RIGHT.items()
]


def t(mean: float) -> float:
    """The p-value of three differences with this mean and a variance of one.

    t^2 = mean^2 / (1 / 3 + 20 / 60), and with 2 degrees of freedom p = 1 - t / sqrt(2 + t^2).
    """
    return float(1 - (3 * mean**2 / (3 * mean**2 + 4)) ** 0.5)


def names(results: Sequence[Result]) -> list[str]:
    return [str(result.probe) for result in results]


def p_values(column: str) -> dict[str, float]:
    """Those of the fixed C. Where the tuned C has the same outcomes, it has the same p-values."""
    found = {}
    for protocol in PROTOCOLS:
        compared = ranking.compared(RESULTS, OUTCOMES, SPLITS, protocol, SIZES)
        assert names(compared) == names(RESULTS)
        values = {str(one.probe): getattr(ranking.scores(one, protocol).p, column) for one in compared}
        found[protocol] = {probe: value for probe, value in values.items() if value is not None}
        other = next(name for name in PROTOCOLS if name != protocol)
        assert all(getattr(ranking.scores(one, other).p, column) is None for one in compared)
    assert found["tuned"] == found["fixed"]
    return found["fixed"]


def test_the_best_is_a_layer() -> None:
    best, on_average = ranking.best(RESULTS), ranking.best_on_average(RESULTS)
    assert best
    assert on_average
    assert names([best, on_average]) == ["n/b", "m/c"]
    assert ranking.best([]) is ranking.best_on_average([]) is ranking.ranked([], "tuned") is None
    assert ranking.best(RESULTS[-1:]) is ranking.ranked(RESULTS[-1:], "fixed") is None  # a fusion alone


def test_each_protocol_has_its_own_best() -> None:
    results = [
        result("n/a", 0.8, tuned_accuracy=0.9, mean_accuracy=0.7, mean_tuned_accuracy=0.6),
        result("n/b", 0.85, tuned_accuracy=0.7, mean_accuracy=0.6, mean_tuned_accuracy=0.8),
    ]
    for protocol, best, on_average in (("tuned", "n/a", "n/b"), ("fixed", "n/b", "n/a")):
        found = ranking.ranked(results, protocol)
        assert found
        assert names([found.best, found.best_on_average]) == [best, on_average]
        assert found.top.accuracy == max(ranking.scores(one, protocol).accuracy for one in results)
        assert found.top_on_average.mean_accuracy == (0.8 if protocol == "tuned" else 0.7)


def test_on_the_headline_split_all_are_compared_with_the_best_layer() -> None:
    """Only n/b is right on 9, 2 and 9 images; only the fusion on 1: four tests."""
    assert p_values("mcnemar_best") == {
        "n/a": 4 * 2 / 2**9, "m/e": 4 * 2 / 2**9, "m/c": 1.0, "fusion/f": 1.0,
    }  # fmt: skip


def test_on_the_headline_split_layers_are_compared_with_the_best_of_their_backbone() -> None:
    """Only n/b is right on 9 images, only m/c on 7: two tests. A fusion has no backbone."""
    assert p_values("mcnemar_backbone") == {"n/a": 2 * 2 / 2**9, "m/e": 2 / 2**7}


def test_over_the_splits_all_are_compared_with_the_layer_that_is_best_on_average() -> None:
    """Points from m/c: n/b 1 2 3; n/a 3 5 7, or 1.5 2.5 3.5; m/e 19 20 21; the fusion -1 -2 -3.

    Holm: none is smaller than the one before it, so those of 2 are raised to that of 2.5.
    """
    assert t(2.5) * 3 > t(2) * 2
    assert p_values("resampled_t_best") == pytest.approx(
        {"m/e": 4 * t(20), "n/a": 3 * t(2.5), "n/b": 3 * t(2.5), "fusion/f": 3 * t(2.5)}
    )


def test_over_the_splits_layers_are_compared_with_the_best_of_their_backbone() -> None:
    """Points of n/a from n/b: 2 3 4; of m/e from m/c: 19 20 21."""
    assert p_values("resampled_t_backbone") == pytest.approx({"n/a": t(3), "m/e": 2 * t(20)})


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_cannot_be_told_from_the_best(protocol: str) -> None:
    """Fusions among it."""
    ranked = ranking.ranked(ranking.compared(RESULTS, OUTCOMES, SPLITS, protocol, SIZES), protocol)
    assert ranked
    assert names([ranked.best, *ranked.alike]) == ["n/b", "m/c", "fusion/f"]
    assert names([ranked.best_on_average, *ranked.alike_on_average]) == [
        "m/c", "n/a", "n/b", "fusion/f",
    ]  # fmt: skip
    assert ranked.standard_error == ranking.standard_error(19 / 20, 20)
    not_compared = ranking.ranked(RESULTS, protocol)
    assert not_compared
    assert not_compared.alike == not_compared.alike_on_average == []


def test_where_nothing_has_run_nothing_is_compared() -> None:
    assert ranking.compared([], {}, {}, "tuned", SIZES) == []
    assert ranking.without_duplicates([], {}, np.zeros(0, bool), "tuned") == []


def test_one_layer_alone_has_nothing_to_be_compared_with() -> None:
    assert ranking.compared(RESULTS[:1], OUTCOMES, SPLITS, "tuned", SIZES) == RESULTS[:1]


def test_accuracy_without_the_duplicates_of_training_images() -> None:
    """Of the test rows 2, 5, 6 and 7, two are seen: one right, one wrong. Row 0 is no test row."""
    outcome = Outcome([2, 5, 6, 7], list("aabb"), list("abba"), [1.0] * 4)
    seen, given = np.isin(np.arange(8), [0, 5, 6]), [result("n/a", 0.5)]

    def distinct(mask: NDArray[np.bool_], protocol: str = "tuned") -> tuple[float | None, int]:
        outcomes = {given[0].probe: outcome}
        (found,) = ranking.without_duplicates(given, outcomes, mask, protocol)
        scores = ranking.scores(found, protocol)
        assert scores.accuracy == 0.5
        return scores.distinct_accuracy, found.n_duplicates

    assert distinct(seen) == distinct(seen, "fixed") == (1 / 2, 2)
    assert distinct(seen | ~seen) == (None, 4)
    assert distinct(seen & ~seen) == (0.5, 0)


def test_the_standard_error_is_that_of_a_share() -> None:
    """Against the spread of shares drawn at random."""
    drawn = np.random.default_rng(0).binomial(20, 0.7, size=200_000) / 20
    error = ranking.standard_error(0.7, 20)
    assert error == pytest.approx(drawn.std(), rel=0.01)
