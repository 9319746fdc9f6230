"""Time the whole protocol and one fit against scikit-learn's `LinearSVC` and `SVC`.

    python -m benchmarks.parts.training

Runs after `dvc repro`, for six minutes and with 6 GiB: on pool5 and pool4 of VGG16 (the untrained
network where ImageNet's weights are not available), the protocol of `tune` with 7 values of C in 5
folds, on the headline split and 10 random ones. `LinearSVC` gets the raw features in float32 and
its default settings, as in the course study. Its protocol takes hours, so the benchmark projects
it: for each split, 5 times the fit of one fold for each C, and the fit on all training rows with the
fixed C. `LinearSVC` uses one core, so the sum is divided by the number of processes that
ours may use. A fit that reaches its time limit counts with that limit, and the projection then
reads "at least".
"""

import argparse
import multiprocessing
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from joblib import cpu_count
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import SVC, LinearSVC

from benchmarks.harness.measure import VGG16, Row, Times, in_turn, keep
from stages.dataset import index, splits
from stages.dataset.index import Index
from stages.features.store import Features
from stages.kernels import gram
from stages.runtime import files
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.svm import newton, protocol
from stages.svm.tuning import Tuned

GRID, FOLDS, RANDOM = [1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0], 5, 10
# Seconds that LinearSVC gets for a fold, and for all training rows; two and a half minutes in total.
LIMITS = {"pool4": (10.0, 40.0)}
SHORT = (3.0, 12.0)
TIMES_FASTER = 30
_FORK = multiprocessing.get_context("fork")  # a forked process shares the features without a copy


@dataclass(frozen=True)
class Fit:
    """One fit of `LinearSVC`; a fit that was stopped at its limit has no `svm`."""

    C: float
    rows: int
    seconds: float
    steps: int = 0
    converged: bool | None = None
    svm: LinearSVC | None = field(default=None, repr=False)

    @property
    def about(self) -> dict[str, Any]:
        """All fields but the SVM, and whether the fit was stopped."""
        told = {name: value for name, value in vars(self).items() if name != "svm"}
        return {**told, "stopped": self.svm is None}


def raw(layer: Features, rows: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The features of some rows in float32, (n_train, d)."""
    return np.concatenate([block[rows].astype(np.float32) for block in layer.blocks()], axis=1)


def limited(X: NDArray[np.float32], y: NDArray[np.int64], C: float, limit: float) -> Fit:
    """`LinearSVC` with its default settings in a process of its own, killed after `limit` seconds."""
    receiver, sender = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=_fit, args=(X, y, C, sender))
    process.start()
    sender.close()  # otherwise `poll` would not notice the end of a process that failed
    fit = receiver.recv() if receiver.poll(limit) else Fit(C, len(y), limit)
    process.kill()
    process.join()
    return fit


def _fit(X: NDArray[np.float32], y: NDArray[np.int64], C: float, sender: Connection) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        start = time.perf_counter()
        svm = LinearSVC(C=C).fit(X, y)
        seconds = time.perf_counter() - start
    converged = not any(issubclass(warning.category, ConvergenceWarning) for warning in caught)
    sender.send(Fit(C, len(y), seconds, int(svm.n_iter_), converged, svm))


def decide(layer: Features, svm: LinearSVC) -> NDArray[np.float64]:
    """Decision values of all rows, (n, k), a block of columns at a time."""
    decided, start = np.tile(svm.intercept_, (layer.n, 1)), 0
    for block in layer.blocks():
        stop = start + block.shape[1]
        decided += block.astype(np.float64) @ svm.coef_[:, start:stop].T
        start = stop
    return decided


def accuracy(predicted: NDArray[np.int64], images: Index) -> float:
    """The share of the headline test rows that are classified correctly."""
    return float((predicted == images.y)[images.test].mean())


def compare(probe: Probe) -> tuple[list[Row], list[Fit]]:
    """The rows of one layer, and the fits of `LinearSVC` behind them."""
    paths = Paths()
    images, random = index.read(paths.index), splits.read(paths.random_splits)[:RANDOM]
    settings = load_params()["svm"]
    fit = Tuned(GRID, FOLDS, settings["seed"], settings["solver"])
    K, _ = gram.read(paths.kernel(probe), probe)
    print(f"{probe}: the protocol, exactly", flush=True)
    evaluation = protocol.run([K], images, random, fit, str(probe))
    one, ours, pairs = exact_fits(K, images, settings["C"])
    print(f"{probe}: LinearSVC on the raw features", flush=True)
    whole, folds, theirs = raw_fits(probe, images, settings["C"])
    what = f"one fit, C = {settings['C']:g}, {probe}"
    exact = one["exact"]
    rows = [
        protocol_row(probe, evaluation, whole, folds),
        Row(
            f"{what}: LinearSVC, raw features",
            f"{exact}",
            _told(whole),
            whole.seconds / exact.median,
            note=f"accuracy {ours:.4f} against {theirs}; LinearSVC {_end(whole)}; ours starts from the "
            "kernel",
        ),
        Row(
            f"{what}: SVC(kernel='precomputed')",
            f"{exact}",
            f"{one['pairs']}",
            one["pairs"].median / exact.median,
            note=f"accuracy {ours:.4f} against {pairs:.4f}; another problem: one class against one, "
            "plain hinge",
        ),
    ]
    return rows, [whole, *folds]


def exact_fits(K: NDArray[np.float64], images: Index, C: float) -> tuple[dict[str, Times], float, float]:
    """Times of one fit, ours (`exact`) and of `SVC` (`pairs`), and the accuracy of each."""
    train, y = images.train, images.y[images.train]
    K_train = np.ascontiguousarray(K[np.ix_(train, train)])
    times = in_turn(
        5,
        exact=lambda: newton.fit(K_train, y, C=C),
        pairs=lambda: SVC(kernel="precomputed", C=C).fit(K_train, y),
    )
    ours = newton.fit(K_train, y, C=C).decide(K[:, train]).argmax(axis=1)
    pairs = SVC(kernel="precomputed", C=C).fit(K_train, y).predict(K[:, train])
    return times, accuracy(ours, images), accuracy(pairs, images)


def raw_fits(probe: Probe, images: Index, C: float) -> tuple[Fit, list[Fit], str]:
    """`LinearSVC` on all training rows and on one fold for each C of GRID; accuracy of the first."""
    layer = Features(Paths().features(probe))
    train, y = images.train, images.y[images.train]
    X = raw(layer, train)
    fold_limit, fit_limit = LIMITS.get(probe.layer, SHORT)
    whole = limited(X, y, C, fit_limit)
    theirs = "none"
    if whole.svm:
        theirs = f"{accuracy(decide(layer, whole.svm).argmax(axis=1), images):.4f}"
    inside, _ = next(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(X, y))
    X, y_fold = X[inside], y[inside]
    return whole, [limited(X, y_fold, C, fold_limit) for C in GRID], theirs


def protocol_row(probe: Probe, evaluation: protocol.Evaluation, whole: Fit, folds: Sequence[Fit]) -> Row:
    """Our protocol as measured, that of `LinearSVC` as projected."""
    results, tried = [evaluation.headline, *evaluation.random], [*folds, whole]
    cores = min(cpu_count(), len(results))
    theirs = len(results) * (FOLDS * sum(fit.seconds for fit in folds) + whole.seconds) / cores
    stopped, done = (sum(fit.converged is so for fit in tried) for so in (None, True))
    ratio, wanted = theirs / evaluation.all_seconds, probe.layer == "pool4"
    kernel = files.read_json(Paths().timings("gram", probe))["kernel_seconds"]
    return Row(
        f"full protocol, {probe}: LinearSVC, raw features",
        f"{evaluation.all_seconds:.3g} s",
        f"{'at least ' if stopped else ''}{theirs:,.0f} s, projected",
        ratio,
        f"at least {TIMES_FASTER} times faster" if wanted else "",
        ratio >= TIMES_FASTER if wanted else None,
        f"{len(results)} splits x ({len(GRID)} C x {FOLDS} folds + 1) fits on {cores} cores; "
        f"all of ours converged: {_yes(all(result.svm.converged for result in results))}; "
        f"{theirs / (evaluation.all_seconds + kernel):.3g} times with the kernel's {kernel:.0f} s; "
        f"LinearSVC's projected from {len(tried)} fits: {done} converged, {stopped} were stopped after "
        f"{max(fit.seconds for fit in folds):.0f} s (all rows: {whole.seconds:.0f} s)",
    )


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "NO"


def _told(fit: Fit) -> str:
    return f"at least {fit.seconds:.3g} s" if fit.svm is None else f"{fit.seconds:.3g} s"


def _end(fit: Fit) -> str:
    if fit.svm is None:
        return f"was stopped after {fit.seconds:g} s"
    return f"{'converged' if fit.converged else 'did NOT converge'} in {fit.steps} steps"


def main() -> None:
    """Compare on each layer and keep the rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("probes", nargs="*", default=[f"{VGG16}/pool5", f"{VGG16}/pool4"])
    rows, fits = [], {}
    for probe in parser.parse_args().probes:
        lines, done = compare(Probe.parse(probe))
        rows += lines
        fits[probe] = [fit.about for fit in done]
    keep("training", "Training", rows, fits=fits)


if __name__ == "__main__":
    main()
