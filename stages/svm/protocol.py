"""The whole protocol for one kernel: the headline split and the random ones, a fixed C and a tuned one.

On each split C is tuned by cross-validation inside its training rows, the SVM is trained on all of them
with that C and with the fixed one, and both predict all rows. No test row has a part in any of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, cpu_count, delayed
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from stages.dataset.index import Index
from stages.kernels import fusion
from stages.runtime import timing
from stages.svm import cross_validation, dual, liblinear, newton

SOLVERS: dict[str, cross_validation.Solver] = {"newton": newton.path, "liblinear": liblinear.path}
# Training rows from which processes of their own repay their start.
_WORTH_A_PROCESS = 400


@dataclass(frozen=True)
class Trial:
    """One split: decision values (n, k) of all rows with the `fixed` and with the `tuned` C.

    `train` (n,) masks its training rows, `curve` is the cross-validation inside them, `converged` is
    whether the solver came to the minimum with both, `peak_bytes` the memory of the process.
    """

    train: NDArray[np.bool_]
    fixed: NDArray[np.float64]
    tuned: NDArray[np.float64]
    curve: cross_validation.Curve
    converged: bool
    peak_bytes: int


@dataclass(frozen=True)
class Evaluation:
    """The headline's machine (fixed C) and trial, and the trials of the random splits.

    `fit_seconds` is what that machine took, alone; `all_seconds` the whole protocol; `beside_bytes` the
    memory of the processes beside this one, together.
    """

    machine: dual.Machine
    headline: Trial
    random: list[Trial]
    fit_seconds: float
    all_seconds: float
    beside_bytes: int


def run(
    members: Sequence[NDArray[np.float64]],
    images: Index,
    masks: NDArray[np.bool_],
    settings: Mapping[str, Any],
    name: str,
) -> Evaluation:
    """Go through the protocol on all cores, a process for each, with a progress bar called `name`.

    Parameters
    ----------
    members : kernels of all rows, (n, n); of several their fusion is taken, scaled by the training rows
    images : the index, with the headline split
    masks : the training rows of the random splits, (s, n)
    settings : the section `svm` of the parameters

    Raises
    ------
    StageError
        if a class has fewer training images than there are folds, or C is too large for float64.
    """
    y, splits, solve = images.y, [images.train, *masks], SOLVERS[settings["solver"]]
    workers = min(cpu_count(), len(splits)) if images.train.sum() >= _WORTH_A_PROCESS else 1
    fitting, everything = timing.Stopwatch(), timing.Stopwatch()
    with everything:
        with fitting:  # before the others start, who would slow it down
            K = fusion.kernel(members, images.train)[np.ix_(images.train, images.train)]
            (machine,) = solve(K, y[images.train], [settings["C"]])
        first = [machine, *[None] * len(masks)]
        jobs = [
            delayed(trial)(members, y, train, settings, fixed)
            for train, fixed in zip(splits, first, strict=True)
        ]
        running = Parallel(n_jobs=workers, return_as="generator")(jobs)
        trials = list(tqdm(running, desc=name, total=len(jobs), unit="split"))
    beside = workers * max(trial.peak_bytes for trial in trials) if workers > 1 else 0
    return Evaluation(machine, trials[0], trials[1:], fitting.seconds, everything.seconds, beside)


def trial(
    members: Sequence[NDArray[np.float64]],
    y: NDArray[np.int64],
    train: NDArray[np.bool_],
    settings: Mapping[str, Any],
    fixed: dual.Machine | None = None,
) -> Trial:
    """Go through the protocol on one split; `fixed` is its machine with the fixed C if there is one."""
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
    with threadpool_limits(1, user_api="blas"):  # the last bit does not depend on the number of cores
        decided = fixed.decide(K), tuned.decide(K)
    return Trial(train, *decided, curve, fixed.converged and tuned.converged, timing.peak_bytes())
