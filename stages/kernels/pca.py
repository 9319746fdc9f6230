"""Principal components of a layer, exactly, from its kernel: the layer's width does not matter.

With the features centred on the training rows, the training rows' kernel is K_TT = V L V^T. Its
eigenvalues are those of the covariance times n_train - 1, and Z = K_iT V / sqrt(L), what
kernels/empirical_map.py makes of it, are the scores of any row i: scikit-learn's `PCA` of the
features finds the same.

Source: Schölkopf, Smola and Müller 1998, "Nonlinear component analysis as a kernel eigenvalue problem",
Neural Computation 10(5).
"""

import numpy as np
from numpy.typing import NDArray

from stages.kernels import empirical_map
from stages.runtime.limits import one_blas_thread


def centre(K: NDArray[np.float64], train: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The kernel (n, n) of the features less the mean of the rows `train`, a mask (n,).

    With the mean x_m: (x_i - x_m).(x_j - x_m) = K_ij - x_i.x_m - x_j.x_m + x_m.x_m.
    """
    with_mean = K[:, train].mean(axis=1)
    centred: NDArray[np.float64] = K - with_mean[:, None] - with_mean + with_mean[train].mean()
    return centred


def scores(
    K: NDArray[np.float64], train: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores Z (n, r) of all rows on the r components of the training rows, and the ratios (r,).

    A component's ratio is its share of the training rows' variance; they go from the largest to the
    smallest. Training rows that are all alike have one component, of zeros.
    """
    cross = centre(K, train)[:, train]
    with one_blas_thread():
        Z = cross @ empirical_map.basis(cross[train])[:, ::-1]
    variances = (Z[train] ** 2).sum(axis=0)
    # Rounding is in proportion to the features as they were, mean and all; it is no component.
    keep = variances > np.finfo(np.float64).eps * train.sum() * K.diagonal()[train].sum()
    if not keep.any():
        return np.zeros((len(K), 1)), np.zeros(1)
    return Z[:, keep], variances[keep] / variances[keep].sum()
