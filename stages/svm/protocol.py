"""The evaluation protocol of one kernel: the headline split and random splits, a fixed and a tuned C.

On each split, cross-validation on the training rows tunes C. Two SVMs are trained on all training rows,
one with the tuned C and one with the fixed C. Both predict all rows; no test row is used for training.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, cpu_count, delayed
from numpy.typing import NDArray
from tqdm import tqdm

from stages.dataset.index import Index
from stages.kernels import fusion
from stages.runtime import timing
from stages.runtime.limits import one_blas_thread
from stages.svm import cross_validation, liblinear, newton
from stages.svm.dual import KernelSVM

SOLVERS: dict[str, cross_validation.Solver] = {
    "newton": newton.fit_path,
    "liblinear": liblinear.fit_path,
}
# With fewer training rows, starting a worker process takes longer than its work.
_WORTH_A_PROCESS = 400


@dataclass(frozen=True)
class SplitResult:
    """One split: decision values (n, k) of all rows with the `fixed` and with the `tuned` C.

    `train` (n,) masks the training rows, and `curve` is the cross-validation on them. `converged` is
    True if the solver reached both minima. `gap` is the largest duality gap of all fits. `peak_bytes` is
    the peak memory of the process, in bytes.
    """

    train: NDArray[np.bool_]
    fixed: NDArray[np.float64]
    tuned: NDArray[np.float64]
    curve: cross_validation.Curve
    converged: bool
    gap: float
    peak_bytes: int


@dataclass(frozen=True)
class Evaluation:
    """The SVM of the headline split (fixed C), and the results of the headline and random splits.

    `fit_seconds` is the time to train that SVM and `all_seconds` the time of the protocol.
    `worker_bytes` is the memory of all worker processes together.
    """

    svm: KernelSVM
    headline: SplitResult
    random: list[SplitResult]
    fit_seconds: float
    all_seconds: float
    worker_bytes: int


def run(
    members: Sequence[NDArray[np.float64]],
    index: Index,
    masks: NDArray[np.bool_],
    settings: Mapping[str, Any],
    name: str,
) -> Evaluation:
    """Run the protocol with one process per core and a progress bar called `name`.

    Parameters
    ----------
    members : kernels of all rows, (n, n); several kernels are fused, each scaled by the training rows
    index : the rows and the headline split
    masks : training rows of the s random splits, (s, n)
    settings : the section `svm` of params.yaml

    Raises
    ------
    StageError
        if a class has fewer training images than `folds`, or C is too large for float64.
    """
    y, train, solve = index.y, index.train, SOLVERS[settings["solver"]]
    splits = [train, *masks]
    workers = processes(int(train.sum()), len(splits))
    fitting, everything = timing.Stopwatch(), timing.Stopwatch()
    with everything:
        with fitting:  # timed before the workers start and compete for the cores
            K = fusion.kernel(members, train)[np.ix_(train, train)]
            (svm,) = solve(K, y[train], [settings["C"]])
        fitted = [svm, *[None] * len(masks)]
        jobs = [
            delayed(run_split)(members, y, mask, settings, fixed)
            for mask, fixed in zip(splits, fitted, strict=True)
        ]
        running = Parallel(n_jobs=workers, return_as="generator")(jobs)
        headline, *random = tqdm(running, desc=name, total=len(jobs), unit="split")
    peak = max(result.peak_bytes for result in (headline, *random))
    worker_bytes = workers * peak if workers > 1 else 0
    return Evaluation(svm, headline, random, fitting.seconds, everything.seconds, worker_bytes)


def processes(n_train: int, jobs: int) -> int:
    """The number of processes that make `jobs` fits of `n_train` rows quickest."""
    return min(cpu_count(), jobs) if n_train >= _WORTH_A_PROCESS else 1


def run_split(
    members: Sequence[NDArray[np.float64]],
    y: NDArray[np.int64],
    train: NDArray[np.bool_],
    settings: Mapping[str, Any],
    fixed: KernelSVM | None = None,
) -> SplitResult:
    """Run the protocol on one split; `fixed` is the SVM with the fixed C, if already trained."""
    solve, block = SOLVERS[settings["solver"]], np.ix_(train, train)
    curve = cross_validation.cross_validate(
        [member[block] for member in members],
        y[train],
        grid=settings["grid"],
        folds=settings["folds"],
        seed=settings["seed"],
        solve=solve,
    )
    K = fusion.kernel(members, train)[:, train]
    fixed = fixed or solve(K[train], y[train], [settings["C"]])[0]
    (tuned,) = solve(K[train], y[train], [curve.best])
    with one_blas_thread():
        decisions = fixed.decide(K), tuned.decide(K)
    converged = fixed.converged and tuned.converged
    gap = max(fixed.gap, tuned.gap, curve.gap)
    return SplitResult(train, *decisions, curve, converged, gap, timing.peak_bytes())
