"""k nearest neighbours: the most frequent class among the k training rows that are nearest to a row.

The distances between rows are functions of their kernel, so the width of the features does not matter.
Source: Cover and Hart 1967, "Nearest neighbor pattern classification", IEEE Transactions on Information
Theory 13(1).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stages.kernels import gram

METRICS = ("cosine", "euclidean")


def distances(K: NDArray[np.float64], metric: str) -> NDArray[np.float64]:
    """Return distances (n, n) between the rows with the kernel K (n, n); `metric` is one of METRICS.

    cosine : 1 - x.y / (|x| |y|), which is 1 if a row is zero
    euclidean : the square, |x - y|^2, which puts neighbours in the same order
    """
    if metric == "cosine":
        return 1 - gram.l2_normalise(K)
    squares = K.diagonal()
    return np.maximum(0.0, squares[:, None] + squares[None, :] - 2 * K)


def predict(
    D: NDArray[np.float64], y: NDArray[np.int64], ks: Sequence[int]
) -> dict[int, NDArray[np.int64]]:
    """Return the predicted classes (m,) of m rows for each number of neighbours k.

    A tie between classes goes to the first of them, as in scikit-learn's `KNeighborsClassifier`.

    Parameters
    ----------
    D : distances to the training rows, (m, n_train)
    y : classes of the training rows, (n_train,)
    ks : numbers of neighbours, each from 1 to n_train
    """
    most, classes = max(ks), int(y.max()) + 1
    nearest = np.argpartition(D, most - 1, axis=1)[:, :most]
    order = np.argsort(np.take_along_axis(D, nearest, axis=1), axis=1, kind="stable")
    labels = y[np.take_along_axis(nearest, order, axis=1)]
    rows = classes * np.arange(len(D))[:, None]

    def vote(k: int) -> NDArray[np.int64]:
        votes = np.bincount((rows + labels[:, :k]).ravel(), minlength=classes * len(D))
        winners: NDArray[np.int64] = votes.reshape(-1, classes).argmax(axis=1)
        return winners

    return {k: vote(k) for k in ks}
