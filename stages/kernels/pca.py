"""Principal components of a layer, exactly, from its kernel: the layer's width does not matter.

Let the features be centred on the mean m of the training rows T, with K_TT = V L V^T their kernel. Its
eigenvalues are those of the covariance times n_train - 1. The rows Z_i = K_iT V / sqrt(L) of
kernels/empirical_map.py are the scores of any row i, the same as from scikit-learn's `PCA`.

Source: Schölkopf, Smola and Müller 1998, "Nonlinear component analysis as a kernel eigenvalue problem",
Neural Computation 10(5).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.kernels import empirical_map
from stages.runtime.limits import one_blas_thread


@dataclass(frozen=True)
class Components:
    """The r components of the training rows, in descending order of their variances.

    scores : of all rows, relative to the mean m of the training rows, (n, r)
    ratio : the share of each component in the variance of the training rows, (r,)
    mean : the scores of the mean m itself, relative to the origin, (r,)
    with_mean : the inner product of each row with m, (n,)
    mean_square : the inner product of m with itself
    """

    scores: NDArray[np.float64]
    ratio: NDArray[np.float64]
    mean: NDArray[np.float64]
    with_mean: NDArray[np.float64]
    mean_square: float

    def project(self, p: int) -> NDArray[np.float64]:
        """Return coordinates (n, p + 1) of all rows, in the span of the first p components and of m.

        The rows are not centred: an SVM whose bias is regularised needs the mean as a feature.
        In the span of all components and m the training rows lose nothing.
        """
        along = self.scores[:, :p] + self.mean[:p]
        rest = self.mean_square - self.mean[:p] @ self.mean[:p]
        # If m lies in the span of the components, what is left of it is rounding.
        if rest <= np.finfo(np.float64).eps * len(self.with_mean) * self.mean_square:
            return np.column_stack([along, np.zeros(len(along))])
        return np.column_stack([along, (self.with_mean - along @ self.mean[:p]) / np.sqrt(rest)])


def centre(K: NDArray[np.float64], train: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the kernel (n, n) of the features minus m, the mean of the rows `train`, a mask (n,).

    (x_i - m).(x_j - m) = K_ij - x_i.m - x_j.m + m.m.
    """
    with_mean = K[:, train].mean(axis=1)
    centred: NDArray[np.float64] = K - with_mean[:, None] - with_mean + with_mean[train].mean()
    return centred


def components(K: NDArray[np.float64], train: NDArray[np.bool_]) -> Components:
    """Return the components of the rows `train`, a mask (n,), of the kernel K (n, n).

    Identical training rows have one component, of zeros.
    """
    cross, with_mean = centre(K, train)[:, train], K[:, train].mean(axis=1)
    mean_square = float(with_mean[train].mean())
    with one_blas_thread():
        basis = empirical_map.basis(cross[train])[:, ::-1]
        Z, mean = cross @ basis, (with_mean[train] - mean_square) @ basis
    variances = (Z[train] ** 2).sum(axis=0)
    # Rounding errors grow with the uncentred features; components below this threshold are rounding.
    keep = variances > np.finfo(np.float64).eps * train.sum() * K.diagonal()[train].sum()
    if not keep.any():
        return Components(np.zeros((len(K), 1)), np.zeros(1), np.zeros(1), with_mean, mean_square)
    ratio = variances[keep] / variances[keep].sum()
    return Components(Z[:, keep], ratio, mean[keep], with_mean, mean_square)
