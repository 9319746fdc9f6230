"""Which layer is best, how sure that is, and which layers cannot be told from it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stages.reporting import significance
from stages.reporting.predictions import Outcome
from stages.reporting.table import Distinct, PValues, Result, by_backbone, single_layers
from stages.runtime.probe import Probe


@dataclass(frozen=True)
class Ranking:
    """The best of all layers, on the headline split and on average over the random splits.

    alike, alike_on_average : the other layers that cannot be told from either best
    others : the number of all other layers
    standard_error : of the best layer's accuracy
    """

    best: Result
    alike: list[Result]
    best_on_average: Result
    alike_on_average: list[Result]
    others: int
    standard_error: float


def ranked(results: Sequence[Result]) -> Ranking | None:
    """Rank the layers among `compared` results; None if there is none. A fusion is no layer."""
    layers = single_layers(results)
    first, on_average = best(layers), best_on_average(layers)
    if first is None or on_average is None:
        return None
    return Ranking(
        first,
        _alike(layers, first, lambda result: result.p.mcnemar_best),
        on_average,
        _alike(layers, on_average, lambda result: result.p.resampled_t_best),
        len(layers) - 1,
        standard_error(first),
    )


def best(results: Sequence[Result]) -> Result | None:
    """The layer with the highest accuracy on the headline split."""
    return max(single_layers(results), key=lambda result: result.accuracy, default=None)


def best_on_average(results: Sequence[Result]) -> Result | None:
    """The layer with the highest mean accuracy over the random splits."""
    return max(single_layers(results), key=lambda result: result.mean_accuracy, default=None)


def standard_error(result: Result) -> float:
    """Standard deviation of the accuracy over other draws of test images: sqrt(p (1 - p) / t)."""
    return float(np.sqrt(result.accuracy * (1 - result.accuracy) / result.n_test))


def without_duplicates(
    results: Sequence[Result], outcomes: Mapping[Probe, Outcome], seen: NDArray[np.bool_]
) -> list[Result]:
    """The results with `distinct`; `seen` (n,) is `duplicates.seen_in_training`."""
    found = []
    for result in results:
        outcome = outcomes[result.probe]
        left = ~seen[outcome.rows]
        accuracy = float(outcome.right[left].mean()) if left.any() else None
        found.append(replace(result, distinct=Distinct(accuracy, int((~left).sum()))))
    return found


def compared(
    results: Sequence[Result],
    outcomes: Mapping[Probe, Outcome],
    splits: Mapping[Probe, Sequence[float]],
) -> list[Result]:
    """The results with p-values: each against the best layer of all, and of its backbone.

    The headline split has exact McNemar tests on the same test images, against the layer with the
    highest accuracy. The random splits have corrected resampled t-tests on the same splits, against the
    layer with the highest mean. Holm's correction covers all comparisons with the best of all, and
    separately all comparisons with the best of a backbone.

    Parameters
    ----------
    outcomes : the predictions on the headline split
    splits : the accuracy on each random split
    """
    groups = [some for _, some in by_backbone(single_layers(results))]

    def mcnemar(result: Result, best: Result) -> float:
        return significance.mcnemar(outcomes[result.probe].right, outcomes[best.probe].right)

    def resampled_t(result: Result, best: Result) -> float:
        pairs = zip(splits[result.probe], splits[best.probe], strict=True)
        sizes = {"n_train": result.n_train, "n_test": result.n_test}
        return significance.resampled_t([a - b for a, b in pairs], **sizes)

    columns = {
        "mcnemar_best": _adjusted([results], best, mcnemar),
        "mcnemar_backbone": _adjusted(groups, best, mcnemar),
        "resampled_t_best": _adjusted([results], best_on_average, resampled_t),
        "resampled_t_backbone": _adjusted(groups, best_on_average, resampled_t),
    }
    return [
        replace(result, p=PValues(**{name: p.get(result.probe) for name, p in columns.items()}))
        for result in results
    ]


def _adjusted(
    groups: Sequence[Sequence[Result]],
    choose: Callable[[Sequence[Result]], Result | None],
    test: Callable[[Result, Result], float],
) -> dict[Probe, float]:
    """The adjusted p-value of each result against the one that is chosen from its group."""
    chosen = [(group, choose(group)) for group in groups]
    found = {
        result.probe: test(result, best)
        for group, best in chosen
        for result in group
        if best and result is not best
    }
    return dict(zip(found, significance.holm(list(found.values())), strict=True))


def _alike(layers: Sequence[Result], best: Result, p: Callable[[Result], float | None]) -> list[Result]:
    return [layer for layer in layers if layer is not best and (p(layer) or 0.0) > significance.LEVEL]
