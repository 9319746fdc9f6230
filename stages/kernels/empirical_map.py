"""As few columns as there are training rows, on which a linear model is what it is on the features.

For a solver that wants features and not their Gram matrix K. With K_TT = V L V^T over the training
rows T (L its eigenvalues, without those that are zero but for rounding), the rows of

    Z_T = V sqrt(L),      Z_i = K_iT V / sqrt(L) for any other row i

have the features' inner products Z_T Z_T^T = V L V^T = K_TT and Z_i Z_T^T = K_iT V V^T = K_iT: Z is
the features in other axes, those of the space that the training rows span. The weights of every linear
model with an L2 penalty lie in that space (representer theorem; Schölkopf, Herbrich and Smola 2001, "A
generalized representer theorem"), so its minimum, its weights' length and its predictions are the same
on Z. (Two test rows' inner product is not: no such model needs it.)
"""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

# Of the largest eigenvalue. Real layers' eigenvalues end above 1e-7, and what is left of those that are
# zero is below 1e-16 (at worst n times float64's 2e-16, or 3e-13 for 1,500 rows).
CUT = 1e-11


def basis(K: NDArray[np.float64]) -> NDArray[np.float64]:
    """B = V / sqrt(L) of the training rows' kernel K (n_train, n_train), of shape (n_train, r).

    Z = K_iT B for any row i; columns go from the least eigenvalue to the largest. Features that are all
    zero give one column of zeros: a model is left with its bias.
    """
    if not K.any():
        return np.zeros((len(K), 1))
    L, V = eigh(K)
    keep = CUT * L[-1] < L
    B: NDArray[np.float64] = V[:, keep] / np.sqrt(L[keep])
    return B


def matrix(K: NDArray[np.float64], train: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return Z (n, r), r the rank of the training rows.

    Parameters
    ----------
    K : the kernel of all rows, (n, n)
    train : which of them are training rows, a mask (n,)
    """
    cross = K[:, train]
    return cross @ basis(cross[train])
