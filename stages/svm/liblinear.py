"""scikit-learn's `LinearSVC` as a reference for the exact solver: `svm.solver: liblinear`.

`LinearSVC` takes features and not a kernel. It is trained on the exact feature map of
kernels/empirical_map.py, at most n_train columns, and solves the same problem, up to a tolerance.
"""

import warnings
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC

from stages.kernels import empirical_map
from stages.svm.dual import KernelSVM, dual_objective

MAX_STEPS = 10_000


def fit_path(K: NDArray[np.float64], y: NDArray[np.int64], Cs: Sequence[float]) -> list[KernelSVM]:
    """Fit an SVM for each of the `Cs` with `LinearSVC`, as `newton.fit_path` does.

    Parameters
    ----------
    K : kernel of the training rows, (n_train, n_train)
    y : classes of the training rows, 0 to k - 1, (n_train,)
    Cs : weights of the hinge losses, above 0
    """
    basis = empirical_map.basis(K)
    Z = K @ basis
    return [_fit(Z, basis, y, C) for C in Cs]


def _fit(
    Z: NDArray[np.float64], basis: NDArray[np.float64], y: NDArray[np.int64], C: float
) -> KernelSVM:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        svc = LinearSVC(C=C, dual=False, max_iter=MAX_STEPS).fit(Z, y)
    weights, bias = svc.coef_, svc.intercept_
    if len(weights) == 1:  # for two classes LinearSVC trains one SVM, that of the second
        weights, bias = np.concatenate([-weights, weights]), np.concatenate([-bias, bias])
    # z_i = K_iT basis, so w.z_i = K_iT (basis w): alpha = basis w is the same SVM in the dual.
    converged = not any(issubclass(warning.category, ConvergenceWarning) for warning in caught)
    targets = np.where(y[:, None] == np.arange(len(bias)), 1.0, -1.0)
    gap = max(map(partial(_gap, Z, C), weights, bias, targets.T))
    return KernelSVM(basis @ weights.T, bias, converged, gap)


def _gap(
    Z: NDArray[np.float64], C: float, w: NDArray[np.float64], b: float, y: NDArray[np.float64]
) -> float:
    """Return the duality gap of a class, relative to its objective."""
    hinge = np.maximum(0.0, 1 - y * (Z @ w + b))
    primal = float((w @ w + b * b) / 2 + C * hinge @ hinge)
    a = 2 * C * hinge  # the dual variables that belong to these losses
    dual = dual_objective(a, y, Z @ (Z.T @ (y * a)) + (y * a).sum(), C)
    return (primal - dual) / primal
