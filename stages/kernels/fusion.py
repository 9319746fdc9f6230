"""Fusion: the features of several layers concatenated, each layer scaled to the same weight.

The kernel of concatenated features is the sum of their kernels, so a fusion costs one addition.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def columns(members: Sequence[NDArray[np.float64]], train: NDArray[Any]) -> NDArray[np.float64]:
    """Return the columns `train` of the sum of the trace-normalised kernels, (n, n_train).

    Each kernel (n, n) is divided by the mean of its diagonal over the rows `train` (a mask or row
    numbers): the layer's training rows then have a mean squared length of 1. Test rows do not affect the
    scale. A layer of zeros adds nothing. A single kernel is not scaled.
    """
    rows = np.arange(len(members[0]))[train]
    if len(members) == 1:
        alone: NDArray[np.float64] = members[0].take(rows, axis=1)
        return alone
    K = np.zeros((len(members[0]), len(rows)))
    for member in members:
        mean_square = member.diagonal()[rows].mean()
        if mean_square > 0:
            K += member.take(rows, axis=1) / mean_square
    return K
