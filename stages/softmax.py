"""Train and test a new last layer on one layer's features: the network's own way.

    dvc repro softmax@vgg16/pool5

Softmax regression (scikit-learn's multinomial `LogisticRegression`) on the frozen features, with the
SVM's rows and `svm.normalize` and the fixed `softmax.C`. It is trained on the columns that
kernels/empirical_map.py makes of the kernel: the minimum is the same. Writes
results/softmax/<b>/<layer>.json.
"""

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from stages.dataset import splits
from stages.kernels import empirical_map
from stages.runtime import command, files, timing
from stages.runtime.params import load_params
from stages.runtime.provenance import ORIGIN
from stages.svm.inputs import load, score

# Of the mean loss's gradient. scikit-learn's 1e-4 is met far from the minimum where the classes can be
# separated and the loss all but vanishes: on real layers that moves the accuracy by 1.5 points.
TOLERANCE = 1e-8


def main(probe: str, *, kernel: Path, rows: Path, metrics: Path, timings: Path) -> None:
    """Write the metrics of `probe`."""
    params = load_params()
    protocol, normalize = params["softmax"], params["svm"]["normalize"]
    K, about, images = load(probe, f"softmax@{probe}", kernel=kernel, rows=rows, normalize=normalize)
    train, test, y = images.train, ~images.train, images.y
    compacting, fitting = timing.Stopwatch(), timing.Stopwatch()
    with compacting:
        Z = empirical_map.matrix(K, train)
        Z -= Z[train].mean(axis=0)  # the free bias takes it up: the same minimum, sooner
    with fitting:
        machine, converged = fit(Z[train], y[train], **protocol)
    files.write_json(
        metrics,
        {
            **score(y[test], machine.predict(Z[test])),
            **{key: about[key] for key in ORIGIN},
            **protocol,
            "normalize": normalize,
            "converged": converged,
            "split_digest": splits.digest(train),
            "n_train": int(train.sum()),
            "n_test": int(test.sum()),
        },
    )
    timing.write(timings, compact_seconds=compacting.seconds, fit_seconds=fitting.seconds)


def fit(
    Z: NDArray[np.float64], y: NDArray[np.int64], *, C: float, max_iter: int
) -> tuple[LogisticRegression, bool]:
    """Train on Z (n, r) with the classes y (n,); return the machine and if it is at the minimum."""
    # In Newton's steps, some twenty: lbfgs needs hundreds to get as far on unscaled features.
    machine = LogisticRegression(C=C, max_iter=max_iter, solver="newton-cg", tol=TOLERANCE)
    with warnings.catch_warnings(record=True) as caught:
        # All that scikit-learn says of a fit cut short, be it by max_iter or by a failed line search.
        warnings.simplefilter("always", UserWarning)
        machine.fit(Z, y)
    return machine, not any(issubclass(warning.category, UserWarning) for warning in caught)


if __name__ == "__main__":
    command.run(main)
