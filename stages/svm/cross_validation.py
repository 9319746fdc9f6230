"""The choice of C by cross-validation, on the training rows only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from stages.kernels import fusion
from stages.runtime.errors import StageError
from stages.svm import dual, newton

Solver = Callable[[NDArray[np.float64], NDArray[np.int64], Sequence[float]], list[dual.KernelSVM]]


@dataclass(frozen=True)
class Curve:
    """Accuracy against C: `mean` and `std` over the folds for each C of the ascending `grid`.

    `std` is the sample standard deviation (divided by folds - 1). `gap` is the largest duality gap of
    all fits.
    """

    grid: list[float]
    mean: list[float]
    std: list[float]
    gap: float

    @property
    def best(self) -> float:
        """The C with the highest mean accuracy; the smallest such C if there are several."""
        return self.grid[int(np.argmax(self.mean))]

    @property
    def at_edge(self) -> bool:
        """Whether the best C is the first or the last of the grid: a wider grid may hold a better C."""
        return self.best in (self.grid[0], self.grid[-1])


def cross_validate(
    members: Sequence[NDArray[np.float64]],
    y: NDArray[np.int64],
    *,
    grid: Sequence[float],
    folds: int,
    seed: int,
    solve: Solver = newton.fit_path,
) -> Curve:
    """For each fold and C, train on the other folds and predict the fold.

    Parameters
    ----------
    members : kernels of the training rows, (n_train, n_train); several kernels are fused, each scaled by
        the rows that a fold trains on
    y : classes of the training rows, (n_train,)
    grid : the values of C
    folds, seed : arguments of `split`, whose errors are raised
    solve : `newton.fit_path` or `liblinear.fit_path`
    """
    ascending = sorted(grid)
    tried = [
        _try(members, y, train, test, ascending, solve)
        for train, test in split(y, folds=folds, seed=seed)
    ]
    accuracies = np.array([fold for fold, _ in tried])
    # Rounded, so that the order in which equal fold accuracies are summed does not break a tie.
    mean, std = accuracies.mean(axis=0).round(12), accuracies.std(axis=0, ddof=1)
    return Curve(ascending, mean.tolist(), std.tolist(), max(gap for _, gap in tried))


def split(
    y: NDArray[np.int64], *, folds: int, seed: int
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return positions in y (n_train,) for each fold: those that train and those that are predicted.

    They are those of `StratifiedKFold(folds, shuffle=True, random_state=seed)`.
    Raises `StageError` if a class has fewer training images than there are folds.
    """
    smallest_class = int(np.bincount(y).min())
    if smallest_class < folds:
        raise StageError(
            expected=f"at least {folds} training images of each class, one for each of svm.folds",
            found=f"{smallest_class} of one class",
            cause="svm.folds is larger than the training set allows",
            do="lower svm.folds in params.yaml, or raise splits.train_per_class",
        )
    return list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(y, y))


def _try(
    members: Sequence[NDArray[np.float64]],
    y: NDArray[np.int64],
    train: NDArray[np.int64],
    test: NDArray[np.int64],
    grid: Sequence[float],
    solve: Solver,
) -> tuple[list[float], float]:
    """Return the accuracy of one fold for each C, and the largest duality gap."""
    K = fusion.kernel(members, train)
    svms = solve(K[np.ix_(train, train)], y[train], grid)
    cross = K[np.ix_(test, train)]
    accuracies = [float((svm.decide(cross).argmax(axis=1) == y[test]).mean()) for svm in svms]
    return accuracies, max(svm.gap for svm in svms)
