"""Principal components of a layer, exactly, from its kernel: the layer's width does not matter.

Let the features be centred on the mean of the training rows T, with K_TT = V L V^T their kernel. Its
eigenvalues are those of the covariance times n_train - 1. The rows Z_i = K_iT V / sqrt(L) of
kernels/empirical_map.py are the scores of any row i, the same as from scikit-learn's `PCA`.

Source: Schölkopf, Smola and Müller 1998, "Nonlinear component analysis as a kernel eigenvalue problem",
Neural Computation 10(5).
"""

import numpy as np
from numpy.typing import NDArray

from stages.kernels import empirical_map
from stages.runtime.limits import one_blas_thread


def centre(K: NDArray[np.float64], train: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the kernel (n, n) of the features minus x_m, the mean of the rows `train`, a mask (n,).

    (x_i - x_m).(x_j - x_m) = K_ij - x_i.x_m - x_j.x_m + x_m.x_m.
    """
    with_mean = K[:, train].mean(axis=1)
    centred: NDArray[np.float64] = K - with_mean[:, None] - with_mean + with_mean[train].mean()
    return centred


def scores(
    K: NDArray[np.float64], train: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the scores Z (n, r) of all rows on the r components of the training rows, and ratios (r,).

    The ratio of a component is its share of the variance of the training rows. The components are in
    descending order of their ratios. Identical training rows have one component, of zeros.
    """
    cross = centre(K, train)[:, train]
    with one_blas_thread():
        Z = cross @ empirical_map.basis(cross[train])[:, ::-1]
    variances = (Z[train] ** 2).sum(axis=0)
    # Rounding errors grow with the uncentred features; components below this threshold are rounding.
    keep = variances > np.finfo(np.float64).eps * train.sum() * K.diagonal()[train].sum()
    if not keep.any():
        return np.zeros((len(K), 1)), np.zeros(1)
    return Z[:, keep], variances[keep] / variances[keep].sum()
