"""Learning curves: test accuracy against the number of training images per class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.dataset.index import Split
from stages.runtime.errors import StageError
from stages.svm import protocol, tuning
from stages.svm.inputs import score


@dataclass(frozen=True)
class Point:
    """Accuracies with `per_class` training images of each class.

    fixed : with a fixed C, in units of 1 / (mean squared length of the training rows)
    tuned : with the C that cross-validation chooses; None if a class has fewer images than folds
    """

    per_class: int
    fixed: float
    tuned: float | None


def nested(split: Split, y: NDArray[np.int64], sizes: Sequence[int], seed: Sequence[int]) -> list[Split]:
    """Draw from the training rows of `split` that many of each class; they keep its test rows.

    The rows of a smaller size are among those of a larger one.

    Parameters
    ----------
    split : the rows, (n,)
    y : classes, (n,)
    sizes : numbers of training rows per class
    seed : for `numpy.random.default_rng`

    Raises
    ------
    StageError
        if a class has fewer training rows than the largest size.
    """
    counts = np.bincount(y[split.train], minlength=int(y.max()) + 1)
    if counts.min() < max(sizes):
        raise StageError(
            expected="every number of learning_curve.per_class to be at most "
            f"{counts.min()}, the training images of the smallest class",
            found=str(max(sizes)),
            cause="a class with few training images",
            do="lower it in params.yaml, or raise splits.train_per_class",
        )
    order = np.random.default_rng(seed).permutation(np.flatnonzero(split.train))
    place = np.empty(len(y), dtype=np.int64)  # of a row among the drawn rows of its class
    for label in np.unique(y):
        rows = order[y[order] == label]
        place[rows] = np.arange(len(rows))
    return [Split(split.train & (place < size), split.test) for size in sizes]


def curve(
    K: NDArray[np.float64],
    y: NDArray[np.int64],
    split: Split,
    sizes: Sequence[int],
    *,
    seed: Sequence[int],
    relative_C: float,
    tuned: tuning.Tuned,
    whole: float,
) -> list[Point]:
    """Return a point for each of the `sizes`.

    Parameters
    ----------
    K : kernel of all rows, (n, n)
    y, split, sizes, seed : see `nested`
    relative_C : the fixed C
    tuned : chooses C
    whole : the accuracy of `tuned` with all training rows of `split`, which is known
    """

    def accuracy(fit: protocol.Trainer, part: Split) -> float:
        decisions = fit([K], y, part).decisions[split.test]
        return score(y[split.test], decisions.argmax(axis=1))["accuracy"]

    points = []
    for size, part in zip(sizes, nested(split, y, sizes, seed), strict=True):
        unit = 1 / tuning.mean_square([K[np.ix_(part.train, part.train)]])
        fixed = accuracy(protocol.Fixed(relative_C * unit, tuned.solver), part)
        if size < tuned.folds:
            points.append(Point(size, fixed, None))
        elif np.array_equal(part.train, split.train):
            points.append(Point(size, fixed, whole))
        else:
            points.append(Point(size, fixed, accuracy(tuned, part)))
    return points
