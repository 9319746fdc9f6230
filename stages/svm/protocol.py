"""The evaluation protocol of one kernel: one SVM on the headline split and on each random split.

`Fixed` trains with a given C. `Tuned` (svm/tuning.py) first chooses C by cross-validation on the
training rows. An SVM is trained on all training rows of a split and predicts all rows; no other row is
used for training.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from joblib import Parallel, cpu_count, delayed
from numpy.typing import NDArray
from tqdm import tqdm

from stages.dataset.index import Index, Split
from stages.kernels import fusion
from stages.runtime import timing
from stages.runtime.limits import one_blas_thread
from stages.svm import newton
from stages.svm.dual import KernelSVM

Kernels = Sequence[NDArray[np.float64]]
Solver = Callable[[NDArray[np.float64], NDArray[np.int64], Sequence[float]], list[KernelSVM]]
# With fewer training rows, starting a worker process takes longer than its work.
_WORTH_A_PROCESS = 400


@dataclass(frozen=True)
class Curve:
    """Accuracy against C: `mean` and `std` over the folds for each C of an ascending grid.

    `relative` are the values of the grid, and C = relative * `unit`. `std` is the sample standard
    deviation (divided by folds - 1). `gap` is the largest duality gap of all fits.
    """

    relative: list[float]
    unit: float
    mean: list[float]
    std: list[float]
    gap: float

    @property
    def grid(self) -> list[float]:
        """The values of C."""
        return [value * self.unit for value in self.relative]

    @property
    def best(self) -> int:
        """The place in the grid of the highest mean accuracy; the first of several."""
        return int(np.argmax(self.mean))

    @property
    def C(self) -> float:
        """The best C."""
        return self.grid[self.best]

    @property
    def relative_C(self) -> float:
        """The best C in units of `unit`."""
        return self.relative[self.best]

    @property
    def at_edge(self) -> bool:
        """Whether a wider grid may hold a better C.

        The best C is the first or the last, and the curve is not flat there: the accuracy exceeds that
        of the next C by more than the standard deviation over the folds.
        """
        beside = {0: 1, len(self.mean) - 1: -2}.get(self.best)
        return beside is not None and self.mean[self.best] - self.mean[beside] > self.std[self.best]


@dataclass(frozen=True)
class SplitResult:
    """The SVM of one split, its C, and its decision values (n, k) of all rows.

    `curve` is the cross-validation that chose C, if one did. `fit_seconds` is the time of the fit on all
    training rows, `peak_bytes` the peak memory of the process.
    """

    split: Split
    svm: KernelSVM
    C: float
    decisions: NDArray[np.float64]
    fit_seconds: float
    peak_bytes: int
    curve: Curve | None = None

    @property
    def gap(self) -> float:
        """The largest duality gap of all fits."""
        return max(self.svm.gap, self.curve.gap) if self.curve else self.svm.gap


@dataclass(frozen=True)
class Evaluation:
    """The results of the headline split and of the random splits.

    `all_seconds` is the time of all splits. `worker_bytes` is the memory of all worker processes.
    """

    headline: SplitResult
    random: list[SplitResult]
    all_seconds: float
    worker_bytes: int


class Trainer(Protocol):
    """Trains on one split. PROTOCOL names the results; SETTINGS are the parameters, keys of `svm`."""

    PROTOCOL: ClassVar[str]
    SETTINGS: ClassVar[tuple[str, ...]]

    def __init__(self, **settings: Any) -> None: ...

    def __call__(self, members: Kernels, y: NDArray[np.int64], split: Split) -> SplitResult:
        """Train on the training rows of `split`, of the classes y (n,); see `run` for `members`."""


@dataclass(frozen=True)
class Fixed:
    """Trains with the fixed `C`; `solver` is `newton` or `liblinear`."""

    PROTOCOL: ClassVar[str] = "fixed"
    SETTINGS: ClassVar[tuple[str, ...]] = ("C", "solver")
    C: float
    solver: str

    def __call__(self, members: Kernels, y: NDArray[np.int64], split: Split) -> SplitResult:
        """Train on one split."""
        train, fitting = split.train, timing.Stopwatch()
        with fitting:
            K = fusion.columns(members, train)
            (svm,) = solver(self.solver)(K[train], y[train], [self.C])
        with one_blas_thread():
            decisions = svm.decide(K)
        return SplitResult(split, svm, self.C, decisions, fitting.seconds, timing.peak_bytes())


def run(
    members: Kernels,
    index: Index,
    random: Sequence[Split],
    fit: Trainer,
    name: str,
) -> Evaluation:
    """Train on every split, with one process per core and a progress bar called `name`.

    Parameters
    ----------
    members : kernels of all rows, (n, n); several kernels are fused, each scaled by the training rows
    index : the rows and the headline split
    random : the s random splits
    fit : `Fixed` or `tuning.Tuned`

    Raises
    ------
    StageError
        if a class has fewer training images than there are folds, or C is too large for float64.
    """
    workers, everything = processes(int(index.train.sum()), len(random)), timing.Stopwatch()
    with everything:
        # Timed before the workers start and compete for the cores.
        headline = fit(members, index.y, index.split)
        jobs = [delayed(fit)(members, index.y, split) for split in random]
        running = Parallel(n_jobs=workers, return_as="generator")(jobs)
        results = list(tqdm(running, desc=name, total=len(jobs), unit="split"))
    peak = max(result.peak_bytes for result in results)
    return Evaluation(headline, results, everything.seconds, workers * peak if workers > 1 else 0)


def solver(name: str) -> Solver:
    """The function `fit_path` of the solver called `name`."""
    if name == "newton":
        return newton.fit_path
    from stages.svm import liblinear  # loads scikit-learn, which takes longer than to fit

    return liblinear.fit_path


def processes(n_train: int, jobs: int) -> int:
    """The number of processes that make `jobs` fits of `n_train` rows quickest."""
    return min(cpu_count(), jobs) if n_train >= _WORTH_A_PROCESS else 1
