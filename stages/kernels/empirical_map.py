"""An exact feature map with at most n_train columns, computed from the kernel.

It serves solvers that take features and not their Gram matrix K. The kernel of the training rows T is
K_TT = V L V^T, with L its eigenvalues, numerical zeros left out. The rows of

    Z_T = V sqrt(L),      Z_i = K_iT V / sqrt(L) for any other row i

have the features' inner products Z_T Z_T^T = V L V^T = K_TT and Z_i Z_T^T = K_iT V V^T = K_iT. Z holds
the coordinates of the features in the space that the training rows span. The weights of every linear
model with an L2 penalty lie in this space (representer theorem; Schölkopf, Herbrich and Smola 2001, "A
generalized representer theorem"). Such a model therefore has the same minimum, the same weight norm and
the same predictions on Z. (Z does not keep the inner products of two test rows: no model needs them.)
"""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

# Relative to the largest eigenvalue. On real layers nonzero eigenvalues are above 1e-7 and numerical
# zeros below 1e-16 (at worst n times float64's 2e-16: 3e-13 for 1,500 rows).
CUT = 1e-11


def basis(K: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return B = V / sqrt(L), (n_train, r), for the kernel K of the training rows, (n_train, n_train).

    Z_i = K_iT B for any row i. The columns are in ascending order of their eigenvalues. If all features
    are zero, B is one column of zeros, and a model has only its bias.
    """
    if not K.any():
        return np.zeros((len(K), 1))
    L, V = eigh(K)
    keep = CUT * L[-1] < L
    B: NDArray[np.float64] = V[:, keep] / np.sqrt(L[keep])
    return B


def matrix(K: NDArray[np.float64], train: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return Z (n, r), where r is the rank of the training rows.

    Parameters
    ----------
    K : kernel of all rows, (n, n)
    train : mask of the training rows, (n,)
    """
    cross = K[:, train]
    return cross @ basis(cross[train])
