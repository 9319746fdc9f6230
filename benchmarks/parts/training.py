"""Training: the whole protocol and one fit, against scikit-learn's `LinearSVC` and `SVC`.

    python -m benchmarks.parts.training

After `dvc repro`: on pool5 and pool4 of VGG16 (of the untrained one where ImageNet's weights could not
be had), the protocol of `train` with 7 values of C in 5 folds on the published split and 10 random ones.
`LinearSVC` gets the raw features in float32, as the course study did, with its default settings. Its
protocol takes hours. It is projected: for each split, 5 times one fold's fit for each C, and twice the
fit on all training rows with the fixed C; none of its fits uses more than one core, so that is divided
by the number of processes that ours may use. A fit that reaches its time limit counts with that limit,
and what is made of it is told as "at least". Six minutes, 6 GiB.
"""

import argparse
import json
import multiprocessing
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from joblib import cpu_count
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import SVC, LinearSVC

from benchmarks.harness.measure import VGG16, Row, in_turn, keep
from stages.dataset import index, splits
from stages.dataset.index import Index
from stages.features.store import Features
from stages.kernels import gram
from stages.runtime.params import load_params
from stages.svm import newton, protocol

GRID, FOLDS, RANDOM = [1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0], 5, 10
# Seconds that LinearSVC gets for a fold and for all training rows: two and a half minutes in all.
LIMITS = {"pool4": (10.0, 40.0)}
SHORT = (3.0, 12.0)
TIMES_FASTER = 30
_FORK = multiprocessing.get_context("fork")  # the features are there already, and not copied


@dataclass(frozen=True)
class Fit:
    """One fit of `LinearSVC`; one that was stopped at its limit has no `machine`."""

    C: float
    rows: int
    seconds: float
    steps: int = 0
    converged: bool | None = None
    machine: LinearSVC | None = field(default=None, repr=False)

    @property
    def about(self) -> dict[str, Any]:
        """All but the machine, which tells only whether it was stopped."""
        told = {name: value for name, value in vars(self).items() if name != "machine"}
        return {**told, "stopped": self.machine is None}


def raw(layer: Features, rows: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The features of some rows in float32, (n_train, d)."""
    return np.concatenate([block[rows].astype(np.float32) for block in layer.blocks()], axis=1)


def limited(X: NDArray[np.float32], y: NDArray[np.int64], C: float, limit: float) -> Fit:
    """`LinearSVC` with its default settings in a process of its own, killed after `limit` seconds."""
    receiver, sender = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=_fit, args=(X, y, C, sender))
    process.start()
    sender.close()  # or the end of a process that failed would not be noticed
    fit = receiver.recv() if receiver.poll(limit) else Fit(C, len(y), limit)
    process.kill()
    process.join()
    return fit


def _fit(X: NDArray[np.float32], y: NDArray[np.int64], C: float, sender: Connection) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        start = time.perf_counter()
        machine = LinearSVC(C=C).fit(X, y)
        seconds = time.perf_counter() - start
    converged = not any(issubclass(warning.category, ConvergenceWarning) for warning in caught)
    sender.send(Fit(C, len(y), seconds, int(machine.n_iter_), converged, machine))


def decide(layer: Features, machine: LinearSVC) -> NDArray[np.float64]:
    """Decision values of all rows, (n, k), a block of columns at a time."""
    decided, start = np.tile(machine.intercept_, (layer.n, 1)), 0
    for block in layer.blocks():
        stop = start + block.shape[1]
        decided += block.astype(np.float64) @ machine.coef_[:, start:stop].T
        start = stop
    return decided


def share(said: NDArray[np.int64], images: Index) -> float:
    """Which share of the published test rows is said to be what it is."""
    return float((said == images.y)[~images.train].mean())


def compare(probe: str) -> tuple[list[Row], list[Fit]]:
    """The rows of one layer, and the fits of `LinearSVC` that they are made of."""
    images, masks = index.read(Path("data/index.csv")), splits.read(Path("data/splits.csv"))[:RANDOM]
    settings = {**load_params()["svm"], "grid": GRID, "folds": FOLDS}
    K, _ = gram.read(Path(f"data/kernels/{probe}.h5"))
    train, y, C = images.train, images.y[images.train], settings["C"]
    K_train = np.ascontiguousarray(K[np.ix_(train, train)])

    print(f"{probe}: the protocol, exactly", flush=True)
    found = protocol.run([K], images, masks, settings, probe)
    one = in_turn(
        5,
        exact=lambda: newton.fit(K_train, y, C=C),
        pairs=lambda: SVC(kernel="precomputed", C=C).fit(K_train, y),
    )
    ours = share(newton.fit(K_train, y, C=C).decide(K[:, train]).argmax(axis=1), images)
    pairs = share(SVC(kernel="precomputed", C=C).fit(K_train, y).predict(K[:, train]), images)

    print(f"{probe}: LinearSVC on the raw features", flush=True)
    layer = Features(Path(f"data/features/{probe}.h5"))
    X = raw(layer, train)
    fold_limit, fit_limit = LIMITS.get(probe.split("/")[1], SHORT)
    whole = limited(X, y, C, fit_limit)
    theirs = "none"
    if whole.machine:
        theirs = f"{share(decide(layer, whole.machine).argmax(axis=1), images):.4f}"
    inside, _ = next(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(X, y))
    X, y_fold = X[inside], y[inside]
    folds = [limited(X, y_fold, C, fold_limit) for C in GRID]
    del X

    rows = [
        protocol_row(probe, found, whole, folds),
        Row(
            f"one fit, C = {C:g}, {probe}: LinearSVC, raw features",
            f"{one['exact']}",
            _told(whole),
            whole.seconds / one["exact"].median,
            note=f"accuracy {ours:.4f} against {theirs}; LinearSVC {_end(whole)}; ours starts from the "
            "kernel",
        ),
        Row(
            f"one fit, C = {C:g}, {probe}: SVC(kernel='precomputed')",
            f"{one['exact']}",
            f"{one['pairs']}",
            one["pairs"].median / one["exact"].median,
            note=f"accuracy {ours:.4f} against {pairs:.4f}; another problem: one class against one, "
            "plain hinge",
        ),
    ]
    return rows, [whole, *folds]


def protocol_row(probe: str, found: protocol.Evaluation, whole: Fit, folds: Sequence[Fit]) -> Row:
    """Ours as it was, `LinearSVC`'s as projected."""
    trials, tried = [found.headline, *found.random], [*folds, whole]
    cores = min(cpu_count(), len(trials))
    theirs = len(trials) * (FOLDS * sum(fit.seconds for fit in folds) + 2 * whole.seconds) / cores
    stopped, done = (sum(fit.converged is so for fit in tried) for so in (None, True))
    ratio, wanted = theirs / found.all_seconds, probe.endswith("/pool4")
    kernel = json.loads(Path(f"data/timings/kernel/{probe}.json").read_text())["kernel_seconds"]
    return Row(
        f"full protocol, {probe}: LinearSVC, raw features",
        f"{found.all_seconds:.3g} s",
        f"{'at least ' if stopped else ''}{theirs:,.0f} s, projected",
        ratio,
        f"at least {TIMES_FASTER} times faster" if wanted else "",
        ratio >= TIMES_FASTER if wanted else None,
        f"{len(trials)} splits x ({len(GRID)} C x {FOLDS} folds + 2) fits on {cores} cores; all of ours "
        f"converged: {_yes(all(trial.converged for trial in trials))}; "
        f"{theirs / (found.all_seconds + kernel):.3g} times with the kernel's {kernel:.0f} s; "
        f"LinearSVC's projected from {len(tried)} fits: {done} converged, {stopped} were stopped after "
        f"{max(fit.seconds for fit in folds):.0f} s (all rows: {whole.seconds:.0f} s)",
    )


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "NO"


def _told(fit: Fit) -> str:
    return f"at least {fit.seconds:.3g} s" if fit.machine is None else f"{fit.seconds:.3g} s"


def _end(fit: Fit) -> str:
    if fit.machine is None:
        return f"was stopped after {fit.seconds:g} s"
    return f"{'converged' if fit.converged else 'did NOT converge'} in {fit.steps} steps"


def main() -> None:
    """Compare on each layer."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("probes", nargs="*", default=[f"{VGG16}/pool5", f"{VGG16}/pool4"])
    rows, fits = [], {}
    for probe in parser.parse_args().probes:
        lines, done = compare(probe)
        rows += lines
        fits[probe] = [fit.about for fit in done]
    keep("training", "Training", rows, fits=fits)


if __name__ == "__main__":
    main()
