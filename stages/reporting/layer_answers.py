"""Questions 6, 8 and 10 to 14: what the layers give, at what price, and how sure that is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median

from stages.dataset import duplicates
from stages.dataset.duplicates import Pair
from stages.dataset.index import Index
from stages.reporting.backbones import Backbone
from stages.reporting.predictions import Component
from stages.reporting.ranking import Ranking
from stages.reporting.table import Result, Row, single_layers
from stages.runtime.probe import Probe


@dataclass(frozen=True)
class Pretraining:
    """Question 6: the accuracies of one layer with pretrained and with random weights."""

    model: str
    layer: str
    pretrained: float
    random: float
    gain: float


def pretraining(backbones: Sequence[Backbone]) -> list[Pretraining]:
    """Each pretrained layer for which the same layer of the same model has random weights too."""
    random = {
        (backbone.model, result.probe.layer): result.accuracy
        for backbone in backbones
        if backbone.random
        for result in backbone.results
    }
    return [
        Pretraining(*key, result.accuracy, random[key], result.accuracy - random[key])
        for backbone in backbones
        if not backbone.random
        for result in backbone.results
        if (key := (backbone.model, result.probe.layer)) in random
    ]


@dataclass(frozen=True)
class Head:
    """A softmax layer, beside the SVM on the same features."""

    result: Result
    difference: float


@dataclass(frozen=True)
class Heads:
    """Question 10: the softmax layer leads the SVM at `leads` layers; `gain` is the mean difference."""

    each: list[Head]
    leads: int
    gain: float
    seconds: float
    svm_seconds: float


def heads(results: Sequence[Result]) -> Heads | None:
    """The softmax layers against the SVMs, with median times; None if there is no softmax layer."""
    both = [(result, result.softmax) for result in results if result.softmax]
    if not both:
        return None
    differences = [softmax.accuracy - result.accuracy for result, softmax in both]
    each = [Head(result, gain) for (result, _), gain in zip(both, differences, strict=True)]
    return Heads(
        each,
        sum(difference > 0 for difference in differences),
        mean(differences),
        median(softmax.seconds for _, softmax in both),
        median(result.svm_seconds for result, _ in both),
    )


@dataclass(frozen=True)
class Prices:
    """Question 11: ranges are (least, most), `peaks` in GiB, `gains` of the tuned C in points."""

    smallest: Result
    quickest: Result
    tuned: Result
    gains: tuple[float, float]
    protocol_seconds: tuple[float, float]
    peaks: dict[str, float]


def prices(results: Sequence[Result], ranking: Ranking) -> Prices:
    """The cheapest of the best layers, the effect of C, and what everything takes."""
    layers = single_layers(results)
    alike = {result.probe for result in [ranking.best, *ranking.alike]}
    good = [layer for layer in layers if layer.probe in alike]
    protocol = [result.all_seconds for result in results]
    changes = gains(results)
    return Prices(
        smallest=min(good, key=lambda result: result.feature_dim),
        quickest=min(good, key=lambda result: result.svm_seconds),
        tuned=sorted(layers, key=lambda result: result.tuned_accuracy)[-1],
        gains=(min(changes), max(changes)),
        protocol_seconds=(min(protocol), max(protocol)),
        peaks=peaks(results),
    )


def gains(results: Sequence[Result]) -> list[float]:
    """The change of each accuracy with the tuned C, in points, to a tenth."""
    # Adding 0 turns -0.0 into 0.0.
    return [round(100 * (result.tuned_accuracy - result.accuracy), 1) + 0.0 for result in results]


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
    y, train = index.y, index.train
    return Duplicates(
        exact=sum(pair.exact for pair in pairs),
        near=sum(not pair.exact for pair in pairs),
        labels=sum(bool(y[pair.a] != y[pair.b]) for pair in pairs),
        across=sum(bool(train[pair.a] != train[pair.b]) for pair in pairs),
        seen=int(duplicates.seen_in_training(pairs, train).sum()),
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
        key=lambda result: result.accuracy,
    )


@dataclass(frozen=True)
class Dimensions:
    """Question 14: the accuracy of a layer, on `enough` components, the `best` number, and on all."""

    probe: Probe
    accuracy: float
    enough: Component
    best: Component
    all: Component


def dimensions(
    curves: Mapping[Probe, Sequence[Component]], results: Sequence[Result]
) -> list[Dimensions]:
    """Each layer that was tried on its principal components."""
    accuracy = {result.probe: result.accuracy for result in results}
    return [
        Dimensions(probe, accuracy[probe], enough(points), best_of(points), points[-1])
        for probe, points in curves.items()
    ]


def best_of(points: Sequence[Component]) -> Component:
    """The number of components with the highest accuracy; the smallest of several."""
    return max(points, key=lambda point: point.accuracy)


def enough(points: Sequence[Component]) -> Component:
    """The fewest components within a point of the highest accuracy."""
    least = best_of(points).accuracy - 0.01
    return next(point for point in points if point.accuracy >= least)
