"""Question 10: other classifiers on the same features."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from stages.reporting.table import Result


@dataclass(frozen=True)
class Heads:
    """The layers that have a softmax layer too, and the median times of both."""

    each: list[Result]
    seconds: float
    svm_seconds: float


def heads(results: Sequence[Result]) -> Heads | None:
    """The softmax layers beside the SVMs; None if there is no softmax layer."""
    each = [result for result in results if result.softmax]
    seconds = [result.softmax.seconds for result in each if result.softmax]
    return Heads(each, median(seconds), median(r.svm_seconds for r in each)) if each else None


@dataclass(frozen=True)
class Nearest:
    """The layers on which the k nearest neighbours were tried too.

    beaten : at how many of them the SVM (C tuned) is better on average over the random splits
    best : the result of the most accurate neighbours, and its metric
    """

    each: list[Result]
    beaten: int
    best: tuple[Result, str]


def nearest(results: Sequence[Result]) -> Nearest | None:
    """The neighbours beside the SVMs; None if no layer has neighbours."""
    tried = [
        (one.knn[metric].mean_accuracy, one, metric) for one in results if one.knn for metric in one.knn
    ]
    if not tried:
        return None
    best = max(tried, key=lambda line: line[0])[1:]
    each = [result for result in results if result.knn]
    beaten = sum(
        result.tuned.mean_accuracy > max(one.mean_accuracy for one in result.knn.values())
        for result in each
        if result.knn
    )
    return Nearest(each, beaten, best)
