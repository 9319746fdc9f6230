"""Questions 6, 8 and 11 to 14: what the layers give, at what price, and how sure that is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from stages.dataset import duplicates
from stages.dataset.duplicates import Pair
from stages.dataset.index import Index
from stages.reporting import significance
from stages.reporting.backbones import Backbone
from stages.reporting.predictions import Component, Outcome
from stages.reporting.ranking import Ranking
from stages.reporting.table import Result, Row, single_layers
from stages.runtime.probe import Probe
from stages.runtime.view import view_of


@dataclass(frozen=True)
class Pretraining:
    """Question 6: the accuracies of one layer with pretrained and with random weights (tuned C)."""

    model: str
    layer: str
    pretrained: float
    random: float
    gain: float


def pretraining(backbones: Sequence[Backbone]) -> list[Pretraining]:
    """Each pretrained layer for which the same layer of the same model has random weights too."""
    random = {
        (backbone.model, result.probe.layer): result.tuned.accuracy
        for backbone in backbones
        if backbone.random
        for result in backbone.results
    }
    return [
        Pretraining(*key, result.tuned.accuracy, random[key], result.tuned.accuracy - random[key])
        for backbone in backbones
        if not backbone.random
        for result in backbone.results
        if (key := (backbone.model, result.probe.layer)) in random
    ]


@dataclass(frozen=True)
class ViewEffect:
    """Question 11: one layer of two backbones that differ in their views alone (tuned C).

    views : of `first` and of `second`, in words
    p : the p-value of the exact McNemar test, with Holm's correction for all of these pairs
    """

    first: Result
    second: Result
    views: tuple[str, str]
    p: float

    @property
    def told_apart(self) -> bool:
        """Whether the two can be told apart."""
        return self.p <= significance.LEVEL


def view_effects(
    params: Mapping[str, Any], results: Sequence[Result], outcomes: Mapping[Probe, Outcome]
) -> list[ViewEffect]:
    """Each layer that was run under two views."""

    def rest(probe: Probe) -> dict[str, Any]:
        entry = params["backbones"][probe.backbone]
        return {**entry, "layers": entry["layers"][probe.layer], "view": ""}

    views = {name: str(view_of(params, name)) for name in params["backbones"]}
    pairs = [
        (a, b)
        for a, b in combinations(single_layers(results), 2)
        if rest(a.probe) == rest(b.probe) and views[a.probe.backbone] != views[b.probe.backbone]
    ]
    p = [significance.mcnemar(outcomes[a.probe].right, outcomes[b.probe].right) for a, b in pairs]
    return [
        ViewEffect(a, b, (views[a.probe.backbone], views[b.probe.backbone]), adjusted)
        for (a, b), adjusted in zip(pairs, significance.holm(p), strict=True)
    ]


@dataclass(frozen=True)
class Prices:
    """Question 11: ranges are (least, most), `peaks` in GiB, `gains` of the tuned C in points."""

    smallest: Result
    quickest: Result
    gains: tuple[float, float]
    protocol_seconds: tuple[float, float]
    peaks: dict[str, float]


def prices(results: Sequence[Result], ranking: Ranking) -> Prices:
    """The cheapest of the best layers, the effect of C, and what everything takes."""
    good = single_layers([ranking.best, *ranking.alike])
    protocol = [result.all_seconds for result in results]
    changes = gains(results)
    return Prices(
        smallest=min(good, key=lambda result: result.feature_dim),
        quickest=min(good, key=lambda result: result.svm_seconds),
        gains=(min(changes), max(changes)),
        protocol_seconds=(min(protocol), max(protocol)),
        peaks=peaks(results),
    )


def gains(results: Sequence[Result]) -> list[float]:
    """The change of each accuracy with the tuned C, in points, to a tenth."""
    # Adding 0 turns -0.0 into 0.0.
    return [round(100 * (result.tuned.accuracy - result.fixed.accuracy), 1) + 0.0 for result in results]


def peaks(results: Sequence[Result]) -> dict[str, float]:
    """The most memory that any probe needed in each stage, in GiB."""
    memory = [result.memory for result in results if result.memory]
    bytes_ = {
        "extract": [one.extract_peak_bytes for one in memory],
        "gram": [one.kernel_peak_bytes for one in memory],
        "train": [result.train_peak_bytes for result in results],
    }
    return {stage: max(values) / 2**30 for stage, values in bytes_.items() if values}


@dataclass(frozen=True)
class Duplicates:
    """Question 12: pairs of equal files and near duplicates; the test images `seen` in training.

    labels : pairs with two different labels
    across : pairs with one image in training and one in the test set
    """

    exact: int
    near: int
    labels: int
    across: int
    seen: int


def count_duplicates(pairs: Sequence[Pair], index: Index) -> Duplicates:
    """Count the pairs by kind."""
    y, train, test = index.y, index.train, index.test
    return Duplicates(
        exact=sum(pair.exact for pair in pairs),
        near=sum(not pair.exact for pair in pairs),
        labels=sum(bool(y[pair.a] != y[pair.b]) for pair in pairs),
        across=sum(bool((train[p.a] and test[p.b]) or (test[p.a] and train[p.b])) for p in pairs),
        seen=int(duplicates.seen_in_training(pairs, index.split).sum()),
    )


@dataclass(frozen=True)
class Fusion:
    """Question 13: a fusion, its layers, and the best of them alone."""

    result: Result
    members: str
    alone: Result


def fusions(rows: Sequence[Row]) -> list[Fusion]:
    """Each fusion that was run."""
    named = {row.probe: row.result for row in rows if row.result}
    return [
        Fusion(row.result, " + ".join(map(str, row.members)), best_member(row, named))
        for row in rows
        if row.probe.fused and row.result
    ]


def best_member(fusion: Row, named: Mapping[Probe, Result]) -> Result:
    """The layer of a fusion with the highest accuracy; the first of several in the table's order."""
    return max(
        (result for probe, result in named.items() if probe in fusion.members),
        key=lambda result: result.tuned.accuracy,
    )


@dataclass(frozen=True)
class Dimensions:
    """Question 14: the accuracy of a layer with its tuned C, on `enough` components and on all."""

    probe: Probe
    accuracy: float
    enough: Component
    all: Component


def dimensions(
    curves: Mapping[Probe, Sequence[Component]], results: Sequence[Result], folds: int
) -> list[Dimensions]:
    """Each layer that was tried on its principal components, with `folds` of cross-validation."""
    accuracy = {result.probe: result.tuned.accuracy for result in results}
    return [
        Dimensions(probe, accuracy[probe], enough(points, folds), points[-1])
        for probe, points in curves.items()
        if probe in accuracy
    ]


def enough(points: Sequence[Component], folds: int) -> Component:
    """The fewest components that cross-validation finds as good as the best number.

    As good is what is within one standard error of the highest mean over the folds (the rule of one
    standard error; Breiman, Friedman, Olshen and Stone 1984, "Classification and regression trees").
    The test images play no part.
    """
    best = max(points, key=lambda point: point.cv_accuracy)
    least = best.cv_accuracy - best.cv_deviation / folds**0.5
    return next(point for point in points if point.cv_accuracy >= least)
