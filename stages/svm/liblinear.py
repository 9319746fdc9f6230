"""scikit-learn's `LinearSVC` in place of the exact solver: `svm.solver: liblinear`, for reference.

It wants features and not a kernel, so it is given the columns that kernels/empirical_map.py makes of it:
the problem is the same, the width at most the number of training rows. It stops at a tolerance.
"""

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC

from stages.kernels import empirical_map
from stages.svm.dual import KernelSVM

MAX_STEPS = 10_000


def fit_path(K: NDArray[np.float64], y: NDArray[np.int64], Cs: Sequence[float]) -> list[KernelSVM]:
    """`newton.fit_path` by `LinearSVC`: an SVM for each of the `Cs`, with a column for each class.

    Parameters
    ----------
    K : kernel of the training rows, (n_train, n_train)
    y : their classes, 0 to k - 1, (n_train,)
    Cs : the weights of the hinge losses, above 0
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
    if len(weights) == 1:  # for two classes LinearSVC trains one SVM, for the second
        weights, bias = np.concatenate([-weights, weights]), np.concatenate([-bias, bias])
    # Z = K_iT basis, so w.z = K_iT (basis w): the same SVM in terms of the kernel.
    stopped = any(issubclass(warning.category, ConvergenceWarning) for warning in caught)
    return KernelSVM(basis @ weights.T, bias, not stopped)
