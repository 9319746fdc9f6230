"""The values that `dvc plots` draws, as csv files; .dvc/plots/ holds a template for each.

A template draws one file with several series, of one branch or of two. All values are with the tuned C.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from stages.reporting import predictions
from stages.reporting.findings import Findings
from stages.reporting.table import by_backbone, single_layers
from stages.runtime import files
from stages.runtime.paths import Paths

Lines = Iterable[Sequence[Any]]


def write(found: Findings, paths: Paths, kept: Paths) -> None:
    """Write what was `found`, and the random splits of `paths`, to `kept`."""
    plots: dict[str, tuple[list[str], Lines]] = {
        "depth": (["backbone", "layer", "depth", "accuracy", "low", "high"], depth(found)),
        "curves": (["backbone", "layer", "relative_C", "accuracy"], curves(found)),
        "splits": (["probe", "split", "accuracy"], splits(found, paths)),
        "components": (["probe", "components", "accuracy"], components(found)),
        "confusion": (
            ["probe", "rank", "accuracy", "actual", "predicted", "images", "share"],
            confusion(found),
        ),
    }
    for name, (columns, lines) in plots.items():
        files.write_csv(kept.plot(name), columns, lines)


def depth(found: Findings) -> Lines:
    """Accuracy on the headline split against the layer's place; one standard deviation to each side.

    Pooled layers are left out: each stands at the place of another one.
    """
    for _, layers in by_backbone(single_layers(found.results)):
        whole = (result for result in layers if not result.pooled)
        for place, result in enumerate(whole, start=1):
            scores = result.tuned
            ends = (scores.accuracy - scores.std_accuracy, scores.accuracy + scores.std_accuracy)
            yield (*vars(result.probe).values(), place, scores.accuracy, *ends)


def curves(found: Findings) -> Lines:
    """Cross-validated accuracy against C."""
    for probe, curve in found.curves.items():
        yield from ((*vars(probe).values(), *point) for point in curve)


def splits(found: Findings, paths: Paths) -> Lines:
    """Accuracy on each random split."""
    for probe in found.outcomes:
        for split, accuracy in enumerate(predictions.read_splits(paths.splits(probe, "tuned")), 1):
            yield probe, split, accuracy


def components(found: Findings) -> Lines:
    """Accuracy against the number of principal components."""
    for probe, curve in found.components.items():
        yield from ((probe, one.components, one.accuracy) for one in curve)


def confusion(found: Findings) -> Lines:
    """Test images by actual and predicted class, and their share of the actual class.

    Two classes that are never confused have no line. The most accurate probe has rank 1.
    """
    accuracies = {result.probe: result.tuned.accuracy for result in found.results}
    order = sorted(accuracies, key=lambda probe: -accuracies[probe])
    for probe, outcome in found.outcomes.items():
        rank, sizes = order.index(probe) + 1, Counter(outcome.actual)
        pairs = Counter(zip(outcome.actual, outcome.predicted, strict=True))
        for (actual, predicted), images in sorted(pairs.items()):
            share = f"{images / sizes[actual]:.4f}"
            yield probe, rank, accuracies[probe], actual, predicted, images, share
