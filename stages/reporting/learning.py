"""Question 5: the accuracy with fewer and fewer training images."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import numpy as np

from stages.reporting.backbones import Backbone
from stages.reporting.results import Study
from stages.runtime.files import read_csv, read_json
from stages.runtime.probe import Probe


@dataclass(frozen=True)
class Point:
    """Mean and standard deviation over the draws, with `per_class` training images of each class.

    tuned : whether C was tuned; else a class has too few images for it, and C is fixed
    """

    per_class: int
    mean_accuracy: float
    std_accuracy: float
    tuned: bool


@dataclass(frozen=True)
class Learning:
    """The curve of the best layer of each backbone, and which of them is best with all images.

    passed : the best layer with random weights, and the number of training images of each class with
        which the best layer is better than that one with all of them; None if there is no such layer
    """

    curves: dict[Probe, list[Point]]
    best: Probe
    passed: tuple[Probe, int] | None

    @property
    def sizes(self) -> list[int]:
        """The numbers of training images of each class."""
        return [point.per_class for point in self.curves[self.best]]


def read(study: Study) -> dict[Probe, list[Point]]:
    """The curve of each probe that has one of the present parameters."""
    settings = {key: study.params["svm"][key] for key in ("grid", "folds", "seed", "solver")}
    wanted = {**settings, **study.params["learning_curve"], "split_digest": study.split_digest}
    wanted["per_class"] = sorted(wanted["per_class"])
    found = {}
    for probe in map(Probe.parse, study.params["probes"]):
        record = read_json(study.paths.learning_curve(probe, "run.json"))
        if study.asks_for(record, [probe], **wanted):
            lines = read_csv(study.paths.learning_curve(probe, "points.csv"))
            lines.sort(key=lambda line: int(line["per_class"]))
            groups = groupby(lines, key=itemgetter("per_class"))
            found[probe] = [_point(int(size), [*some]) for size, some in groups]
    return found


def learning(curves: Mapping[Probe, list[Point]], backbones: Sequence[Backbone]) -> Learning | None:
    """What the report says of the curves; None if there are none."""
    layers = {one.name: [r.probe for r in one.results if r.probe in curves] for one in backbones}
    best = [_best(curves, some) for some in layers.values() if some]
    if not best:
        return None
    chosen = {probe: curves[probe] for probe in best}
    first = _best(curves, best)
    untrained = [
        probe for probe in best if any(b.random and b.name == probe.backbone for b in backbones)
    ]
    if not untrained:
        return Learning(chosen, first, None)
    control = _best(curves, untrained)
    reached = curves[control][-1].mean_accuracy
    sizes = [point.per_class for point in curves[first] if point.mean_accuracy > reached]
    return Learning(chosen, first, (control, sizes[0]) if sizes and first != control else None)


def _best(curves: Mapping[Probe, list[Point]], probes: Iterable[Probe]) -> Probe:
    """The most accurate of the probes with all images."""
    return max(probes, key=lambda probe: curves[probe][-1].mean_accuracy)


def _point(size: int, lines: Sequence[Mapping[str, str]]) -> Point:
    tuned = all(line["tuned"] for line in lines)
    accuracies = [float(line["tuned" if tuned else "fixed"]) for line in lines]
    return Point(size, float(np.mean(accuracies)), float(np.std(accuracies, ddof=1)), tuned)
