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
    """Accuracy against C: its `mean` and `std` over the folds for each C of the ascending `grid`."""

    grid: list[float]
    mean: list[float]
    std: list[float]

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
    folds, seed : arguments of `StratifiedKFold(folds, shuffle=True, random_state=seed)`
    solve : `newton.fit_path` or `liblinear.fit_path`

    Raises
    ------
    StageError
        if a class has fewer training images than there are folds.
    """
    smallest_class = int(np.bincount(y).min())
    if smallest_class < folds:
        raise StageError(
            expected=f"at least {folds} training images of each class, one for each of svm.folds",
            found=f"{smallest_class} of one class",
            cause="svm.folds is larger than the training set allows",
            do="lower svm.folds in params.yaml, or raise splits.train_per_class",
        )
    ascending = sorted(grid)
    splits = StratifiedKFold(folds, shuffle=True, random_state=seed).split(members[0], y)
    accuracies = np.array(
        [_accuracies(members, y, train, test, ascending, solve) for train, test in splits]
    )
    # Rounded, so that the order in which equal fold accuracies are summed does not break a tie.
    mean, std = accuracies.mean(axis=0).round(12), accuracies.std(axis=0)
    return Curve(ascending, mean.tolist(), std.tolist())


def _accuracies(
    members: Sequence[NDArray[np.float64]],
    y: NDArray[np.int64],
    train: NDArray[np.int64],
    test: NDArray[np.int64],
    grid: Sequence[float],
    solve: Solver,
) -> list[float]:
    K = fusion.kernel(members, train)
    svms = solve(K[np.ix_(train, train)], y[train], grid)
    cross = K[np.ix_(test, train)]
    return [float((svm.decide(cross).argmax(axis=1) == y[test]).mean()) for svm in svms]
