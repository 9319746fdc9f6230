"""Compare the exact SVM solver with solvers that stop at a tolerance.

    python -m benchmarks.parts.solver

Optional (`make bench-optional`): it studies scikit-learn's solver, and raw features must fit in
memory. Runs after `dvc repro`: trains each probe with the pipeline's solver on its kernel and with
scikit-learn's `LinearSVC` on its raw features. It reports the seconds and the test accuracy of
both, and how far the objective of `LinearSVC`, summed over the classes, lies above the exact
minimum.
"""

import argparse
import time
import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC

from benchmarks.harness.measure import LITE, VGG16, Row, keep
from stages.dataset import index
from stages.features.store import Features
from stages.kernels import gram
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.svm import newton

PROBES = [f"{LITE}/avgpool", f"{LITE}/blocks6", f"{LITE}/blocks4", f"{VGG16}/relu7"]


def objective(w: NDArray[np.float64], b: NDArray[np.float64], f: NDArray[np.float64],
              signs: NDArray[np.float64], C: float) -> float:  # fmt: skip
    """The sum over classes of 1/2 |w|^2 + 1/2 b^2 + C sum max(0, 1 - y f)^2; `w` (k, d), `f` (n, k)."""
    hinge = np.maximum(0, 1 - signs * f)
    return float(0.5 * (w**2).sum() + 0.5 * (b**2).sum() + C * (hinge**2).sum())


def compare(probe: Probe, C: float) -> list[Row]:
    """A row for each tolerance of scikit-learn's solver."""
    paths, images = Paths(), index.read(Paths().index)
    train, test, y = images.train, images.test, images.y
    blocks = Features(paths.features(probe)).blocks()
    X = np.hstack([block.astype(np.float64) for block in blocks])
    K, _ = gram.read(paths.kernel(probe), probe)
    signs = np.where(y[train, None] == np.arange(len(images.classes)), 1.0, -1.0)

    start = time.perf_counter()
    svm = newton.fit(K[np.ix_(train, train)], y[train], C=C)
    seconds = time.perf_counter() - start
    decisions = svm.decide(K[:, train])
    w = svm.alpha.T @ X[train]
    least = objective(w, svm.bias, decisions[train], signs, C)
    accuracy = np.mean(decisions[test].argmax(axis=1) == y[test])
    rows = []
    for tol in (1e-3, 1e-4):  # 1e-4 is scikit-learn's default
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            theirs = LinearSVC(C=C, tol=tol, dual=False).fit(X[train], y[train])
        took = time.perf_counter() - start
        decisions = theirs.decision_function(X)
        above = objective(theirs.coef_, theirs.intercept_, decisions[train], signs, C) / least - 1
        theirs_accuracy = np.mean(decisions[test].argmax(axis=1) == y[test])
        rows.append(
            Row(
                f"{probe}: LinearSVC, tol={tol:g}",
                f"{accuracy:.4f} in {seconds:.2f} s",
                f"{theirs_accuracy:.4f} in {took:.2f} s",
                took / seconds,
                note=f"its objective is {above:.2%} above the minimum",
            )
        )
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("probes", nargs="*", default=PROBES)
    chosen = parser.parse_args().probes
    settled = load_params()["svm"]["C"]
    keep(
        "solver",
        "The exact solver",
        [row for name in chosen for row in compare(Probe.parse(name), settled)],
    )
