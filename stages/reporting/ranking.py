"""Which layer is best, how sure that is, and which layers cannot be told from it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stages.reporting import significance
from stages.reporting.predictions import Outcome
from stages.reporting.table import PValues, Result, Scores, by_backbone, single_layers
from stages.runtime.probe import Probe


@dataclass(frozen=True)
class Ranking:
    """The best of all layers by one protocol, on the headline split and over the random splits.

    alike, alike_on_average : the layers and fusions that cannot be told from either best
    standard_error : of the best layer's accuracy
    """

    protocol: str
    best: Result
    alike: list[Result]
    best_on_average: Result
    alike_on_average: list[Result]
    standard_error: float

    @property
    def top(self) -> Scores:
        """The scores of the best layer."""
        return scores(self.best, self.protocol)

    @property
    def top_on_average(self) -> Scores:
        """The scores of the best layer over the random splits."""
        return scores(self.best_on_average, self.protocol)


def scores(result: Result, protocol: str) -> Scores:
    """The scores of a result by `protocol`, one of `table.PROTOCOLS`."""
    found: Scores = getattr(result, protocol)
    return found


def ranked(results: Sequence[Result], protocol: str) -> Ranking | None:
    """Rank the layers among `compared` results; None if there is none. A fusion is no layer."""
    first, on_average = best(results, protocol), best_on_average(results, protocol)
    if first is None or on_average is None:
        return None
    return Ranking(
        protocol,
        first,
        _alike(results, first, lambda result: scores(result, protocol).p.mcnemar_best),
        on_average,
        _alike(results, on_average, lambda result: scores(result, protocol).p.resampled_t_best),
        standard_error(scores(first, protocol).accuracy, first.n_test),
    )


def best(results: Sequence[Result], protocol: str = "tuned") -> Result | None:
    """The layer with the highest accuracy on the headline split."""
    layers = single_layers(results)
    return max(layers, key=lambda result: scores(result, protocol).accuracy, default=None)


def best_on_average(results: Sequence[Result], protocol: str = "tuned") -> Result | None:
    """The layer with the highest mean accuracy over the random splits."""
    layers = single_layers(results)
    return max(layers, key=lambda result: scores(result, protocol).mean_accuracy, default=None)


def standard_error(accuracy: float, n_test: int) -> float:
    """Standard deviation of an accuracy p over other draws of t test images: sqrt(p (1 - p) / t)."""
    return float(np.sqrt(accuracy * (1 - accuracy) / n_test))


def without_duplicates(
    results: Sequence[Result],
    outcomes: Mapping[Probe, Outcome],
    seen: NDArray[np.bool_],
    protocol: str,
) -> list[Result]:
    """The results with `distinct_accuracy`; `seen` (n,) is `duplicates.seen_in_training`."""
    found = []
    for result in results:
        outcome = outcomes[result.probe]
        left = ~seen[outcome.rows]
        accuracy = float(outcome.right[left].mean()) if left.any() else None
        changed = _changed(result, protocol, distinct_accuracy=accuracy)
        found.append(replace(changed, n_duplicates=int((~left).sum())))
    return found


def compared(
    results: Sequence[Result],
    outcomes: Mapping[Probe, Outcome],
    splits: Mapping[Probe, Sequence[float]],
    protocol: str,
    sizes: Mapping[str, float],
) -> list[Result]:
    """The results with p-values: each against the best layer of all, and of its backbone.

    The headline split has exact McNemar tests on the same test images, against the layer with the
    highest accuracy. The random splits have corrected resampled t-tests on the same splits, against the
    layer with the highest mean. Holm's correction covers all comparisons with the best of all, and
    separately all comparisons with the best of a backbone.

    Parameters
    ----------
    outcomes : the predictions on the headline split, by `protocol`
    splits : the accuracy on each random split, by `protocol`
    sizes : `splits.mean_sizes` of the random splits
    """
    groups = [some for _, some in by_backbone(single_layers(results))]

    def mcnemar(result: Result, best: Result) -> float:
        return significance.mcnemar(outcomes[result.probe].right, outcomes[best.probe].right)

    def resampled_t(result: Result, best: Result) -> float:
        pairs = zip(splits[result.probe], splits[best.probe], strict=True)
        return significance.resampled_t([a - b for a, b in pairs], **sizes)

    columns = {
        "mcnemar_best": _adjusted([results], best, mcnemar, protocol),
        "mcnemar_backbone": _adjusted(groups, best, mcnemar, protocol),
        "resampled_t_best": _adjusted([results], best_on_average, resampled_t, protocol),
        "resampled_t_backbone": _adjusted(groups, best_on_average, resampled_t, protocol),
    }
    return [
        _changed(
            result, protocol, p=PValues(**{name: p.get(result.probe) for name, p in columns.items()})
        )
        for result in results
    ]


def _changed(result: Result, protocol: str, **changes: object) -> Result:
    changed = replace(scores(result, protocol), **changes)  # type: ignore[arg-type]
    return replace(result, **{protocol: changed})  # type: ignore[arg-type]


def _adjusted(
    groups: Sequence[Sequence[Result]],
    choose: Callable[[Sequence[Result], str], Result | None],
    test: Callable[[Result, Result], float],
    protocol: str,
) -> dict[Probe, float]:
    """The adjusted p-value of each result against the one that is chosen from its group."""
    chosen = [(group, choose(group, protocol)) for group in groups]
    return significance.holm_of(
        {
            result.probe: test(result, best)
            for group, best in chosen
            for result in group
            if best and result is not best
        }
    )


def _alike(results: Sequence[Result], best: Result, p: Callable[[Result], float | None]) -> list[Result]:
    return [one for one in results if one is not best and (p(one) or 0.0) > significance.LEVEL]
