"""Train and test the SVM of one layer on its first principal components.

    dvc repro pca@efficientnet_lite0/avgpool

Reads the layer's kernel, the index, `pca` and `svm`; finds the principal components of the training rows
(kernels/pca.py: exactly, from the kernel) and, for each number of them in `pca.components`, trains the
SVM with the fixed `svm.C` on that many. Writes results/pca/<b>/<layer>.csv: components, variance (the
share of the training rows' variance that they hold), accuracy and balanced accuracy on the test rows. A
number above that of all components there are is replaced by it. The times go to data/timings/reduce/.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.dataset import splits
from stages.dataset.index import Index
from stages.kernels import pca
from stages.runtime import command, files, timing
from stages.runtime.params import load_params
from stages.runtime.provenance import ORIGIN
from stages.svm import newton
from stages.svm.inputs import load, score


@dataclass(frozen=True)
class Point:
    """What the first `components` are worth, and what the SVM costs on them."""

    components: int
    scores: dict[str, float]
    seconds: float
    converged: bool


def main(probe: str, *, kernel: Path, rows: Path, curve: Path, timings: Path) -> None:
    """Write the curve of `probe`, and its times."""
    params = load_params()
    C, normalize = params["svm"]["C"], params["svm"]["normalize"]
    K, about, images = load(probe, f"pca@{probe}", kernel=kernel, rows=rows, normalize=normalize)
    reducing = timing.Stopwatch()
    with reducing:
        Z, ratio = pca.scores(K, images.train)
    points = [measure(Z[:, :p], images, C) for p in counts(params["pca"]["components"], len(ratio))]
    write_curve(curve, points, ratio)
    timing.write(
        timings,
        **{key: about[key] for key in ORIGIN},
        C=C,
        normalize=normalize,
        split_digest=splits.digest(images.train),
        pca_seconds=reducing.seconds,
        components=[point.components for point in points],
        svm_seconds=[point.seconds for point in points],
        svm_converged=[point.converged for point in points],
    )


def counts(wanted: Iterable[int], r: int) -> list[int]:
    """The numbers wanted, ascending; r, all there are, once in place of those above it."""
    return sorted({min(p, r) for p in wanted})


def measure(Z: NDArray[np.float64], images: Index, C: float) -> Point:
    """Train on the training rows of Z (n, p) and score on the others."""
    train, y = images.train, images.y
    Z_train = np.ascontiguousarray(Z[train])
    fitting = timing.Stopwatch()
    with fitting:
        machine = newton.fit(Z_train @ Z_train.T, y[train], C=C)
    said = machine.decide(Z[~train] @ Z_train.T).argmax(axis=1)
    return Point(Z.shape[1], score(y[~train], said), fitting.seconds, machine.converged)


def write_curve(path: Path, points: Iterable[Point], ratio: NDArray[np.float64]) -> None:
    """One csv line per point; `ratio` (r,) has each component's share of the variance."""
    held = ratio.cumsum()
    lines = ((p.components, held[p.components - 1], *p.scores.values()) for p in points)
    files.write_csv(
        path,
        ["components", "variance", "accuracy", "balanced_accuracy"],
        ([number, *(f"{share:.6g}" for share in shares)] for number, *shares in lines),
    )


if __name__ == "__main__":
    command.run(main)
