"""Train and test a softmax classifier, a network's usual last layer, on the features of one layer.

    dvc repro softmax@vgg16/pool5

Reads the layer's kernel, the index, `softmax` and `svm.normalize`. Trains softmax regression
(scikit-learn's multinomial `LogisticRegression`) with the fixed `softmax.C` on the training rows of the
headline split. The columns of kernels/empirical_map.py replace the features: the minimum is the same.
Writes data/softmax/<b>/<layer>.json.
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

# For the gradient of the mean loss. On separable classes the loss is almost zero, and scikit-learn's
# default of 1e-4 stops far from the minimum: on real layers the accuracy changes by 1.5 points.
TOLERANCE = 1e-8


def main(probe: Probe, *, paths: Paths) -> None:
    """Write the metrics of `probe`."""
    params = load_params()
    settings, normalize = params["softmax"], params["svm"]["normalize"]
    given = inputs.load(probe, f"softmax@{probe}", paths, normalize=normalize)
    train, test, y = given.index.train, given.index.test, given.index.y
    mapping, fitting = timing.Stopwatch(), timing.Stopwatch()
    with mapping:
        Z = empirical_map.matrix(given.K, train)
        Z -= Z[train].mean(axis=0)  # the unpenalised bias absorbs the mean: same minimum, fewer steps
    with fitting:
        model, converged = fit(Z[train], y[train], **settings)
    metrics = {
        **inputs.score(y[test], model.predict(Z[test])),
        **given.provenance.record(),
        **settings,
        "normalize": normalize,
        "converged": converged,
        "split_digest": splits.digest([given.index.split]),
        "n_train": int(train.sum()),
        "n_test": int(test.sum()),
    }
    files.write_json(paths.softmax(probe), metrics)
    seconds = {"map_seconds": mapping.seconds, "fit_seconds": fitting.seconds}
    timing.write(paths.timings("softmax", probe), **seconds)


def fit(
    Z: NDArray[np.float64], y: NDArray[np.int64], *, C: float, max_iter: int
) -> tuple[LogisticRegression, bool]:
    """Train on Z (n, r) with the classes y (n,); return the model and whether it converged."""
    # On unscaled features newton-cg needs about twenty steps where lbfgs needs hundreds.
    model = LogisticRegression(C=C, max_iter=max_iter, solver="newton-cg", tol=TOLERANCE)
    with warnings.catch_warnings(record=True) as caught:
        # scikit-learn warns if max_iter or a failed line search ends the fit before it converges.
        warnings.simplefilter("always", UserWarning)
        model.fit(Z, y)
    return model, not any(issubclass(warning.category, UserWarning) for warning in caught)


if __name__ == "__main__":
    command.run(main)
