"""The files of one probe: predicted classes, accuracy on each split, against C, against components."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from stages.runtime.files import read_csv


@dataclass(frozen=True)
class Mistake:
    """A misclassified test image; `margin` is the decision value of the winner less the runner-up's."""

    row: int
    actual: str
    predicted: str
    margin: float


@dataclass(frozen=True)
class Outcome:
    """The predictions for the t test images: `rows`, `actual` and `predicted` labels, `margin`."""

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
        """Whether each image is classified correctly, (t,)."""
        pairs = zip(self.actual, self.predicted, strict=True)
        return np.array([actual == predicted for actual, predicted in pairs], dtype=np.bool_)

    def confusion(self) -> NDArray[np.float64]:
        """Shares (k, k): of the images of each class (line), those called each class (column)."""
        shares: NDArray[np.float64] = confusion_matrix(
            self.actual, self.predicted, labels=self.classes, normalize="true"
        )
        return shares

    def by_class(self) -> dict[str, float]:
        """The accuracy of each class."""
        return dict(zip(self.classes, np.diag(self.confusion()).tolist(), strict=True))

    def hardest(self, count: int) -> list[tuple[str, float]]:
        """The `count` classes with the lowest accuracy, the lowest first."""
        return sorted(self.by_class().items(), key=lambda item: item[1])[:count]

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
        lines = zip(self.rows, self.actual, self.predicted, self.margin, strict=True)
        wrong = [made for made in (Mistake(*line) for line in lines) if made.actual != made.predicted]
        return sorted(wrong, key=lambda mistake: -mistake.margin)


@dataclass(frozen=True)
class Component:
    """The SVM on the first `components`: their share of the variance, the accuracies, the seconds.

    cv_accuracy, cv_deviation : mean and standard deviation over the folds of the training images
    """

    components: int
    variance: float
    accuracy: float
    balanced_accuracy: float
    cv_accuracy: float
    cv_deviation: float
    seconds: float


def read(path: Path) -> Outcome:
    """Read the predictions of one protocol."""
    lines = read_csv(path)
    return Outcome(
        rows=[int(line["row"]) for line in lines],
        actual=[line["actual"] for line in lines],
        predicted=[line["predicted"] for line in lines],
        margin=[float(line["margin"]) for line in lines],
    )


def read_splits(path: Path) -> list[float]:
    """Read the accuracy on each random split by one protocol."""
    return [float(line["accuracy"]) for line in read_csv(path)]


def read_curve(path: Path) -> list[tuple[float, float]]:
    """Read C in the units of the grid and the mean accuracy over the folds, ascending in C."""
    return [(float(line["relative_C"]), float(line["accuracy"])) for line in read_csv(path)]


def read_components(path: Path, seconds: Sequence[float]) -> list[Component]:
    """Read the curve that `pca` wrote; `seconds` has the time of each of its lines."""
    return [
        Component(
            components=int(line.pop("components")),
            **{name: float(value) for name, value in line.items()},
            seconds=spent,
        )
        for line, spent in zip(read_csv(path), seconds, strict=True)
    ]
