"""Train and test a new last layer on one layer's features: the network's own way.

    dvc repro softmax@vgg16/pool5

Softmax regression (scikit-learn's multinomial `LogisticRegression`) on the frozen features, with the
SVM's rows and `svm.normalize` and the fixed `softmax.C`. It is trained on the columns that
kernels/empirical_map.py makes of the kernel: the minimum is the same. Writes
results/softmax/<b>/<layer>.json.
"""

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from stages.dataset import splits
from stages.kernels import empirical_map
from stages.runtime import command, files, timing
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.svm import inputs

# Of the mean loss's gradient. scikit-learn's 1e-4 is met far from the minimum where the classes can be
# separated and the loss all but vanishes: on real layers that moves the accuracy by 1.5 points.
TOLERANCE = 1e-8


def main(probe: Probe, *, paths: Paths) -> None:
    """Write the metrics of `probe`."""
    params = load_params()
    settings, normalize = params["softmax"], params["svm"]["normalize"]
    given = inputs.load(probe, f"softmax@{probe}", paths, normalize=normalize)
    train, y = given.index.train, given.index.y
    mapping, fitting = timing.Stopwatch(), timing.Stopwatch()
    with mapping:
        Z = empirical_map.matrix(given.K, train)
        Z -= Z[train].mean(axis=0)  # the free bias takes it up: the same minimum, sooner
    with fitting:
        model, converged = fit(Z[train], y[train], **settings)
    metrics = {
        **inputs.score(y[~train], model.predict(Z[~train])),
        **given.provenance.record(),
        **settings,
        "normalize": normalize,
        "converged": converged,
        "split_digest": splits.digest(train),
        "n_train": int(train.sum()),
        "n_test": int((~train).sum()),
    }
    files.write_json(paths.softmax(probe), metrics)
    spent = {"map_seconds": mapping.seconds, "fit_seconds": fitting.seconds}
    timing.write(paths.timings("softmax", probe), **spent)


def fit(
    Z: NDArray[np.float64], y: NDArray[np.int64], *, C: float, max_iter: int
) -> tuple[LogisticRegression, bool]:
    """Train on Z (n, r) with the classes y (n,); return the model and whether it is at the minimum."""
    # In Newton's steps, some twenty: lbfgs needs hundreds to get as far on unscaled features.
    model = LogisticRegression(C=C, max_iter=max_iter, solver="newton-cg", tol=TOLERANCE)
    with warnings.catch_warnings(record=True) as caught:
        # All that scikit-learn says of a fit cut short, be it by max_iter or by a failed line search.
        warnings.simplefilter("always", UserWarning)
        model.fit(Z, y)
    return model, not any(issubclass(warning.category, UserWarning) for warning in caught)


if __name__ == "__main__":
    command.run(main)
