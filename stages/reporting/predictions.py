"""What a probe's files tell beyond one number: classes, confusions, mistakes, accuracy against C."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from stages.runtime.files import read_csv, read_json
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.runtime.provenance import changed


@dataclass(frozen=True)
class Mistake:
    """A test image that was taken for another class; `margin` is by how much (decision values)."""

    row: int
    actual: str
    predicted: str
    margin: float


@dataclass(frozen=True)
class Outcome:
    """A probe's t test images: `rows`, `margin` (t,), `actual` and `predicted` labels."""

    rows: list[int]
    actual: list[str]
    predicted: list[str]
    margin: list[float]

    @property
    def classes(self) -> list[str]:
        """The k labels in alphabetical order."""
        return sorted({*self.actual, *self.predicted})

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether each image is right, (t,)."""
        return np.array(
            [a == p for a, p in zip(self.actual, self.predicted, strict=True)], dtype=np.bool_
        )

    def confusion(self) -> NDArray[np.float64]:
        """Shares (k, k): of the images of each class (line), those called each class (column)."""
        shares: NDArray[np.float64] = confusion_matrix(
            self.actual, self.predicted, labels=self.classes, normalize="true"
        )
        return shares

    def by_class(self) -> dict[str, float]:
        """The share of each class's images that are right."""
        return dict(zip(self.classes, np.diag(self.confusion()).tolist(), strict=True))

    def confused(self, count: int) -> list[tuple[str, str, float]]:
        """The `count` most frequent confusions (actual, predicted, share of the actual class)."""
        shares = self.confusion()
        np.fill_diagonal(shares, 0)
        order = np.argsort(-shares, axis=None, kind="stable")[:count]
        pairs = [np.unravel_index(place, shares.shape) for place in order]
        return [
            (self.classes[i], self.classes[j], float(shares[i, j])) for i, j in pairs if shares[i, j]
        ]

    def mistakes(self) -> list[Mistake]:
        """All mistakes, the most confident first."""
        found = [
            Mistake(row, actual, predicted, margin)
            for row, actual, predicted, margin in zip(
                self.rows, self.actual, self.predicted, self.margin, strict=True
            )
            if actual != predicted
        ]
        return sorted(found, key=lambda mistake: -mistake.margin)


def read(path: Path) -> Outcome:
    """Read a file that `train` wrote."""
    lines = read_csv(path)
    return Outcome(
        rows=[int(line["row"]) for line in lines],
        actual=[line["actual"] for line in lines],
        predicted=[line["predicted"] for line in lines],
        margin=[float(line["margin"]) for line in lines],
    )


def read_trials(path: Path) -> list[float]:
    """The accuracy (fixed C) on each random split, from a file that `train` or `fuse` wrote."""
    return [float(line["accuracy"]) for line in read_csv(path)]


@dataclass(frozen=True)
class Component:
    """One number of principal components: its share of the variance, accuracies, seconds of the SVM."""

    components: int
    variance: float
    accuracy: float
    balanced_accuracy: float
    seconds: float


def read_components(paths: Paths, probe: Probe, wanted: Mapping[str, Any]) -> list[Component]:
    """The curve that `pca` wrote of `probe`; nothing if its settings are not those `wanted`."""
    record, spent = read_json(paths.pca(probe, ".json")), read_json(paths.timings("pca", probe))
    if not record or not spent or changed(record, wanted):
        return []
    return [
        Component(
            components=int(line["components"]),
            variance=float(line["variance"]),
            accuracy=float(line["accuracy"]),
            balanced_accuracy=float(line["balanced_accuracy"]),
            seconds=seconds,
        )
        for line, seconds in zip(read_csv(paths.pca(probe, ".csv")), spent["svm_seconds"], strict=True)
    ]


def read_curve(path: Path) -> list[tuple[float, float]]:
    """C and the mean accuracy over the folds, ascending in C, from a file that `train` wrote."""
    return [(float(line["C"]), float(line["accuracy"])) for line in read_csv(path)]
