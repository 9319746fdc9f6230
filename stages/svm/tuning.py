"""The choice of C by cross-validation, on the training rows only.

The best C depends on the size of the features. But for the bias, features twice as large with a quarter
of C have the same minimum. So the grid is in units of 1 / (mean squared length of the training rows),
which is the mean of their kernel's diagonal. One grid then serves all layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from stages.dataset.index import Split
from stages.kernels import fusion
from stages.runtime.errors import StageError
from stages.svm import newton
from stages.svm.protocol import Curve, Fixed, Kernels, Solver, SplitResult, solver


@dataclass(frozen=True)
class Tuned:
    """Trains with the C of `grid` that cross-validation on the training rows chooses.

    `grid`, `folds` and `seed` are those of `cross_validate`; `solver` is `newton` or `liblinear`.
    """

    PROTOCOL: ClassVar[str] = "tuned"
    SETTINGS: ClassVar[tuple[str, ...]] = ("grid", "folds", "seed", "solver")
    grid: Sequence[float]
    folds: int
    seed: int
    solver: str

    def __call__(self, members: Kernels, y: NDArray[np.int64], split: Split) -> SplitResult:
        """Choose C and train on one split."""
        train = split.train
        curve = cross_validate(
            [member[np.ix_(train, train)] for member in members],
            y[train],
            grid=self.grid,
            folds=self.folds,
            seed=self.seed,
            solve=solver(self.solver),
        )
        return replace(Fixed(curve.C, self.solver)(members, y, split), curve=curve)


def cross_validate(
    members: Kernels,
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
    grid : the values of C, in units of 1 / (mean squared length of the training rows)
    folds, seed : arguments of `split`, whose errors are raised
    solve : `newton.fit_path` or `liblinear.fit_path`
    """
    relative, unit = sorted(grid), 1 / mean_square(members)
    Cs = [value * unit for value in relative]
    tried = [
        _try(members, y, train, test, Cs, solve) for train, test in split(y, folds=folds, seed=seed)
    ]
    accuracies = np.array([fold for fold, _ in tried])
    # Rounded, so that the order in which equal fold accuracies are summed does not break a tie.
    mean, std = accuracies.mean(axis=0).round(12), accuracies.std(axis=0, ddof=1)
    return Curve(relative, unit, mean.tolist(), std.tolist(), max(gap for _, gap in tried))


def mean_square(members: Kernels) -> float:
    """Return the mean squared length of all rows of the (fused) kernels (n, n); 1 if all are zero."""
    every = np.arange(len(members[0]))
    return float(fusion.columns(members, every).diagonal().mean()) or 1.0


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
            do="lower svm.folds in params.yaml, or give each class more training images (splits)",
        )
    return list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(y, y))


def _try(
    members: Kernels,
    y: NDArray[np.int64],
    train: NDArray[np.int64],
    test: NDArray[np.int64],
    Cs: Sequence[float],
    solve: Solver,
) -> tuple[list[float], float]:
    """Return the accuracy of one fold for each C, and the largest duality gap."""
    K = fusion.columns(members, train)
    svms, cross = solve(K[train], y[train], Cs), K[test]
    accuracies = [float((svm.decide(cross).argmax(axis=1) == y[test]).mean()) for svm in svms]
    return accuracies, max(svm.gap for svm in svms)
