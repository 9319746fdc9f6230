"""Fusion: the features of several layers concatenated, each layer scaled to the same weight.

The kernel of concatenated features is the sum of their kernels, so a fusion costs one addition.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def kernel(members: Sequence[NDArray[np.float64]], train: NDArray[Any]) -> NDArray[np.float64]:
    """Return the sum of the trace-normalised kernels, (n, n); a single kernel is returned unchanged.

    Each kernel is divided by the mean of its diagonal over the rows `train` (a mask or row numbers): the
    layer's training rows then have a mean squared length of 1. Test rows do not affect the scale. A
    layer of zeros adds nothing.
    """
    if len(members) == 1:
        return members[0]
    K = np.zeros_like(members[0])
    for member in members:
        mean_square = member.diagonal()[train].mean()
        if mean_square > 0:
            K += member / mean_square
    return K
