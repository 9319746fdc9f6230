"""How alike layers are: linear centred kernel alignment (CKA) of every two kernels.

CKA compares what two layers make of the same n images, whatever their widths: it is 1 if one is the
other rotated and scaled, and 0 if they have nothing in common. It is

    CKA = HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L))

with the Hilbert-Schmidt independence criterion of the kernels K and L. The plain estimator of HSIC,
the sum of the products of the centred kernels, is biased: two layers of noise are alike by it if they
are wide and the images few. The unbiased estimator is not, and may be negative.

Sources: Kornblith, Norouzi, Lee and Hinton 2019, "Similarity of neural network representations
revisited", ICML; Song, Smola, Gretton, Bedo and Borgwardt 2012, "Feature selection via dependence
maximization", JMLR 13 (the unbiased estimator, equation 5).
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def cka(
    blocks: Iterable[NDArray[np.float64]], p: int, n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return plain and unbiased CKA of p kernels, (p, p) each, in one pass.

    NaN stands for a kernel with an HSIC of 0, as that of constant features.

    Parameters
    ----------
    blocks : the same rows of all kernels, (p, m, n), block by block down to row n
    p : number of kernels
    n : number of rows, at least 4
    """
    products, diagonals, sums = np.zeros((p, p)), np.zeros((p, n)), np.zeros((p, n))
    row = 0
    for block in blocks:
        rows = np.arange(row, row + block.shape[1])
        flat = block.reshape(p, -1)
        products += flat @ flat.T
        sums[:, rows] = block.sum(axis=2)
        diagonals[:, rows] = block[:, np.arange(len(rows)), rows]
        row += len(rows)
    total = sums.sum(axis=1)
    plain = products - 2 / n * sums @ sums.T + np.outer(total, total) / n**2
    # The unbiased estimator leaves out the diagonals.
    off = sums - diagonals
    total = off.sum(axis=1)
    unbiased = (
        products
        - diagonals @ diagonals.T
        + np.outer(total, total) / ((n - 1) * (n - 2))
        - 2 / (n - 2) * off @ off.T
    )
    # What rounding leaves of zero is zero.
    noise = 1e-12 * products.diagonal()
    return _normalised(plain, noise), _normalised(unbiased, noise)


def _normalised(hsic: NDArray[np.float64], noise: NDArray[np.float64]) -> NDArray[np.float64]:
    own = hsic.diagonal()
    scale = np.sqrt(np.where(own > noise, own, np.nan))
    return hsic / scale[:, None] / scale[None, :]
